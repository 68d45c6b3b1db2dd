//! The same program on the simulated R3000, against the oracle of 32-bit machines.
//!
//! A word has 32 bits here, so the program that the bytes describe is another one than on a 64-bit host: the oracle is
//! asked again. The code is looked through for hazards, and run in strict mode.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use decstation::bare::{BASE, Bare, Options};
use decstation::cpu::Register;
use decstation::mips1;

use super::engines::{FUEL, Memory, Outcome, as_bytes};
use super::program;
use crate::interp::{Interp, Machine, Region};
use crate::mips::Mips;
use crate::{Assembler, Class, Error, Reg, Signature, Ty};

/// Words of the buffer to emit into: the most there may be.
pub(crate) const BUFFER: usize = 1 << 15;
/// Where the function is that programs call, where programs are, and their memory.
const CALLEE: u32 = BASE + 0x100;
const CODE: u32 = BASE + 0x1000;
const DATA: u32 = CODE + 4 * BUFFER as u32;
/// Memory of the machine.
const RAM: u32 = 512 << 10;
/// Machine instructions for one portable one, at the most.
const MOST_WORDS: u64 = 64;

/// A machine that has the function, and a buffer, for many programs.
#[derive(Debug)]
pub(super) struct Engine {
    machine: Bare,
    buffer: Box<[u32; BUFFER]>,
}

impl Engine {
    pub(super) fn new() -> Self {
        let options = Options {
            ram_bytes: RAM,
            ..Options::default()
        };
        let Ok(buffer) = vec![0; BUFFER].try_into() else {
            unreachable!("a vector of the array's length")
        };
        let mut engine = Self {
            machine: Bare::with(&options),
            buffer,
        };
        let mut asm = Assembler::new(Mips::new(&mut engine.buffer));
        let callee = mix_function(&mut asm).expect("the function that programs call");
        engine.machine.load_words(CALLEE, &callee);
        engine
    }

    /// Runs the program on the oracle and on the machine, and compares.
    pub(super) fn agree(&mut self, bytes: &[u8], memory: &Memory, arguments: [u64; 2]) {
        let expected = oracle(bytes, memory, arguments).expect("the oracle accepts every program");
        let mut asm = Assembler::new(Mips::new(&mut self.buffer));
        let code = program::emit(&mut asm, bytes, CALLEE.into());
        let code = code.expect("mips accepts every program");
        let words: Vec<u32> = code.code().words().collect();
        let faults = mips1::check(&mips1::Code {
            address: CODE,
            words: words.clone(),
        });
        assert_eq!(faults, [], "{}", code.code());
        self.machine.load_words(CODE, &words);
        self.machine.load_bytes(DATA, &as_bytes(memory));
        self.machine.set_register(Register::SP, BASE + RAM - 64);
        let arguments = [DATA, arguments[0] as u32, arguments[1] as u32];
        if let Err(stop) = self.machine.call(CODE, &arguments, FUEL * MOST_WORDS) {
            panic!("mips: {stop}");
        }
        let outcome = Outcome {
            result: self.machine.register(Register::V0).into(),
            memory: self.machine.bytes(DATA, expected.memory.len()),
        };
        assert_eq!(outcome, expected, "mips and the oracle differ");
    }
}

fn oracle(bytes: &[u8], memory: &Memory, [x, y]: [u64; 2]) -> Result<Outcome, Error> {
    let mut asm = Assembler::new(Interp::<32>::new());
    let program = program::emit(&mut asm, bytes, CALLEE.into())?;
    let region = Region {
        base: DATA.into(),
        bytes: as_bytes(memory),
        writable: true,
    };
    let mut host = |address, words: &[u64]| (address == u64::from(CALLEE)).then(|| mix(words));
    let mut machine = Machine {
        memory: Vec::from([region]),
        fuel: FUEL,
        host: &mut host,
    };
    let arguments = [u64::from(DATA), x, y];
    let result = program.code().run(&arguments, &mut machine);
    Ok(Outcome {
        result: result.expect("programs are safe by construction"),
        memory: machine.memory.swap_remove(0).bytes,
    })
}

const FACTOR: u32 = 0x9e37_79b9;
const TURN: u32 = 13;

/// What the function computes.
fn mix(words: &[u64]) -> u64 {
    let step = |hash: u32, &word: &u64| (hash ^ word as u32).wrapping_mul(FACTOR).rotate_left(TURN);
    words.iter().fold(words.len() as u32, step).into()
}

/// The function itself, which also spoils every register that it may.
fn mix_function<const WORDS: usize>(
    asm: &mut Assembler<Mips<'_, WORDS>>,
) -> Result<Vec<u32>, Error> {
    let signature = Signature {
        params: &[Ty::U; 6],
        result: Some(Ty::U),
        leaf: true,
    };
    let words: [Reg; 6] = asm.begin(&signature)?;
    let [hash, upper] = [
        asm.getreg(Class::Persistent)?,
        asm.getreg(Class::Temporary)?,
    ];
    asm.setu(hash, words.len() as i64);
    for word in words {
        asm.xoru(hash, hash, word);
        asm.mulu(hash, hash, FACTOR);
        asm.rshu(upper, hash, 32 - TURN);
        asm.lshu(hash, hash, TURN);
        asm.oru(hash, hash, upper);
    }
    for word in words.into_iter().chain([upper]) {
        asm.setu(word, 0x5bad_c0de);
    }
    while let Ok(reg) = asm.getreg(Class::Temporary) {
        asm.setu(reg, 0x5bad_c0de);
    }
    asm.retu(hash);
    Ok(asm.end()?.words().collect())
}
