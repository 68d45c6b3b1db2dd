//! Look-ups of keys.
//!
//! Problem: which of many flows, in one cache line, with no branch that depends on it. Method: the
//! key is loaded into one register, hashed by a folded multiply and masked to a bucket. All slots
//! of the bucket are compared and the matching value selected by conditional moves; values are
//! loaded before keys, so that an entry being published is seen whole or not at all. The branch to
//! the next bucket is taken only by the few buckets that overflowed. Keys longer than a word are
//! found by their hash and then compared with their record. Left out: the table's layout, which
//! `dispatch` documents.

use vcode::{Reg, Target};

use super::Error;
use super::emit::Emitter;
use crate::dispatch::{KeyPlan, Layout, MULTIPLIER, OVERFLOW, Piece, STRIDE};
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
            Lookup::Table(table) => {
                let records = table.records().map_or(0, |records| records.address());
                self.table(
                    &group.plan,
                    frames,
                    table.layout(),
                    table.memory().address(),
                    records,
                )
            }
        }
    }

    pub(super) fn only(&mut self, entry: u32, rank: u32) -> Result<(), Error> {
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

    fn table(
        &mut self,
        plan: &KeyPlan,
        frames: &[Base],
        layout: &Layout,
        address: u64,
        records: u64,
    ) -> Result<(), Error> {
        let ranked = self.best.is_some();
        let in_slot = records == 0;
        let slots = Slots {
            tag: self.register()?,
            bucket: self.register()?,
            value: self.register()?,
            rank: if ranked { Some(self.register()?) } else { None },
        };
        self.hash(plan, frames, layout, &slots)?;
        // Where the function returns at once, the packet and its length are not needed any more.
        if !ranked && in_slot {
            self.buckets(layout, address, &slots, (self.len, self.packet), false)?;
        } else {
            let (table, key) = (self.register()?, self.register()?);
            self.buckets(layout, address, &slots, (table, key), ranked && in_slot)?;
            self.free(key)?;
            self.free(table)?;
        }
        if !in_slot {
            self.verify(plan, frames, layout, records, &slots)?;
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

    /// Puts key or hash into `tag` and the bucket's offset into `bucket`.
    fn hash(
        &mut self,
        plan: &KeyPlan,
        frames: &[Base],
        layout: &Layout,
        slots: &Slots,
    ) -> Result<(), Error> {
        let multiplier = self.register()?;
        self.asm.setul(multiplier, MULTIPLIER as i64);
        let hash = slots.bucket;
        if plan.words() == 1 {
            self.word(plan, frames, 0, slots.tag)?;
            self.asm.setul(hash, layout.seed as i64);
            self.asm.xorul(hash, hash, slots.tag);
            self.asm.foldul(hash, hash, multiplier);
        } else {
            self.asm.setul(hash, layout.seed as i64);
            for word in 0..plan.words() {
                self.word(plan, frames, word, slots.tag)?;
                self.asm.xorul(hash, hash, slots.tag);
                self.asm.foldul(hash, hash, multiplier);
            }
            self.asm.movul(slots.tag, hash);
        }
        self.asm
            .andul(hash, hash, (layout.buckets - 1) * layout.bucket_bytes());
        self.free(multiplier)
    }

    /// Selects the value, and the rank if asked, of the slot with the tag. No two slots that a look-up
    /// visits have its tag, and those without value never have.
    fn buckets(
        &mut self,
        layout: &Layout,
        address: u64,
        slots: &Slots,
        fixed: (Reg, Reg),
        ranked: bool,
    ) -> Result<(), Error> {
        let (table, key) = fixed;
        let done = self.asm.label();
        let value = self.register()?;
        let mask = (layout.buckets - 1) * layout.bucket_bytes();
        self.asm.setp(table, address as i64);
        self.asm.setu(slots.value, 0);
        if let Some(rank) = slots.rank {
            self.asm.setu(rank, 0);
        }
        for visit in 0..layout.probes {
            if visit > 0 {
                self.asm.addul(
                    slots.bucket,
                    slots.bucket,
                    (STRIDE & (layout.buckets - 1)) * layout.bucket_bytes(),
                );
                self.asm.andul(slots.bucket, slots.bucket, mask);
            }
            for way in 0..layout.ways as i32 {
                self.slot(layout, way, slots, (table, key, value), ranked);
            }
            if visit + 1 < layout.probes {
                let last = 12 * layout.ways as i32 - 4;
                self.asm.ldu(value, table, (slots.bucket, last));
                self.asm.bltu(value, OVERFLOW, done);
            }
        }
        self.asm.bind(done);
        self.free(value)
    }

    /// Takes one slot's value, and rank, if its tag is equal.
    fn slot(
        &mut self,
        layout: &Layout,
        way: i32,
        slots: &Slots,
        fixed: (Reg, Reg, Reg),
        ranked: bool,
    ) {
        let (table, key, value) = fixed;
        let ways = layout.ways as i32;
        self.asm
            .ldu(value, table, (slots.bucket, 8 * ways + 4 * way));
        self.asm.ldul(key, table, (slots.bucket, 8 * way));
        if way == ways - 1 && layout.probes > 1 {
            self.asm.andu(value, value, OVERFLOW - 1);
        }
        self.asm.cmovequl(slots.value, value, key, slots.tag);
        if let Some(rank) = slots.rank.filter(|_| ranked) {
            self.asm
                .ldu(value, table, (slots.bucket, 12 * ways + 4 * way));
            self.asm.cmovequl(rank, value, key, slots.tag);
        }
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
