//! libpcap: its compiler and its interpreter.
//!
//! [`in_turn`] runs one optimised program per filter until one accepts, which is what a program
//! with many filters does with libpcap. [`merged`] is the other way, one program for all joined by
//! `or`: it can only say *whether* a packet matches, so its answers are checked for that, and its
//! compiler needs time that grows with the square of the filters.

use super::{NONE, Peer, through_pointer};
use crate::{
    filter::{Conjunction, Length},
    flows::Family,
};
use core::fmt::Write as _;
use pcap::{BpfProgram, Capture, Linktype};

/// The most filters joined by `or`: a thousand take libpcap's compiler most of a minute.
pub const MERGED_LIMIT: u32 = 100;

/// One program per filter.
///
/// # Errors
///
/// When libpcap refuses a filter.
pub fn in_turn(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let texts = (0..count).map(|index| expression(&family.filter(index)));
    let programs: Result<_, String> = texts.map(|text| compile(&text)).collect();
    Ok(Box::new(InTurn(programs?)))
}

/// One program for all filters.
///
/// # Errors
///
/// When libpcap refuses it.
pub fn merged(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let texts: Vec<_> = (0..count)
        .map(|index| expression(&family.filter(index)))
        .collect();
    Ok(Box::new(Merged(compile(&format!(
        "({})",
        texts.join(") or (")
    ))?)))
}

/// Compiles an Ethernet filter with libpcap's optimiser.
///
/// # Errors
///
/// libpcap's message.
pub fn compile(expression: &str) -> Result<BpfProgram, String> {
    let capture = Capture::dead(Linktype::ETHERNET).map_err(|error| error.to_string())?;
    capture
        .compile(expression, true)
        .map_err(|error| error.to_string())
}

/// The filter in libpcap's language, with exactly the comparisons of its description.
pub fn expression(filter: &Conjunction) -> String {
    let (mut base, mut variable) = (0, String::new());
    let mut text = String::new();
    for header in &filter.headers {
        for cell in &header.cells {
            let (and, offset) = (
                if text.is_empty() { "" } else { " and " },
                cell.field.offset,
            );
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{and}ether[{}{variable}:{}] = {}",
                base + offset,
                cell.field.bytes,
                cell.value
            );
        }
        match header.length {
            Length::Fixed(length) => base += length,
            Length::InternetHeader => {
                variable = format!("+((ether[{base}{variable}] & 15) << 2){variable}");
            }
        }
    }
    text
}

struct InTurn(Vec<BpfProgram>);

impl Peer for InTurn {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        let classify = |this: &mut Self, packet: &[u8]| {
            let first = this.0.iter().position(|program| program.filter(packet));
            first.map_or(NONE, |index| index as u32)
        };
        through_pointer(self, classify, packets, answers);
    }
}

struct Merged(BpfProgram);

impl Peer for Merged {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        let classify =
            |this: &mut Self, packet: &[u8]| if this.0.filter(packet) { 0 } else { NONE };
        through_pointer(self, classify, packets, answers);
    }
}
