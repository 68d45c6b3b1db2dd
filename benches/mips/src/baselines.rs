//! The paper's baselines behind C functions: one that installs filters, one that classifies.

use alloc::boxed::Box;
use core::ptr::null_mut;
use core::slice;
use dpf_benches::baseline::{bpf::Bpf, mpf::Mpf, pathfinder::Pathfinder, translate};
use dpf_benches::filter::Conjunction;
use dpf_benches::flows::{Family, paper_fixed};

/// What no filter accepts.
const NOBODY: u32 = u32::MAX;

#[unsafe(no_mangle)]
extern "C" fn bpf_install(count: u32, variable: u32) -> *mut Bpf {
    install(count, variable, |bpf: &mut Bpf, filter| {
        bpf.install(translate::bpf(filter).ok()?);
        Some(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bpf_classify(packet: *const u8, length: usize, bpf: *mut Bpf) -> u32 {
    // SAFETY: the host passes a packet of this length, and what `bpf_install` returned.
    let (packet, bpf) = unsafe { (slice::from_raw_parts(packet, length), &mut *bpf) };
    bpf.classify(packet).unwrap_or(NOBODY)
}

#[unsafe(no_mangle)]
extern "C" fn mpf_install(count: u32, variable: u32) -> *mut Mpf {
    install(count, variable, |mpf: &mut Mpf, filter| {
        mpf.install(&translate::mpf(filter).ok()?).ok()?;
        Some(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mpf_classify(packet: *const u8, length: usize, mpf: *mut Mpf) -> u32 {
    // SAFETY: the host passes a packet of this length, and what `mpf_install` returned.
    let (packet, mpf) = unsafe { (slice::from_raw_parts(packet, length), &mut *mpf) };
    mpf.classify(packet).unwrap_or(NOBODY)
}

#[unsafe(no_mangle)]
extern "C" fn pathfinder_install(count: u32, variable: u32) -> *mut Pathfinder {
    install(count, variable, |pathfinder: &mut Pathfinder, filter| {
        pathfinder.install(filter).ok()?;
        Some(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pathfinder_classify(
    packet: *const u8,
    length: usize,
    pathfinder: *mut Pathfinder,
) -> u32 {
    // SAFETY: the host passes a packet of this length, and what `pathfinder_install` returned.
    let (packet, pathfinder) = unsafe { (slice::from_raw_parts(packet, length), &mut *pathfinder) };
    pathfinder.classify(packet).unwrap_or(NOBODY)
}

/// An engine with the first `count` of the paper's filters.
fn install<E: Default>(
    count: u32,
    variable: u32,
    mut add: impl FnMut(&mut E, &Conjunction) -> Option<()>,
) -> *mut E {
    let filter = |index| match variable {
        0 => paper_fixed(index),
        _ => Family::Paper.filter(index),
    };
    let mut engine = Box::new(E::default());
    for index in 0..count {
        if add(&mut engine, &filter(index)).is_none() {
            return null_mut();
        }
    }
    Box::into_raw(engine)
}
