//! In which order a run of tests is emitted, where branches and loads take effect late.
//!
//! Problem: on a R3000 the instruction after a branch is executed either way, and that after a load
//! may not use what was loaded; filled with `nop`s, a test of three instructions takes five.
//! Method: a run is a list of instructions on numbered values, in which each is computed once. List
//! scheduling from the front: a branch goes as soon as it can, with the instruction that most
//! depends on in its slot; else that instruction goes alone. A load from the packet stays behind
//! the guard it needs, and not in its slot, which is executed also where the guard fails. Values
//! get registers when they are computed. Tests that fail alike may change places. Left out: loops,
//! calls and stores, which filters do not have.

use alloc::vec::Vec;

use vcode::op::{Binary, Branch, Compare, Offset, Op, Src};
use vcode::{Class, Reg, Target, Ty};

use super::Error;
use super::emit::Emitter;
use super::flow::Goal;

/// How many tests may be under way at once: they need registers.
const LOOKAHEAD: u32 = 5;
/// Where the numbers of values begin: above those of registers.
const FIRST_VALUE: u8 = 64;
/// What no value has as its number.
const NO_VALUE: u8 = u8::MAX;
/// A run that has so many values takes no further test.
const FULL: usize = 100;

/// Instructions that may change places.
#[derive(Debug, Default)]
pub(super) struct Run {
    items: Vec<Item>,
    values: Vec<Value>,
    guards: u32,
    tests: u32,
}

#[derive(Debug)]
struct Item {
    act: Act,
    /// The values that it reads, by number; [`NO_VALUE`] for none.
    reads: [u8; 2],
    /// Instructions of the machine.
    words: u32,
    /// How many guards of the run must be passed before.
    guards: u32,
    /// What else must be issued before.
    after: Option<usize>,
    test: u32,
    /// How many instructions must follow, one after the other.
    height: u32,
    /// Whether only the end of the run waits for it: the best to fill the last slots.
    is_last: bool,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Op(Op),
    Branch {
        compare: Compare,
        a: Reg,
        b: Src,
        to: Goal,
        is_guard: bool,
    },
}

/// A value of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Value {
    register: Option<Reg>,
    /// How many instructions have yet to read it.
    uses: u32,
    producer: usize,
}

impl Run {
    /// Whether it takes no further test.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= FULL
    }

    /// Whether it takes another test whatever the next one is.
    pub(super) fn has_room(&self) -> bool {
        self.values.len() + 16 < FULL
    }

    /// What follows belongs to another test.
    pub(super) fn test(&mut self) {
        self.tests += 1;
    }

    /// Adds the instruction that `make` makes for a new value; loads from the packet are `guarded`.
    pub(super) fn op(&mut self, words: u32, guarded: bool, make: impl FnOnce(Reg) -> Op) -> Reg {
        let value = Reg::new(FIRST_VALUE.saturating_add(self.values.len() as u8));
        self.values.push(Value {
            producer: self.items.len(),
            ..Value::default()
        });
        let guards = if guarded { self.guards } else { 0 };
        self.push(Act::Op(make(value)), words, guards);
        value
    }

    /// Adds a test that goes to `to` if `a compare b`.
    pub(super) fn branch(&mut self, compare: Compare, a: Reg, b: Src, to: Goal) {
        let is_guard = false;
        self.push(
            Act::Branch {
                compare,
                a,
                b,
                to,
                is_guard,
            },
            1,
            0,
        );
    }

    /// The same, behind the guards before it, and before any load that is added later.
    pub(super) fn guard(&mut self, compare: Compare, a: Reg, b: Src, to: Goal) {
        let before = self.guards;
        self.guards += 1;
        let is_guard = true;
        self.push(
            Act::Branch {
                compare,
                a,
                b,
                to,
                is_guard,
            },
            2,
            before,
        );
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether each branch from an item on leaves the function.
    pub(super) fn leaves_from(&self, item: usize) -> bool {
        let mut branches = self.items.iter().skip(item);
        branches.all(|item| match item.act {
            Act::Branch { to, .. } => to == Goal::Return,
            Act::Op(_) => true,
        })
    }

    /// Adds `register = a + b` behind so many guards and before each branch from item `before` on.
    pub(super) fn keep(&mut self, register: Reg, (a, b): (Reg, u32), guards: u32, before: usize) {
        let kept = self.items.len();
        let op = Op::Binary(Binary::Add, Ty::U, register, a, b.into());
        self.push(Act::Op(op), 1, guards);
        if let Some(first) = self.items.get(before).map(|item| item.test) {
            self.items[kept].test = first;
        }
        for item in self.items[..kept].iter_mut().skip(before) {
            if matches!(item.act, Act::Branch { .. }) {
                item.after = Some(kept);
            }
        }
    }

    /// How many guards there are.
    pub(super) fn guards(&self) -> u32 {
        self.guards
    }

    /// Says that the end of the run reads the value.
    pub(super) fn ends_with(&mut self, value: Reg) {
        if let Some(known) = self.value(value) {
            known.uses += 1;
            let producer = known.producer;
            self.items[producer].is_last = known.uses == 1;
        }
    }

    /// Where a value is.
    pub(super) fn register(&self, reg: Reg) -> Reg {
        match self.values.get(index(reg)) {
            Some(Value { register, .. }) => register.unwrap_or(reg),
            None => reg,
        }
    }

    fn push(&mut self, act: Act, words: u32, guards: u32) {
        let mut reads = [NO_VALUE; 2];
        for (at, read) in act.reads().enumerate() {
            if let Some(value) = self.value(read) {
                value.uses += 1;
                reads[at] = index(read) as u8;
            }
        }
        self.items.push(Item {
            act,
            reads,
            words,
            guards,
            after: None,
            test: self.tests,
            height: 0,
            is_last: false,
        });
    }

    fn value(&mut self, reg: Reg) -> Option<&mut Value> {
        self.values.get_mut(index(reg))
    }

    fn measure(&mut self) {
        for at in (0..self.items.len()).rev() {
            let above = self.items[at].height + 1;
            for read in self.items[at].values() {
                let producer = self.values[read].producer;
                if let Some(item) = self.items.get_mut(producer) {
                    let delay = u32::from(item.act.loads().is_some());
                    item.height = item.height.max(above + delay);
                }
            }
        }
    }
}

impl Act {
    fn reads(&self) -> impl Iterator<Item = Reg> + use<> {
        let register = |src: Src| match src {
            Src::Reg(reg) => Some(reg),
            Src::Imm(_) => None,
        };
        let reads = match *self {
            Act::Op(Op::Binary(_, _, _, a, b)) => [Some(a), register(b)],
            Act::Op(Op::Load(_, _, _, base, Offset::Imm(_))) => [Some(base), None],
            Act::Branch { a, b, .. } => [Some(a), register(b)],
            // A run has no others but constants.
            Act::Op(_) => [None, None],
        };
        reads.into_iter().flatten()
    }

    fn loads(&self) -> Option<Reg> {
        match self {
            Act::Op(Op::Load(_, _, d, ..)) => Some(*d),
            _ => None,
        }
    }
}

/// An order, and how many instructions it leaves empty.
#[derive(Debug)]
struct Order {
    items: Vec<usize>,
    stalls: u32,
}

impl<T: Target> Emitter<'_, T> {
    /// Emits a run, all of it.
    pub(super) fn schedule(&mut self, run: &mut Run) -> Result<(), Error> {
        run.measure();
        let spares = self.spares();
        // Tests that come first fail first, if that costs nothing.
        let mut order = Progress::new(run, spares, false).order();
        if order.stalls > 0 {
            let other = Progress::new(run, spares, true).order();
            if other.stalls < order.stalls {
                order = other;
            }
        }
        order
            .items
            .into_iter()
            .try_for_each(|at| self.issue(run, at))
    }

    /// How many registers there are that cost nothing.
    fn spares(&mut self) -> usize {
        let taken = core::iter::from_fn(|| self.asm.getreg(Class::Temporary).ok());
        let taken: Vec<Reg> = taken.collect();
        let given = |reg: &&Reg| self.asm.putreg(**reg).is_ok();
        // The last that was taken is the first to be given again.
        taken.iter().rev().filter(given).count()
    }

    fn issue(&mut self, run: &mut Run, at: usize) -> Result<(), Error> {
        let act = run.items[at].act;
        let place = |reg: Reg| run.register(reg);
        let source = |src: Src| match src {
            Src::Reg(reg) => Src::Reg(run.register(reg)),
            constant => constant,
        };
        match act {
            Act::Branch {
                compare, a, b, to, ..
            } => {
                let (a, b) = (place(a), source(b));
                let label = self.label(to);
                self.asm
                    .branch(Branch::Compare(compare, Ty::U, a, b, label));
                self.release(run, &act)
            }
            Act::Op(op) => {
                let placed = match op {
                    Op::Binary(op, ty, d, a, b) => Op::Binary(op, ty, d, place(a), source(b)),
                    Op::Load(ty, align, d, base, offset) => {
                        Op::Load(ty, align, d, place(base), offset)
                    }
                    other => other,
                };
                self.release(run, &act)?;
                let Some(d) = op.writes() else {
                    return Ok(());
                };
                let into = match run.value(d) {
                    Some(value) => *value.register.insert(self.register()?),
                    None => d,
                };
                self.asm.op(match placed {
                    Op::Binary(op, ty, _, a, b) => Op::Binary(op, ty, into, a, b),
                    Op::Load(ty, align, _, base, offset) => Op::Load(ty, align, into, base, offset),
                    Op::Set(ty, _, value) => Op::Set(ty, into, value),
                    other => other,
                });
                Ok(())
            }
        }
    }

    /// Gives back the registers of values that nothing reads after this.
    fn release(&mut self, run: &mut Run, act: &Act) -> Result<(), Error> {
        for read in act.reads() {
            if let Some(value) = run.value(read) {
                value.uses -= 1;
                if value.uses == 0
                    && let Some(register) = value.register
                {
                    self.free(register)?;
                }
            }
        }
        Ok(())
    }
}

/// A run while it is put in order.
struct Progress<'a> {
    run: &'a Run,
    /// Whether of instructions that are as urgent those of later tests go first.
    later_first: bool,
    /// How many values more have registers.
    spares: usize,
    /// For each item, whether it was issued; the first that was not.
    issued: Vec<bool>,
    first: usize,
    /// For each value, how many have yet to read it; nothing before it is computed.
    uses: Vec<Option<u32>>,
    guards: u32,
    /// The number of the value that the last instruction loads, or [`NO_VALUE`].
    loaded: u8,
    order: Order,
}

impl<'a> Progress<'a> {
    fn new(run: &'a Run, spares: usize, later_first: bool) -> Self {
        Progress {
            run,
            later_first,
            spares,
            issued: alloc::vec![false; run.items.len()],
            first: 0,
            uses: alloc::vec![None; run.values.len()],
            guards: 0,
            loaded: NO_VALUE,
            order: Order {
                items: Vec::with_capacity(run.items.len()),
                stalls: 0,
            },
        }
    }

    fn order(mut self) -> Order {
        while self.first < self.run.items.len() {
            if let Some(branch) = self.ready_branch(true) {
                let filler = self.ready_op(true, self.spares > 0);
                match filler.filter(|filler| self.run.items[*filler].words == 1) {
                    Some(filler) => self.issue(filler),
                    None => self.stall(),
                }
                self.issue(branch);
                continue;
            }
            if let Some(next) = self.ready_op(true, self.spares > 0) {
                self.issue(next);
                continue;
            }
            // What must wait for a load, or for a register that is none's to give, comes last.
            self.stall();
            let next = self
                .ready_branch(false)
                .or_else(|| self.ready_op(false, self.spares > 0))
                .or_else(|| self.ready_op(false, true));
            self.issue(next.unwrap_or(self.first));
        }
        self.order
    }

    fn stall(&mut self) {
        self.order.stalls += 1;
        self.loaded = NO_VALUE;
    }

    fn issue(&mut self, at: usize) {
        let run = self.run;
        let item = &run.items[at];
        for read in item.values() {
            if let Some(uses) = &mut self.uses[read] {
                *uses = uses.saturating_sub(1);
                self.spares += usize::from(*uses == 0);
            }
        }
        match &item.act {
            Act::Op(op) => {
                let value = op.writes().map(index);
                if let Some((value, known)) =
                    value.and_then(|value| Some((value, run.values.get(value)?)))
                {
                    self.uses[value] = Some(known.uses);
                    self.spares = self.spares.saturating_sub(1);
                }
                self.loaded = item.act.loads().map_or(NO_VALUE, |reg| index(reg) as u8);
            }
            // What its slot loads was issued before.
            Act::Branch { is_guard, .. } => self.guards += u32::from(*is_guard),
        }
        self.issued[at] = true;
        self.order.items.push(at);
        while self.issued.get(self.first) == Some(&true) {
            self.first += 1;
        }
    }

    /// What may be issued now: instructions of the next few tests.
    fn open(&self) -> impl Iterator<Item = (usize, &'a Item)> {
        let run = self.run;
        let open = run.items.iter().enumerate().skip(self.first);
        let limit = run.items.get(self.first).map_or(0, |item| item.test) + LOOKAHEAD;
        let is_due = move |item: &Item| item.test < limit;
        open.filter(move |(at, item)| is_due(item) && !self.issued[*at])
    }

    /// The first branch that may go, if `patient` without waiting for a load.
    fn ready_branch(&self, patient: bool) -> Option<usize> {
        let branches = self.open().filter_map(|(at, item)| match item.act {
            Act::Branch { to, .. } => Some((at, item, to)),
            Act::Op(_) => None,
        });
        // Tests that fail differently stay in order.
        let mut only = None;
        let mut alike = branches.take_while(|(.., to)| *only.get_or_insert(*to) == *to);
        let found = if self.later_first {
            let ready = alike.filter(|(_, item, _)| self.is_ready(item, patient));
            ready.min_by_key(|(_, item, _)| (!item.is_guard(), core::cmp::Reverse(item.test)))
        } else {
            alike.find(|(_, item, _)| self.is_ready(item, patient))
        };
        found.map(|(at, ..)| at)
    }

    /// The instruction that most depends on of those that may go.
    fn ready_op(&self, patient: bool, has_spare: bool) -> Option<usize> {
        let candidates = self.open().filter(|(_, item)| {
            matches!(item.act, Act::Op(_))
                && self.is_ready(item, patient)
                && (has_spare || self.frees_register(item))
        });
        let best = candidates.min_by_key(|(at, item)| {
            let test = if self.later_first {
                u32::MAX - item.test
            } else {
                item.test
            };
            (item.is_last, core::cmp::Reverse(item.height), test, *at)
        });
        best.map(|(at, _)| at)
    }

    fn is_ready(&self, item: &Item, patient: bool) -> bool {
        let waits = item.after.is_some_and(|before| !self.issued[before]);
        if waits || item.guards > self.guards {
            return false;
        }
        let mut values = item.values();
        values.all(|read| self.uses[read].is_some() && !(patient && self.loaded == read as u8))
    }

    fn frees_register(&self, item: &Item) -> bool {
        item.values().any(|read| self.uses[read] == Some(1))
    }
}

impl Item {
    /// The values that it reads.
    fn values(&self) -> impl Iterator<Item = usize> + use<> {
        let known = self.reads.into_iter().filter(|read| *read != NO_VALUE);
        known.map(usize::from)
    }

    fn is_guard(&self) -> bool {
        matches!(self.act, Act::Branch { is_guard: true, .. })
    }
}

/// The number of a value, or one that no value has.
fn index(reg: Reg) -> usize {
    usize::from(reg.number()).wrapping_sub(FIRST_VALUE.into())
}
