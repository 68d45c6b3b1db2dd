//! Damage to MIPS code: from single bits to instructions that vanish, move or change their operands.

use alloc::vec::Vec;

use crate::fuzzing::Source;

/// Immediates that sit on edges.
const EDGES: [u16; 12] = [0, 1, 2, 3, 4, 8, 0x7f, 0xff, 0x7fff, 0x8000, 0xfffc, 0xffff];
/// Where the fields of registers begin.
const REGISTERS: [u32; 3] = [21, 16, 11];
/// Registers that a change of operand may choose: those that mean something.
const CHOICES: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 16, 28, 29, 31];
const STACK_POINTER: u32 = 29;

/// The code with one to three damages that `source` chooses.
pub fn mutate(code: &[u32], source: &mut Source<'_>) -> Vec<u32> {
    let mut code = code.to_vec();
    let damages = [1, 1, 1, 2, 3][source.below(5) as usize];
    for _ in 0..damages {
        damage(&mut code, source);
    }
    code
}

/// The code with one place in the frame, or the frame's size, changed; nothing if it has no frame.
pub fn mutate_frame(code: &[u32], source: &mut Source<'_>) -> Option<Vec<u32>> {
    let mut code = code.to_vec();
    let mut on_frame: Vec<&mut u32> = code.iter_mut().filter(|word| is_on_frame(**word)).collect();
    let index = (source.word() as usize).checked_rem(on_frame.len())?;
    immediate(on_frame[index], source);
    Some(code)
}

/// Loads, stores and additions that start from the stack pointer.
fn is_on_frame(word: u32) -> bool {
    let opcode = word >> 26;
    word >> 21 & 31 == STACK_POINTER && (opcode == 9 || opcode >= 32)
}

fn damage(code: &mut Vec<u32>, source: &mut Source<'_>) {
    if code.is_empty() {
        return;
    }
    let index = source.word() as usize % code.len();
    match source.below(12) {
        0 | 1 => code[index] ^= 1 << source.below(32),
        2 => code[index] = source.word(),
        3 => {
            code.remove(index);
        }
        4 => code[index] = 0,
        5 => {
            let next = (index + 1) % code.len();
            code.swap(index, next);
        }
        6 => {
            let place = source.word() as usize % code.len();
            code.insert(place, code[index]);
        }
        7 | 8 => immediate(&mut code[index], source),
        9 => {
            let at = source.pick(&REGISTERS);
            code[index] = code[index] & !(31 << at) | source.pick(&CHOICES) << at;
        }
        // Other loads, branches and stores differ in the lower bits of the opcode.
        10 => code[index] ^= (1 + source.below(7)) << 26,
        // Other operations of first bits 0 differ in the last.
        _ => code[index] ^= 1 + source.below(7),
    }
}

/// Changes an immediate, an offset or the distance of a branch.
fn immediate(word: &mut u32, source: &mut Source<'_>) {
    let old = *word as u16;
    let new = match source.below(4) {
        0 => old.wrapping_add(source.below(9) as u16).wrapping_sub(4),
        1 => source.pick(&EDGES),
        2 => old ^ 1 << source.below(16),
        _ => source.word() as u16,
    };
    *word = *word & 0xffff_0000 | u32::from(new);
}
