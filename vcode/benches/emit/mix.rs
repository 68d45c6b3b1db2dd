//! The operations that emitters are measured on.
//!
//! A cost per instruction means something only beside the instructions. Here they are, once for
//! every emitter and machine: the benchmark beside this file, and the image in `benches/mips`,
//! which runs the MIPS backend on the machine it emits for.

use vcode::op::Scale;
use vcode::{Assembler, Class, Error, Reg, Signature, Target, Ty};

/// The registers: packet, its length, the table, a field, its hash, the winner.
pub(crate) type Registers = [Reg; 6];

/// As many registers as the filters need, from the assembler.
pub(crate) fn handed_out<T: Target>(
    asm: &mut Assembler<T>,
    [packet, len, table]: [Reg; 3],
) -> Result<Registers, Error> {
    let mut next = || asm.getreg(Class::Temporary);
    Ok([packet, len, table, next()?, next()?, next()?])
}

/// Filters as DPF makes them for ten ports: a bound, four compares, a hash and its table.
/// `registers` says which to use, given those of the parameters.
#[inline(always)]
pub(crate) fn filter_code<T: Target>(
    asm: &mut Assembler<T>,
    filters: u32,
    registers: impl FnOnce(&mut Assembler<T>, [Reg; 3]) -> Result<Registers, Error>,
) -> Result<T::Output<'_>, Error> {
    let signature = Signature {
        params: &[Ty::P, Ty::U, Ty::P],
        result: Some(Ty::U),
        leaf: true,
    };
    let params = asm.begin(&signature)?;
    let [packet, len, table, field, hash, winner] = registers(asm, params)?;
    for filter in 0..filters {
        let next = asm.label();
        asm.bltu(len, 54, next);
        asm.uldus(field, packet, 12);
        asm.bneu(field, 0x0008, next);
        asm.lduc(field, packet, 23);
        asm.bneu(field, 6, next);
        asm.uldu(field, packet, 26);
        asm.bneu(field, 0xc00c_4501_u32, next);
        asm.uldu(field, packet, 30);
        asm.bneu(field, 0xc00c_4502_u32, next);
        asm.uldu(field, packet, 34);
        asm.mulul(hash, field, 0x9e37);
        asm.rshul(hash, hash, 20);
        asm.andul(hash, hash, 1023);
        asm.uldu(hash, table, (hash, Scale::X4, 0));
        asm.cmovequ(winner, len, hash, field);
        asm.retu(filter);
        asm.bind(next);
    }
    asm.retu(0);
    asm.end()
}
