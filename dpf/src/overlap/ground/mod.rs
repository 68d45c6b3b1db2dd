//! From consistent facts to a packet: anchors get offsets, bytes get values.
//!
//! The facts of a leaf hold one by one. What may still fail is what holds only between them:
//! fields that overlap in part, expressions compared with each other, and bases that turn out to
//! be the same bytes once their shifts have values. So first all bases are taken to be far apart,
//! and if even then the bytes cannot be chosen the leaf is refuted without looking at any shift.
//! Then the bits that decide the shifts are tried, small values first, anchor by anchor, and all
//! that is left falls into groups of constraints that share bytes, each solved by itself. Bits are
//! chosen from the most significant on, and after each choice every constraint over it is asked,
//! exactly, whether a value is left; so constraints that stand alone never backtrack.

use alloc::{collections::BTreeMap, vec, vec::Vec};

mod groups;
mod keys;
mod relevant;

use groups::Group;
use keys::keys_are_free;
use relevant::relevant;

use super::{
    Budget, CannotTell, Reason, Witness,
    bounds::{Bounds, EQUAL, Knowledge, Read, bounds, for_each_read},
    facts::{Conflict, Facts, Order, distance, justified},
    order::cyclic,
    sets,
    terms::{AnchorId, FieldId, LEN, Place, ROOT, TermId, Terms, WIRELEN},
};

/// The longest packet that is made as a witness, in bytes: libpcap's greatest snapshot length.
pub const MAX_WITNESS: u32 = 262_144;
/// Steps given to one group of constraints that compares expressions with each other.
pub const MAX_COMPARE_STEPS: u64 = 20_000;

/// Where the captured length stands in memory, as four bytes; after it the original length.
const LENGTHS: u64 = 1 << 60;
/// How far apart anchors are taken to be before their offsets are known.
const APART: u64 = 1 << 46;

/// A packet that the facts describe, or `None` when there is none.
pub(super) fn solve(
    terms: &Terms,
    facts: &Facts,
    budget: &mut Budget,
) -> Result<Option<Witness>, CannotTell> {
    let packet = ground(terms, facts, budget, false)?;
    Ok(packet.map(|(bytes, wirelen)| Witness { bytes, wirelen }))
}

/// Whether there is such a packet for all values of the keys in the facts: `Reason::Keys` when it
/// is not sure to be for all, nor sure to be for none.
pub(super) fn solve_for_all_keys(
    terms: &Terms,
    facts: &Facts,
    budget: &mut Budget,
) -> Result<Option<()>, CannotTell> {
    Ok(ground(terms, facts, budget, true)?.map(drop))
}

/// The bytes and the original length of a packet.
type Packet = (Vec<u8>, u32);

fn ground(
    terms: &Terms,
    facts: &Facts,
    budget: &mut Budget,
    for_all_keys: bool,
) -> Result<Option<Packet>, CannotTell> {
    if cyclic(terms, facts) {
        return Ok(None);
    }
    let mut ground = Ground::new(terms, facts, budget, for_all_keys);
    if ground.anchors.len() > 1 {
        let mark = ground.mark();
        let apart = ground.place_apart();
        if apart.is_err() || !ground.choose_all()? {
            return Ok(None);
        }
        ground.undo_to(mark);
    }
    ground.run()
}

/// A field constraint at its place in memory.
#[derive(Clone, Copy)]
struct Constraint {
    field: FieldId,
    address: u64,
    bytes: u32,
    mask: u32,
    /// Bounds beside those of the field's set.
    within: (u32, u32),
}

/// A bit in memory; 7 is the most significant.
type Bit = (u64, u8);

/// A bit that was chosen to be 0, or, `flipped`, to be 1.
struct Decision {
    bit: Bit,
    flipped: bool,
    mark: Mark,
}

#[derive(Clone, Copy)]
struct Mark {
    trail: usize,
    constraints: usize,
    placed: usize,
    length: (u32, u32),
}

struct Ground<'g, 'f> {
    terms: &'g Terms<'f>,
    facts: &'g Facts,
    budget: &'g mut Budget,
    for_all_keys: bool,
    /// The anchors that matter, each after those it depends on; so many of them are placed.
    anchors: Vec<AnchorId>,
    placed: usize,
    positions: Vec<u64>,
    memory: BTreeMap<u64, (u8, u8)>,
    trail: Vec<(u64, (u8, u8))>,
    /// The first two are the lengths.
    constraints: Vec<Constraint>,
}

impl<'g, 'f> Ground<'g, 'f> {
    fn new(
        terms: &'g Terms<'f>,
        facts: &'g Facts,
        budget: &'g mut Budget,
        for_all_keys: bool,
    ) -> Self {
        let length = |field, address| Constraint {
            field,
            address,
            bytes: 4,
            mask: u32::MAX,
            within: (0, u32::MAX),
        };
        Ground {
            terms,
            facts,
            budget,
            for_all_keys,
            anchors: relevant(terms, facts),
            placed: 0,
            positions: vec![0; terms.anchors.len()],
            memory: BTreeMap::new(),
            trail: Vec::new(),
            constraints: vec![length(LEN, LENGTHS), length(WIRELEN, LENGTHS + 4)],
        }
    }

    /// Tries offsets of the anchors until all constraints can be met.
    fn run(mut self) -> Result<Option<Packet>, CannotTell> {
        let mut doubt = None;
        let mut decisions = Vec::new();
        loop {
            match self.place_next() {
                Ok(Some(bit)) => {
                    decisions.push(Decision {
                        bit,
                        flipped: false,
                        mark: self.mark(),
                    });
                    if self.decide(bit, false)? {
                        continue;
                    }
                }
                Ok(None) => match self.finish() {
                    Ok(Some(witness)) => return Ok(Some(witness)),
                    Ok(None) => {}
                    // Keys that meet here would meet whatever the shifts: that is not searched.
                    Err(cannot) if matches!(cannot.reason, Reason::Steps | Reason::Keys) => {
                        return Err(cannot);
                    }
                    Err(cannot) => doubt = Some(cannot),
                },
                Err(Conflict) => {}
            }
            if !self.flip_last(&mut decisions)? {
                return doubt.map_or(Ok(None), Err);
            }
        }
    }

    /// Goes back to the latest bit that can still be one; false when there is none.
    fn flip_last(&mut self, decisions: &mut Vec<Decision>) -> Result<bool, CannotTell> {
        while let Some(mut decision) = decisions.pop() {
            self.undo_to(decision.mark);
            if decision.flipped {
                continue;
            }
            if self.decide(decision.bit, true)? {
                decision.flipped = true;
                decisions.push(decision);
                return Ok(true);
            }
            self.undo_to(decision.mark);
        }
        Ok(false)
    }

    /// Places anchors as long as their shifts are known; else the next bit to decide.
    fn place_next(&mut self) -> Result<Option<Bit>, Conflict> {
        while let Some(&anchor) = self.anchors.get(self.placed) {
            let mut position = 0;
            if anchor != ROOT {
                let &super::terms::Anchor { from, by } = &self.terms.anchors[anchor];
                let Bounds { least, most, .. } = self.bounds(by);
                if least != most
                    && let Some(bit) = self.undecided_of(by)
                {
                    return Ok(Some(bit));
                }
                position = self.address(from) + u64::from(least);
            }
            self.placed += 1;
            self.place(anchor, position)?;
            self.confine_length(anchor, position)?;
        }
        Ok(None)
    }

    /// Places every anchor where it meets no other.
    fn place_apart(&mut self) -> Result<(), Conflict> {
        for index in 0..self.anchors.len() {
            self.placed = index + 1;
            let anchor = self.anchors[index];
            self.place(anchor, APART * anchor as u64)?;
        }
        Ok(())
    }

    fn place(&mut self, anchor: AnchorId, position: u64) -> Result<(), Conflict> {
        self.positions[anchor] = position;
        for field in WIRELEN + 1..self.terms.fields.len() {
            let at = &self.terms.fields[field];
            if at.at.anchor != anchor || !self.facts.restricted(field) {
                continue;
            }
            let address = self.address(at.at);
            let bytes = u32::from(at.bytes);
            self.constraints.push(Constraint {
                field,
                address,
                bytes,
                mask: at.mask,
                within: (0, u32::MAX),
            });
            let (mask, value) = self.facts.known(self.terms, field);
            self.write(address, bytes, mask, value)?;
            self.check(self.constraints.len() - 1)?;
        }
        Ok(())
    }

    fn confine_length(&mut self, anchor: AnchorId, position: u64) -> Result<(), Conflict> {
        let room = self.facts.room(self.terms, anchor);
        let (low, high) = (
            distance(position) + room.least,
            distance(position) + room.most,
        );
        let within = &mut self.constraints[LEN].within;
        within.0 = within
            .0
            .max(u32::try_from(low.max(0)).map_err(|_| Conflict)?);
        let high = u64::try_from(high).map_err(|_| Conflict)?;
        within.1 = within.1.min(u32::try_from(high).unwrap_or(u32::MAX));
        self.check(LEN)
    }

    /// Solves what is left group by group and reads the packet off.
    fn finish(&mut self) -> Result<Option<Packet>, CannotTell> {
        if self.for_all_keys && !keys_are_free(self) {
            return Err(CannotTell {
                reason: Reason::Keys,
                given: 1,
                limit: 0,
            });
        }
        let mark = self.mark();
        let found = self.choose_all()?;
        let witness = if found { Some(self.packet()?) } else { None };
        if witness.is_none() {
            self.undo_to(mark);
        }
        Ok(witness)
    }

    fn packet(&mut self) -> Result<Packet, CannotTell> {
        let value = |address: u64| {
            (0..4).fold(0, |value, at| {
                value << 8 | u32::from(self.memory.get(&(address + at)).map_or(0, |byte| byte.1))
            })
        };
        let (len, wirelen) = (value(LENGTHS), value(LENGTHS + 4));
        if len > MAX_WITNESS {
            return Err(CannotTell {
                reason: Reason::WitnessLength,
                given: u64::from(len),
                limit: u64::from(MAX_WITNESS),
            });
        }
        let mut bytes = vec![0; len as usize];
        for (&address, &(_, byte)) in &self.memory {
            if let Ok(at) = usize::try_from(address)
                && let Some(slot) = bytes.get_mut(at)
            {
                *slot = byte;
            }
        }
        Ok((bytes, wirelen))
    }

    /// Gives every constrained bit a value, group by group.
    fn choose_all(&mut self) -> Result<bool, CannotTell> {
        for group in self.groups() {
            let chosen = match group {
                Group {
                    constraints,
                    orders,
                } if orders.is_empty() && constraints.len() == 1 => {
                    self.choose_alone(constraints[0])
                }
                group => self.choose_together(&group)?,
            };
            if !chosen {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn choose_alone(&mut self, index: usize) -> bool {
        let Constraint {
            address,
            bytes,
            mask,
            ..
        } = self.constraints[index];
        let longer = (index == WIRELEN)
            .then(|| self.least_from(index, self.value(LENGTHS)))
            .flatten();
        let Some(value) = longer.or_else(|| self.least_from(index, 0)) else {
            return false;
        };
        self.write(address, bytes, mask, value << mask.trailing_zeros())
            .is_ok()
    }

    fn value(&self, address: u64) -> u32 {
        self.read(address, 4).1
    }

    /// Depth-first over the bits of the group, from the most significant.
    fn choose_together(&mut self, group: &Group) -> Result<bool, CannotTell> {
        let mut left = if group.orders.is_empty() {
            u64::MAX
        } else {
            MAX_COMPARE_STEPS
        };
        let bits = self.undecided_in(group);
        if !self.agree(group) {
            return Ok(false);
        }
        let mut decisions: Vec<(usize, bool, Mark)> = Vec::new();
        let mut at = 0;
        let mut value = false;
        loop {
            while at < bits.len() && self.is_known(bits[at]) {
                at += 1;
            }
            if at == bits.len() {
                return Ok(true);
            }
            left = left.checked_sub(1).ok_or(CannotTell {
                reason: Reason::Compare,
                given: MAX_COMPARE_STEPS + 1,
                limit: MAX_COMPARE_STEPS,
            })?;
            let mark = self.mark();
            if self.decide(bits[at], value)? && self.agree(group) {
                decisions.push((at, value, mark));
                value = false;
                continue;
            }
            self.undo_to(mark);
            if !value {
                value = true;
                continue;
            }
            loop {
                let Some((earlier, was, mark)) = decisions.pop() else {
                    return Ok(false);
                };
                self.undo_to(mark);
                if !was {
                    (at, value) = (earlier, true);
                    break;
                }
            }
        }
    }

    /// Whether the group's comparisons can still hold; bits of equal fields are carried over.
    fn agree(&mut self, group: &Group) -> bool {
        loop {
            let before = self.trail.len();
            for &index in &group.orders {
                let &Order {
                    left,
                    right,
                    left_is,
                } = &self.facts.orders[index];
                if left_is == EQUAL
                    && (self.carry(left, right).is_err() || self.carry(right, left).is_err())
                {
                    return false;
                }
                if self.bounds(left).comparisons(self.bounds(right)) & left_is == 0 {
                    return false;
                }
            }
            if self.trail.len() == before {
                return true;
            }
        }
    }

    /// Writes what is known of one term's bits into another that is equal and a field.
    fn carry(&mut self, from: TermId, to: TermId) -> Result<(), Conflict> {
        let (known, have) = (self.bounds(from).known, self.bounds(to).known);
        if (known.value ^ have.value) & known.mask & have.mask != 0 {
            return Err(Conflict);
        }
        let Some((field, shift)) = self.terms.wired[to] else {
            return Ok(());
        };
        let (address, bytes, mask) = self.stands(field);
        let trailing = mask.trailing_zeros();
        let news = (known.mask & !have.mask) >> shift << trailing & mask;
        if news == 0 {
            return Ok(());
        }
        self.write(address, bytes, news, known.value >> shift << trailing)
    }

    fn bounds(&self, term: TermId) -> Bounds {
        bounds(self.terms, self, term)
    }

    /// Sets one bit; whether every constraint over it still has a value.
    fn decide(&mut self, (address, bit): Bit, value: bool) -> Result<bool, CannotTell> {
        self.budget.step()?;
        Ok(self
            .write(address, 1, 1 << bit, u32::from(value) << bit)
            .is_ok())
    }

    /// Writes the bits of `mask` into so many bytes and asks every constraint over them.
    fn write(&mut self, address: u64, bytes: u32, mask: u32, value: u32) -> Result<(), Conflict> {
        let mut changed = false;
        for index in 0..bytes {
            let shift = 8 * (bytes - 1 - index);
            let (mask, value) = ((mask >> shift) as u8, (value >> shift) as u8);
            let at = address + u64::from(index);
            let old = self.memory.get(&at).copied().unwrap_or((0, 0));
            if (old.1 ^ value) & mask & old.0 != 0 {
                return Err(Conflict);
            }
            if mask & !old.0 != 0 {
                self.trail.push((at, old));
                self.memory
                    .insert(at, (old.0 | mask, old.1 | (value & mask)));
                changed = true;
            }
        }
        if changed {
            for index in 0..self.constraints.len() {
                let constraint = &self.constraints[index];
                if constraint.address < address + u64::from(bytes)
                    && address < constraint.address + u64::from(constraint.bytes)
                {
                    self.check(index)?;
                }
            }
        }
        Ok(())
    }

    fn check(&self, index: usize) -> Result<(), Conflict> {
        self.least_from(index, 0).map(drop).ok_or(Conflict)
    }

    /// The least value ≥ `from` that a constraint leaves.
    fn least_from(&self, index: usize, from: u32) -> Option<u32> {
        let &Constraint {
            field,
            address,
            bytes,
            mask,
            within,
        } = &self.constraints[index];
        let (known, value) = self.read(address, bytes);
        let allowed = self.facts.allowed(self.terms, field);
        sets::least_from(allowed, from.max(within.0), justified(mask, known, value))
            .filter(|&value| value <= within.1)
    }

    /// The known bits and the value of so many bytes, big-endian.
    fn read(&self, address: u64, bytes: u32) -> (u32, u32) {
        let (mut mask, mut value) = (0, 0);
        for index in 0..u64::from(bytes) {
            let (byte_mask, byte) = self
                .memory
                .get(&(address + index))
                .copied()
                .unwrap_or((0, 0));
            mask = mask << 8 | u32::from(byte_mask);
            value = value << 8 | u32::from(byte);
        }
        (mask, value)
    }

    fn is_known(&self, (address, bit): Bit) -> bool {
        self.memory
            .get(&address)
            .is_some_and(|byte| byte.0 >> bit & 1 == 1)
    }

    /// Address, bytes and mask of a field.
    fn stands(&self, field: FieldId) -> (u64, u32, u32) {
        match field {
            LEN => (LENGTHS, 4, u32::MAX),
            WIRELEN => (LENGTHS + 4, 4, u32::MAX),
            _ => {
                let at = &self.terms.fields[field];
                (self.address(at.at), u32::from(at.bytes), at.mask)
            }
        }
    }

    fn address(&self, place: Place) -> u64 {
        self.positions[place.anchor] + place.offset
    }

    /// The first undecided bit that a term depends on.
    fn undecided_of(&self, term: TermId) -> Option<Bit> {
        let mut reads = Vec::new();
        self.reads(term, &mut reads);
        reads
            .into_iter()
            .find_map(|(address, bytes, mask)| self.undecided(address, bytes, mask).next())
    }

    /// Adds what a term depends on, as address, bytes and mask.
    fn reads(&self, term: TermId, reads: &mut Vec<(u64, u32, u32)>) {
        for_each_read(self.terms, term, u32::MAX, &mut |read| {
            reads.push(match read {
                Read::Field(field) => self.stands(field),
                Read::Bytes { at, bytes, mask } => (self.address(at), u32::from(bytes), mask),
            });
        });
    }

    fn undecided(&self, address: u64, bytes: u32, mask: u32) -> impl Iterator<Item = Bit> + '_ {
        let bits = bits_of(address, bytes, mask).map(|(bit, _)| bit);
        bits.filter(|&bit| !self.is_known(bit))
    }

    fn bits(&self, field: FieldId) -> impl Iterator<Item = (Bit, usize)> + use<> {
        let (address, bytes, mask) = self.stands(field);
        bits_of(address, bytes, mask)
    }

    fn undecided_in(&self, group: &Group) -> Vec<Bit> {
        let mut reads = Vec::new();
        for &index in &group.constraints {
            let constraint = &self.constraints[index];
            reads.push((constraint.address, constraint.bytes, constraint.mask));
        }
        for &index in &group.orders {
            self.reads(self.facts.orders[index].left, &mut reads);
            self.reads(self.facts.orders[index].right, &mut reads);
        }
        let mut bits: Vec<Bit> = Vec::new();
        for (address, bytes, mask) in reads {
            bits.extend(self.undecided(address, bytes, mask));
        }
        bits.sort_unstable_by_key(|&(address, bit)| (address, 7 - bit));
        bits.dedup();
        bits
    }

    fn mark(&self) -> Mark {
        Mark {
            trail: self.trail.len(),
            constraints: self.constraints.len(),
            placed: self.placed,
            length: self.constraints[LEN].within,
        }
    }

    fn undo_to(&mut self, mark: Mark) {
        while self.trail.len() > mark.trail {
            if let Some((address, old)) = self.trail.pop() {
                self.memory.insert(address, old);
            }
        }
        self.constraints.truncate(mark.constraints);
        self.placed = mark.placed;
        self.constraints[LEN].within = mark.length;
    }
}

impl Ground<'_, '_> {
    /// What is known of a field by its own set and memory.
    fn alone(&self, field: FieldId) -> Bounds {
        let (address, bytes, mask) = self.stands(field);
        let (known, value) = self.read(address, bytes);
        let pattern = justified(mask, known, value);
        let (low, high) = match field {
            LEN => self.constraints[LEN].within,
            _ => (0, u32::MAX),
        };
        let set = self.facts.allowed(self.terms, field);
        let least = sets::least_from(set, low, pattern).unwrap_or(low);
        let most = sets::greatest(set, pattern).unwrap_or(high).min(high);
        Bounds::new(least, most, pattern)
    }
}

impl Knowledge for Ground<'_, '_> {
    fn field(&self, field: FieldId) -> Bounds {
        let mut bounds = self.alone(field);
        for (top, below) in self.terms.prefixes(field) {
            if self.facts.restricted(top) {
                bounds = bounds.under(self.alone(top), below);
            }
        }
        bounds
    }

    fn bytes(&self, at: Place, bytes: u8) -> (u32, u32) {
        self.read(self.address(at), u32::from(bytes))
    }
}

/// The bits of a field, the most significant first, with their places in the word loaded.
fn bits_of(address: u64, bytes: u32, mask: u32) -> impl Iterator<Item = (Bit, usize)> {
    (0..bytes * 8)
        .rev()
        .filter(move |bit| mask >> bit & 1 == 1)
        .map(move |bit| {
            let place = (address + u64::from(bytes - 1 - bit / 8), (bit % 8) as u8);
            (place, bit as usize)
        })
}
