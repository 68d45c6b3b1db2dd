//! Instructions that raise exceptions, with every register watched.
//!
//! Problem: whether an exception leaves all registers as they were is not to be seen from compiled code.
//! Method: a procedure of assembly for each instruction fills all registers, executes it, and stores them all;
//! the handler sees them in its frame in between.
#![expect(
    unsafe_code,
    reason = "an island: assembly, and the table of its procedures"
)]

use exos::trap::Frame;

core::arch::global_asm!(include_str!("probe.S"), ".text", options(raw));

/// Registers by number; 0 and 29 (`sp`) are not looked at, 26 and 27 are HI and LO.
pub type Registers = [u32; 32];

/// An instruction to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Probe {
    /// `lw s0, 0(s1)`.
    Load,
    /// `sw s0, 0(s1)`.
    Store,
    /// `break`.
    Break,
    /// An opcode that is none.
    Reserved,
    /// `mfc1 s0, f0`.
    Coprocessor1,
    /// An instruction of coprocessor 2.
    Coprocessor2,
    /// `add s0, s1, s2`.
    Add,
    /// `sub s0, s1, s2`.
    Subtract,
    /// A load like the first, in a branch's delay slot.
    LoadInSlot,
    /// A loop that ends when `s1` times are done.
    Spin,
}

/// `s0`, which instructions change if they change anything.
pub const TARGET: usize = 16;
/// `s1`, the address or first operand.
pub const FIRST: usize = 17;
/// `s2`, the second operand.
pub const SECOND: usize = 18;

/// Registers that differ from each other, and what `s1` and `s2` are.
pub fn filled(first: u32, second: u32) -> Registers {
    let mut registers =
        core::array::from_fn(|number| 0x0101_0101_u32.wrapping_mul(number as u32) ^ 0x5a00_00a5);
    registers[FIRST] = first;
    registers[SECOND] = second;
    registers
}

/// Tries an instruction with these registers; what they are afterwards.
pub fn run(probe: Probe, before: &Registers) -> Registers {
    let mut after = [0; 32];
    // SAFETY: the assembly has a row for each probe, and is a procedure of o32 that writes no memory but
    // `after` and its own words at the end of the save page. What its instruction does is its
    // caller's: addresses are those of the arena, or of nothing that may be written.
    unsafe {
        (probe_table[probe as usize].procedure)(before, &mut after);
    }
    after
}

/// The address of the instruction.
pub fn address(probe: Probe) -> u32 {
    // SAFETY: the assembly has a row for each probe, and nothing writes to it.
    unsafe { probe_table[probe as usize].instruction }
}

/// Whether two states are the same, but for the registers in `but`.
pub fn same(one: &Registers, other: &Registers, but: &[usize]) -> bool {
    let looked_at = (1..32).filter(|number| *number != 29 && !but.contains(number));
    looked_at
        .filter(|number| one[*number] != other[*number])
        .inspect(|number| {
            exos::println!(
                "  ${number}: {:08x}, was {:08x}",
                other[*number],
                one[*number]
            );
        })
        .count()
        == 0
}

/// The registers of a frame, as those of a probe.
pub fn of_frame(frame: &Frame) -> Registers {
    let mut registers = frame.registers;
    registers[26] = frame.high;
    registers[27] = frame.low;
    registers
}

/// A row of the assembly's table.
#[repr(C)]
struct Row {
    procedure: extern "C" fn(&Registers, &mut Registers),
    instruction: u32,
}

unsafe extern "C" {
    static probe_table: [Row; 10];
}
