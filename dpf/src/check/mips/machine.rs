//! The abstract R3000: its registers, what comparisons left in them, and what is under way.
//!
//! A register is a number of 32 bits exactly, or a pointer modulo 2³². There are no flags: a comparison
//! leaves 0 or 1 in a register, a number whose name is remembered with what was compared; numbers never
//! change their values, so it may be asked for at any later time. Of the pipeline it is known which
//! registers loads have not reached yet, how long ago HI and LO were read, and when they are
//! ready.

use alloc::vec::Vec;

use super::decode::name;
use crate::check::arithmetic::Arithmetic;
use crate::check::domain::{LEN, Numbers, Range, Residue, Sum, Var, ZERO};
use crate::check::facts::Relation;
use crate::check::policy::{Alignment, Policy, Tables};
use crate::check::report::Reason;
use crate::check::state::{self, Value};

/// General registers, HI and LO.
pub(super) const REGISTERS: usize = 34;
pub(super) const STACK_POINTER: u8 = 29;
pub(super) const RETURN_ADDRESS: u8 = 31;
pub(super) const HI: u8 = 32;
pub(super) const LO: u8 = 33;
/// Arguments: packet, captured length, original length.
const ARGUMENTS: [u8; 3] = [4, 5, 6];

/// Registers that a function leaves as they were (o32), but the stack pointer: s0 to s7, gp, fp.
const SAVED: [u8; 10] = [16, 17, 18, 19, 20, 21, 22, 23, 28, 30];
/// Registers that the operating system overwrites at any time: k0 and k1.
const SYSTEM: [u8; 2] = [26, 27];

/// The greatest number of a register.
pub(super) const MAX: u64 = u32::MAX as u64;
/// The least number that is negative, read with its sign.
pub(super) const SIGN: i64 = 1 << 31;
/// The longest packet that callers promise, in bytes.
pub const MAX_PACKET: u32 = 1 << 29;
/// How far from a packet no address wraps.
const REACH: i128 = 1 << 24;

/// Instructions that must stand between a move from HI or LO and the next write of them.
const HILO_DISTANCE: u8 = 2;

pub(super) type State = state::State<REGISTERS, Progress>;

/// What is under way when an instruction is about to be executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bit `n`: the instruction before loads register `n`.
    pub(super) loading: u32,
    /// How many instructions more may not write HI or LO.
    hilo_read: u8,
    /// Cycles until HI and LO are ready.
    wait: u32,
    /// How many cycles the longest path here has taken.
    pub(super) cycles: u32,
}

impl state::Progress for Progress {
    fn join(self, other: Self) -> Self {
        Self {
            loading: self.loading | other.loading,
            hilo_read: self.hilo_read.max(other.hilo_read),
            wait: self.wait.max(other.wait),
            cycles: self.cycles.max(other.cycles),
        }
    }
}

impl Progress {
    /// One instruction more, which may use HI and LO.
    pub(super) fn advance(&mut self, hilo: Hilo) -> Result<(), Reason> {
        let stall = match hilo {
            Hilo::Unused => 0,
            Hilo::Read | Hilo::Written { .. } => self.wait,
        };
        if matches!(hilo, Hilo::Written { .. }) && self.hilo_read > 0 {
            return Err(Reason::HiLoDelay);
        }
        self.cycles = self.cycles.saturating_add(1 + stall);
        self.wait = self.wait.saturating_sub(1 + stall);
        self.hilo_read = self.hilo_read.saturating_sub(1);
        match hilo {
            Hilo::Unused => {}
            Hilo::Read => self.hilo_read = HILO_DISTANCE,
            Hilo::Written { latency } => self.wait = latency - 1,
        }
        self.loading = 0;
        Ok(())
    }
}

/// How an instruction uses HI and LO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hilo {
    Unused,
    Read,
    /// They are ready so many cycles after the instruction begins; at least one.
    Written {
        latency: u32,
    },
}

/// What two numbers must be for a number to be 1 rather than 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparison {
    pub(super) relation: Relation,
    pub(super) a: Sum,
    pub(super) b: Sum,
}

/// What is known when an instruction is about to be executed, and what everything refers to.
pub(super) struct Machine<'a> {
    pub(super) policy: &'a Policy,
    pub(super) tables: Tables,
    pub(super) numbers: Numbers,
    pub(super) state: State,
    /// The numbers that comparisons gave, in the order of their names.
    comparisons: Vec<(Var, Comparison)>,
    /// The lowest stack offset that is used.
    pub(super) deepest: i64,
}

impl<'a> Machine<'a> {
    /// Nothing where memory does not suffice.
    pub(super) fn new(policy: &'a Policy, numbers: usize) -> Option<Self> {
        Some(Self {
            policy,
            tables: Tables::new(&policy.tables)?,
            numbers: Numbers::new(numbers),
            state: State::new(),
            comparisons: Vec::new(),
            deepest: 0,
        })
    }

    /// Makes the state that of a call.
    pub(super) fn enter(&mut self) {
        self.state = State::new();
        let lengths = Range::up_to(MAX_PACKET.into());
        self.state.facts.narrow(&self.numbers, LEN, lengths);
        for register in SAVED.into_iter().chain([RETURN_ADDRESS]) {
            self.put(register, Value::Saved(register));
        }
        let wirelen = self.arithmetic().any();
        let [packet, len, original] = ARGUMENTS;
        self.put(packet, Value::Packet(Sum::constant(0)));
        self.put(len, Value::Number(Sum::of(LEN)));
        self.put(original, wirelen);
        self.put(STACK_POINTER, Value::Frame(Sum::constant(0)));
    }

    /// Whether the caller finds everything as it was, and nothing under way.
    pub(super) fn may_return(&self) -> Result<(), Reason> {
        let loading = self.state.progress.loading;
        if loading != 0 {
            let register = name(loading.trailing_zeros() as u8);
            return Err(Reason::LoadOutlivesCall { register });
        }
        if self.held(STACK_POINTER) != Value::Frame(Sum::constant(0)) {
            return Err(Reason::UnbalancedReturn);
        }
        let lost = SAVED.iter().find(|&&n| self.held(n) != Value::Saved(n));
        lost.map_or(Ok(()), |&n| Err(Reason::Clobbered { register: name(n) }))
    }

    /// What is in a register.
    pub(super) fn held(&self, register: u8) -> Value {
        match register {
            0 => Value::constant(0),
            _ => self.state.registers[usize::from(register)],
        }
    }

    /// Writes a register.
    pub(super) fn set(&mut self, register: u8, value: Value) -> Result<(), Reason> {
        match register {
            0 => Ok(()),
            STACK_POINTER => self.set_stack_pointer(value),
            _ => {
                self.put(register, value);
                Ok(())
            }
        }
    }

    pub(super) fn put(&mut self, register: u8, value: Value) {
        self.state.registers[usize::from(register)] = value;
    }

    /// Whether an instruction may read the general register.
    pub(super) fn check_read(&self, register: u8) -> Result<(), Reason> {
        check_system(register)?;
        if self.state.progress.loading >> register & 1 == 1 {
            let register = name(register);
            return Err(Reason::LoadDelay { register });
        }
        Ok(())
    }

    pub(super) fn arithmetic(&mut self) -> Arithmetic<'_> {
        Arithmetic {
            numbers: &mut self.numbers,
            facts: &mut self.state.facts,
            max: MAX,
        }
    }

    /// The number that a value is.
    pub(super) fn number(&mut self, value: Value) -> Sum {
        match value {
            Value::Number(sum) => sum,
            _ => match self.arithmetic().any() {
                Value::Number(sum) => sum,
                _ => Sum::of(ZERO),
            },
        }
    }

    /// The constant that a number is, if it is one.
    pub(super) fn exact(&self, sum: Sum) -> Option<u32> {
        let range = self.state.facts.range(&self.numbers, sum);
        (range.low == range.high)
            .then_some(range.low)
            .and_then(|value| u32::try_from(value).ok())
    }

    /// What is known of a pointer's address, or of a number, modulo four.
    pub(super) fn residue(&self, value: Value) -> Residue {
        match value {
            Value::Number(sum) => self.numbers.residue(sum),
            Value::Packet(sum) => self.numbers.residue(sum).plus(match self.policy.packet {
                Alignment::Unknown => Residue::ANY,
                Alignment::Word => Residue::exact(0),
                Alignment::WordPlusTwo => Residue::exact(2),
            }),
            // The stack pointer is a multiple of eight (o32).
            Value::Frame(sum) => self.numbers.residue(sum),
            _ => Residue::ANY,
        }
    }

    /// 1 if the comparison holds, else 0.
    pub(super) fn compare(&mut self, comparison: Option<Comparison>) -> Value {
        let value = self.arithmetic().within(Range::up_to(1), Residue::ANY);
        if let (Some(comparison), Value::Number(Sum { var, .. })) = (comparison, value)
            && self.numbers.is_complete()
            && self.comparisons.try_reserve(1).is_ok()
        {
            self.comparisons.push((var, comparison));
        }
        value
    }

    /// The comparison that the number is 1 for.
    pub(super) fn comparison(&self, sum: Sum) -> Option<Comparison> {
        let known = self
            .comparisons
            .binary_search_by_key(&sum.var, |&(var, _)| var);
        let at = known.ok().filter(|_| sum.offset == 0)?;
        self.comparisons.get(at).map(|&(_, comparison)| comparison)
    }

    /// Two values that compare as numbers do: numbers, or pointers so near that neither wraps.
    pub(super) fn comparable(&self, a: Value, b: Value) -> Option<(Sum, Sum)> {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => Some((a, b)),
            (Value::Packet(a), Value::Packet(b)) => {
                (self.is_near(a) && self.is_near(b)).then_some((a, b))
            }
            _ => None,
        }
    }

    /// Whether the address so far into the packet does not wrap.
    fn is_near(&self, sum: Sum) -> bool {
        let (low, high) = self.state.facts.distance(&self.numbers, sum);
        let slack = self.state.facts.slack(&self.numbers, sum);
        low >= 0 && (high <= REACH || slack >= Some(-(REACH as i64)))
    }
}

/// Refuses registers that the operating system overwrites.
pub(super) fn check_system(register: u8) -> Result<(), Reason> {
    if SYSTEM.contains(&register) {
        let register = name(register);
        return Err(Reason::SystemRegister { register });
    }
    Ok(())
}
