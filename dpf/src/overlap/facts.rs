//! What one branch of the search has assumed, and what follows from it at once.
//!
//! Per field the set of values left, per byte the bits known, per anchor how far it can be from
//! the end of the packet, per pair of compared expressions which of `<`, `=`, `>` remain. Each is
//! exact by itself; what holds only between them (fields that overlap in part, anchors whose
//! places may coincide) is left to the leaf solver, `ground`. Every change is on a trail, so a
//! branch is left by undoing it.

use alloc::vec::Vec;

use super::{
    bounds::{Bounds, EQUAL, Knowledge, LESS, MORE, bounds, mirrored},
    sets::{self, Intervals, Pattern},
    terms::{
        Anchor, AnchorId, CellId, FieldId, KeyId, LEN, Literal, LiteralId, Place, ROOT, SetId,
        TermId, Terms,
    },
};

/// The assumptions contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conflict;

/// A set of values, wherever it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    All,
    Given(SetId),
    Narrowed(usize),
}

/// Bounds of `len - anchor`, both inclusive: how many bytes follow an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Room {
    /// Lengths and distances stay far below 2^48.
    const ANY: Room = Room {
        least: -(1 << 48),
        most: 1 << 48,
    };
}

/// What remains of a comparison of two expressions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) left: TermId,
    pub(super) right: TermId,
    /// Of [`LESS`], [`EQUAL`], [`MORE`].
    pub(super) left_is: u8,
}

/// A field that is a key, or with `equal` false is not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed {
    pub(super) field: FieldId,
    pub(super) key: KeyId,
    pub(super) equal: bool,
}

enum Undo {
    Known(CellId, (u8, u8)),
    Allowed(FieldId, Allowed),
    Room(AnchorId, Room),
    Order(usize, u8),
    NewOrder,
    Key,
}

/// A point of the trail to return to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    trail: usize,
    narrowed: usize,
}

/// The assumptions of a branch.
#[derive(Default)]
pub(super) struct Facts {
    known: Vec<(u8, u8)>,
    allowed: Vec<Allowed>,
    narrowed: Vec<Vec<(u32, u32)>>,
    rooms: Vec<Room>,
    /// The anchors whose rooms were narrowed, in order of the first time.
    confined: Vec<AnchorId>,
    pub(super) orders: Vec<Order>,
    /// Fields that are, or are not, keys that stand for any value.
    pub(super) keys: Vec<Keyed>,
    trail: Vec<Undo>,
}

impl Facts {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            trail: self.trail.len(),
            narrowed: self.narrowed.len(),
        }
    }

    pub(super) fn undo_to(&mut self, mark: Mark) {
        while self.trail.len() > mark.trail {
            match self.trail.pop() {
                Some(Undo::Known(cell, old)) => self.known[cell] = old,
                Some(Undo::Allowed(field, old)) => self.allowed[field] = old,
                Some(Undo::Room(anchor, old)) => {
                    self.rooms[anchor] = old;
                    if old == Room::ANY {
                        self.confined.pop();
                    }
                }
                Some(Undo::Order(at, old)) => self.orders[at].left_is = old,
                Some(Undo::NewOrder) => drop(self.orders.pop()),
                Some(Undo::Key) => drop(self.keys.pop()),
                None => {}
            }
        }
        self.narrowed.truncate(mark.narrowed);
    }

    /// Whether the literal, or with `sign` false its complement, follows or is refuted.
    pub(super) fn status(&self, terms: &Terms, literal: LiteralId, sign: bool) -> Option<bool> {
        let truth = match terms.literals[literal] {
            Literal::Captured(place) => {
                let room = self.room(terms, place.anchor);
                decided(
                    room.most >= distance(place.offset),
                    room.least < distance(place.offset),
                )
            }
            Literal::Bits { field, sets } => {
                let allowed = self.allowed(terms, field);
                let pattern = self.pattern(terms, field);
                let [inside, outside] =
                    sets.map(|set| sets::meet(allowed, terms.set(set), pattern));
                decided(inside, outside)
            }
            Literal::Key(field, key) => self.is_key(terms, field, key),
            Literal::Equal(left, right) => self.ordered(terms, left, right, EQUAL),
            Literal::Less(left, right) => self.ordered(terms, left, right, LESS),
        };
        truth.map(|truth| truth == sign)
    }

    /// Assumes a literal or its complement.
    pub(super) fn assume(
        &mut self,
        terms: &Terms,
        literal: LiteralId,
        sign: bool,
    ) -> Result<(), Conflict> {
        match terms.literals[literal] {
            Literal::Captured(place) => {
                let at = distance(place.offset);
                let room = if sign {
                    Room {
                        least: at,
                        ..Room::ANY
                    }
                } else {
                    Room {
                        most: at - 1,
                        ..Room::ANY
                    }
                };
                self.confine(terms, place.anchor, room).map(drop)
            }
            Literal::Bits {
                field,
                sets: [inside, outside],
            } => self.restrict(terms, field, if sign { inside } else { outside }),
            Literal::Key(field, key) => self.assume_key(
                terms,
                Keyed {
                    field,
                    key,
                    equal: sign,
                },
            ),
            Literal::Equal(left, right) => {
                self.order(terms, left, right, if sign { EQUAL } else { LESS | MORE })
            }
            Literal::Less(left, right) => {
                self.order(terms, left, right, if sign { LESS } else { EQUAL | MORE })
            }
        }
    }

    /// Carries bounds between anchors, the lengths and the shifts that join them.
    pub(super) fn settle(&mut self, terms: &Terms) -> Result<(), Conflict> {
        for _ in 0..=self.confined.len() {
            let (mut changed, mut at) = (false, 0);
            while let Some(&anchor) = self.confined.get(at) {
                at += 1;
                let Anchor { from, by } = terms.anchors[anchor];
                let by = self.bounds(terms, by);
                let nearest = distance(from.offset) + i64::from(by.least);
                let farthest = distance(from.offset) + i64::from(by.most);
                let outer = self.room(terms, from.anchor);
                let inner = Room {
                    least: outer.least - farthest,
                    most: outer.most - nearest,
                };
                changed |= self.confine(terms, anchor, inner)?;
                let inner = self.room(terms, anchor);
                let outer = Room {
                    least: inner.least + nearest,
                    most: inner.most + farthest,
                };
                changed |= self.confine(terms, from.anchor, outer)?;
            }
            if !changed {
                break;
            }
        }
        Ok(())
    }

    /// The values left for a field, known bits aside.
    pub(super) fn allowed<'a>(&'a self, terms: &'a Terms, field: FieldId) -> &'a Intervals {
        match self.allowed.get(field).copied().unwrap_or(Allowed::All) {
            Allowed::All => sets::FULL,
            Allowed::Given(set) => terms.set(set),
            Allowed::Narrowed(at) => &self.narrowed[at],
        }
    }

    /// Whether anything was assumed about a field itself.
    pub(super) fn restricted(&self, field: FieldId) -> bool {
        self.allowed
            .get(field)
            .is_some_and(|&allowed| allowed != Allowed::All)
    }

    /// How many bytes follow an anchor.
    pub(super) fn room(&self, terms: &Terms, anchor: AnchorId) -> Room {
        if anchor != ROOT {
            return self.rooms.get(anchor).copied().unwrap_or(Room::ANY);
        }
        let lengths = self.allowed(terms, LEN);
        let least = lengths.first().map_or(0, |&(low, _)| low);
        let most = lengths.last().map_or(u32::MAX, |&(_, high)| high);
        Room {
            least: i64::from(least),
            most: i64::from(most),
        }
    }

    /// Whether anything was assumed about the room after an anchor.
    pub(super) fn confined(&self, anchor: AnchorId) -> bool {
        self.rooms
            .get(anchor)
            .is_some_and(|&room| room != Room::ANY)
    }

    /// What is known of a field's value.
    fn pattern(&self, terms: &Terms, field: FieldId) -> Pattern {
        let (mask, value) = self.known(terms, field);
        justified(terms.fields[field].mask, mask, value)
    }

    /// The known bits of a field's bytes, big-endian, and what they are.
    pub(super) fn known(&self, terms: &Terms, field: FieldId) -> (u32, u32) {
        let at = &terms.fields[field];
        let (mut mask, mut value) = (0, 0);
        for &cell in &at.cells[..usize::from(at.bytes)] {
            let (byte_mask, byte) = self.known.get(cell).copied().unwrap_or((0, 0));
            mask = mask << 8 | u32::from(byte_mask);
            value = value << 8 | u32::from(byte);
        }
        (mask, value)
    }

    fn restrict(&mut self, terms: &Terms, field: FieldId, set: SetId) -> Result<(), Conflict> {
        let allowed = if self.restricted(field) {
            self.narrowed.push(sets::intersection(
                self.allowed(terms, field),
                terms.set(set),
            ));
            Allowed::Narrowed(self.narrowed.len() - 1)
        } else {
            Allowed::Given(set)
        };
        self.allow(field, allowed);
        self.learn(terms, field)
    }

    fn allow(&mut self, field: FieldId, allowed: Allowed) {
        if self.allowed.len() <= field {
            self.allowed.resize(field + 1, Allowed::All);
        }
        self.trail.push(Undo::Allowed(field, self.allowed[field]));
        self.allowed[field] = allowed;
    }

    /// Turns what all values left have in common into known bits, and checks the fields there.
    fn learn(&mut self, terms: &Terms, field: FieldId) -> Result<(), Conflict> {
        let mut queue = Vec::from([field]);
        while let Some(field) = queue.pop() {
            let pattern = self.pattern(terms, field);
            let allowed = self.allowed(terms, field);
            let least = sets::least(allowed, pattern).ok_or(Conflict)?;
            let greatest = sets::greatest(allowed, pattern).ok_or(Conflict)?;
            let common = match (least ^ greatest).leading_zeros() {
                0 => continue,
                same => u32::MAX << (32 - same),
            };
            let at = terms.fields[field];
            let trailing = at.mask.trailing_zeros();
            let mask = (common << trailing) & at.mask;
            let value = least << trailing;
            for index in 0..u32::from(at.bytes) {
                let shift = 8 * (u32::from(at.bytes) - 1 - index);
                let cell = at.cells[index as usize];
                if self.know(cell, (mask >> shift) as u8, (value >> shift) as u8) {
                    let over = terms.cell_fields[cell].iter();
                    queue.extend(
                        over.copied()
                            .filter(|&other| other != field && self.restricted(other)),
                    );
                }
            }
        }
        Ok(())
    }

    /// Whether the bits of `mask` were not all known before.
    fn know(&mut self, cell: CellId, mask: u8, value: u8) -> bool {
        if self.known.len() <= cell {
            self.known.resize(cell + 1, (0, 0));
        }
        let old = self.known[cell];
        let new = mask & !old.0;
        if new != 0 {
            self.trail.push(Undo::Known(cell, old));
            self.known[cell] = (old.0 | new, old.1 | (value & new));
        }
        new != 0
    }

    /// Narrows the room after an anchor; tells whether that was news.
    fn confine(&mut self, terms: &Terms, anchor: AnchorId, by: Room) -> Result<bool, Conflict> {
        let old = self.room(terms, anchor);
        let new = Room {
            least: old.least.max(by.least),
            most: old.most.min(by.most),
        };
        if new.least > new.most {
            return Err(Conflict);
        }
        if new == old {
            return Ok(false);
        }
        if anchor == ROOT {
            let (Ok(low), Ok(high)) = (u32::try_from(new.least), u32::try_from(new.most)) else {
                return Err(Conflict);
            };
            let lengths = sets::intersection(self.allowed(terms, LEN), &[(low, high)]);
            self.narrowed.push(lengths);
            self.allow(LEN, Allowed::Narrowed(self.narrowed.len() - 1));
            self.learn(terms, LEN)?;
        } else {
            if self.rooms.len() <= anchor {
                self.rooms.resize(anchor + 1, Room::ANY);
            }
            self.trail.push(Undo::Room(anchor, old));
            if old == Room::ANY {
                self.confined.push(anchor);
            }
            self.rooms[anchor] = new;
        }
        Ok(true)
    }

    /// Whether a field is known to be a key, or not to be.
    fn is_key(&self, terms: &Terms, field: FieldId, key: KeyId) -> Option<bool> {
        let name = |known: &Keyed, bit: usize| terms.names[known.key][bit];
        let given = |(cell, at, bit): (CellId, u32, usize)| {
            self.keys.iter().filter(|known| known.equal).any(|known| {
                let mut bits = terms.bits(known.field);
                bits.any(|(c, a, b)| {
                    c == cell && a == at && name(known, b) == terms.names[key][bit]
                })
            })
        };
        if terms.bits(field).all(given) {
            return Some(true);
        }
        let denied = self.keys.iter().any(|known| {
            let same =
                |(_, _, bit): (CellId, u32, usize)| name(known, bit) == terms.names[key][bit];
            !known.equal && known.field == field && terms.bits(field).all(same)
        });
        denied.then_some(false)
    }

    fn assume_key(&mut self, terms: &Terms, new: Keyed) -> Result<(), Conflict> {
        if self.is_key(terms, new.field, new.key) == Some(!new.equal) {
            return Err(Conflict);
        }
        self.keys.push(new);
        self.trail.push(Undo::Key);
        let wrong = |known: &&Keyed| {
            !known.equal && self.is_key(terms, known.field, known.key) == Some(true)
        };
        match self.keys.iter().find(wrong) {
            Some(_) => Err(Conflict),
            None => Ok(()),
        }
    }

    fn order(
        &mut self,
        terms: &Terms,
        left: TermId,
        right: TermId,
        left_is: u8,
    ) -> Result<(), Conflict> {
        if self.possible(terms, left, right) & left_is == 0 {
            return Err(Conflict);
        }
        let (left, right, left_is) = upward(left, right, left_is);
        match self
            .orders
            .iter()
            .position(|order| order.left == left && order.right == right)
        {
            Some(at) => {
                self.trail.push(Undo::Order(at, self.orders[at].left_is));
                self.orders[at].left_is &= left_is;
            }
            None => {
                self.trail.push(Undo::NewOrder);
                self.orders.push(Order {
                    left,
                    right,
                    left_is,
                });
            }
        }
        Ok(())
    }

    fn ordered(&self, terms: &Terms, left: TermId, right: TermId, left_is: u8) -> Option<bool> {
        let possible = self.possible(terms, left, right);
        decided(possible & left_is != 0, possible & !left_is != 0)
    }

    /// How `left` may compare with `right`.
    fn possible(&self, terms: &Terms, left: TermId, right: TermId) -> u8 {
        if left == right {
            return EQUAL;
        }
        let (low, high, _) = upward(left, right, 0);
        let assumed = match self
            .orders
            .iter()
            .find(|order| order.left == low && order.right == high)
        {
            Some(order) if low == left => order.left_is,
            Some(order) => mirrored(order.left_is),
            None => LESS | EQUAL | MORE,
        };
        assumed & self.comparisons(terms, left, right)
    }

    /// How bounds alone let `left` compare with `right`.
    pub(super) fn comparisons(&self, terms: &Terms, left: TermId, right: TermId) -> u8 {
        self.bounds(terms, left)
            .comparisons(self.bounds(terms, right))
    }

    fn bounds(&self, terms: &Terms, term: TermId) -> Bounds {
        bounds(terms, &Assumed { facts: self, terms }, term)
    }
}

/// What a branch knows of loads.
pub(super) struct Assumed<'a, 'f> {
    pub(super) facts: &'a Facts,
    pub(super) terms: &'a Terms<'f>,
}

impl Assumed<'_, '_> {
    /// What is known of a field by its own set and known bits.
    fn alone(&self, field: FieldId) -> Bounds {
        let Assumed { facts, terms } = self;
        let (allowed, known) = (facts.allowed(terms, field), facts.pattern(terms, field));
        let least = sets::least(allowed, known).unwrap_or(0);
        let most = sets::greatest(allowed, known).unwrap_or(u32::MAX);
        Bounds::new(least, most, known)
    }
}

impl Knowledge for Assumed<'_, '_> {
    fn field(&self, field: FieldId) -> Bounds {
        let mut bounds = self.alone(field);
        for (top, below) in self.terms.prefixes(field) {
            if self.facts.restricted(top) {
                bounds = bounds.under(self.alone(top), below);
            }
        }
        bounds
    }

    fn bytes(&self, _: Place, _: u8) -> (u32, u32) {
        (0, 0)
    }
}

/// A byte distance as a signed number; distances are sums of fewer than 2^16 numbers below 2^32.
pub(super) fn distance(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX).min(1 << 48)
}

/// The known bits of a load, as known bits of the value of the field under `field`.
pub(super) fn justified(field: u32, mask: u32, value: u32) -> Pattern {
    let trailing = field.trailing_zeros();
    let mask = (mask | !field) >> trailing | !(u32::MAX >> trailing);
    Pattern {
        mask,
        value: (value & field) >> trailing & mask,
    }
}

fn decided(can_hold: bool, can_fail: bool) -> Option<bool> {
    match (can_hold, can_fail) {
        (true, true) => None,
        (holds, _) => Some(holds),
    }
}

/// The same comparison with the smaller term on the left.
fn upward(left: TermId, right: TermId, left_is: u8) -> (TermId, TermId, u8) {
    if left <= right {
        (left, right, left_is)
    } else {
        (right, left, mirrored(left_is))
    }
}
