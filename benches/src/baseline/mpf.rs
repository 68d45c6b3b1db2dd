//! MPF: the Mach packet filter, which looks filters equal but for their keys up in a hash table.
//!
//! Source: M. Yuhara, B. Bershad, C. Maeda, E. Moss, *Efficient Packet Demultiplexing for Multiple
//! Endpoints and Large Messages*, USENIX Winter 1994, and Mach's kernel. A filter is a BPF program
//! that tests what its kind shares, leaves its key fields in scratch words, and ends in
//! `MATCH_IMM n` with n ≤ 4 key constants. Filters whose programs agree but for these constants
//! share one *header*, which has the program once and a chained hash of 256 buckets; a key's hash
//! is the sum of its words. There are at most four headers. On a packet, each header's program is
//! interpreted, and where it ends in `MATCH_IMM` the scratch words are looked up.
//!
//! The measurements that DPF was compared with have a one-entry cache: the filter that matched
//! last is tried first, by running its own program and comparing its keys. A hit saves the
//! lookup; a miss has cost a second interpretation, which is the factor of two between the
//! *expected* and the *unexpected* column of the paper.
//!
//! Left out: priorities, and the reassembly of fragments by recorded datagram identifiers.

use super::bpf::{Instruction, MAX_KEYS, Outcome, Program, SCRATCH_WORDS, code};
use alloc::{vec, vec::Vec};

/// The most programs that differ in more than their keys.
pub const MAX_HEADERS: usize = 4;

/// Buckets of a header's hash.
pub const BUCKETS: usize = 256;

/// Filters that share at most [`MAX_HEADERS`] programs.
#[derive(Clone, Debug, Default)]
pub struct Mpf {
    headers: Vec<Header>,
    /// Filters installed so far, which is the number of the next.
    count: u32,
    /// The entry that matched last, in the first header.
    last: Option<usize>,
    /// The machine's scratch memory, not cleared between packets.
    scratch: [u32; SCRATCH_WORDS],
}

/// Why a filter was not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallError {
    /// The program does not contain `MATCH_IMM`.
    NoKeys,
    /// All of [`MAX_HEADERS`] are taken by other programs.
    Headers,
    /// A filter with this program and these keys is there: its number.
    Duplicate(u32),
}

impl Mpf {
    /// Installs a filter and tells its number.
    ///
    /// # Errors
    ///
    /// [`InstallError`]; nothing has changed then.
    pub fn install(&mut self, program: &Program) -> Result<u32, InstallError> {
        let (body, keys) = split(program).ok_or(InstallError::NoKeys)?;
        let known = self.headers.iter().position(|header| header.body == body);
        let index = match known {
            Some(index) => index,
            None if self.headers.len() == MAX_HEADERS => return Err(InstallError::Headers),
            None => {
                self.headers.push(Header::new(program.clone(), body));
                self.headers.len() - 1
            }
        };
        let header = &mut self.headers[index];
        if let Some(entry) = header.find(&keys) {
            return Err(InstallError::Duplicate(header.entries[entry].filter));
        }
        let filter = self.count;
        self.count += 1;
        header.insert(&keys, filter);
        Ok(filter)
    }

    /// The number of the filter that accepts the packet.
    pub fn classify(&mut self, packet: &[u8]) -> Option<u32> {
        // Only the first header's filters can be known to win without asking the others.
        if let (Some(last), Some(header)) = (self.last, self.headers.first())
            && let Some(keys) = header.keys_of(packet, &mut self.scratch)
            && header.entries[last].has(keys)
        {
            return Some(header.entries[last].filter);
        }
        for (index, header) in self.headers.iter().enumerate() {
            let keys = header.keys_of(packet, &mut self.scratch);
            if let Some(entry) = keys.and_then(|keys| header.find(keys)) {
                self.last = (index == 0).then_some(entry).or(self.last);
                return Some(header.entries[entry].filter);
            }
        }
        None
    }
}

/// What filters that differ in their keys alone share.
#[derive(Clone, Debug)]
struct Header {
    program: Program,
    /// The program with its key constants cleared: what makes filters equal but for their keys.
    body: Vec<Instruction>,
    /// For each hash the first entry of its chain.
    buckets: Vec<Option<usize>>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The first of these, as many as the program has.
    keys: [u32; MAX_KEYS],
    filter: u32,
    next: Option<usize>,
}

impl Header {
    fn new(program: Program, body: Vec<Instruction>) -> Self {
        Self {
            program,
            body,
            buckets: vec![None; BUCKETS],
            entries: Vec::new(),
        }
    }

    /// Interprets the program; the keys, if it ends in `MATCH_IMM`.
    fn keys_of<'s>(
        &self,
        packet: &[u8],
        scratch: &'s mut [u32; SCRATCH_WORDS],
    ) -> Option<&'s [u32]> {
        match self.program.run(packet, packet.len() as u32, scratch) {
            Outcome::Match(count) => scratch.get(..count),
            Outcome::Return(_) => None,
        }
    }

    fn find(&self, keys: &[u32]) -> Option<usize> {
        let mut next = self.buckets[bucket(keys)];
        while let Some(index) = next {
            let entry = &self.entries[index];
            if entry.has(keys) {
                return Some(index);
            }
            next = entry.next;
        }
        None
    }

    fn insert(&mut self, keys: &[u32], filter: u32) {
        let first = &mut self.buckets[bucket(keys)];
        let mut own = [0; MAX_KEYS];
        for (own, key) in own.iter_mut().zip(keys) {
            *own = *key;
        }
        self.entries.push(Entry {
            keys: own,
            filter,
            next: *first,
        });
        *first = Some(self.entries.len() - 1);
    }
}

impl Entry {
    /// Whether these are its keys, compared word by word as in Mach.
    fn has(&self, keys: &[u32]) -> bool {
        self.keys.iter().zip(keys).all(|(own, key)| own == key)
    }
}

fn bucket(keys: &[u32]) -> usize {
    keys.iter().fold(0_u32, |sum, key| sum.wrapping_add(*key)) as usize % BUCKETS
}

/// The program without its key constants, and these.
fn split(program: &Program) -> Option<(Vec<Instruction>, Vec<u32>)> {
    let mut body = program.instructions().to_vec();
    let start = body.iter().position(|op| op.code == code::MATCH_IMM)?;
    let count = usize::from(body[start].jt);
    let constants = body[start + 1..start + 1 + count].iter_mut();
    let keys = constants.map(|op| core::mem::take(&mut op.k)).collect();
    Some((body, keys))
}

#[cfg(test)]
mod tests {
    use super::{super::translate, *};
    use crate::{filter::Conjunction, flows::Family};

    fn program(filter: &Conjunction) -> Program {
        translate::mpf(filter).expect("four keys at most")
    }

    #[test]
    fn filters_of_one_kind_share_a_header_and_equal_ones_are_refused() {
        let mut mpf = Mpf::default();
        for index in 0..1000 {
            assert_eq!(
                mpf.install(&program(&Family::FiveTuple.filter(index))),
                Ok(index)
            );
        }
        assert_eq!(mpf.headers.len(), 1);
        let again = mpf.install(&program(&Family::FiveTuple.filter(7)));
        assert_eq!(again, Err(InstallError::Duplicate(7)));
        assert_eq!(mpf.install(&program(&Family::Paper.filter(0))), Ok(1000));
        assert_eq!(mpf.headers.len(), 2);
        // A packet of the second header is found behind the first, with and without the cache.
        assert_eq!(mpf.classify(&Family::Paper.packet(0)), Some(1000));
        assert_eq!(mpf.classify(&Family::FiveTuple.packet(3)), Some(3));
        assert_eq!(mpf.classify(&Family::Paper.packet(0)), Some(1000));
    }

    #[test]
    fn a_fifth_header_is_refused() {
        let mut mpf = Mpf::default();
        for protocol in 0..=MAX_HEADERS as u32 {
            let mut filter = Family::FiveTuple.filter(0);
            filter.headers[1].cells[1].value = protocol;
            let expected = match protocol as usize {
                MAX_HEADERS => Err(InstallError::Headers),
                _ => Ok(protocol),
            };
            assert_eq!(mpf.install(&program(&filter)), expected);
        }
    }
}
