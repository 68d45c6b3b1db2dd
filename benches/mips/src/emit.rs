//! The emitter itself, emitting for the machine it runs on.
//!
//! Each function emits `filters` filters and answers how many machine instructions that made. The
//! functions `…_known` name their registers; those called `…_run_time` get them from the assembler
//! and hide them from the compiler, as a client has them that keeps them in tables.

use core::cell::UnsafeCell;
use core::hint::black_box;
use vcode::mips::{Code, Mips};
use vcode::{Assembler, Error, Reg, Signature, Target as _, Ty};

use mix::Registers;

#[path = "../../../vcode/benches/emit/mix.rs"]
mod mix;

/// Words of the buffer: ten filters and their prologue fit.
const WORDS: usize = 1 << 12;

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; WORDS]));

struct Buffer(UnsafeCell<[u32; WORDS]>);

// SAFETY: the machine has one processor, and no interrupt is ever enabled.
unsafe impl Sync for Buffer {}

/// Registers by name, as a client that was written for this machine has them: the parameters where
/// they arrive, then those that `getreg` would hand out.
const NAMED: Registers = [
    Reg::new(4),
    Reg::new(5),
    Reg::new(6),
    Target::TEMPORARIES[0],
    Target::TEMPORARIES[1],
    Target::TEMPORARIES[2],
];

type Target<'b> = Mips<'b, WORDS>;

#[unsafe(no_mangle)]
extern "C" fn emit_mix_known(filters: u32) -> usize {
    emit(|asm| mix::filter_code(asm, filters, |_, _| Ok(NAMED)))
}

#[unsafe(no_mangle)]
extern "C" fn emit_mix_run_time(filters: u32) -> usize {
    emit(|asm| mix::filter_code(asm, filters, hidden))
}

#[unsafe(no_mangle)]
extern "C" fn emit_paper_known(filters: u32) -> usize {
    emit(|asm| paper_code(asm, filters, |_, _| Ok(NAMED)))
}

#[unsafe(no_mangle)]
extern "C" fn emit_paper_run_time(filters: u32) -> usize {
    emit(|asm| paper_code(asm, filters, hidden))
}

/// Registers from the assembler that the compiler knows nothing of.
fn hidden(asm: &mut Assembler<Target<'_>>, params: [Reg; 3]) -> Result<Registers, Error> {
    mix::handed_out(asm, params).map(black_box)
}

#[inline(always)]
fn emit(
    code: impl for<'a, 'b> FnOnce(&'a mut Assembler<Target<'b>>) -> Result<Code<'a>, Error>,
) -> usize {
    // SAFETY: nothing else uses the buffer, and no reference to it outlives a call of this.
    let buffer = unsafe { &mut *BUFFER.0.get() };
    let mut asm = Assembler::new(Mips::new(buffer));
    code(&mut asm).map_or(0, |code| code.len())
}

/// The paper's filter where its IP header is word-aligned, field by field; only the destination
/// port, in which the filters differ, is unknown to the compiler.
#[inline(always)]
fn paper_code<'a>(
    asm: &'a mut Assembler<Target<'_>>,
    filters: u32,
    registers: impl FnOnce(&mut Assembler<Target<'_>>, [Reg; 3]) -> Result<Registers, Error>,
) -> Result<Code<'a>, Error> {
    let signature = Signature {
        params: &[Ty::P, Ty::U, Ty::P],
        result: Some(Ty::U),
        leaf: true,
    };
    let params = asm.begin(&signature)?;
    let [packet, len, _, field, _, _] = registers(asm, params)?;
    for filter in 0..filters {
        let next = asm.label();
        asm.bltu(len, 38, next);
        asm.ldus(field, packet, 12);
        asm.bneu(field, 0x0008, next);
        asm.lduc(field, packet, 23);
        asm.bneu(field, 6, next);
        asm.ldu(field, packet, 26);
        asm.bneu(field, 0xc00c_4501_u32.swap_bytes(), next);
        asm.ldus(field, packet, 34);
        asm.bneu(field, u32::from(1234_u16.swap_bytes()), next);
        asm.ldus(field, packet, 36);
        asm.bneu(field, 4321 + filter, next);
        asm.retu(filter);
        asm.bind(next);
    }
    asm.retu(u32::MAX);
    asm.end()
}
