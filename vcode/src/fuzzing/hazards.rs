//! What the pipeline of a R3000 forbids, looked for in words, without running them.
//!
//! It reads instructions with its own eyes, not the backend's: fields by shifting. On every path it wants the
//! instruction after a load not to read what that loads, the two after a move from HI or LO not to write those, no branch
//! in a branch's slot, every branch to land inside, and every word to be an integer instruction of MIPS-I.

use alloc::vec::Vec;

/// Says what is wrong with the code, if anything is.
///
/// # Errors
/// The first fault, with its place in words.
pub(crate) fn check(words: &[u32]) -> Result<(), (usize, &'static str)> {
    for (at, &word) in words.iter().enumerate() {
        if !is_mips1(word) {
            return Err((at, "not an instruction of MIPS-I"));
        }
        let in_slot = at > 0 && is_branch(words[at - 1]);
        if in_slot && is_branch(word) {
            return Err((at, "a branch in a slot"));
        }
        let next = successors(words, at);
        if next.iter().any(|&next| next >= words.len()) {
            return Err((at, "control leaves the code"));
        }
        if next.iter().any(|&next| uses_load(word, words[next])) {
            return Err((at, "a load used at once"));
        }
        if is_from_hilo(word) {
            let second = next.iter().flat_map(|&next| successors(words, next));
            if next
                .iter()
                .copied()
                .chain(second)
                .any(|at| is_to_hilo(words[at]))
            {
                return Err((at, "HI or LO written too early"));
            }
        }
    }
    Ok(())
}

const fn op(word: u32) -> u32 {
    word >> 26
}

const fn rs(word: u32) -> u32 {
    word >> 21 & 31
}

const fn rt(word: u32) -> u32 {
    word >> 16 & 31
}

/// The last field of an instruction of group 0, else nothing.
const fn funct(word: u32) -> Option<u32> {
    if op(word) == 0 { Some(word & 63) } else { None }
}

const fn is_mips1(word: u32) -> bool {
    match (op(word), word & 63) {
        (0, 0 | 2..=4 | 6..=9 | 12 | 13 | 16..=19 | 24..=27 | 32..=39 | 42 | 43) => true,
        (1, _) => matches!(rt(word), 0 | 1 | 16 | 17),
        (2..=15 | 32..=38 | 40..=43 | 46, _) => true,
        _ => false,
    }
}

const fn is_branch(word: u32) -> bool {
    matches!(op(word), 1..=7) || matches!(funct(word), Some(8 | 9))
}

const fn is_from_hilo(word: u32) -> bool {
    matches!(funct(word), Some(16 | 18))
}

const fn is_to_hilo(word: u32) -> bool {
    matches!(funct(word), Some(17 | 19 | 24..=27))
}

/// Where control may go after the instruction at a place.
fn successors(words: &[u32], at: usize) -> Vec<usize> {
    let Some(branch) = at.checked_sub(1).map(|before| words[before]) else {
        return [at + 1].into();
    };
    if !is_branch(branch) {
        return [at + 1].into();
    }
    if matches!(funct(branch), Some(8)) {
        return Vec::new();
    }
    if matches!(funct(branch), Some(9)) {
        // Whoever is called comes back.
        return [at + 1].into();
    }
    let target = at.wrapping_add_signed(isize::from(branch as u16 as i16));
    let always = op(branch) == 4 && rs(branch) == rt(branch)
        || op(branch) == 1 && rs(branch) == 0 && rt(branch) & 1 == 1;
    if always {
        [target].into()
    } else {
        [target, at + 1].into()
    }
}

/// Whether the second instruction reads what the first, a load, loads.
const fn uses_load(load: u32, next: u32) -> bool {
    let loaded = rt(load);
    if !matches!(op(load), 32..=38) || loaded == 0 {
        return false;
    }
    let halves = matches!(op(load), 34 | 38) && matches!(op(next), 34 | 38);
    let (reads_rs, reads_rt) = match op(next) {
        0 => (
            !matches!(next & 63, 0 | 2 | 3 | 16 | 18),
            !matches!(next & 63, 8 | 9 | 16..=19),
        ),
        4 | 5 | 40..=43 | 46 => (true, true),
        2 | 3 | 15 => (false, false),
        34 | 38 => (true, !halves),
        _ => (true, false),
    };
    reads_rs && rs(next) == loaded || reads_rt && rt(next) == loaded
}

#[cfg(test)]
mod tests {
    use super::check;

    const RETURN: [u32; 2] = [0x03e0_0008, 0];

    fn verdict(body: &[u32]) -> Result<(), (usize, &'static str)> {
        let code: std::vec::Vec<u32> = body.iter().copied().chain(RETURN).collect();
        check(&code)
    }

    #[test]
    fn it_sees_what_it_should_and_no_more() {
        // lw $8,0($4); addu $9,$8,$0; with a nop between; the same in a slot, used where the branch lands.
        assert!(verdict(&[0x8c88_0000, 0x0100_4821]).is_err());
        assert!(verdict(&[0x8c88_0000, 0, 0x0100_4821]).is_ok());
        assert!(verdict(&[0x1080_0002, 0x8c88_0000, 0, 0x0100_4821]).is_err());
        assert!(verdict(&[0x1080_0003, 0x8c88_0000, 0, 0x0100_4821]).is_ok());
        // lwr and lwl of one register; then a use.
        assert!(verdict(&[0x9888_0000, 0x8888_0003]).is_ok());
        assert!(verdict(&[0x9888_0000, 0x8888_0003, 0x0100_4821]).is_err());
        // mflo $8, one instruction, mult; two instructions.
        assert!(verdict(&[0x0000_4012, 0, 0x0109_0018]).is_err());
        assert!(verdict(&[0x0000_4012, 0, 0, 0x0109_0018]).is_ok());
        // A branch in a slot; out of the code; movz.
        assert!(verdict(&[0x1080_0002, 0x1080_0002]).is_err());
        assert!(verdict(&[0x1080_0040]).is_err());
        assert!(verdict(&[0x0085_100a]).is_err());
    }
}
