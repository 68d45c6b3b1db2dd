//! The paper's engines, installed from the common descriptions.

use super::{NONE, Peer, through_pointer};
use crate::{
    baseline::{bpf::Bpf, mpf::Mpf, pathfinder::Pathfinder, translate},
    flows::Family,
};

/// BPF of 1993, one program a filter, in turn.
///
/// # Errors
///
/// When a filter has no program.
pub fn bpf(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let mut bpf = Bpf::default();
    for index in 0..count {
        bpf.install(translate::bpf(&family.filter(index)).map_err(|error| format!("{error:?}"))?);
    }
    Ok(Box::new(bpf))
}

/// The Mach packet filter.
///
/// # Errors
///
/// When a filter has no program, or is refused.
pub fn mpf(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let mut mpf = Mpf::default();
    for index in 0..count {
        let program =
            translate::mpf(&family.filter(index)).map_err(|error| format!("{error:?}"))?;
        mpf.install(&program)
            .map_err(|error| format!("{error:?}"))?;
    }
    Ok(Box::new(mpf))
}

/// PATHFINDER.
///
/// # Errors
///
/// When a pattern is refused.
pub fn pathfinder(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let mut pathfinder = Pathfinder::default();
    for index in 0..count {
        pathfinder
            .install(&family.filter(index))
            .map_err(|error| format!("{error:?}"))?;
    }
    Ok(Box::new(pathfinder))
}

impl Peer for Bpf {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        through_pointer(
            self,
            |bpf, packet| bpf.classify(packet).unwrap_or(NONE),
            packets,
            answers,
        );
    }
}

impl Peer for Mpf {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        through_pointer(
            self,
            |mpf, packet| mpf.classify(packet).unwrap_or(NONE),
            packets,
            answers,
        );
    }
}

impl Peer for Pathfinder {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        through_pointer(
            self,
            |this, packet| this.classify(packet).unwrap_or(NONE),
            packets,
            answers,
        );
    }
}
