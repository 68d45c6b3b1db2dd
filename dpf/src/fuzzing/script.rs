//! Any bytes as a script of installs and removes, on every engine.

use vcode::{clif::Clif, x64::X64};

use super::{
    engines::{Engine, Tally, perform},
    native::Native,
};

/// Performs the script on interpreter, walker, x86-64 and Cranelift.
///
/// # Panics
///
/// When two engines differ, or real code is not proved.
pub fn run(data: &[u8]) {
    let (mut native, mut cranelift) = (Native::<X64>::new(0), Native::<Clif>::new(0));
    let engines: &mut [&mut dyn Engine] = &mut [&mut native, &mut cranelift];
    perform(data, engines, &mut Tally::default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{Random, source::random_bytes};

    #[test]
    fn a_fixed_seed_of_4096_executions() {
        let mut random = Random::new(0x5c21);
        // Cranelift takes its time, and the differential test has it do its part.
        let (mut native, mut cranelift) = (Native::<X64>::new(0), Native::<Clif>::new(63));
        let mut tally = Tally::default();
        for _ in 0..4096 {
            let data = random_bytes(random.bits(), random.below(60) as usize);
            let engines: &mut [&mut dyn Engine] = &mut [&mut native, &mut cranelift];
            perform(&data, engines, &mut tally);
        }
        assert!(
            native.packets > 4096 && cranelift.packets > 4096 && tally.accepted > 4096,
            "{tally:?}"
        );
    }
}
