//! The code buffer: instruction words in place, labels, and what the pipeline forbids.
//!
//! Problem: a word must cost few instructions of a 25 MHz processor, and neither a load, a branch nor HI and LO
//! may be used too early. Method: the buffer is the client's, an array of shared cells. Words go into a window of
//! [`RESERVE`] words that moves on at each label: between labels, in straight-line clients, the place in the window is
//! known at compile time, no word needs a check, and a word is a store. What the last word loaded and whether it may move
//! is kept as two sets of registers, constants wherever operands are. A branch forward holds the place of the
//! branch before it to the same label, a chain that binding walks. A buffer that is full goes on in a sink and says so at the
//! end. Left out: what to emit.
//!
//! The buffer, in words: room for the prologue, code, the sink, two words for each label.

use core::cell::Cell;

use super::MAX_TABLE;
use super::abi::PROLOGUE;
use super::encode::{NOP, may_read};
use crate::{Error, ErrorKind, Label};

/// Words of the window: that many are free when a label is made, and behind it.
pub(super) const RESERVE: usize = 128;
/// Marks what is kept of a label that is bound.
const BOUND: u32 = 1 << 31;
/// A place so far back that no distance to it is short.
const LONG_AGO: usize = usize::MAX - 16;
/// Instructions between a move from HI or LO and the next that writes them.
const HILO_DISTANCE: usize = 2;

/// The words of a function. It is `Copy`, and whatever is not inlined gets a copy: then a client's compiler can keep
/// all of it in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'b, const WORDS: usize> {
    all: &'b [Cell<u32>; WORDS],
    /// The words from `start` on.
    window: &'b [Cell<u32>; RESERVE],
    start: usize,
    /// Words of the window that are written.
    used: usize,
    /// Registers that the last word loads, which the next may not read.
    loaded: u32,
    /// 0 if the last word must stay where it is; else bit 0 and what it writes.
    movable: u32,
    /// What the word before that loads.
    before: u32,
    /// The place behind the last move from HI or LO.
    hilo: usize,
    /// The place behind the last instruction that never goes on to the next.
    closed: usize,
    current: Current,
    labels: u32,
    returns: u32,
    /// Whether the last return's branch keeps a load from its use in the slot.
    needs_return: bool,
    /// 0, or the first mistake: its kind and a number.
    fault: u32,
}

/// The label used last.
#[derive(Debug, Clone, Copy)]
struct Current {
    label: u32,
    /// Its place if it is bound, else the last branch to it, or 0.
    head: u32,
    bound: bool,
    /// What is loaded in the slots of branches to it.
    loads: u32,
}

impl Current {
    const NONE: Self = Self {
        label: u32::MAX,
        head: 0,
        bound: false,
        loads: 0,
    };
}

/// Mistakes, in the two upper bits of the number kept.
const FOREIGN: u32 = 1 << 30;
const TWICE: u32 = 2 << 30;
const TABLE: u32 = 3 << 30;

/// Where a branch goes.
#[derive(Clone, Copy)]
pub(super) enum To {
    Label(Label),
    /// Past so many words behind the delay slot.
    Ahead(u16),
    /// Out of the function.
    Return,
    /// Where a register says, to code that may use any register at once.
    Register,
}

/// The register as a set.
#[inline(always)]
pub(super) const fn bit(register: u8) -> u32 {
    1_u32.wrapping_shl(register as u32)
}

impl<'b, const WORDS: usize> Words<'b, WORDS> {
    /// The most labels of a function.
    pub(super) const MAX_LABELS: u32 = WORDS as u32 / 8;
    /// Where labels are kept.
    const LABELS: usize = WORDS - WORDS / 4;
    /// Where the sink is: the end of what a function may have.
    const SINK: usize = Self::LABELS - RESERVE;

    pub(super) fn new(buffer: &'b mut [u32; WORDS]) -> Self {
        const {
            assert!(
                WORDS.is_power_of_two() && WORDS >= 1024 && WORDS <= 1 << 15,
                "a branch reaches 2^15 words"
            );
        };
        let all = Cell::from_mut(buffer).as_array_of_cells();
        let mut words = Self {
            all,
            window: Self::window(all, 0),
            start: 0,
            used: 0,
            loaded: 0,
            movable: 0,
            before: 0,
            hilo: LONG_AGO,
            closed: usize::MAX,
            current: Current::NONE,
            labels: 0,
            returns: 0,
            needs_return: false,
            fault: 0,
        };
        words.begin(0);
        words
    }

    /// Forgets the last function. The prologue's last word loads the registers `loaded`.
    #[inline(always)]
    pub(super) fn begin(&mut self, loaded: u32) {
        (self.start, self.used) = (PROLOGUE, 0);
        (self.loaded, self.movable, self.before) = (loaded, 0, 0);
        (self.hilo, self.closed) = (LONG_AGO, usize::MAX);
        self.current = Current::NONE;
        (self.labels, self.returns, self.needs_return) = (0, 0, false);
        self.fault = 0;
        self.reserve();
    }

    /// The place of the next word, from the start of the buffer.
    #[inline(always)]
    pub(super) const fn at(&self) -> usize {
        self.start.wrapping_add(self.used)
    }

    /// The cell at a place, which is in the buffer.
    #[inline(always)]
    pub(super) fn cell(&self, at: usize) -> &'b Cell<u32> {
        &self.all[at & (WORDS - 1)]
    }

    /// The words at these places, as far as there are any.
    pub(super) fn range(&self, range: core::ops::Range<usize>) -> &'b [Cell<u32>] {
        self.all.get(range).unwrap_or_default()
    }

    /// Moves the window on, so that all of it is free; into the sink when the buffer is full.
    #[inline(always)]
    pub(super) fn reserve(&mut self) {
        let at = self.at();
        self.start = if at < Self::SINK { at } else { Self::SINK };
        self.used = 0;
        self.window = Self::window(self.all, self.start);
    }

    #[inline(always)]
    fn window(all: &'b [Cell<u32>; WORDS], start: usize) -> &'b [Cell<u32>; RESERVE] {
        match all[..Self::LABELS]
            .get(start..)
            .and_then(|rest| rest.first_chunk())
        {
            Some(window) => window,
            None => unreachable!("the sink is the last window"),
        }
    }

    /// The next `N` words.
    #[inline(always)]
    fn take<const N: usize>(&mut self) -> &'b [Cell<u32>; N] {
        const { assert!(N <= RESERVE) };
        if self.used > RESERVE - N {
            self.reserve();
        }
        match self.window[self.used..].first_chunk() {
            Some(chunk) => {
                self.used += N;
                chunk
            }
            None => unreachable!("the window holds any chunk"),
        }
    }

    #[inline(always)]
    fn word(&mut self, word: u32) {
        let [cell] = self.take();
        cell.set(word);
    }

    /// Keeps an instruction that reads these registers away from the load of one.
    #[inline(always)]
    fn await_load(&mut self, reads: u32) {
        if self.loaded & reads != 0 {
            self.word(NOP);
            self.loaded = 0;
        }
    }

    /// An instruction that may move into the slot of a branch behind it.
    #[inline(always)]
    pub(super) fn alone(&mut self, reads: u32, writes: u32, word: u32) {
        self.await_load(reads);
        self.word(word);
        (self.movable, self.before, self.loaded) = (1 | writes, self.loaded, 0);
    }

    /// A load that may move into the slot of a branch behind it.
    #[inline(always)]
    pub(super) fn load(&mut self, reads: u32, writes: u32, word: u32) {
        self.alone(reads, writes, word);
        self.loaded = writes;
    }

    /// An instruction that stays where it is.
    #[inline(always)]
    pub(super) fn fixed(&mut self, reads: u32, word: u32) {
        self.await_load(reads);
        self.word(word);
        (self.movable, self.loaded) = (0, 0);
    }

    /// A load that stays where it is.
    #[inline(always)]
    pub(super) fn fixed_load(&mut self, reads: u32, writes: u32, word: u32) {
        self.fixed(reads, word);
        self.loaded = writes;
    }

    /// A multiplication or division.
    #[inline(always)]
    pub(super) fn write_hilo(&mut self, reads: u32, word: u32) {
        self.await_load(reads);
        let since = self.at().wrapping_sub(self.hilo);
        if since < HILO_DISTANCE {
            self.word(NOP);
        }
        if since < HILO_DISTANCE - 1 {
            self.word(NOP);
        }
        self.fixed(0, word);
    }

    /// A move from HI or LO.
    #[inline(always)]
    pub(super) fn read_hilo(&mut self, word: u32) {
        self.fixed(0, word);
        self.hilo = self.at();
    }

    /// What the last word loads.
    #[inline(always)]
    pub(super) const fn loaded(&self) -> u32 {
        self.loaded
    }

    /// A branch after the words `before`; the first of all reads `first`, all together `reads`. Its slot
    /// gets the last instruction if that may move, else nothing.
    #[inline(always)]
    pub(super) fn go<const N: usize>(
        &mut self,
        before: [u32; N],
        branch: u32,
        (first, reads): (u32, u32),
        to: To,
    ) {
        if let To::Label(label) = to {
            self.look_up(label);
        }
        let slot = if self.fills(first, reads, to) {
            self.take_back()
        } else {
            self.await_load(first);
            self.loaded = 0;
            NOP
        };
        self.place(before, branch, slot, to);
    }

    /// Leaves the function, with this instruction, which reads these registers, in the slot.
    #[inline(always)]
    pub(super) fn leave_with(&mut self, branch: u32, (reads, slot): (u32, u32)) {
        self.needs_return = self.loaded & reads != 0;
        self.loaded = 0;
        self.place([], branch, slot, To::Return);
    }

    #[inline(always)]
    fn place<const N: usize>(&mut self, before: [u32; N], branch: u32, slot: u32, to: To) {
        for (cell, word) in self.take::<N>().iter().zip(before) {
            cell.set(word);
        }
        let at = self.at();
        let field = match to {
            To::Label(_) if self.current.bound => {
                self.current.head.wrapping_sub(at as u32 + 1) & 0xffff
            }
            To::Label(_) => {
                self.current.loads |= self.loaded;
                core::mem::replace(&mut self.current.head, at as u32)
            }
            To::Return => core::mem::replace(&mut self.returns, at as u32),
            To::Ahead(words) => u32::from(words) + 1,
            To::Register => 0,
        };
        let [branch_cell, slot_cell] = self.take();
        branch_cell.set(branch | field);
        slot_cell.set(slot);
        self.movable = 0;
    }

    /// Says that control never goes on from here.
    #[inline(always)]
    pub(super) fn close(&mut self) {
        self.closed = self.at();
    }

    /// Whether the last word may stand in the slot of such a branch: nothing of the branch reads what it writes, and
    /// the branch's first word may stand where it stood.
    #[inline(always)]
    fn fills(&self, first: u32, reads: u32, to: To) -> bool {
        // Apart, so that registers known to be the same decide at compile time.
        if self.used == 0 || self.movable == 0 {
            return false;
        }
        if self.movable & reads != 0 || self.before & first != 0 {
            return false;
        }
        self.loaded == 0
            || match to {
                To::Label(_) if self.current.bound => {
                    may_read(self.cell(self.current.head as usize).get()) & self.loaded == 0
                }
                To::Label(_) | To::Ahead(_) => true,
                To::Return | To::Register => false,
            }
    }

    /// The last word of the window, taken off.
    #[inline(always)]
    fn take_back(&mut self) -> u32 {
        self.used = self.used.saturating_sub(1);
        self.window.get(self.used).map_or(NOP, Cell::get)
    }

    /// A new label.
    #[inline(always)]
    pub(super) fn label(&mut self) -> Label {
        self.reserve();
        self.keep(self.current);
        self.current = Current {
            label: self.labels,
            head: 0,
            bound: false,
            loads: 0,
        };
        self.labels = self.labels.wrapping_add(1);
        Label::new(self.current.label)
    }

    /// The label is here.
    #[inline(always)]
    pub(super) fn bind(&mut self, label: Label) {
        self.look_up(label);
        let here = self.at() as u32;
        if self.current.bound {
            self.fail(TWICE, self.current.label);
        }
        self.reserve();
        // In the sink places come again, and chains would have no end.
        if !self.current.bound && self.start != Self::SINK {
            self.land(self.current.head, here);
        }
        (self.current.head, self.current.bound) = (here, true);
        self.arrive(self.current.loads);
    }

    /// What follows is also reached from elsewhere, with these registers just loaded.
    #[inline(always)]
    pub(super) fn arrive(&mut self, loaded: u32) {
        self.loaded |= loaded;
        (self.movable, self.closed) = (0, usize::MAX);
    }

    /// Makes the branches of a chain go to `here`.
    #[inline(always)]
    fn land(&self, chain: u32, here: u32) {
        let (mut at, before) = (chain & (WORDS as u32 - 1), here.wrapping_sub(1));
        while at != 0 {
            let cell = self.cell(at as usize);
            let word = cell.get();
            let next = word & (WORDS as u32 - 1);
            cell.set(
                word.wrapping_sub(next)
                    .wrapping_add(before.wrapping_sub(at)),
            );
            at = next;
        }
    }

    /// Makes the label the current one.
    #[inline(always)]
    fn look_up(&mut self, label: Label) {
        let label = label.index() as u32;
        if label == self.current.label {
            return;
        }
        self.keep(self.current);
        if label < self.labels && label < Self::MAX_LABELS {
            let at = Self::LABELS.wrapping_add(2 * label as usize);
            let head = self.cell(at).get();
            self.current = Current {
                label,
                head: head & !BOUND,
                bound: head & BOUND != 0,
                loads: self.cell(at + 1).get(),
            };
        } else {
            // One too many is told by `finish`.
            if label >= self.labels {
                self.fail(FOREIGN, label);
            }
            self.current = Current::NONE;
        }
    }

    /// Writes down what is known of the label.
    #[inline(always)]
    fn keep(&self, known: Current) {
        if known.label < Self::MAX_LABELS {
            let at = Self::LABELS.wrapping_add(2 * known.label as usize);
            let mark = if known.bound { BOUND } else { 0 };
            self.cell(at).set(known.head | mark);
            self.cell(at + 1).set(known.loads);
        }
    }

    /// A jump table has too many labels.
    pub(super) fn fail_table(&mut self, count: usize) {
        self.fail(TABLE, count as u32);
    }

    /// Keeps the mistake, if it is the first.
    #[inline(always)]
    fn fail(&mut self, kind: u32, number: u32) {
        if self.fault == 0 {
            self.fault = kind | number & !TABLE;
        }
    }

    /// Whether all is well at the end of the body.
    pub(super) fn finish(&self) -> Result<(), Error> {
        self.keep(self.current);
        self.check_mistakes()?;
        self.check_room()?;
        let place = |label: u32| self.cell(Self::LABELS + 2 * label as usize).get();
        let waits = |&label: &u32| !matches!(place(label), 0 | BOUND..);
        if let Some(unbound) = (0..self.labels).find(waits) {
            let bound = (0..self.labels).filter(|&label| place(label) & BOUND != 0);
            let bound = bound.count() as u64;
            return Err(Error::new(
                ErrorKind::UnboundLabel,
                u64::from(unbound),
                bound,
            ));
        }
        if self.closed != self.at() {
            let bytes = 4 * (self.at() - PROLOGUE) as u64;
            return Err(Error::new(ErrorKind::NoReturn, bytes, bytes));
        }
        Ok(())
    }

    fn check_mistakes(&self) -> Result<(), Error> {
        let number = u64::from(self.fault & !TABLE);
        let (kind, limit) = match self.fault & TABLE {
            FOREIGN => (ErrorKind::ForeignLabel, u64::from(self.labels)),
            TWICE => (ErrorKind::LabelBoundTwice, 1),
            TABLE => (ErrorKind::TableLimit, MAX_TABLE as u64),
            _ => return Ok(()),
        };
        Err(Error::new(kind, number, limit))
    }

    /// Whether everything fitted so far.
    pub(super) fn check_room(&self) -> Result<(), Error> {
        let limit = 4 * (Self::SINK - PROLOGUE) as u64;
        if self.at() >= Self::SINK {
            return Err(Error::new(ErrorKind::BufferLimit, limit + 4, limit));
        }
        if self.labels > Self::MAX_LABELS {
            let (given, limit) = (self.labels.into(), Self::MAX_LABELS.into());
            return Err(Error::new(ErrorKind::LabelLimit, given, limit));
        }
        Ok(())
    }

    /// Makes every return the instruction `to`, or a branch to here if there is none.
    pub(super) fn land_returns(&mut self, to: Option<u32>) {
        let Some(instruction) = to else {
            return self.land(self.returns, self.at() as u32);
        };
        let mut at = self.returns;
        while at != 0 {
            let cell = self.cell(at as usize);
            at = cell.get() & 0xffff;
            cell.set(instruction);
        }
    }

    /// If the function ends with a return, takes its branch off and leaves what is in its slot.
    pub(super) fn drop_last_return(&mut self) {
        let slot = self.at() - 1;
        if self.returns as usize + 1 != slot || self.needs_return {
            return;
        }
        let branch = self.cell(self.returns as usize);
        let end = if self.cell(slot).get() == NOP {
            slot - 1
        } else {
            slot
        };
        self.returns = branch.get() & 0xffff;
        branch.set(self.cell(slot).get());
        (self.start, self.used) = (end, 0);
        self.reserve();
    }
}
