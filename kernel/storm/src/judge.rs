//! Whether what came back is what the interface promises.
//!
//! What a call does is the model's to judge, on the host (`aegis::fuzzing`); here it is what only the whole
//! kernel can break: which registers are kept, that none tells anything, that errors are the documented ones,
//! that an environment ends for a documented cause, and the machine only when nobody is left.

use crate::draw::Step;
use crate::puppet::{Label, Puppets};
use aegis_abi::layout::{DEATH_CALL, DEATH_EXCESS, DEATH_REVOKED};
use aegis_abi::{Cause, Error, Syscall};
use decstation::cpu::Register;

/// Registers by number.
const V0: usize = 2;
const V1: usize = 3;
const A0: usize = 4;
const T0: usize = 8;
const T2: usize = 10;
/// Those that the kernel may destroy at any time.
const KERNEL: [usize; 2] = [26, 27];
/// Those that procedures keep, as calls on the stack do: `s0` to `s7`, `gp`, `sp`, `fp`, `ra`.
const KEPT: [usize; 12] = [16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31];

/// Every register, HI and LO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) all: [u32; 32],
    pub(crate) hi_lo: (u32, u32),
}

impl Registers {
    pub(crate) fn of(puppets: &Puppets) -> Registers {
        let mut all = [0; 32];
        for (value, register) in all.iter_mut().zip(Register::all()) {
            *value = puppets.register(register);
        }
        Registers {
            all,
            hi_lo: puppets.hi_lo(),
        }
    }

    pub(crate) fn set(&self, puppets: &mut Puppets) {
        for (register, &value) in Register::all().zip(&self.all) {
            puppets.set(register, value);
        }
        puppets.set_hi_lo(self.hi_lo.0, self.hi_lo.1);
    }

    /// Whether all but those of these numbers are as they were.
    fn same_but(&self, before: &Registers, but: &[usize]) -> bool {
        let differs = |number: usize| self.all[number] != before.all[number];
        self.hi_lo == before.hi_lo
            && !(0..32).any(|number| {
                !but.contains(&number) && !KERNEL.contains(&number) && differs(number)
            })
    }

    /// Whether all but those of these numbers are zero.
    fn clear_but(&self, but: &[usize]) -> bool {
        let told = |number: usize| self.all[number] != 0;
        self.hi_lo == (0, 0)
            && !(0..32)
                .any(|number| !but.contains(&number) && !KERNEL.contains(&number) && told(number))
    }
}

/// What came of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was complied with.
    Complied,
    /// It was refused.
    Refused,
    /// Something came in between, or it was no call.
    Unknown,
}

/// Who did what, and how the kernel came back.
pub(crate) struct Came {
    pub(crate) step: Step,
    pub(crate) from: u8,
    pub(crate) to: u8,
    pub(crate) at: Label,
    pub(crate) before: Registers,
    pub(crate) after: Registers,
}

impl Came {
    /// Whether it kept the interface.
    pub(crate) fn judge(&self) -> Result<Outcome, String> {
        if matches!(self.step, Step::Jump(_)) {
            // It may have led to any label.
            return Ok(Outcome::Unknown);
        }
        let after = &self.after;
        let kept = |but: &[usize]| after.same_but(&self.before, but);
        let v0 = after.all[V0];
        match (self.at, self.step) {
            (Label::Started, _) => holds(after.clear_but(&[]), "a beginning tells something")?,
            (Label::Asked, _) => holds(
                after.clear_but(&[A0, A0 + 1, A0 + 2]),
                "a request tells something",
            )?,
            (Label::Ended, Step::Spin) if self.from == self.to => {
                let saved = [T0, T0 + 1, T2];
                holds(kept(&saved), "the end of a slice changes registers")?;
            }
            (Label::Faulted, _) => {
                let cause = Cause((after.all[T2] >> 2 & 31) as u8);
                holds(is_own(cause), "an exception of another cause")?;
            }
            (Label::Synced, Step::Transfer { synchronous, .. }) => {
                holds(synchronous, "another way in")?;
                self.entered()?;
            }
            (Label::Lent, Step::Transfer { synchronous, .. }) => {
                holds(!synchronous, "another way in")?;
                self.entered()?;
            }
            (Label::Taken, _) => return Err("a branch is taken whose slot holds a call".to_owned()),
            (Label::Refused, Step::Call { call, .. }) if call != Syscall::env_self => {
                holds(v0 == Error::InSlot.word(), "not refused in a delay slot")?;
                holds(kept(&[V0]), "a refusal changes registers")?;
            }
            (
                Label::Returned,
                Step::Call {
                    call,
                    in_slot: false,
                    ..
                },
            ) => {
                holds(self.from == self.to, "it came back to another")?;
                return self.returned(call);
            }
            (Label::Returned, Step::Transfer { .. }) => {
                holds(v0 == Error::NoSuchCall.word(), "a transfer came back")?;
                holds(kept(&[V0]), "a refused transfer changes registers")?;
            }
            _ => {}
        }
        Ok(match self.step {
            Step::Call {
                call: Syscall::yield_to | Syscall::env_destroy,
                in_slot: false,
                ..
            } if matches!(self.at, Label::Started | Label::Asked) => Outcome::Complied,
            _ => Outcome::Unknown,
        })
    }

    fn entered(&self) -> Result<(), String> {
        holds(
            self.after.all[V0] == u32::from(self.from),
            "a transfer does not tell who called",
        )?;
        holds(
            self.after.same_but(&self.before, &[V0]),
            "a transfer changes registers",
        )
    }

    fn returned(&self, call: Syscall) -> Result<Outcome, String> {
        let after = &self.after;
        let v0 = after.all[V0];
        let refused = v0.cast_signed() < 0;
        if refused {
            let error = Error::from_word(v0).ok_or_else(|| format!("{v0:#x} is no error"))?;
            holds(call.errors().contains(&error), "an error not listed")?;
        }
        let (kind, _, _) = call.signature();
        if kind != "stack" {
            let kept = after.same_but(&self.before, &[V0]);
            holds(kept, "a call without a stack changes registers")?;
            holds(
                refused || kind == "fast" || v0 == 0,
                "a primitive answers something",
            )?;
        } else {
            let kept = KEPT
                .iter()
                .all(|&number| after.all[number] == self.before.all[number]);
            holds(kept, "a call loses what procedures keep")?;
            // t0 is the caller's own EntryHi.
            let told = [&[V0, V1, T0][..], &KEPT].concat();
            let silent = call == Syscall::ticks || after.clear_but(&told);
            holds(silent, "a call tells something")?;
        }
        Ok(if refused {
            Outcome::Refused
        } else {
            Outcome::Complied
        })
    }
}

/// Whether the cause of an environment's end is one that there is.
pub(crate) fn is_documented(death: u32) -> bool {
    match death {
        DEATH_CALL | DEATH_EXCESS | DEATH_REVOKED => true,
        cause => u8::try_from(cause).is_ok_and(|cause| is_own(Cause(cause))),
    }
}

/// Whether the machine may stop: the first environment told it to, or nobody who could begin has any time left.
pub(crate) fn may_halt(puppets: &Puppets, step: Step, from: u8, status: u32) -> Result<(), String> {
    let console = puppets.console();
    if console.contains(FATAL) {
        return Err(console);
    }
    let told = match step {
        Step::Call {
            call: Syscall::halt,
            words,
            ..
        } => words[0] == status,
        Step::Any { selector, words } => {
            selector & 0xff0 == Syscall::halt.selector() && words[0] == status
        }
        // Anywhere may be a system call.
        Step::Jump(_) => true,
        _ => false,
    };
    let view = puppets.view();
    let mut left = view.living().filter(|&env| view.has_time(env));
    let idle = left.all(|env| !puppets.can_begin(env));
    holds(
        told && from == 0 || idle,
        "stopped though somebody has time",
    )
}

/// What a kernel says that stops itself.
const FATAL: &str = "\naegis: ";

/// Whether exceptions of a cause are an application's.
fn is_own(cause: Cause) -> bool {
    (Cause::MODIFIED.0..=Cause::OVERFLOW.0).contains(&cause.0) && cause != Cause::SYSCALL
}

fn holds(good: bool, broken: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(broken.to_owned()) }
}
