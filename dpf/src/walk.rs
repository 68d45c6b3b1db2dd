//! Walks a trie over a packet: classification without code generation.
//!
//! Problem: a kernel before its first code version, a host that vcode does not know, and every test
//! need an engine that reads the very tables that emitted code reads. Method: follow the steps, with
//! the bases in an array and a stack of what to do next. Loads are checked again here, so the walk
//! trusts nothing about the trie. Left out: speed.

use alloc::vec::Vec;

use crate::filter::Field;
use crate::trie::{Axis, Base, Lookup, MAX_BASES, Step, StepId, Trie, TrieGroup, Value};

/// The winner: of the entries whose filters accept the packet, one of the highest rank.
pub fn classify(trie: &Trie, packet: &[u8], wirelen: u32) -> Option<u32> {
    let mut walk = Walk::new(trie, packet, wirelen);
    walk.run(trie.best());
    walk.found
        .iter()
        .rev()
        .max_by_key(|(_, rank)| *rank)
        .map(|(entry, _)| *entry)
}

/// Every entry whose filter accepts the packet, ascending.
pub fn classify_all(trie: &Trie, packet: &[u8], wirelen: u32) -> Vec<u32> {
    let mut walk = Walk::new(trie, packet, wirelen);
    trie.each().iter().for_each(|&root| walk.run(root));
    let mut entries: Vec<u32> = walk.found.iter().map(|(entry, _)| *entry).collect();
    entries.sort_unstable();
    entries.dedup();
    entries
}

struct Walk<'a> {
    trie: &'a Trie,
    packet: &'a [u8],
    wirelen: u32,
    bases: [u64; MAX_BASES as usize + 1],
    found: Vec<(u32, u32)>,
}

impl<'a> Walk<'a> {
    fn new(trie: &'a Trie, packet: &'a [u8], wirelen: u32) -> Self {
        Walk {
            trie,
            packet,
            wirelen,
            bases: [0; MAX_BASES as usize + 1],
            found: Vec::new(),
        }
    }

    fn run(&mut self, root: StepId) {
        let mut pending: Vec<StepId> = [root].into();
        while let Some(id) = pending.pop() {
            match self.trie.step(id) {
                Step::End => {}
                Step::Seq(parts) => pending.extend(parts.iter().rev()),
                Step::Probe {
                    group,
                    frames,
                    next,
                } => {
                    pending.push(*next);
                    let group = &self.trie.groups()[group.0 as usize];
                    self.found.extend(self.probe(group, frames));
                }
                Step::Block { block, next } => {
                    pending.push(*next);
                    let rules = self.trie.blocks()[*block as usize].rules();
                    let axes = self.trie.blocks()[*block as usize].axes();
                    let first = rules.iter().find(|rule| {
                        let mut tests = rule.tests.iter();
                        tests.all(|(axis, set)| {
                            let value = self.axis(&axes[*axis as usize]);
                            value.is_some_and(|value| set.contains(value))
                        })
                    });
                    self.found.extend(first.map(|rule| (rule.entry, rule.rank)));
                }
                Step::Captured { var, end, yes, no } => {
                    let inside =
                        self.bases[usize::from(*var)] + u64::from(*end) <= self.packet.len() as u64;
                    pending.push(if inside { *yes } else { *no });
                }
                Step::Bits {
                    field,
                    set,
                    yes,
                    no,
                    ..
                } => {
                    let holds = self.field(field).is_some_and(|value| set.contains(value));
                    pending.push(if holds { *yes } else { *no });
                }
                Step::Length {
                    wire, set, yes, no, ..
                } => {
                    let length = if *wire { self.wirelen } else { self.len() };
                    pending.push(if set.contains(length) { *yes } else { *no });
                }
                Step::Compare {
                    op,
                    left,
                    right,
                    yes,
                    no,
                } => {
                    let operands = self.value(left).zip(self.value(right));
                    let holds = operands.is_some_and(|(left, right)| op.holds(left, right));
                    pending.push(if holds { *yes } else { *no });
                }
                Step::Shift {
                    base,
                    by,
                    var,
                    yes,
                    no,
                } => {
                    let moved = self.value(by).map(|by| self.at(*base) + u64::from(by));
                    match moved.filter(|moved| *moved <= self.packet.len() as u64) {
                        Some(moved) => {
                            self.bases[usize::from(*var)] = moved;
                            pending.push(*yes);
                        }
                        None => pending.push(*no),
                    }
                }
            }
        }
    }

    fn len(&self) -> u32 {
        u32::try_from(self.packet.len()).unwrap_or(u32::MAX)
    }

    fn at(&self, base: Base) -> u64 {
        self.bases[usize::from(base.var)] + u64::from(base.add)
    }

    /// The number in `bytes` bytes at an offset, big-endian.
    fn load(&self, offset: u64, bytes: u8) -> Option<u64> {
        let start = usize::try_from(offset).ok()?;
        let loaded = self
            .packet
            .get(start..start.checked_add(usize::from(bytes))?)?;
        Some(
            loaded
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }

    fn field(&self, field: &Field) -> Option<u32> {
        let base = Base {
            var: field.depth,
            add: field.offset,
        };
        self.load(self.at(base), field.bytes)
            .map(|loaded| field.value(loaded as u32))
    }

    fn axis(&self, axis: &Axis) -> Option<u32> {
        match axis {
            Axis::Field(field) => self.field(field),
            Axis::Len => Some(self.len()),
            Axis::WireLen => Some(self.wirelen),
        }
    }

    fn probe(&self, group: &TrieGroup, frames: &[Base]) -> Option<(u32, u32)> {
        if let Lookup::One { entry, rank } = group.lookup {
            return Some((entry, rank));
        }
        let mut key = alloc::vec![0; group.plan.words()];
        for piece in group.plan.pieces() {
            let frame = frames.get(usize::from(piece.frame))?;
            let loaded = self.load(self.at(*frame) + u64::from(piece.offset), piece.bytes)?;
            key[usize::from(piece.word)] |= group.plan.loaded(piece, loaded);
        }
        group.lookup.find(&key)
    }

    /// The value of an expression; nothing if a load is not inside the packet. As deep as the
    /// expression, which is bounded where filters are made.
    fn value(&self, value: &Value) -> Option<u32> {
        match value {
            Value::Const(number) => Some(*number),
            Value::Len => Some(self.len()),
            Value::WireLen => Some(self.wirelen),
            Value::Binary(op, left, right) => Some(op.apply(self.value(left)?, self.value(right)?)),
            Value::Load {
                var,
                at,
                index,
                bytes,
                little,
            } => {
                let index = match index {
                    Some(index) => self.value(index)?,
                    None => 0,
                };
                let offset = self.at(Base {
                    var: *var,
                    add: *at,
                }) + u64::from(index);
                let loaded = self.load(offset, *bytes)? as u32;
                Some(if *little {
                    loaded.swap_bytes() >> (32 - 8 * u32::from(*bytes))
                } else {
                    loaded
                })
            }
        }
    }
}
