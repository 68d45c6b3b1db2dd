//! What a machine holds at one place of its code, abstractly: registers, frame and facts.
//!
//! A [`Value`] is a whole register. Besides numbers there are the kinds that proofs are about:
//! pointers into the packet, into the frame and into the code, and what the caller left in a
//! register, which must be back there on return. [`State::join`] keeps what holds on two paths;
//! numbers that differ get a new name there. Both machines share this; `N` is their number of
//! registers, `P` what else one of them must know.
//!
//! Where memory for a fact or a word of the frame cannot be had, it is forgotten: less is proved then.

use alloc::vec::Vec;

use super::domain::{Numbers, Range, Sum, Var};
use super::facts::Facts;

/// What a register or a slot of the frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Anything at all.
    Unknown,
    /// This number in the whole register.
    Number(Sum),
    /// This number in the low 32 bits; anything above.
    Low32(Sum),
    /// The packet's address plus this.
    Packet(Sum),
    /// The stack pointer on entry plus this.
    Frame(Sum),
    /// The address of the code's first byte plus this.
    Code(Sum),
    /// A distance, from the start of a table of jumps, to one of its targets. Which table: an
    /// index that the machine's half gives out.
    JumpDistance(u32),
    /// The address of a target of a table of jumps.
    JumpTarget(u32),
    /// What the caller had in this register.
    Saved(u8),
}

impl Value {
    pub(crate) const fn constant(value: i64) -> Self {
        Self::Number(Sum::constant(value))
    }

    fn var(self) -> Option<Var> {
        match self {
            Self::Number(sum)
            | Self::Low32(sum)
            | Self::Packet(sum)
            | Self::Frame(sum)
            | Self::Code(sum) => Some(sum.var),
            Self::Unknown | Self::JumpDistance(_) | Self::JumpTarget(_) | Self::Saved(_) => None,
        }
    }
}

/// A word of the frame: what it holds, and which of its bytes were written. A byte that was not
/// holds what others left on the stack, which code may not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) held: Value,
    /// Bit `i`: the byte at the word's address plus `i` was written on every path.
    pub(crate) written: u8,
}

impl Word {
    const FRESH: Self = Self {
        held: Value::Unknown,
        written: 0,
    };
}

/// What else a machine's half knows at one place.
pub(crate) trait Progress: Copy + Default {
    /// What holds on two paths.
    fn join(self, other: Self) -> Self;
}

impl Progress for () {
    fn join(self, (): Self) -> Self {}
}

/// What is known when the instruction at one address is about to be executed.
#[derive(Debug)]
pub(crate) struct State<const N: usize, P = ()> {
    pub(crate) registers: [Value; N],
    /// The frame's words, downwards from the entry stack pointer, as far as any was written.
    pub(crate) frame: Vec<Word>,
    pub(crate) facts: Facts,
    /// How many instructions the longest path here has executed.
    pub(crate) depth: u32,
    pub(crate) progress: P,
}

impl<const N: usize, P: Progress> Clone for State<N, P> {
    fn clone(&self) -> Self {
        let mut state = Self::new();
        state.clone_from(self);
        state
    }

    // Keeps the allocations: states are copied at every branch.
    fn clone_from(&mut self, source: &Self) {
        self.facts.clone_from(&source.facts);
        self.copy_all_but_facts(source);
    }
}

impl<const N: usize, P: Progress> State<N, P> {
    fn copy_all_but_facts(&mut self, source: &Self) {
        self.registers = source.registers;
        self.frame.clear();
        if self.frame.try_reserve(source.frame.len()).is_err() {
            self.facts.forget();
        } else {
            self.frame.extend_from_slice(&source.frame);
        }
        self.depth = source.depth;
        self.progress = source.progress;
    }

    /// Nothing known.
    pub(crate) fn new() -> Self {
        Self {
            registers: [Value::Unknown; N],
            frame: Vec::new(),
            facts: Facts::default(),
            depth: 0,
            progress: P::default(),
        }
    }

    /// Becomes `source` with these facts, which become any others.
    pub(crate) fn copy_from(&mut self, source: &Self, facts: &mut Facts) {
        core::mem::swap(&mut self.facts, facts);
        self.copy_all_but_facts(source);
    }

    /// Becomes `other`, of which only the allocations are of use afterwards.
    pub(crate) fn take_from(&mut self, other: &mut Self) {
        self.registers = other.registers;
        core::mem::swap(&mut self.frame, &mut other.frame);
        core::mem::swap(&mut self.facts, &mut other.facts);
        self.depth = other.depth;
        self.progress = other.progress;
    }

    /// The word of the frame at `slot`.
    pub(crate) fn slot(&self, slot: usize) -> Word {
        self.frame.get(slot).copied().unwrap_or(Word::FRESH)
    }

    /// Writes these bytes of the word of the frame at `slot`, which then holds `value`.
    pub(crate) fn set_slot(&mut self, slot: usize, value: Value, bytes: u8) {
        let missing = (slot + 1).saturating_sub(self.frame.len());
        if self.frame.try_reserve(missing).is_err() {
            return self.facts.forget();
        }
        if missing > 0 {
            self.frame.resize(slot + 1, Word::FRESH);
        }
        self.frame[slot].held = value;
        self.frame[slot].written |= bytes;
    }

    /// Forgets facts about numbers that nothing holds any more.
    pub(crate) fn collect(&mut self, numbers: &Numbers) {
        let Self {
            registers,
            frame,
            facts,
            ..
        } = self;
        facts.retain(numbers, |var| is_live(registers, frame, var));
    }

    /// Keeps what holds in this state and in `other`, of which `theirs` is known.
    pub(crate) fn join(&mut self, numbers: &mut Numbers, other: &Self, theirs: &Facts) {
        let mut merge = Merge {
            numbers,
            ours: &self.facts,
            theirs,
            made: Vec::new(),
        };
        for (ours, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *ours = merge.value(*ours, *theirs);
        }
        self.frame.truncate(other.frame.len());
        for (ours, theirs) in self.frame.iter_mut().zip(&other.frame) {
            ours.held = merge.value(ours.held, theirs.held);
            ours.written &= theirs.written;
        }
        let made = merge.made;
        let Self {
            registers,
            frame,
            facts,
            ..
        } = self;
        facts.intersect(numbers, theirs, |var| is_live(registers, frame, var));
        for Made { var, slack, .. } in made {
            self.facts.learn_slack(numbers, var, slack);
        }
        self.depth = self.depth.max(other.depth);
        self.progress = self.progress.join(other.progress);
    }
}

/// Whether a register or the frame holds a value made of `var`.
fn is_live(registers: &[Value], frame: &[Word], var: Var) -> bool {
    let mut values = registers.iter().chain(frame.iter().map(|word| &word.held));
    values.any(|value| value.var() == Some(var))
}

/// Names for the numbers that differ between two paths.
struct Merge<'a> {
    numbers: &'a mut Numbers,
    ours: &'a Facts,
    theirs: &'a Facts,
    made: Vec<Made>,
}

/// A number that is `ours` on one path and `theirs` on the other.
struct Made {
    ours: Sum,
    theirs: Sum,
    var: Var,
    slack: Option<i64>,
}

impl Merge<'_> {
    fn value(&mut self, ours: Value, theirs: Value) -> Value {
        match (ours, theirs) {
            _ if ours == theirs => ours,
            (Value::Number(a), Value::Number(b)) => Value::Number(self.number(a, b)),
            (Value::Packet(a), Value::Packet(b)) => self.packet(a, b),
            _ => Value::Unknown,
        }
    }

    fn packet(&mut self, ours: Sum, theirs: Sum) -> Value {
        let before = |facts: &Facts, sum| facts.distance(self.numbers, sum).0 < 0;
        if before(self.ours, ours) || before(self.theirs, theirs) {
            return Value::Unknown; // Variables are not negative.
        }
        Value::Packet(self.number(ours, theirs))
    }

    fn number(&mut self, ours: Sum, theirs: Sum) -> Sum {
        if ours == theirs {
            return ours;
        }
        let known = self
            .made
            .iter()
            .find(|made| made.ours == ours && made.theirs == theirs);
        if let Some(made) = known {
            return Sum::of(made.var);
        }
        let (var, slack) = either(self.numbers, (self.ours, ours), (self.theirs, theirs));
        if self.made.try_reserve(1).is_ok() {
            self.made.push(Made {
                ours,
                theirs,
                var,
                slack,
            });
        }
        Sum::of(var)
    }
}

/// A new name for a number that is `a` under some facts or `b` under others, and its slack.
/// Neither may be negative.
pub(crate) fn either(
    numbers: &mut Numbers,
    a: (&Facts, Sum),
    b: (&Facts, Sum),
) -> (Var, Option<i64>) {
    let range: Range = a.0.range(numbers, a.1).union(b.0.range(numbers, b.1));
    let slack = a.0.slack(numbers, a.1).min(b.0.slack(numbers, b.1));
    let residue = numbers.residue(a.1).union(numbers.residue(b.1));
    (numbers.fresh(range, residue), slack)
}
