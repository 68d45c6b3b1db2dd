//! Damage to code: from single bits to instructions that vanish, move or change their operands.

use alloc::vec::Vec;
use core::ops::Range;

use iced_x86::{ConstantOffsets, Decoder, Instruction, OpKind, Register};

use crate::fuzzing::Source;

/// Constants that sit on edges.
const EDGES: [i64; 12] = [
    0,
    1,
    2,
    4,
    8,
    127,
    128,
    255,
    -1,
    -128,
    i32::MAX as i64,
    i32::MIN as i64,
];

/// The code with one to three damages that `source` chooses.
pub fn mutate(code: &[u8], source: &mut Source<'_>) -> Vec<u8> {
    let mut code = code.to_vec();
    let damages = [1, 1, 1, 2, 3][source.below(5) as usize];
    for _ in 0..damages {
        damage(&mut code, source);
    }
    code
}

/// The code with one place in the frame, or the frame's size, changed; nothing if it has no frame.
pub fn mutate_frame(code: &[u8], source: &mut Source<'_>) -> Option<Vec<u8>> {
    let mut on_frame = decode(code);
    on_frame.retain(|placed| placed.on_frame);
    let index = (source.word() as usize).checked_rem(on_frame.len())?;
    let mut code = code.to_vec();
    constant(&mut code, &on_frame[index], source);
    Some(code)
}

fn damage(code: &mut Vec<u8>, source: &mut Source<'_>) {
    let instructions = decode(code);
    if instructions.is_empty() {
        return;
    }
    let index = source.word() as usize % instructions.len();
    let chosen = &instructions[index];
    let at = chosen.at.start + source.below(16) as usize % chosen.at.len();
    match source.below(11) {
        0 | 1 => code[at] ^= 1 << source.below(8),
        2 => code[at] = source.byte(),
        3 => {
            code.drain(chosen.at.clone());
        }
        4 => code[chosen.at.clone()].fill(0x90),
        5 => {
            let next = &instructions[(index + 1) % instructions.len()];
            if next.at.start == chosen.at.end {
                code[chosen.at.start..next.at.end].rotate_left(chosen.at.len());
            }
        }
        6 => {
            let copied = code[chosen.at.clone()].to_vec();
            let place = &instructions[source.word() as usize % instructions.len()];
            code.splice(place.at.start..place.at.start, copied);
        }
        7 | 8 => constant(code, chosen, source),
        9 => operand(code, chosen, source),
        _ => condition(code, chosen, source),
    }
}

/// An instruction of the code.
struct Placed {
    at: Range<usize>,
    constants: ConstantOffsets,
    branches: bool,
    /// It has a constant that says where in the frame, or how large the frame is.
    on_frame: bool,
}

fn decode(code: &[u8]) -> Vec<Placed> {
    let mut decoder = Decoder::with_ip(64, code, 0, 0);
    let mut instructions = Vec::new();
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        let start = decoder.position();
        decoder.decode_out(&mut instruction);
        let constants = decoder.get_constant_offsets(&instruction);
        let branches = instruction.is_jcc_short_or_near();
        let accesses = instruction.memory_base() == Register::RSP && constants.has_displacement();
        let resizes = instruction.op0_kind() == OpKind::Register
            && instruction.op0_register() == Register::RSP
            && constants.has_immediate();
        instructions.push(Placed {
            at: start..decoder.position(),
            constants,
            branches,
            on_frame: accesses || resizes,
        });
    }
    instructions
}

/// Changes an immediate or a displacement.
fn constant(code: &mut [u8], placed: &Placed, source: &mut Source<'_>) {
    let constants = &placed.constants;
    let immediate = constants
        .has_immediate()
        .then(|| (constants.immediate_offset(), constants.immediate_size()));
    let displacement = constants.has_displacement().then(|| {
        (
            constants.displacement_offset(),
            constants.displacement_size(),
        )
    });
    let Some((offset, size)) = (if source.below(2) == 0 {
        immediate.or(displacement)
    } else {
        displacement.or(immediate)
    }) else {
        return;
    };
    let field = placed.at.start + offset..placed.at.start + offset + size;
    let mut word = [0; 8];
    word[..size].copy_from_slice(&code[field.clone()]);
    let old = i64::from_le_bytes(word);
    let new = match source.below(4) {
        0 => old.wrapping_add(i64::from(source.below(9)) - 4),
        1 => EDGES[source.below(EDGES.len() as u32) as usize],
        2 => old ^ 1 << (source.below(64) % (8 * size as u32)),
        _ => i64::from(source.word()),
    };
    code[field].copy_from_slice(&new.to_le_bytes()[..size]);
}

/// Changes register numbers: the bits of ModRM, of an opcode or of a prefix that hold them.
fn operand(code: &mut [u8], placed: &Placed, source: &mut Source<'_>) {
    let constants = &placed.constants;
    let end = if constants.has_displacement() {
        constants.displacement_offset()
    } else if constants.has_immediate() {
        constants.immediate_offset()
    } else {
        placed.at.len()
    };
    let back = 1 + source.below(3) as usize;
    if let Some(at) = end.checked_sub(back) {
        let mask = [0x07, 0x38, 0x05, 0x3f][source.below(4) as usize];
        code[placed.at.start + at] ^= source.byte() & mask;
    }
}

/// Another condition, on a branch.
fn condition(code: &mut [u8], placed: &Placed, source: &mut Source<'_>) {
    let opcode = placed.at.start + usize::from(code[placed.at.start] == 0x0f);
    if placed.branches && opcode < placed.at.end {
        code[opcode] ^= if source.below(2) == 0 {
            1
        } else {
            source.byte() & 0x0f
        };
    }
}
