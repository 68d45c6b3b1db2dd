//! Where numbers that live through a function are: in a register, or in the frame.
//!
//! Problem: bases, the best entry so far and the original length are wanted in many places of a
//! function, and a look-up or an expression beside them may need more registers than are left.
//! Method: all begin in registers; each time the emitter runs out, the resident with the fewest
//! uses in the text of the function moves to the frame, and the function is emitted again. A trie
//! that fits, as nearly all do, costs nothing for it. With all residents in the frame a look-up
//! has eleven registers on x86-64 and needs eight; an expression of [`MAX_EXPR`] nodes needs ten.
//! Left out: homes that change within a function.
//!
//! [`MAX_EXPR`]: crate::filter::MAX_EXPR

use vcode::{Local, Reg, Target, Ty};

use super::Error;
use super::emit::Emitter;
use super::flow::{Act, Flow, Goal};
use crate::trie::{Axis, Base, MAX_BASES, Step, Trie, Value};

/// Uses that keeping the best so far amounts to: two loads and two stores in one place.
const KEEPING: u32 = 4;
/// Every number that may live through a function.
const RESIDENTS: usize = MAX_BASES as usize + 2;

/// Where a number is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home {
    Register(Reg),
    Frame(Local),
}

/// A number that lives through the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resident {
    /// The original length.
    WireLen,
    /// The best entry so far, and its rank.
    Best,
    /// A base, by its number.
    Base(u8),
}

impl Resident {
    fn index(self) -> usize {
        match self {
            Resident::WireLen => 0,
            Resident::Best => 1,
            Resident::Base(var) => 1 + usize::from(var),
        }
    }
}

/// Which residents a function has, and which of them live in the frame.
#[derive(Debug)]
pub(super) struct Plan {
    /// How often each is used; nothing for those that the function does not have.
    uses: [Option<u32>; RESIDENTS],
    framed: [bool; RESIDENTS],
    wide_len: bool,
}

impl Plan {
    /// All that the function needs, in registers.
    pub(super) fn new(trie: &Trie, flow: &Flow<'_>) -> Self {
        let mut plan = Plan {
            uses: [None; RESIDENTS],
            framed: [false; RESIDENTS],
            wide_len: false,
        };
        let mut repeated = false;
        for &at in &flow.order {
            let node = &flow.nodes[at];
            match &node.act {
                Act::Wide { base, .. } => plan.count_base(*base),
                Act::Switch { field, .. } => plan.count_var(field.depth),
                Act::Step(Step::Bits { field, .. }) => plan.count_var(field.depth),
                Act::Step(Step::Captured { var, .. }) => plan.count_var(*var),
                Act::Step(Step::Shift { base, by, var, .. }) => {
                    plan.wide_len = true;
                    plan.count_base(*base);
                    plan.count_var(*var);
                    plan.count_value(by);
                }
                Act::Step(Step::Compare { left, right, .. }) => {
                    plan.wide_len |= left.is_indirect() || right.is_indirect();
                    plan.count_value(left);
                    plan.count_value(right);
                }
                Act::Step(Step::Length { wire: true, .. }) => plan.count(Resident::WireLen, 1),
                Act::Step(Step::Probe { group, frames, .. }) => {
                    repeated |= node.goals[0] != Goal::Return;
                    let pieces = trie.groups()[group.0 as usize].plan.pieces();
                    for piece in pieces {
                        if let Some(frame) = frames.get(usize::from(piece.frame)) {
                            plan.count_base(*frame);
                        }
                    }
                    plan.count(Resident::Best, KEEPING);
                }
                Act::Step(Step::Block { block, .. }) => {
                    repeated |= node.goals[0] != Goal::Return;
                    for axis in trie.blocks()[*block as usize].axes() {
                        match axis {
                            Axis::Field(field) => plan.count_var(field.depth),
                            Axis::WireLen => plan.count(Resident::WireLen, 1),
                            Axis::Len => {}
                        }
                    }
                    plan.count(Resident::Best, KEEPING);
                }
                Act::Step(Step::End | Step::Seq(_) | Step::Length { .. }) => {}
            }
        }
        if !repeated {
            plan.uses[Resident::Best.index()] = None;
        }
        plan
    }

    /// Whether the resident lives in the frame; nothing if the function does not have it.
    pub(super) fn home(&self, resident: Resident) -> Option<bool> {
        self.uses[resident.index()].map(|_| self.framed[resident.index()])
    }

    /// Whether the captured length is compared with numbers of 64 bits.
    pub(super) fn wide_len(&self) -> bool {
        self.wide_len
    }

    /// Moves the resident with the fewest uses to the frame; false if all are there.
    pub(super) fn spill(&mut self) -> bool {
        let in_registers = (0..RESIDENTS).filter(|&at| self.uses[at].is_some() && !self.framed[at]);
        let coldest = in_registers.min_by_key(|&at| self.uses[at]);
        coldest.map(|at| self.framed[at] = true).is_some()
    }

    fn count(&mut self, resident: Resident, uses: u32) {
        if let Some(known) = self.uses.get_mut(resident.index()) {
            *known = Some(known.unwrap_or(0).saturating_add(uses));
        }
    }

    fn count_var(&mut self, var: u8) {
        if var > 0 {
            self.count(Resident::Base(var), 1);
        }
    }

    fn count_base(&mut self, base: Base) {
        self.count_var(base.var);
    }

    fn count_value(&mut self, value: &Value) {
        value.loads(&mut |load| {
            if let Value::Load { var, .. } = load {
                self.count_var(*var);
            }
        });
        if value.mentions_wirelen() {
            self.count(Resident::WireLen, 1);
        }
    }
}

impl<T: Target> Emitter<'_, T> {
    /// A home for a number.
    pub(super) fn home(&mut self, framed: bool) -> Result<Home, Error> {
        Ok(if framed {
            Home::Frame(self.asm.local(Ty::Ul)?)
        } else {
            Home::Register(self.register()?)
        })
    }

    /// The register that holds the number: its own, or `spare`.
    pub(super) fn read(&mut self, home: Home, spare: Reg) -> Reg {
        match home {
            Home::Register(reg) => reg,
            Home::Frame(local) => {
                self.asm.load_local(Ty::Ul, spare, local);
                spare
            }
        }
    }

    /// Puts the number in a register into its home.
    pub(super) fn write(&mut self, home: Home, from: Reg) {
        match home {
            Home::Register(reg) => self.asm.movul(reg, from),
            Home::Frame(local) => self.asm.store_local(Ty::Ul, from, local),
        }
    }

    /// Makes the number 0.
    pub(super) fn clear(&mut self, home: Home) -> Result<(), Error> {
        match home {
            Home::Register(reg) => {
                self.asm.setu(reg, 0);
                Ok(())
            }
            Home::Frame(local) => {
                let zero = self.register()?;
                self.asm.setul(zero, 0);
                self.asm.store_local(Ty::Ul, zero, local);
                self.free(zero)
            }
        }
    }

    /// Keeps a value and rank if the rank is above the best so far.
    pub(super) fn keep(&mut self, value: Reg, rank: Reg) -> Result<(), Error> {
        match self.best {
            None => Ok(()),
            Some((Home::Register(best), Home::Register(best_rank))) => {
                self.asm.cmovgtu(best, value, rank, best_rank);
                self.asm.cmovgtu(best_rank, rank, rank, best_rank);
                Ok(())
            }
            Some((best, best_rank)) => {
                let spares = (self.register()?, self.register()?);
                let kept = (self.read(best, spares.0), self.read(best_rank, spares.1));
                self.asm.cmovgtu(kept.0, value, rank, kept.1);
                self.asm.cmovgtu(kept.1, rank, rank, kept.1);
                self.write(best, kept.0);
                self.write(best_rank, kept.1);
                self.free(spares.1)?;
                self.free(spares.0)
            }
        }
    }
}
