//! Look-ups of keys.
//!
//! Problem: which of many flows, in one cache line, with no branch that depends on it. Method: the
//! key is loaded into one register and hashed by a folded multiply; a small number that the hash
//! names, the displacement, is combined with it, and the result masked to a bucket. The slots of the
//! bucket are compared and the matching value selected by conditional moves; values are loaded
//! before keys, so that an entry being published is seen whole or not at all. Keys longer than a
//! word are found by their hash and then compared with their record. Left out: the table's layout,
//! which `dispatch` documents.

use vcode::{Reg, Target};

use super::Error;
use super::emit::Emitter;
use crate::dispatch::{BUCKET_SHIFT, KeyPlan, Layout, Piece, Table};
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
            Lookup::Table(table) => self.table(&group.plan, frames, table),
        }
    }

    fn only(&mut self, entry: u32, rank: u32) -> Result<(), Error> {
        if self.best.is_none() {
            self.asm.retu(entry + 1);
            return Ok(());
        }
        let (value, rank_reg) = (self.register()?, self.register()?);
        self.asm.setu(value, i64::from(entry + 1));
        self.asm.setu(rank_reg, i64::from(rank + 1));
        self.keep(value, rank_reg);
        self.free(rank_reg)?;
        self.free(value)
    }

    /// Keeps a value and rank if the rank is above the best so far.
    pub(super) fn keep(&mut self, value: Reg, rank: Reg) {
        if let Some((best, best_rank)) = self.best {
            self.asm.cmovgtu(best, value, rank, best_rank);
            self.asm.cmovgtu(best_rank, rank, rank, best_rank);
        }
    }

    fn table(&mut self, plan: &KeyPlan, frames: &[Base], table: &Table) -> Result<(), Error> {
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
            self.verify(plan, frames, table.layout(), records.address(), &slots)?;
        }
        match slots.rank {
            Some(rank) => self.keep(slots.value, rank),
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
        table: &Table,
        slots: &Slots,
        (address, key): (Reg, Reg),
    ) -> Result<(), Error> {
        let layout = table.layout();
        let ways = layout.ways as i32;
        let rank = slots.rank.filter(|_| table.records().is_none());
        let part = self.register()?;
        self.asm.setp(address, table.memory().address() as i64);
        if layout.displacements > 0 {
            self.asm
                .andul(part, slots.bucket, layout.displacement_mask());
            self.asm
                .ldus(part, address, (part, layout.displacements_at() as i32));
        }
        self.asm.rshul(slots.bucket, slots.bucket, BUCKET_SHIFT);
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
                self.piece(piece, frames, into);
            } else {
                let part = self.register()?;
                self.piece(piece, frames, part);
                self.asm.orul(into, into, part);
                self.free(part)?;
            }
            first = false;
        }
        Ok(())
    }

    fn piece(&mut self, piece: &Piece, frames: &[Base], into: Reg) {
        let frame = frames
            .get(usize::from(piece.frame))
            .copied()
            .unwrap_or_default();
        let base = Base {
            add: frame.add.saturating_add(piece.offset),
            ..frame
        };
        self.load_exact(into, base, u32::from(piece.bytes));
        if !piece.is_full() {
            self.asm.andul(into, into, piece.native(piece.mask));
        }
        if piece.shift > 0 {
            self.asm.lshul(into, into, u32::from(piece.shift));
        }
    }
}
