//! The one pass over the code: who reaches which instruction, knowing what.
//!
//! Branches must go forward, past their slot. So when the pass reaches an instruction, every way to it has
//! been seen, and the states that arrive are already joined. A branch and the instruction in its
//! slot are one step: that is executed knowing only what was known before the branch, and then either
//! outcome is learnt. So a slot may not hold a branch, nor may a branch lead into it. Words that nothing
//! reaches are skipped. A branch whose condition contradicts what is known is not followed.

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

use super::decode::{self, Disassembly, Operation};
use super::machine::{Machine, State};
use super::transfer::{Next, Told};
#[cfg(test)]
use crate::check::domain::Numbers;
use crate::check::facts::Facts;
use crate::check::policy::Policy;
use crate::check::report::{Reason, Refusal, Report};

/// The most words of code that are looked at: four times what a branch reaches.
pub const MAX_CODE: usize = 1 << 17;
/// The most numbers that a proof may name; at some sixty bytes each.
pub const MAX_NUMBERS: usize = 1 << 18;
/// The most steps of a proof: a step is an instruction looked at, or a fact compared with another.
pub const MAX_WORK: u64 = 1 << 28;
/// Facts that may gather before those of dead numbers are dropped, if all those kept are fewer.
const MANY_FACTS: usize = 16;
/// Bytes of an instruction as text, at the most; what passes it is left out.
const MAX_TEXT: usize = 48;

pub(super) fn prove(code: &[u32], policy: &Policy) -> Result<Report, Refusal> {
    let refusal = |(index, reason): Located| Refusal {
        offset: 4 * index,
        instruction: disassemble(code, index),
        reason,
    };
    if code.len() > MAX_CODE {
        let (given, limit) = (4 * code.len(), 4 * MAX_CODE);
        let reason = Reason::CodeSize { given, limit };
        return Err(refusal((code.len(), reason)));
    }
    let mut pass = Pass::new(code, policy).ok_or_else(|| refusal((code.len(), Reason::Memory)))?;
    match pass.run() {
        Ok(()) => Ok(Report {
            longest_path: pass.longest_path,
            instructions: pass.instructions,
            frame: pass.machine.deepest.unsigned_abs() as u32,
            cycles: Some(pass.cycles),
        }),
        // For want of memory something else may have seemed wrong.
        Err((index, _)) if !pass.has_memory() => Err(refusal((index, Reason::Memory))),
        Err(located) => Err(refusal(located)),
    }
}

/// A reason, and the instruction that gave it.
type Located = (usize, Reason);

struct Pass<'a> {
    code: &'a [u32],
    machine: Machine<'a>,
    /// For each instruction, 1 + the index in `arrivals` of what reaches it by a branch.
    arrival: Vec<u32>,
    /// What reaches instructions by branches; those passed are used again.
    arrivals: Vec<State>,
    /// Indices in `arrivals` that are free.
    vacant: Vec<u32>,
    /// What is known where a branch is taken.
    told: Facts,
    /// How many facts may gather before those of dead numbers are dropped.
    crowd: usize,
    /// How many steps more may be taken.
    work: u64,
    /// Instructions below this are done.
    at: usize,
    longest_path: u32,
    cycles: u32,
    instructions: u32,
    /// What is known at each return.
    #[cfg(test)]
    returns: Vec<(usize, State)>,
}

/// What is known at each return of code that may run; where the return is, in bytes.
#[cfg(test)]
pub(super) fn returns(code: &[u32], policy: &Policy) -> Option<(Numbers, Vec<(usize, State)>)> {
    let mut pass = Pass::new(code, policy)?;
    pass.run().ok()?;
    Some((pass.machine.numbers, pass.returns))
}

impl<'a> Pass<'a> {
    /// Nothing where memory does not suffice.
    fn new(code: &'a [u32], policy: &'a Policy) -> Option<Self> {
        let mut arrival = Vec::new();
        arrival.try_reserve_exact(code.len()).ok()?;
        arrival.resize(code.len(), 0);
        Some(Self {
            code,
            machine: Machine::new(policy, MAX_NUMBERS)?,
            arrival,
            arrivals: Vec::new(),
            vacant: Vec::new(),
            told: Facts::default(),
            crowd: MANY_FACTS,
            work: MAX_WORK,
            at: 0,
            longest_path: 0,
            cycles: 0,
            instructions: 0,
            #[cfg(test)]
            returns: Vec::new(),
        })
    }

    fn has_memory(&self) -> bool {
        self.machine.numbers.is_complete() && self.machine.state.facts.is_complete()
    }

    fn run(&mut self) -> Result<(), Located> {
        self.machine.enter();
        for &offset in &self.machine.policy.entries {
            let index = offset / 4;
            if !offset.is_multiple_of(4) || index >= self.code.len() {
                return Err((index, Reason::Entry { offset }));
            }
            self.arrive(index, None).map_err(|reason| (index, reason))?;
        }
        let mut falls_through = false;
        while self.next_reached(falls_through) {
            let start = self.at;
            self.merge_arrivals(falls_through)
                .map_err(|reason| (start, reason))?;
            falls_through = self.step()?;
            if !self.machine.numbers.is_complete() {
                return Err((start, Reason::Memory));
            }
        }
        if falls_through {
            let target = 4 * self.code.len() as u64;
            return Err((self.code.len(), Reason::LeavesCode { target }));
        }
        Ok(())
    }

    /// Moves to the next reached instruction, if there is one.
    fn next_reached(&mut self, falls_through: bool) -> bool {
        if !falls_through {
            let mut rest = self.arrival[self.at..].iter();
            let skipped = rest.position(|&arrival| arrival != 0);
            self.at = skipped.map_or(self.arrival.len(), |skipped| self.at + skipped);
        }
        self.at < self.arrival.len()
    }

    /// Joins what arrives by branches with what arrives from above.
    fn merge_arrivals(&mut self, falls_through: bool) -> Result<(), Reason> {
        let Some(number) = self.arrival[self.at].checked_sub(1) else {
            return Ok(());
        };
        if falls_through {
            let theirs = self.arrivals[number as usize].facts.len();
            self.spend_on_join(theirs)?;
        }
        let arrived = &mut self.arrivals[number as usize];
        let Machine { state, numbers, .. } = &mut self.machine;
        if falls_through {
            state.join(numbers, arrived, &arrived.facts);
        } else {
            state.take_from(arrived);
        }
        // There was room for it when it was taken.
        self.vacant.push(number);
        Ok(())
    }

    /// Executes one instruction, with that in its slot; whether the next one follows it.
    fn step(&mut self) -> Result<bool, Located> {
        let start = self.at;
        let next = self.execute(start)?;
        self.at = start + 1;
        if let Next::Continue = next {
            return Ok(true);
        }
        let slot = self.at;
        self.execute_slot(slot)?;
        self.at = slot + 1;
        match next {
            Next::Continue => Ok(true),
            Next::Branch(told, words) => {
                self.branch(slot, &told, words)
                    .map_err(|reason| (start, reason))?;
                Ok(self.machine.state.facts.possible())
            }
            Next::Return => {
                self.machine
                    .may_return()
                    .map_err(|reason| (start, reason))?;
                let state = &self.machine.state;
                self.longest_path = self.longest_path.max(state.depth);
                self.cycles = self.cycles.max(state.progress.cycles);
                #[cfg(test)]
                self.returns.push((4 * start, State::clone(state)));
                Ok(false)
            }
        }
    }

    fn execute_slot(&mut self, slot: usize) -> Result<(), Located> {
        match self.arrival.get(slot) {
            None => {
                let target = 4 * slot as u64;
                return Err((slot, Reason::LeavesCode { target }));
            }
            Some(0) => {}
            Some(_) => return Err((slot, Reason::BranchIntoSlot)),
        }
        match self.execute(slot)? {
            Next::Continue => Ok(()),
            Next::Branch(..) | Next::Return => Err((slot, Reason::BranchInSlot)),
        }
    }

    /// Executes the instruction at `index`.
    fn execute(&mut self, index: usize) -> Result<Next, Located> {
        let operation = self.operation(index).map_err(|reason| (index, reason))?;
        let next = self.machine.execute(&operation);
        next.map_err(|reason| (index, reason))
    }

    fn operation(&mut self, index: usize) -> Result<Operation, Reason> {
        self.count()?;
        self.tidy();
        let word = self.code.get(index).copied();
        word.and_then(decode::operation)
            .ok_or(Reason::NotAnInstruction)
    }

    /// One instruction more on the path.
    fn count(&mut self) -> Result<(), Reason> {
        let limit = self.machine.policy.longest_path;
        let given = self.machine.state.depth + 1;
        if given > limit {
            return Err(Reason::LongestPath { given, limit });
        }
        self.spend(1 + self.machine.state.facts.len() as u64)?;
        self.machine.state.depth = given;
        self.instructions += 1;
        Ok(())
    }

    /// Lets the branch with this slot go so many words past the slot, or on.
    fn branch(&mut self, slot: usize, told: &Told, words: i32) -> Result<(), Reason> {
        let target = slot as i64 + i64::from(words);
        if target <= slot as i64 {
            return Err(Reason::Backward { target: 4 * target });
        }
        match usize::try_from(target) {
            Ok(index) if index < self.code.len() => self.arrive(index, Some(told)),
            _ => Err(Reason::LeavesCode {
                target: 4 * target.cast_unsigned(),
            }),
        }
    }

    /// The present state reaches `index` by a branch, having been told this.
    fn arrive(&mut self, index: usize, told: Option<&Told>) -> Result<(), Reason> {
        self.spend(1 + self.machine.state.facts.len() as u64)?;
        // States are large: one is copied only where it is the first to arrive.
        self.told.clone_from(&self.machine.state.facts);
        if let Some(told) = told {
            self.machine.branch(told, &mut self.told);
        }
        if !self.told.possible() {
            return Ok(());
        }
        match self.arrival[index].checked_sub(1) {
            Some(waiting) => {
                let waiting = waiting as usize;
                self.spend_on_join(self.arrivals[waiting].facts.len())?;
                let Machine { state, numbers, .. } = &mut self.machine;
                self.arrivals[waiting].join(numbers, state, &self.told);
            }
            None => {
                let number = self.vacancy()?;
                self.arrivals[number as usize].copy_from(&self.machine.state, &mut self.told);
                self.arrival[index] = number + 1;
            }
        }
        Ok(())
    }

    /// The index of a state that can be used, with room to give it back.
    fn vacancy(&mut self) -> Result<u32, Reason> {
        if let Some(number) = self.vacant.pop() {
            return Ok(number);
        }
        let more = self.arrivals.len() + 1;
        let room = self.arrivals.try_reserve(1).is_ok() && self.vacant.try_reserve(more).is_ok();
        if !room {
            return Err(Reason::Memory);
        }
        self.arrivals.push(State::new());
        // Fewer than instructions.
        Ok(more as u32 - 1)
    }

    /// The steps of joining the present facts with others.
    fn spend_on_join(&mut self, theirs: usize) -> Result<(), Reason> {
        let all = (self.machine.state.facts.len() + theirs) as u64;
        self.spend(all * all)
    }

    fn spend(&mut self, steps: u64) -> Result<(), Reason> {
        let rest = self.work.checked_sub(steps);
        self.work = rest.ok_or(Reason::Work { limit: MAX_WORK })?;
        Ok(())
    }

    /// Drops facts of dead numbers, rarely enough that it costs little.
    fn tidy(&mut self) {
        let Machine { state, numbers, .. } = &mut self.machine;
        if state.facts.len() > self.crowd {
            state.collect(numbers);
            self.crowd = MANY_FACTS.max(2 * state.facts.len());
        }
    }
}

/// The instruction as text; nothing where there is none, or no memory for it.
fn disassemble(code: &[u32], index: usize) -> String {
    let mut text = Text(String::new());
    if let Some(&word) = code.get(index)
        && text.0.try_reserve_exact(MAX_TEXT).is_ok()
    {
        // What does not fit is left out.
        let _ = write!(text, "{}", Disassembly(word));
    }
    text.0
}

/// A string that does not grow.
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, part: &str) -> core::fmt::Result {
        if self.0.capacity() - self.0.len() < part.len() {
            return Err(core::fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}
