//! One function: prologue, nodes in order, returns.
//!
//! Problem: as few instructions as a hand-written filter has. Method: the packet, its lengths, the
//! bases and, where several groups may accept, the best entry so far and its rank stay in registers
//! as far as there are any (`home`); everything else is a temporary of one node. If each path looks up
//! at most once, the result is returned at once and there is no best so far. Left out: what a look-up
//! or a set test does (`probe`, `sets`), and the order of instructions (`run`).

use alloc::vec::Vec;

use vcode::{Assembler, Class, Label, Local, Reg, Signature, Target, Ty};

use super::align::{Alignments, most};
use super::flow::{Act, Flow, Goal, Node};
use super::home::{Home, Plan, Resident};
use super::{Error, SIGNATURE};
use crate::dispatch::{Machine, Memory};
use crate::filter::Field;
use crate::trie::{Base, MAX_BASES, Step, StepId, Trie, Value};

/// The most cases of a switch that are compared one by one.
const MAX_CHAIN: usize = 4;

pub(super) struct Emitter<'a, T> {
    pub(super) asm: &'a mut Assembler<T>,
    pub(super) trie: &'a Trie,
    pub(super) machine: Machine,
    /// Where tables are.
    pub(super) places: &'a dyn Fn(&Memory) -> u64,
    /// Where loads are.
    pub(super) alignments: Alignments,
    pub(super) packet: Reg,
    pub(super) len: Reg,
    /// Where the original length is, in functions that ask for it.
    pub(super) wirelen: Option<Home>,
    pub(super) bases: [Option<Home>; MAX_BASES as usize + 1],
    /// The best entry so far, plus 1, and its rank, plus 1.
    pub(super) best: Option<(Home, Home)>,
    /// Words of the frame, which one block after the other uses.
    pub(super) frame: Vec<Local>,
    /// Of nodes that something branches to.
    labels: Vec<Option<Label>>,
    done: Label,
}

/// Emits the function of a root, up to its end. When the registers do not suffice, another resident
/// goes to the frame and the function is emitted again.
pub(super) fn function<T: Target>(
    trie: &Trie,
    root: StepId,
    places: &dyn Fn(&Memory) -> u64,
    asm: &mut Assembler<T>,
) -> Result<(), Error> {
    let flow = Flow::new(trie, root)?;
    let mut plan = Plan::new(trie, &flow);
    loop {
        match attempt(trie, &flow, &plan, places, asm) {
            Err(error) if error.is_registers() && plan.spill() => {}
            other => return other,
        }
    }
}

fn attempt<T: Target>(
    trie: &Trie,
    flow: &Flow<'_>,
    plan: &Plan,
    places: &dyn Fn(&Memory) -> u64,
    asm: &mut Assembler<T>,
) -> Result<(), Error> {
    let (packet, len, wirelen) = match plan.home(Resident::WireLen) {
        Some(_) => {
            let [packet, len, wirelen] = asm.begin::<3>(&SIGNATURE)?;
            (packet, len, Some(wirelen))
        }
        // A caller may pass more than a function looks at; what it does not look at need not move.
        None => {
            let params = &SIGNATURE.params[..2];
            let [packet, len] = asm.begin::<2>(&Signature {
                params,
                ..SIGNATURE
            })?;
            (packet, len, None)
        }
    };
    let done = asm.label();
    let mut emitter = Emitter {
        asm,
        trie,
        machine: trie.machine(),
        places,
        alignments: flow.alignments,
        packet,
        len,
        wirelen: wirelen.map(Home::Register),
        bases: [None; MAX_BASES as usize + 1],
        best: None,
        frame: Vec::new(),
        labels: alloc::vec![None; flow.nodes.len()],
        done,
    };
    emitter.settle(plan, wirelen)?;
    let mut place = 0;
    while let Some(&at) = flow.order.get(place) {
        if let Some(label) = emitter.labels[at] {
            emitter.asm.bind(label);
        }
        let scheduled = if T::BRANCH_DELAY > 0 {
            emitter.run(flow, place)?
        } else {
            0
        };
        if scheduled == 0 {
            emitter.node(&flow.nodes[at], flow.next(place))?;
        }
        place += scheduled.max(1);
    }
    emitter.asm.bind(done);
    match emitter.best {
        Some((entry, _)) => {
            let spare = emitter.register()?;
            let entry = emitter.read(entry, spare);
            emitter.asm.retu(entry);
        }
        None => emitter.asm.retu(0),
    }
    Ok(())
}

impl<T: Target> Emitter<'_, T> {
    /// Finds every resident its home, and fills those that are read before they are written.
    fn settle(&mut self, plan: &Plan, wirelen: Option<Reg>) -> Result<(), Error> {
        // First what leaves registers, then what takes them.
        if let Some(wirelen) = wirelen.filter(|_| plan.home(Resident::WireLen) == Some(true)) {
            let local = self.asm.local(Ty::Ul)?;
            self.asm.store_local(Ty::Ul, wirelen, local);
            self.wirelen = Some(Home::Frame(local));
            self.free(wirelen)?;
        }
        if plan.wide_len() && !self.machine.is_narrow() {
            self.asm.movu(self.len, self.len);
        }
        for var in 1..=MAX_BASES {
            if let Some(framed) = plan.home(Resident::Base(var)) {
                self.bases[usize::from(var)] = Some(self.home(framed)?);
            }
        }
        if let Some(framed) = plan.home(Resident::Best) {
            let best = (self.home(framed)?, self.home(framed)?);
            for home in [best.0, best.1] {
                self.clear(home)?;
            }
            self.best = Some(best);
        }
        Ok(())
    }

    /// A register, of the class that costs nothing if there is one.
    pub(super) fn register(&mut self) -> Result<Reg, Error> {
        match self.asm.getreg(Class::Temporary) {
            Ok(reg) => Ok(reg),
            Err(_) => self.asm.getreg(Class::Persistent).map_err(Error::from),
        }
    }

    pub(super) fn free(&mut self, reg: Reg) -> Result<(), Error> {
        self.asm.putreg(reg).map_err(Error::from)
    }

    pub(super) fn label(&mut self, goal: Goal) -> Label {
        match goal {
            Goal::Return => self.done,
            Goal::Node(at) => *self.labels[at].get_or_insert_with(|| self.asm.label()),
        }
    }

    /// Goes to a goal, unless it comes next anyway.
    pub(super) fn go(&mut self, goal: Goal, next: Goal) {
        if goal != next || goal == Goal::Return {
            let label = self.label(goal);
            self.asm.jump(label);
        }
    }

    /// The register of a base, which is `spare` if the base lives in the frame; nothing for the
    /// packet's start.
    pub(super) fn base(&mut self, var: u8, spare: Reg) -> Option<Reg> {
        let home = self.bases.get(usize::from(var)).copied().flatten()?;
        Some(self.read(home, spare))
    }

    /// Adds a base to a register.
    pub(super) fn add_base(&mut self, to: Reg, var: u8) -> Result<(), Error> {
        match self.bases.get(usize::from(var)).copied().flatten() {
            None => Ok(()),
            Some(Home::Register(base)) => {
                self.asm.addul(to, to, base);
                Ok(())
            }
            Some(home) => {
                let spare = self.register()?;
                let base = self.read(home, spare);
                self.asm.addul(to, to, base);
                self.free(spare)
            }
        }
    }

    fn node(&mut self, node: &Node<'_>, next: Goal) -> Result<(), Error> {
        match &node.act {
            Act::Wide {
                base,
                bytes,
                mask,
                value,
            } => {
                self.wide(*base, *bytes, *mask, *value, node.goals[1])?;
                self.go(node.goals[0], next);
                Ok(())
            }
            Act::Switch { field, values } => self.switch(field, values, &node.goals, next),
            Act::Step(step) => self.step(step, &node.goals, next),
        }
    }

    fn step(&mut self, step: &Step, goals: &[Goal], next: Goal) -> Result<(), Error> {
        match step {
            Step::End | Step::Seq(_) => {}
            Step::Captured { var, end, .. } => {
                let no = self.label(goals[1]);
                let reach = self.register()?;
                match self.base(*var, reach) {
                    None => self.asm.bltu(self.len, *end, no),
                    Some(_) if self.is_beyond(*end) => self.asm.jump(no),
                    Some(base) => {
                        self.asm.addul(reach, base, *end);
                        self.asm.bgtul(reach, self.len, no);
                    }
                }
                self.free(reach)?;
                self.go(goals[0], next);
            }
            Step::Bits {
                field, set, test, ..
            } => match set.as_single() {
                Some(value) => {
                    let value = u64::from(value) << field.mask.trailing_zeros();
                    let base = Base {
                        var: field.depth,
                        add: field.offset,
                    };
                    self.wide(
                        base,
                        u32::from(field.bytes),
                        u64::from(field.mask),
                        value,
                        goals[1],
                    )?;
                    self.go(goals[0], next);
                }
                None => {
                    let value = self.field(field)?;
                    self.member(value, field, set, *test, goals, next)?;
                    self.free(value)?;
                }
            },
            Step::Length {
                wire, set, test, ..
            } => {
                let value = self.register()?;
                self.length(value, *wire);
                self.member(
                    value,
                    &Field {
                        depth: 0,
                        offset: 0,
                        bytes: 4,
                        mask: u32::MAX,
                    },
                    set,
                    *test,
                    goals,
                    next,
                )?;
                self.free(value)?;
            }
            Step::Compare {
                op, left, right, ..
            } => {
                let no = self.label(goals[1]);
                self.comparison(*op, left, right, no)?;
                self.go(goals[0], next);
            }
            Step::Shift { base, by, var, .. } => {
                self.shift(*base, by, *var, goals[1])?;
                self.go(goals[0], next);
            }
            Step::Probe { group, frames, .. } => {
                self.probe(*group, frames)?;
                if self.best.is_some() {
                    self.go(goals[0], next);
                }
            }
            Step::Block { block, .. } => {
                let block = &self.trie.blocks()[*block as usize];
                self.block(block, goals[0])?;
                if self.best.is_some() {
                    self.go(goals[0], next);
                }
            }
        }
        Ok(())
    }

    /// `var := base + by`, or on to `no`.
    fn shift(&mut self, base: Base, by: &Value, var: u8, no: Goal) -> Result<(), Error> {
        let no = self.label(no);
        let moved = self.value(by, no)?;
        self.bound(moved, most(by), no);
        self.add_base(moved, base.var)?;
        if base.add > 0 {
            self.asm.addul(moved, moved, base.add);
        }
        self.asm.bgtul(moved, self.len, no);
        if let Some(to) = self.bases.get(usize::from(var)).copied().flatten() {
            self.write(to, moved);
        }
        self.free(moved)
    }

    /// On to `no` unless the bytes have the value under the mask.
    fn wide(
        &mut self,
        base: Base,
        bytes: u32,
        mask: u64,
        value: u64,
        no: Goal,
    ) -> Result<(), Error> {
        let no = self.label(no);
        let loaded = self.register()?;
        let window = self.load(loaded, base, bytes)?;
        let (mask, value) = (self.native(window, mask), self.native(window, value));
        if mask != window.whole() {
            self.asm.andul(loaded, loaded, mask);
        }
        if window.bytes > 4 {
            self.asm.bneul(loaded, value, no)
        } else {
            self.asm.bneu(loaded, value, no)
        }
        self.free(loaded)
    }

    /// To the goal of the field's value, or to the last.
    fn switch(
        &mut self,
        field: &Field,
        values: &[u32],
        goals: &[Goal],
        next: Goal,
    ) -> Result<(), Error> {
        let loaded = self.register()?;
        let window = self.load(
            loaded,
            Base {
                var: field.depth,
                add: field.offset,
            },
            u32::from(field.bytes),
        )?;
        let mask = self.native(window, u64::from(field.mask));
        if mask != window.whole() {
            self.asm.andu(loaded, loaded, mask);
        }
        let native = |value: &u32| {
            self.native(window, u64::from(*value) << field.mask.trailing_zeros()) as u32
        };
        let mut cases: Vec<(u32, Goal)> = values
            .iter()
            .map(native)
            .zip(goals.iter().copied())
            .collect();
        let none = goals[values.len()];
        if cases.len() > MAX_CHAIN {
            cases.sort_unstable_by_key(|case| case.0);
            cases.dedup_by_key(|case| case.0);
        }
        self.cases(loaded, &cases, none);
        self.free(loaded)?;
        self.go(none, next);
        Ok(())
    }

    /// Branches to the case of a value: halves while there are many, then one by one. Falls through,
    /// or goes to `none`, if there is no case.
    fn cases(&mut self, value: Reg, cases: &[(u32, Goal)], none: Goal) {
        if cases.len() <= MAX_CHAIN {
            for (case, goal) in cases {
                let label = self.label(*goal);
                self.asm.bequ(value, *case, label);
            }
            return;
        }
        let (low, high) = cases.split_at(cases.len() / 2);
        let upper = self.asm.label();
        self.asm.bgeu(value, high[0].0, upper);
        self.cases(value, low, none);
        let label = self.label(none);
        self.asm.jump(label);
        self.asm.bind(upper);
        self.cases(value, high, none);
    }
}
