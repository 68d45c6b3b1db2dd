//! Look-ups of keys.
//!
//! Problem: which of many flows, in one cache line, with no branch that depends on it. Method: the
//! key is loaded into one register and hashed by a folded multiply; a small number that the hash
//! names, the displacement, is combined with it, and the result masked to a bucket. The slots of the
//! bucket are compared and the matching value selected by conditional moves; values are loaded
//! before keys, so that an entry being published is seen whole or not at all. Keys longer than a
//! word are found by their hash and then compared with their record. Where a few bits of the key
//! name its slot, the slot's words are compared with the key's by branches. Left out: the tables'
//! layouts, which `dispatch` documents; look-ups that end a run of tests (`run`).

use alloc::vec::Vec;

use vcode::{Reg, Target};

use super::Error;
use super::emit::Emitter;
use super::flow::Goal;
use crate::dispatch::{Hashed, KeyPlan, Layout, Piece, Place, Table, Window, Windowed};
use crate::trie::{Base, GroupId, Lookup};

/// Registers of a look-up.
struct Slots {
    /// The key of one word, or the hash of a longer one.
    tag: Reg,
    /// The bucket's offset in the table.
    bucket: Reg,
    /// The value found, or 0.
    value: Reg,
    /// Its rank plus 1, or 0; only where ranks decide and stand in the slot.
    rank: Option<Reg>,
}

impl<T: Target> Emitter<'_, T> {
    /// Looks the packet up in a group: returns, or keeps the better one.
    pub(super) fn probe(&mut self, group: GroupId, frames: &[Base]) -> Result<(), Error> {
        let trie = self.trie;
        let group = &trie.groups()[group.0 as usize];
        match &group.lookup {
            Lookup::None => {
                if self.best.is_none() {
                    self.asm.retu(0);
                }
                Ok(())
            }
            Lookup::One { entry, rank } => self.only(*entry, *rank),
            Lookup::Table(Table::Window(table)) => self.windowed(&group.plan, frames, table),
            Lookup::Table(Table::Hash(table)) => self.table(&group.plan, frames, table),
        }
    }

    /// Looks up where a few bits of the key name the slot.
    fn windowed(&mut self, plan: &KeyPlan, frames: &[Base], table: &Windowed) -> Result<(), Error> {
        let window = table.window();
        let mut words = Vec::with_capacity(plan.words());
        for word in 0..plan.words() {
            let register = self.register()?;
            self.word(plan, frames, word, register)?;
            words.push(register);
        }
        let (slot, part) = (self.register()?, self.register()?);
        self.slot(window, &words, (slot, part));
        let (far, near) = halves((self.places)(table.memory()), window.bytes());
        if far != 0 {
            self.asm.setp(part, far.into());
            self.asm.addul(slot, slot, part);
        }
        let at = |offset: u32| near + offset as i32;
        let other = match self.best {
            None => self.label(Goal::Return),
            Some(_) => self.asm.label(),
        };
        for (&word, number) in words.iter().zip(0..) {
            self.asm.ldu(part, slot, at(window.keys_at(number)));
            self.asm.bneu(part, word, other);
        }
        self.asm.ldu(part, slot, at(window.values_at()));
        if self.best.is_some() {
            self.asm.ldu(slot, slot, at(window.ranks_at()));
            self.keep(part, slot)?;
            self.asm.bind(other);
        } else {
            self.asm.retu(part);
        }
        self.free(part)?;
        self.free(slot)?;
        words.into_iter().try_for_each(|word| self.free(word))
    }

    /// Puts the offset of the slot that the words of a key name into the first register, and
    /// destroys the second.
    fn slot(&mut self, window: &Window, words: &[Reg], (slot, part): (Reg, Reg)) {
        let source = match (window.source, words) {
            (Place::All, [first, second, rest @ ..]) => {
                self.asm.xoru(slot, *first, *second);
                rest.iter()
                    .for_each(|word| self.asm.xoru(slot, slot, *word));
                slot
            }
            (Place::Word(word), _) => words.get(word as usize).copied().unwrap_or(slot),
            (Place::All, _) => words.first().copied().unwrap_or(slot),
        };
        let mut from = source;
        if window.fold > 0 {
            self.asm.rshu(part, source, window.fold);
            self.asm.xoru(slot, source, part);
            from = slot;
        }
        match window.shift {
            0 => {}
            left @ ..0 => self.asm.lshu(slot, from, left.unsigned_abs()),
            right => self.asm.rshu(slot, from, right),
        }
        if window.shift != 0 {
            from = slot;
        }
        self.asm.andu(slot, from, window.mask());
    }

    pub(super) fn only(&mut self, entry: u32, rank: u32) -> Result<(), Error> {
        if self.best.is_none() {
            self.asm.retu(entry + 1);
            return Ok(());
        }
        let (value, rank_reg) = (self.register()?, self.register()?);
        self.asm.setu(value, i64::from(entry + 1));
        self.asm.setu(rank_reg, i64::from(rank + 1));
        self.keep(value, rank_reg)?;
        self.free(rank_reg)?;
        self.free(value)
    }

    fn table(&mut self, plan: &KeyPlan, frames: &[Base], table: &Hashed) -> Result<(), Error> {
        let ranked = self.best.is_some();
        let in_slot = table.records().is_none();
        let slots = Slots {
            tag: self.register()?,
            bucket: self.register()?,
            value: self.register()?,
            rank: if ranked { Some(self.register()?) } else { None },
        };
        self.hash(plan, frames, table.layout(), &slots)?;
        // Where the function returns at once, the packet and its length are not needed any more.
        if !ranked && in_slot {
            self.bucket(table, &slots, (self.len, self.packet))?;
        } else {
            let (address, key) = (self.register()?, self.register()?);
            self.bucket(table, &slots, (address, key))?;
            self.free(key)?;
            self.free(address)?;
        }
        if let Some(records) = table.records() {
            let address = (self.places)(records);
            self.verify(plan, frames, table.layout(), address, &slots)?;
        }
        match slots.rank {
            Some(rank) => self.keep(slots.value, rank)?,
            None => self.asm.retu(slots.value),
        }
        slots.rank.map_or(Ok(()), |rank| self.free(rank))?;
        self.free(slots.value)?;
        self.free(slots.bucket)?;
        self.free(slots.tag)
    }

    /// Puts key or hash into `tag` and the hash into `bucket`.
    fn hash(
        &mut self,
        plan: &KeyPlan,
        frames: &[Base],
        layout: &Layout,
        slots: &Slots,
    ) -> Result<(), Error> {
        let multiplier = self.register()?;
        self.asm.setul(multiplier, layout.multiplier as i64);
        let hash = slots.bucket;
        for word in 0..plan.words() {
            self.word(plan, frames, word, slots.tag)?;
            if word == 0 {
                self.asm.foldul(hash, slots.tag, multiplier);
            } else {
                self.asm.xorul(hash, hash, slots.tag);
                self.asm.foldul(hash, hash, multiplier);
            }
        }
        if plan.words() > 1 {
            self.asm.movul(slots.tag, hash);
        }
        self.free(multiplier)
    }

    /// Finds the bucket of the hash and selects the value, and the rank if that is asked for and
    /// stands in the slot, of the slot with the tag. At most one slot of a bucket has its tag and a
    /// value, so the values of equal slots may be joined.
    fn bucket(
        &mut self,
        table: &Hashed,
        slots: &Slots,
        (address, key): (Reg, Reg),
    ) -> Result<(), Error> {
        let layout = table.layout();
        let ways = layout.ways as i32;
        let rank = slots.rank.filter(|_| table.records().is_none());
        let part = self.register()?;
        let place = (self.places)(table.memory());
        self.asm.setp(address, place as i64);
        if layout.displacements > 0 {
            self.asm
                .andul(part, slots.bucket, layout.displacement_mask());
            self.asm
                .ldus(part, address, (part, layout.displacements_at() as i32));
        }
        self.asm
            .rshul(slots.bucket, slots.bucket, layout.bucket_shift());
        if layout.displacements > 0 {
            self.asm.xorul(slots.bucket, slots.bucket, part);
        }
        self.asm
            .andul(slots.bucket, slots.bucket, layout.bucket_mask());
        self.asm.setu(slots.value, 0);
        if let Some(rank) = rank {
            self.asm.setu(rank, 0);
        }
        for way in 0..ways {
            // The value before the key: a value seen means a whole key.
            let value = (slots.bucket, 8 * ways + 4 * way);
            self.asm.ldu(part, address, value);
            self.asm.ldul(key, address, (slots.bucket, 8 * way));
            self.select(slots.value, part, way, (key, slots.tag));
            if let Some(rank) = rank {
                self.asm
                    .ldu(part, address, (slots.bucket, 12 * ways + 4 * way));
                self.select(rank, part, way, (key, slots.tag));
            }
        }
        if let Some(rank) = rank {
            // An entry that is just being published or removed may show a rank without a value.
            self.asm.setu(part, 0);
            self.asm.cmovequ(rank, part, slots.value, 0);
        }
        self.free(part)
    }

    /// Joins what a slot holds into `into` if its key is the tag.
    fn select(&mut self, into: Reg, part: Reg, way: i32, (key, tag): (Reg, Reg)) {
        if way > 0 {
            self.asm.oru(part, part, into);
        }
        self.asm.cmovequl(into, part, key, tag);
    }

    /// Replaces the number of a record by its entry and rank if the whole key is equal, else by 0.
    fn verify(
        &mut self,
        plan: &KeyPlan,
        frames: &[Base],
        layout: &Layout,
        address: u64,
        slots: &Slots,
    ) -> Result<(), Error> {
        let (table, differs, word) = (self.register()?, self.register()?, self.register()?);
        let record = slots.bucket;
        self.asm.setp(table, address as i64);
        self.asm.subu(record, slots.value, 1);
        self.asm.andu(record, record, layout.records - 1);
        self.asm
            .lshul(record, record, layout.record_bytes().trailing_zeros());
        // A missing slot differs too.
        self.asm.notu(differs, slots.value);
        for index in 0..plan.words() {
            self.word(plan, frames, index, slots.tag)?;
            self.asm.ldul(word, table, (record, 8 * index as i32));
            self.asm.xorul(word, word, slots.tag);
            self.asm.orul(differs, differs, word);
        }
        let entry = 8 * plan.words() as i32;
        self.asm.ldu(slots.value, table, (record, entry));
        self.asm.setu(word, 0);
        self.asm.cmovneul(slots.value, word, differs, 0);
        if let Some(rank) = slots.rank {
            self.asm.ldu(rank, table, (record, entry + 4));
            self.asm.cmovneul(rank, word, differs, 0);
        }
        self.free(word)?;
        self.free(differs)?;
        self.free(table)
    }

    /// Makes one word of the key.
    fn word(
        &mut self,
        plan: &KeyPlan,
        frames: &[Base],
        word: usize,
        into: Reg,
    ) -> Result<(), Error> {
        let mut first = true;
        for piece in plan
            .pieces()
            .iter()
            .filter(|piece| usize::from(piece.word) == word)
        {
            if first {
                self.piece(plan, piece, frames, into);
            } else {
                let part = self.register()?;
                self.piece(plan, piece, frames, part);
                self.asm.orul(into, into, part);
                self.free(part)?;
            }
            first = false;
        }
        Ok(())
    }

    fn piece(&mut self, plan: &KeyPlan, piece: &Piece, frames: &[Base], into: Reg) {
        self.load_exact(into, place_of(piece, frames), u32::from(piece.bytes));
        if !piece.is_full() {
            self.asm
                .andul(into, into, plan.native_mask(piece, piece.mask));
        }
        if piece.shift > 0 {
            self.asm.lshul(into, into, u32::from(piece.shift));
        }
    }
}

/// Where a piece of a key is.
pub(super) fn place_of(piece: &Piece, frames: &[Base]) -> Base {
    let frame = frames
        .get(usize::from(piece.frame))
        .copied()
        .unwrap_or_default();
    Base {
        add: frame.add.saturating_add(piece.offset),
        ..frame
    }
}

/// A 32-bit address as a number whose lower half is zero, if that reaches the whole table, and what
/// a load adds to it: signed 16 bits. The first is 0 at either end of the addresses.
pub(super) fn halves(address: u64, bytes: u32) -> (u32, i32) {
    let address = address as u32;
    let far = address.wrapping_add(0x8000) & 0xffff_0000;
    let near = address.wrapping_sub(far) as i32;
    if near + bytes as i32 <= 0x8000 {
        (far, near)
    } else {
        (address, 0)
    }
}
