//! One function: prologue, nodes in order, returns.
//!
//! Problem: as few instructions as a hand-written filter has. Method: the packet, its lengths, the
//! bases and, where several groups may accept, the best entry so far and its rank stay in registers;
//! everything else is a temporary of one node. If each path looks up at most once, the result is
//! returned at once and there is no best so far. Left out: what a look-up or a set test does
//! (`probe`, `sets`).

use alloc::vec::Vec;

use vcode::{Assembler, Class, Label, Local, Reg, Target};

use super::flow::{Act, Flow, Goal, Node};
use super::{Error, SIGNATURE};
use crate::filter::Field;
use crate::trie::{Axis, Base, MAX_BASES, Step, StepId, Trie, Value};

/// The most cases of a switch that are compared one by one.
const MAX_CHAIN: usize = 4;

pub(super) struct Emitter<'a, T> {
    pub(super) asm: &'a mut Assembler<T>,
    pub(super) trie: &'a Trie,
    pub(super) packet: Reg,
    pub(super) len: Reg,
    pub(super) wirelen: Reg,
    bases: [Option<Reg>; MAX_BASES as usize + 1],
    /// The best entry so far, plus 1, and its rank, plus 1.
    pub(super) best: Option<(Reg, Reg)>,
    /// Words of the frame, which one block after the other uses.
    pub(super) frame: Vec<Local>,
    labels: Vec<Label>,
    done: Label,
}

/// Emits the function of a root, up to its end.
pub(super) fn function<T: Target>(
    trie: &Trie,
    root: StepId,
    asm: &mut Assembler<T>,
) -> Result<(), Error> {
    let flow = Flow::new(trie, root)?;
    let [packet, len, wirelen] = asm.begin::<3>(&SIGNATURE)?;
    let labels = flow.nodes.iter().map(|_| asm.label()).collect();
    let done = asm.label();
    let bases = [None; MAX_BASES as usize + 1];
    let mut emitter = Emitter {
        asm,
        trie,
        packet,
        len,
        wirelen,
        bases,
        best: None,
        frame: Vec::new(),
        labels,
        done,
    };
    emitter.registers(&flow)?;
    for (place, &at) in flow.order.iter().enumerate() {
        let label = emitter.labels[at];
        emitter.asm.bind(label);
        let next = flow
            .order
            .get(place + 1)
            .map_or(Goal::Return, |next| Goal::Node(*next));
        emitter.node(&flow.nodes[at], next)?;
    }
    emitter.asm.bind(done);
    match emitter.best {
        Some((entry, _)) => emitter.asm.retu(entry),
        None => emitter.asm.retu(0),
    }
    Ok(())
}

impl<T: Target> Emitter<'_, T> {
    /// Takes the registers that live through the function.
    fn registers(&mut self, flow: &Flow<'_>) -> Result<(), Error> {
        let (mut used, mut wide_len, mut repeated) =
            ([false; MAX_BASES as usize + 1], false, false);
        let mut original = false;
        for &at in &flow.order {
            match &flow.nodes[at].act {
                Act::Step(Step::Shift { var, by, .. }) => {
                    used[usize::from(*var)] = true;
                    wide_len = true;
                    original |= by.mentions_wirelen();
                }
                Act::Step(Step::Compare { left, right, .. }) => {
                    wide_len |= left.is_indirect() || right.is_indirect();
                    original |= left.mentions_wirelen() || right.mentions_wirelen();
                }
                Act::Step(Step::Length { wire, .. }) => original |= *wire,
                Act::Step(step @ (Step::Probe { .. } | Step::Block { .. })) => {
                    if let Step::Block { block, .. } = step {
                        let axes = self.trie.blocks()[*block as usize].axes();
                        original |= axes.contains(&Axis::WireLen);
                    }
                    repeated |= flow.nodes[at].goals[0] != Goal::Return
                }
                _ => {}
            }
        }
        if !original {
            self.free(self.wirelen)?;
        }
        if wide_len {
            self.asm.movu(self.len, self.len);
        }
        for (var, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            self.bases[var] = Some(self.register()?);
        }
        if repeated {
            let (entry, rank) = (self.register()?, self.register()?);
            self.asm.setu(entry, 0);
            self.asm.setu(rank, 0);
            self.best = Some((entry, rank));
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

    pub(super) fn label(&self, goal: Goal) -> Label {
        match goal {
            Goal::Return => self.done,
            Goal::Node(at) => self.labels[at],
        }
    }

    /// Goes to a goal, unless it comes next anyway.
    pub(super) fn go(&mut self, goal: Goal, next: Goal) {
        if goal != next || goal == Goal::Return {
            let label = self.label(goal);
            self.asm.jump(label);
        }
    }

    /// The register of a base; nothing for the packet's start.
    pub(super) fn base(&self, var: u8) -> Option<Reg> {
        self.bases.get(usize::from(var)).copied().flatten()
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
                match self.base(*var) {
                    None => self.asm.bltu(self.len, *end, no),
                    Some(base) => {
                        let reach = self.register()?;
                        self.asm.addul(reach, base, *end);
                        self.asm.bgtul(reach, self.len, no);
                        self.free(reach)?;
                    }
                }
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
                let length = if *wire { self.wirelen } else { self.len };
                let value = self.register()?;
                self.asm.movu(value, length);
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
        if let Some(from) = self.base(base.var) {
            self.asm.addul(moved, moved, from);
        }
        if base.add > 0 {
            self.asm.addul(moved, moved, base.add);
        }
        self.asm.bgtul(moved, self.len, no);
        if let Some(to) = self.base(var) {
            self.asm.movul(to, moved);
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
        let (mask, value) = (window.native(mask), window.native(value));
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
        let mask = window.native(u64::from(field.mask));
        if mask != window.whole() {
            self.asm.andu(loaded, loaded, mask);
        }
        let native =
            |value: &u32| window.native(u64::from(*value) << field.mask.trailing_zeros()) as u32;
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
