//! System calls with any registers and memory, on the whole kernel in the simulator.
//!
//! Problem: the kernel's logic is tested on a fake machine; what registers its assembly keeps, what it
//! tells, what is left in TLB and caches shows on a machine alone, and in states that nobody thought of.
//! Method: the kernel that looks itself over (feature `audit`) boots once with a program that does what it is
//! told (`kernel/puppet`), and that state is kept. For each input the machine goes back to it, and bytes
//! become calls, transfers, accesses, jumps, exceptions and stores (`draw`), each from registers that all hold
//! something. A panic of the kernel, a stop by strict mode, or anything that `judge` finds is a violation.
//! Left out: what a call must have done, which a model on the host judges (`aegis::fuzzing`).

mod draw;
mod judge;
mod puppet;
mod view;

use aegis_abi::Syscall;
use aegis_abi::layout::{MOST_ENVS, acall_selector, scall_selector};
use core::cell::RefCell;
use decstation::cpu::Register;
use draw::{Draw, Step};
use judge::{Came, Outcome, Registers, is_documented, may_halt};
use puppet::{CODE_BYTES, End, Label, Puppets};
use std::path::{Path, PathBuf};

/// The variable of the environment that names the folder with `storm.elf` and `puppet.elf`.
pub const FOLDER: &str = "AEGIS_STORM";
/// Steps of an input, at most.
const MOST_STEPS: u32 = 4096;
/// Steps that a violation is shown with.
const HISTORY: usize = 12;

/// What runs did.
#[derive(Clone, Debug)]
pub struct Report {
    /// System calls and transfers.
    pub calls: u64,
    /// Calls complied with and calls refused, by number.
    pub answers: [[u64; 2]; 64],
    /// Transfers that took place.
    pub transfers: u64,
    /// Calls refused in a delay slot.
    pub in_slots: u64,
    /// Exceptions that went to an environment.
    pub faults: u64,
    /// Slices that began, that ended, and requests to give something back.
    pub slices: [u64; 3],
    /// Environments that ended, by cause.
    pub deaths: [u64; 40],
    /// Inputs, those that ended with the machine, and those with a program that went astray.
    pub inputs: [u64; 3],
    /// Instructions.
    pub instructions: u64,
}

impl Report {
    /// Of a run that did nothing.
    pub const NOTHING: Report = Report {
        calls: 0,
        answers: [[0; 2]; 64],
        transfers: 0,
        in_slots: 0,
        faults: 0,
        slices: [0; 3],
        deaths: [0; 40],
        inputs: [0; 3],
        instructions: 0,
    };

    /// Adds what others did.
    pub fn add(&mut self, other: &Report) {
        self.calls += other.calls;
        self.transfers += other.transfers;
        self.in_slots += other.in_slots;
        self.faults += other.faults;
        self.instructions += other.instructions;
        let sums = self.slices.iter_mut().chain(&mut self.deaths);
        let more = other.slices.iter().chain(&other.deaths);
        for (sum, more) in sums.chain(&mut self.inputs).zip(more.chain(&other.inputs)) {
            *sum += more;
        }
        let sums = self.answers.iter_mut().flatten();
        for (sum, more) in sums.zip(other.answers.iter().flatten()) {
            *sum += more;
        }
    }
}

/// A kernel that has started, and inputs for it.
pub struct Storm {
    puppets: Puppets,
    noise: u32,
    deaths: [u32; MOST_ENVS],
    at_first: [u32; MOST_ENVS],
    report: Report,
    history: Vec<String>,
}

impl Storm {
    /// Boots the kernel.
    ///
    /// # Errors
    ///
    /// When `folder` lacks an image, or it does not start.
    pub fn boot(folder: &Path) -> Result<Storm, String> {
        let puppets = Puppets::boot(folder)?;
        let at_first = core::array::from_fn(|env| puppets.view().deaths(env as u8));
        Ok(Storm {
            puppets,
            noise: 1,
            deaths: at_first,
            at_first,
            report: Report::NOTHING,
            history: Vec::new(),
        })
    }

    /// What all inputs did.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Carries out what the bytes say, from the beginning.
    ///
    /// # Errors
    ///
    /// What the kernel did that it must not, and after which steps.
    pub fn input(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.puppets.restore();
        self.deaths = self.at_first;
        self.noise = 0x9e37_79b9;
        self.history.clear();
        let before = self.puppets.instructions();
        let done = self.steps(&mut Draw::new(bytes));
        self.report.inputs[0] += 1;
        self.report.instructions += self.puppets.instructions() - before;
        done.map_err(|broken| {
            let last = self.history.len().saturating_sub(HISTORY);
            format!("{broken}\nafter {}", self.history[last..].join("\n      "))
        })
    }

    fn steps(&mut self, draw: &mut Draw<'_>) -> Result<(), String> {
        let mut own = self.puppets.current().ok_or("nobody runs")?;
        let mut is_late = false;
        for _ in 0..MOST_STEPS {
            let Some(step) = draw.step(&self.puppets, own, is_late) else {
                break;
            };
            if let Step::Store { at, word } = step {
                self.store(own, at, word);
                continue;
            }
            if self.ends(step, own) {
                self.look_at_everything()?;
                // Time may have passed.
                own = self.puppets.current().ok_or("nobody runs")?;
            }
            match self.carry_out(draw, own, step)? {
                Some((next, at)) => {
                    own = next;
                    is_late = at == Label::Ended;
                }
                None => return Ok(()),
            }
        }
        self.look_at_everything()
    }

    /// Whether the machine will stop, and the kernel not look at itself again.
    fn ends(&self, step: Step, own: u8) -> bool {
        let call = Syscall::halt;
        own == 0 && matches!(step, Step::Call { call: named, .. } if named == call)
    }

    /// Does one thing; the environment that runs then and how it came, if the machine does.
    fn carry_out(
        &mut self,
        draw: &mut Draw<'_>,
        own: u8,
        step: Step,
    ) -> Result<Option<(u8, Label)>, String> {
        self.history.push(format!("{own}: {step:x?}"));
        let (before, address) = self.prepare(step);
        before.set(&mut self.puppets);
        let end = self.puppets.run(address);
        self.note_deaths()?;
        match end {
            End::Violation(what) => Err(format!("{what}\n{}", self.puppets.console())),
            End::Astray => {
                self.report.inputs[2] += 1;
                Ok(None)
            }
            End::Halted(status) => {
                self.report.inputs[1] += 1;
                may_halt(&self.puppets, step, own, status)?;
                if let Step::Call { call, .. } = step {
                    self.report.answers[call as usize][0] += 1;
                    self.report.calls += 1;
                }
                Ok(None)
            }
            End::Mark(at, to) => {
                let came = Came {
                    step,
                    from: own,
                    to,
                    at,
                    before,
                    after: Registers::of(&self.puppets),
                };
                let outcome = came.judge().map_err(|broken| {
                    format!("{broken}: at `{}` in {to}: {:x?}", at.name(), came.after)
                })?;
                self.count(draw, &came, outcome);
                Ok(Some((to, at)))
            }
        }
    }

    /// What all registers shall hold, and where the environment goes on.
    fn prepare(&mut self, step: Step) -> (Registers, u32) {
        let mut registers = Registers {
            all: [0; 32].map(|_| self.noise()),
            hi_lo: (self.noise(), self.noise()),
        };
        registers.all[0] = 0;
        let all = &mut registers.all;
        // The kernel ignores the other bits of a selector.
        let around = all[2] & !0xff0;
        let mut at = |words: [u32; 4]| {
            all[4..8].copy_from_slice(&words);
            [all[9], all[10]] = [words[0], words[1]];
        };
        let label = match step {
            Step::Call {
                call,
                words,
                in_slot,
            } => {
                at(words);
                all[2] = around | call.selector();
                if in_slot { Label::Slot } else { Label::Call }
            }
            Step::Any { selector, words } => {
                at(words);
                all[2] = selector;
                Label::Call
            }
            Step::Transfer { to, synchronous } => {
                let selector = if synchronous {
                    scall_selector(to % MOST_ENVS as u32)
                } else {
                    acall_selector(to % MOST_ENVS as u32)
                };
                all[2] = around | selector;
                Label::Call
            }
            Step::Touch(address) => {
                all[4] = address;
                Label::Touch
            }
            Step::Jump(address) => {
                all[4] = address;
                Label::Jump
            }
            Step::Trap(which) => return (registers, self.puppets.label(Label::Trap) + 4 * which),
            Step::Spin | Step::Store { .. } => Label::Spin,
        };
        self.spare_code(&mut registers.all);
        (registers, self.puppets.label(label))
    }

    /// By its label it is known how an environment was entered, so none becomes another's way in, wherever
    /// its page is mapped; and what the kernel saves for an environment goes to no puppet's code.
    fn spare_code(&self, all: &mut [u32; 32]) {
        let call = Syscall::ALL.get((all[2] >> 4 & 0xff) as usize);
        let is_code = |physical: u32| self.puppets.is_code((physical >> 12) as u16);
        match call {
            Some(&call @ (Syscall::env_entry | Syscall::env_handler))
                if all[6] & 0xfff < CODE_BYTES && all[6] != self.puppets.way_in(call, all[5]) =>
            {
                all[6] |= 0x800;
            }
            Some(Syscall::env_save_area) if is_code(all[6]) => all[6] |= 0x800,
            Some(Syscall::env_repossession) if is_code(all[5]) => all[5] |= 0x800,
            Some(Syscall::env_backing) if is_code(all[5] << 12) => all[5] = 0,
            _ => {}
        }
    }

    fn noise(&mut self) -> u32 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 17;
        self.noise ^= self.noise << 5;
        self.noise
    }

    /// A store of an environment's to memory of its own.
    fn store(&mut self, own: u8, at: u32, word: u32) {
        let page = (at >> 12) as u16;
        let view = self.puppets.view();
        let is_own = page < view.tables.count && view.owner(page) == own;
        if is_own && !self.puppets.is_code(page) {
            self.puppets.store(at & !3, word);
        }
    }

    fn count(&mut self, draw: &mut Draw<'_>, came: &Came, outcome: Outcome) {
        let report = &mut self.report;
        match came.step {
            Step::Call {
                call,
                words,
                in_slot,
            } => {
                report.calls += 1;
                report.in_slots += u64::from(in_slot);
                match outcome {
                    Outcome::Complied => {
                        report.answers[call as usize][0] += 1;
                        draw.learn(call, words, [came.after.all[2], came.after.all[3]]);
                    }
                    Outcome::Refused => report.answers[call as usize][1] += 1,
                    Outcome::Unknown => {}
                }
            }
            Step::Any { .. } | Step::Transfer { .. } => report.calls += 1,
            _ => {}
        }
        match came.at {
            Label::Started => report.slices[0] += 1,
            Label::Ended => report.slices[1] += 1,
            Label::Asked => report.slices[2] += 1,
            Label::Synced | Label::Lent => report.transfers += 1,
            Label::Faulted => report.faults += 1,
            _ => {}
        }
    }

    /// Looks why environments ended that have.
    fn note_deaths(&mut self) -> Result<(), String> {
        let view = self.puppets.view();
        for (env, known) in (0..).zip(&mut self.deaths) {
            let deaths = view.deaths(env);
            if deaths == *known {
                continue;
            }
            *known = deaths;
            // Another may live under the number by now, or have never been seen: the cause stays.
            let cause = view.death(env);
            if !is_documented(cause) {
                return Err(format!("{env} ended for cause {cause}"));
            }
            self.report.deaths[cause as usize % 40] += 1;
        }
        Ok(())
    }

    /// Makes a call that is refused, in which the kernel looks at everything.
    fn look_at_everything(&mut self) -> Result<(), String> {
        self.puppets.look_at_everything();
        self.puppets
            .set(Register::V0, Syscall::bookkeeping.selector());
        self.puppets.set(Register::A0, u32::MAX);
        let address = self.puppets.label(Label::Call);
        match self.puppets.run(address) {
            End::Violation(what) => Err(format!("{what}\n{}", self.puppets.console())),
            // A clock tick came first, and was too much.
            End::Halted(status) => may_halt(&self.puppets, Step::Spin, 0, status),
            End::Mark(..) | End::Astray => Ok(()),
        }
    }
}

thread_local! {
    static STORM: RefCell<Option<Storm>> = const { RefCell::new(None) };
}

/// The body of the fuzz target: an input, on a kernel that boots with the first.
///
/// # Panics
///
/// When the kernel does what it must not, or there is no kernel where [`FOLDER`] says.
pub fn run(bytes: &[u8]) {
    STORM.with_borrow_mut(|storm| {
        let storm = storm.get_or_insert_with(|| match std::env::var_os(FOLDER) {
            Some(folder) => match Storm::boot(&PathBuf::from(folder)) {
                Ok(storm) => storm,
                Err(error) => panic!("{error}"),
            },
            None => panic!("{FOLDER} does not name a folder with images: use `cargo xtask fuzz`"),
        });
        if let Err(broken) = storm.input(bytes) {
            panic!("{broken}");
        }
    });
}
