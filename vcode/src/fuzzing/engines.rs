//! The same program on every engine.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::program::{self, DATA, Generated, VALUES};
use crate::exec::{Arena, trial};
use crate::interp::{Interp, Machine, Region};
use crate::x64::X64;
use crate::{Assembler, Error};

/// Addresses to reserve for the code of one program.
const ARENA: usize = 1 << 20;
/// Instructions that a program may execute: nested loops of four, and then some.
pub(super) const FUEL: u64 = 1 << 20;
/// Words of memory that a program sees.
pub(crate) const WORDS: usize = DATA / 8 + VALUES;

/// The memory of a program: data, then the values it ends with.
pub(crate) type Memory = Box<[u64; WORDS]>;

/// What a program did: its result, and memory after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) result: u64,
    pub(super) memory: Vec<u8>,
}

#[cfg(feature = "mips")]
std::thread_local! {
    /// A simulated machine of this thread's own, since making one takes longer than a program.
    static MIPS: core::cell::RefCell<super::mips::Engine> = super::mips::Engine::new().into();
}

/// Emits the program that the bytes describe for every backend, runs it on each, and compares.
///
/// # Panics
/// If a backend refuses the program or disagrees with the oracle.
pub fn agree(bytes: &[u8]) {
    let callee = trial::callee();
    let arguments = [0x0123_4567_89ab_cdef, bytes.len() as u64];
    let mut memory = fresh_memory();
    let expected =
        oracle(bytes, callee, &memory, arguments).expect("the oracle accepts every program");

    let mut asm = Assembler::new(X64::new());
    let code = program::emit(&mut asm, bytes, callee).expect("x64 accepts every program");
    let native = native(code.moved(|code| code.bytes()), &mut memory, arguments);
    assert_eq!(native, expected, "x64 and the oracle differ");

    #[cfg(feature = "clif")]
    {
        memory.copy_from_slice(&*fresh_memory());
        let mut asm = Assembler::new(crate::clif::Clif::host().expect("Cranelift knows this host"));
        let code = program::emit(&mut asm, bytes, callee).expect("clif accepts every program");
        let compiled = self::native(code, &mut memory, arguments);
        assert_eq!(compiled, expected, "clif and the oracle differ");
    }

    #[cfg(feature = "mips")]
    MIPS.with_borrow_mut(|mips| mips.agree(bytes, &fresh_memory(), arguments));
}

fn fresh_memory() -> Memory {
    Box::new(core::array::from_fn(|at| {
        (at as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f)
    }))
}

fn oracle(bytes: &[u8], callee: u64, memory: &Memory, [x, y]: [u64; 2]) -> Result<Outcome, Error> {
    let mut asm = Assembler::new(Interp::<64>::new());
    let program = program::emit(&mut asm, bytes, callee)?;
    let base = memory.as_ptr() as u64;
    let region = Region {
        base,
        bytes: as_bytes(memory),
        writable: true,
    };
    let mut host = |address, arguments: &[u64]| (address == callee).then(|| trial::mix(arguments));
    let mut machine = Machine {
        memory: Vec::from([region]),
        fuel: FUEL,
        host: &mut host,
    };
    let result = program
        .code()
        .run(&[base, x, y], &mut machine)
        .expect("programs are safe by construction");
    Ok(Outcome {
        result,
        memory: machine.memory.swap_remove(0).bytes,
    })
}

fn native(code: Generated<impl AsRef<[u8]>>, memory: &mut Memory, arguments: [u64; 2]) -> Outcome {
    let arena = Arena::reserve(ARENA).expect("a small arena");
    let code = code.moved(|bytes| arena.publish(bytes.as_ref()).expect("room for one program"));
    let result = trial::run(&code, memory, arguments);
    Outcome {
        result,
        memory: as_bytes(memory),
    }
}

pub(super) fn as_bytes(memory: &Memory) -> Vec<u8> {
    memory.iter().flat_map(|word| word.to_le_bytes()).collect()
}
