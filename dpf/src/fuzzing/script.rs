//! Any bytes as a script of installs and removes, on every engine.

use vcode::x64::X64;

use super::{
    engines::{Tally, script},
    native::Native,
};

/// Runs the script whose seed the first eight bytes are.
///
/// # Panics
///
/// When two engines differ, or real code is not proved.
pub fn run(data: &[u8]) {
    let mut seed = [0; 8];
    seed.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    let mut native = Native::<X64>::new(0);
    script(
        u64::from_le_bytes(seed),
        &mut [&mut native],
        &mut Tally::default(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::Random;

    #[test]
    fn a_fixed_seed_of_4096_executions() {
        let mut random = Random::new(0x5c21);
        let (mut native, mut tally) = (Native::<X64>::new(0), Tally::default());
        for _ in 0..4096 {
            script(random.bits(), &mut [&mut native], &mut tally);
        }
        assert!(native.packets > 4096 && tally.accepted > 4096, "{tally:?}");
    }
}
