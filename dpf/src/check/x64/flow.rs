//! The one pass over the code: who reaches which instruction, knowing what.
//!
//! Branches must go forward. So when the pass reaches an instruction, every way to it has been
//! seen, and the states that arrive are already joined. Bytes that nothing reaches are skipped:
//! they may be tables of jumps, or anything. A branch whose condition contradicts what is known is
//! not followed.

use alloc::{boxed::Box, string::String, vec, vec::Vec};
use core::mem;

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

use super::decode;
use super::machine::{Flags, JumpTable, Machine};
use super::transfer::Next;
#[cfg(test)]
use crate::check::domain::Numbers;
use crate::check::policy::Policy;
use crate::check::report::{Reason, Refusal, Report};
use crate::check::state::State;

/// The most bytes of code that are looked at.
pub const MAX_CODE: usize = 1 << 22;
/// Facts that may gather before those of dead numbers are dropped, if all those kept are fewer.
const MANY_FACTS: usize = 16;

pub(super) fn prove(code: &[u8], policy: &Policy) -> Result<Report, Refusal> {
    if code.len() > MAX_CODE {
        let reason = Reason::CodeSize {
            given: code.len(),
            limit: MAX_CODE,
        };
        return Err(Refusal {
            offset: 0,
            instruction: String::new(),
            reason,
        });
    }
    let mut pass = Pass::new(code, policy);
    match pass.run() {
        Ok(()) => Ok(Report {
            longest_path: pass.longest_path,
            instructions: pass.instructions,
            frame: pass.machine.deepest.unsigned_abs() as u32,
            cycles: None,
        }),
        Err((offset, reason)) => Err(Refusal {
            offset,
            instruction: disassemble(code, offset),
            reason,
        }),
    }
}

/// What is known at one place; moved and used again, not copied.
type Known = Box<State<16>>;

struct Pass<'a> {
    machine: Machine<'a>,
    /// For each byte of the code, 1 + the index in `arrivals` of what reaches it by a branch.
    arrival: Vec<u32>,
    arrivals: Vec<Option<Known>>,
    /// States whose memory can be used again.
    vacant: Vec<Known>,
    /// How many more jumps through tables are looked at.
    edges: usize,
    /// How many facts may gather before those of dead numbers are dropped.
    crowd: usize,
    /// Offsets below this are done.
    at: usize,
    longest_path: u32,
    instructions: u32,
    /// What is known at each return.
    #[cfg(test)]
    returns: Vec<(usize, State<16>)>,
}

/// What is known at each return of code that may run.
#[cfg(test)]
pub(super) fn returns(code: &[u8], policy: &Policy) -> Option<(Numbers, Vec<(usize, State<16>)>)> {
    let mut pass = Pass::new(code, policy);
    pass.run().ok()?;
    Some((pass.machine.numbers, pass.returns))
}

impl<'a> Pass<'a> {
    fn new(code: &'a [u8], policy: &'a Policy) -> Self {
        Self {
            machine: Machine::new(code, policy),
            arrival: vec![0; code.len()],
            arrivals: Vec::new(),
            vacant: Vec::new(),
            edges: code.len(),
            crowd: MANY_FACTS,
            at: 0,
            longest_path: 0,
            instructions: 0,
            #[cfg(test)]
            returns: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<(), (usize, Reason)> {
        let (code, policy) = (self.machine.code, self.machine.policy);
        *self.machine.state = self.machine.entry();
        for &entry in &policy.entries {
            self.arrive(entry as u64)
                .map_err(|reason| (entry, reason))?;
        }
        let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        let mut falls_through = false;
        while self.next_reached(falls_through) {
            let start = self.at;
            self.merge_arrivals(falls_through);
            if decoder.position() != start && decoder.set_position(start).is_err() {
                return Err((start, Reason::NotAnInstruction));
            }
            decoder.set_ip(start as u64);
            decoder.decode_out(&mut instruction);
            falls_through = self.step(&instruction).map_err(|reason| (start, reason))?;
        }
        if falls_through {
            return Err((
                code.len(),
                Reason::LeavesCode {
                    target: code.len() as u64,
                },
            ));
        }
        if !self.machine.numbers.is_complete() {
            return Err((0, Reason::Memory));
        }
        Ok(())
    }

    /// Moves to the next reached instruction, if there is one.
    fn next_reached(&mut self, falls_through: bool) -> bool {
        if !falls_through {
            let skipped = self.arrival[self.at..]
                .iter()
                .position(|&arrival| arrival != 0);
            self.at = skipped.map_or(self.arrival.len(), |skipped| self.at + skipped);
        }
        self.at < self.arrival.len()
    }

    /// Joins what arrives by branches with what arrives from above.
    fn merge_arrivals(&mut self, falls_through: bool) {
        let Some(mut arrived) = self.arrived(self.at).and_then(Option::take) else {
            return;
        };
        let Machine {
            state,
            numbers,
            flags,
            ..
        } = &mut self.machine;
        if falls_through {
            state.join(numbers, &arrived, &arrived.facts);
        } else {
            mem::swap(state, &mut arrived);
        }
        *flags = Flags::Unknown;
        self.vacant.push(arrived);
    }

    /// What arrives at `index` by branches.
    fn arrived(&mut self, index: usize) -> Option<&mut Option<Known>> {
        let number = self.arrival[index].checked_sub(1)?;
        self.arrivals.get_mut(number as usize)
    }

    /// Executes one instruction; whether the next one follows it.
    fn step(&mut self, instruction: &Instruction) -> Result<bool, Reason> {
        let (start, end) = (self.at, self.at + instruction.len());
        if instruction.is_invalid() || instruction.len() == 0 {
            return Err(Reason::NotAnInstruction);
        }
        let bytes = &self.machine.code[start..end];
        if let Some(inside) = self.arrival[start + 1..end]
            .iter()
            .position(|&arrival| arrival != 0)
        {
            return Err(Reason::BranchInto {
                target: start + 1 + inside,
            });
        }
        let operation = decode::operation(instruction, bytes).ok_or(Reason::NotAllowed)?;
        self.at = end;
        self.count()?;
        self.tidy();
        match self.machine.execute(&operation)? {
            Next::Continue => Ok(true),
            Next::Jump(target) => self.arrive(target).map(|_| false),
            Next::Branch(condition, target) => {
                self.arrive_as(target, |machine, taken| machine.branch(condition, taken))?;
                Ok(self.machine.state.facts.possible())
            }
            Next::Table(table) => self.jump_table(table).map(|()| false),
            Next::Return => {
                self.longest_path = self.longest_path.max(self.machine.state.depth);
                #[cfg(test)]
                self.returns
                    .push((start, State::clone(&self.machine.state)));
                Ok(false)
            }
        }
    }

    /// One instruction more on the path.
    fn count(&mut self) -> Result<(), Reason> {
        let limit = self.machine.policy.longest_path;
        let given = self.machine.state.depth + 1;
        if given > limit {
            return Err(Reason::LongestPath { given, limit });
        }
        self.machine.state.depth = given;
        self.instructions += 1;
        Ok(())
    }

    fn jump_table(&mut self, table: JumpTable) -> Result<(), Reason> {
        let JumpTable {
            first,
            last,
            origin,
        } = table;
        let edges = (last - first) / 4 + 1;
        self.edges = self.edges.checked_sub(edges).ok_or(Reason::UnboundedJump)?;
        for entry in (first..=last).step_by(4) {
            // In bounds: the load was proved to lie in the code.
            let bytes = self.machine.code[entry..entry + 4]
                .try_into()
                .unwrap_or_default();
            let target = origin.wrapping_add(i64::from(i32::from_le_bytes(bytes)));
            self.arrive(target.cast_unsigned())?;
        }
        Ok(())
    }

    /// The present state reaches `target` by a branch.
    fn arrive(&mut self, target: u64) -> Result<(), Reason> {
        self.arrive_as(target, |_, _| ())
    }

    /// The same, with what `learn` adds to it.
    fn arrive_as(
        &mut self,
        target: u64,
        learn: impl FnOnce(&mut Machine<'_>, &mut State<16>),
    ) -> Result<(), Reason> {
        let index = self.forward(target)?;
        let mut arriving = self.vacant.pop().unwrap_or_else(|| Box::new(State::new()));
        arriving.clone_from(&self.machine.state);
        learn(&mut self.machine, &mut arriving);
        if !arriving.facts.possible() {
            self.vacant.push(arriving);
            return Ok(());
        }
        match self.arrival[index].checked_sub(1) {
            None => {
                self.arrivals.push(Some(arriving));
                self.arrival[index] = self.arrivals.len() as u32;
            }
            Some(number) => {
                if let Some(known) = &mut self.arrivals[number as usize] {
                    known.join(&mut self.machine.numbers, &arriving, &arriving.facts);
                }
                self.vacant.push(arriving);
            }
        }
        Ok(())
    }

    /// The offset that a branch to `target` leads to.
    fn forward(&self, target: u64) -> Result<usize, Reason> {
        if target.cast_signed() < self.at as i64 {
            return Err(Reason::Backward {
                target: target.cast_signed(),
            });
        }
        match usize::try_from(target) {
            Ok(index) if index < self.arrival.len() => Ok(index),
            _ => Err(Reason::LeavesCode { target }),
        }
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

fn disassemble(code: &[u8], offset: usize) -> String {
    let mut text = String::new();
    if let Some(rest) = code.get(offset..).filter(|rest| !rest.is_empty()) {
        let mut decoder = Decoder::with_ip(64, rest, offset as u64, DecoderOptions::NONE);
        let instruction = decoder.decode();
        if !instruction.is_invalid() {
            IntelFormatter::new().format(&instruction, &mut text);
        }
    }
    text
}
