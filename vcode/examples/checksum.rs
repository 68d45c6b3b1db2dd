//! One function written once, for three machines: the Internet checksum (RFC 1071) of a buffer.
//!
//! The same generic code is emitted for x86-64, whose bytes are printed, and for the oracle at words of 64
//! and of 32 bits, which runs it. `cargo run -p vcode --example checksum`

use vcode::interp::{Interp, Machine, Program, Region};
use vcode::x64::X64;
use vcode::{Assembler, Class, Error, Signature, Target, Ty};

/// `fn checksum(data: *const u8, halfwords: u32) -> u32`, the one's-complement sum, folded to 16 bits.
fn checksum<T: Target>(asm: &mut Assembler<T>) -> Result<T::Output<'_>, Error> {
    let signature = Signature {
        params: &[Ty::P, Ty::U],
        result: Some(Ty::U),
        leaf: true,
    };
    let [data, left] = asm.begin(&signature)?;
    let sum = asm.getreg(Class::Temporary)?;
    let half = asm.getreg(Class::Temporary)?;
    let (again, done) = (asm.label(), asm.label());
    asm.setu(sum, 0);
    asm.bind(again);
    asm.bequ(left, 0, done);
    asm.uldus(half, data, 0);
    asm.cksumu(sum, sum, half); // a step: add, and add the carry back
    asm.addp(data, data, 2);
    asm.subu(left, left, 1);
    asm.jump(again);
    asm.bind(done);
    for _ in 0..2 {
        asm.rshu(half, sum, 16);
        asm.andu(sum, sum, 0xffff);
        asm.addu(sum, sum, half);
    }
    asm.bswapus(sum, sum);
    asm.retu(sum);
    asm.end()
}

fn run<const WORD: u32>(program: &Program<WORD>, data: &[u8]) -> Option<u64> {
    let base = 0x1000;
    let memory = vec![Region {
        base,
        bytes: data.to_vec(),
        writable: false,
    }];
    let mut machine = Machine {
        memory,
        fuel: 10_000,
        host: &mut |_, _| None,
    };
    program
        .run(&[base, data.len() as u64 / 2], &mut machine)
        .ok()
}

fn main() -> Result<(), Error> {
    // The worked example of RFC 1071 §3: the sum of these bytes is ddf2.
    let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    let mut native = Assembler::new(X64::new());
    println!("x86-64: {:02x?}", checksum(&mut native)?.bytes());
    let on_64 = run(&checksum(&mut Assembler::new(Interp::<64>::new()))?, &data);
    let on_32 = run(&checksum(&mut Assembler::new(Interp::<32>::new()))?, &data);
    println!("sum on 64 bits: {on_64:x?}, on 32 bits: {on_32:x?}");
    assert_eq!((on_64, on_32), (Some(0xddf2), Some(0xddf2)));
    Ok(())
}
