//! Packets drawn towards a filter.

use alloc::vec::Vec;

use super::Random;
use crate::filter::{Address, Expr, Filter, IntervalSet, Node, NodeId, Test};
use crate::interp;

/// The longest packet drawn.
const MAX_LEN: usize = 160;
/// Packets drawn for one witness, at most.
const TRIES: u32 = 4;

/// A packet with its original length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What was captured.
    pub bytes: Vec<u8>,
    /// How long it was.
    pub wirelen: u32,
}

/// A packet drawn until a filter accepts it, or, if that does not come about, one as drawn.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The packet.
    pub packet: Packet,
    /// The bits that tests of the filter look at: a byte, and a mask of its bits.
    tested: Vec<(usize, u8)>,
}

impl Witness {
    /// The packet with one bit flipped, mostly one that is tested; nothing if it has no bits.
    pub fn miss(&self, random: &mut Random) -> Option<Packet> {
        let mut packet = self.packet.clone();
        let bytes = &mut packet.bytes;
        if bytes.is_empty() {
            return None;
        }
        let (mut at, mut mask) = (random.below(bytes.len() as u32) as usize, 0xff);
        if !self.tested.is_empty() && !random.one_in(8) {
            (at, mask) = *random.pick(&self.tested);
        }
        let set = (0..8).filter(|bit| mask >> bit & 1 != 0);
        let bit = set.clone().nth(random.below(set.count() as u32) as usize)?;
        *bytes.get_mut(at)? ^= 1 << bit;
        Some(packet)
    }

    /// The packet with its end cut off, often only the last byte.
    pub fn cut(&self, random: &mut Random) -> Packet {
        let mut packet = self.packet.clone();
        let bytes = &mut packet.bytes;
        match random.below(2) {
            0 => bytes.truncate(random.below(1 + bytes.len() as u32) as usize),
            _ => bytes.truncate(bytes.len().saturating_sub(1)),
        }
        packet
    }
}

/// A packet that the filter accepts, if a few tries find one.
pub fn witness(filter: &Filter, random: &mut Random) -> Witness {
    let mut found = draft(filter, random);
    for _ in 1..TRIES {
        if interp::accepts(filter, &found.packet.bytes, found.packet.wirelen) {
            break;
        }
        found = draft(filter, random);
    }
    found
}

/// A packet that the filter perhaps accepts, or misses by a bit or a byte.
pub fn packet(filter: &Filter, random: &mut Random) -> Packet {
    let mut packet = draft(filter, random).packet;
    let bytes = &mut packet.bytes;
    match random.below(6) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len() as u32) as usize;
            bytes[at] ^= 1 << random.below(8);
        }
        1 if !bytes.is_empty() => bytes.truncate(random.below(bytes.len() as u32) as usize),
        2 if !bytes.is_empty() => bytes.truncate(bytes.len() - 1),
        _ => {}
    }
    packet
}

/// A packet with what one path through the filter asks for written into it.
fn draft(filter: &Filter, random: &mut Random) -> Witness {
    let len = random.below(MAX_LEN as u32) as usize;
    let mut draft = Draft {
        bytes: alloc::vec![0; MAX_LEN],
        len,
        wirelen: random.below(200),
        tested: Vec::new(),
        filter,
        random,
    };
    for byte in 0..MAX_LEN {
        draft.bytes[byte] = if draft.random.one_in(4) {
            draft.random.bits() as u8
        } else {
            draft.random.below(8) as u8
        };
    }
    let path = Random::new(draft.random.bits());
    // Twice along the same path: what is written later can move what was written before.
    for _ in 0..2 {
        let mut choices = path.clone();
        draft.tested.clear();
        draft.satisfy(filter.root(), &mut alloc::vec![0], &mut choices, 0);
    }
    let Draft {
        mut bytes,
        len,
        wirelen,
        mut tested,
        ..
    } = draft;
    bytes.truncate(len);
    tested.retain(|&(at, _)| at < len);
    Witness {
        packet: Packet { bytes, wirelen },
        tested,
    }
}

struct Draft<'a> {
    bytes: Vec<u8>,
    len: usize,
    wirelen: u32,
    tested: Vec<(usize, u8)>,
    filter: &'a Filter,
    random: &'a mut Random,
}

impl Draft<'_> {
    /// Writes what the node asks for. `bases` holds the bases around, the innermost last.
    fn satisfy(&mut self, node: NodeId, bases: &mut Vec<u64>, choices: &mut Random, height: u32) {
        if height > 64 {
            return;
        }
        match self.filter.node(node) {
            Node::True | Node::False => {}
            Node::Test(test) => self.pass(test, bases, choices),
            Node::And(children) => children
                .iter()
                .for_each(|&child| self.satisfy(child, bases, choices, height + 1)),
            Node::Or(children) => self.satisfy(*choices.pick(children), bases, choices, height + 1),
            Node::Shift { by, then } => {
                let distance = self.value(by, bases);
                let here = bases.last().copied().unwrap_or(0);
                let Some(base) = distance
                    .map(|by| here + u64::from(by))
                    .filter(|base| *base <= MAX_LEN as u64)
                else {
                    return;
                };
                self.len = self.len.max(base as usize);
                bases.push(base);
                self.satisfy(*then, bases, choices, height + 1);
                bases.pop();
            }
        }
    }

    fn pass(&mut self, test: &Test, bases: &[u64], choices: &mut Random) {
        let base = |depth: u8| {
            bases
                .len()
                .checked_sub(1 + usize::from(depth))
                .map_or(0, |at| bases[at])
        };
        match test {
            Test::Captured { depth, end } => {
                self.len = self
                    .len
                    .max((base(*depth) + u64::from(*end)).min(MAX_LEN as u64) as usize)
            }
            Test::Bits { field, set } => {
                let start = base(field.depth) + u64::from(field.offset);
                let end = start + u64::from(field.bytes);
                if end > MAX_LEN as u64 {
                    return;
                }
                self.len = self.len.max(end as usize);
                let value = pick(set, choices) << field.mask.trailing_zeros() & field.mask;
                for (index, byte) in self.bytes[start as usize..end as usize]
                    .iter_mut()
                    .enumerate()
                {
                    let shift = 8 * (u32::from(field.bytes) - 1 - index as u32);
                    let mask = (field.mask >> shift) as u8;
                    *byte = *byte & !mask | (value >> shift) as u8 & mask;
                    if mask != 0 {
                        self.tested.push((start as usize + index, mask));
                    }
                }
            }
            Test::Len(set) => self.len = (pick(set, choices) as usize).min(MAX_LEN),
            Test::WireLen(set) => self.wirelen = pick(set, choices),
            Test::Compare { .. } => {}
        }
    }
}

impl Draft<'_> {
    /// The value of an expression on the packet as it stands.
    fn value(&self, expr: &Expr, bases: &[u64]) -> Option<u32> {
        match expr {
            Expr::Const(number) => Some(*number),
            Expr::Len => Some(self.len as u32),
            Expr::WireLen => Some(self.wirelen),
            Expr::Binary(op, left, right) => {
                Some(op.apply(self.value(left, bases)?, self.value(right, bases)?))
            }
            Expr::Load(load) => {
                let base = bases
                    .len()
                    .checked_sub(1 + usize::from(load.depth))
                    .map(|at| bases[at])?;
                let offset = match &load.at {
                    Address::Fixed(offset) => *offset,
                    Address::Computed(index) => self.value(index, bases)?,
                };
                let start = usize::try_from(base + u64::from(offset)).ok()?;
                let loaded = self.bytes.get(start..start + usize::from(load.bytes))?;
                let push = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
                Some(if load.little {
                    loaded.iter().rev().fold(0, push)
                } else {
                    loaded.iter().fold(0, push)
                })
            }
        }
    }
}

fn pick(set: &IntervalSet, choices: &mut Random) -> u32 {
    let (low, high) = *choices.pick(set.intervals());
    let span = high - low;
    match choices.below(3) {
        0 => low,
        1 => high,
        _ => {
            low + if span == u32::MAX {
                choices.bits() as u32
            } else {
                choices.below(span + 1)
            }
        }
    }
}
