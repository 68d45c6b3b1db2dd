//! The parent of all attackers: starts each, and says how it ended and what it left.

use crate::attack::{Attack, Ends, How};
use crate::attacks;
use crate::bystander::{REPORT_PAGE, REPORT_PASSES, REPORT_WRONG, WRONGS};
use crate::code::{A0, Code, NOP, S0, V0};
use crate::scene::{Bare, Scene};
use apps::ROOM;
use core::fmt::Write as _;
use exos::abi::layout::{MOST_ENVS, PAGE_BYTES};
use exos::abi::{EnvId, Error, Rights};
use exos::layout::ARENA;
use exos::process::{self, Child, End, Options, PublicTable, own};
use exos::vm::{self, Access, Entry};
use exos::{module, println, sys};

/// Bystanders.
const BYSTANDERS: usize = 2;
/// Ticks that an attack may take.
const MOST_TICKS: u32 = 10_000;
/// Ticks that one lives that does not end.
const STAY_TICKS: u32 = 12;
/// Ticks that one lives that may end or not.
const ANY_TICKS: u32 = 200;
/// Ticks that a bystander may take for its passes.
const BYSTANDER_TICKS: u32 = 200;
/// Passes that a bystander must have made since an attack: one of them began after it.
const PASSES: u32 = 2;

/// A bystander, and where its report is.
#[derive(Clone, Copy)]
struct Bystander {
    child: Child,
    report: u32,
}

/// Everything that outlasts an attack.
struct Judge {
    table: PublicTable,
    bystanders: [Bystander; BYSTANDERS],
    scene: Scene,
}

/// What must be the same after each attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    pages: u32,
    slices: u32,
}

/// Runs the attacks that are asked for; how many went wrong.
pub fn run() -> u32 {
    match Judge::new() {
        Ok(judge) => judge.all(),
        Err(error) => {
            println!("hostile: cannot begin: {}", error.about());
            255
        }
    }
}

impl Judge {
    fn new() -> Result<Judge, Error> {
        let table = PublicTable::open()?;
        let shared = vm::allocate()?;
        let words = sys::page_capability(shared, Rights::READ)?;
        let mut bystanders = [None; BYSTANDERS];
        for (place, bystander) in (0..).zip(&mut bystanders) {
            *bystander = Some(Bystander::start(ARENA + place * PAGE_BYTES)?);
        }
        let [Some(first), Some(second)] = bystanders else {
            return Err(Error::Exhausted);
        };
        let scene = Scene {
            victim: first.child.env().0.into(),
            parent: own().0.into(),
            shared: shared.0.into(),
            high: words.0,
            low: words.1,
            ..Scene::default()
        };
        let mut judge = Judge {
            table,
            bystanders: [first, second],
            scene,
        };
        judge.look();
        judge.scene.victim_page = vm::load(first.report + REPORT_PAGE)?;
        Ok(judge)
    }

    fn all(&self) -> u32 {
        let arguments = module::boot_arguments().unwrap_or_default();
        let list = |key: &str| {
            arguments
                .split_ascii_whitespace()
                .find_map(|word| word.strip_prefix(key))
        };
        let (only, skip) = (list("only="), list("skip="));
        let named = |list: &str, name: &str| list.split(',').any(|word| word == name);
        for name in only
            .into_iter()
            .chain(skip)
            .flat_map(|list| list.split(','))
        {
            if !attacks::all().any(|attack| attack.name == name) {
                println!("hostile: there is no attack {name}");
            }
        }
        let wanted = |attack: &Attack| {
            only.is_none_or(|list| named(list, attack.name))
                && !skip.is_some_and(|list| named(list, attack.name))
        };
        let asked = attacks::all().filter(wanted).count();
        println!("hostile: {asked} of {} attacks", attacks::all().count());
        // What the first of each kind allocates for good, as pages of the page table.
        for number in [0, attacks::all().count() - 1] {
            if let Some(attack) = attacks::all().nth(number) {
                // How it ends is looked at when its turn comes.
                let _ = self.carry_out(number, &attack);
                self.clear();
            }
        }
        let mut failures = 0;
        for (number, attack) in attacks::all().enumerate() {
            if wanted(&attack) {
                failures += u32::from(!self.one(number, &attack));
            }
        }
        for bystander in self.bystanders {
            let ended = sys::env_destroy(bystander.child.env(), 0);
            failures += u32::from(ended.is_err());
        }
        println!("hostile: {failures} went wrong");
        failures
    }

    /// An attack, and what is to be said of it.
    fn one(&self, number: usize, attack: &Attack) -> bool {
        let before = self.left();
        let first = self.table.ticks();
        let ended = self.carry_out(number, attack);
        self.clear();
        let bystanders = self.look();
        let after = self.left();
        let as_it_must = ended.as_ref().is_ok_and(|end| self.must(attack, *end));
        let left = before == after || matches!(attack.ends, Ends::Any);
        let good = as_it_must && left && bystanders.is_none();
        if good {
            let ticks = self.table.ticks().wrapping_sub(first);
            println!("hostile: {} {}: ok, {ticks} ticks", number + 1, attack.name);
            return true;
        }
        println!("hostile: {} {}: WRONG", number + 1, attack.name);
        if !as_it_must {
            println!(
                "  it ended with {ended:x?}, must end with {:x?}",
                attack.ends
            );
        }
        if !left {
            println!("  {after:x?} are free, were {before:x?}");
        }
        if let Some((number, what)) = bystanders {
            println!("  bystander {number}: {what}");
        }
        false
    }

    fn left(&self) -> Left {
        Left {
            pages: self.table.free_pages(),
            slices: self.table.free_slices(),
        }
    }

    /// Lets an attacker do what it wants; how it ended, or nothing if it had to be ended.
    fn carry_out(&self, number: usize, attack: &Attack) -> Result<Option<End>, Error> {
        let child = match attack.how {
            How::Program(_) => Ok(self.process(number)?),
            _ => Err(Bare::start(&self.scene, |scene, code| {
                write(attack.how, scene, code);
            })?),
        };
        let env = child.map_or_else(|bare| bare.env, Child::env);
        let lives = || {
            child.map_or_else(
                |bare| bare.lives(&self.table),
                |child| child.end() == Ok(None),
            )
        };
        let most = match attack.ends {
            Ends::Stays => STAY_TICKS,
            Ends::Any => ANY_TICKS,
            _ => MOST_TICKS,
        };
        let first = self.table.ticks();
        while lives() {
            if self.table.ticks().wrapping_sub(first) > most {
                sys::env_destroy(env, 0)?;
                return Ok(None);
            }
            process::sleep()?;
        }
        Ok(Some(self.table.end(env)))
    }

    fn process(&self, number: usize) -> Result<Child, Error> {
        let mut words = Words::new();
        let Scene {
            victim,
            victim_page,
            parent,
            shared,
            high,
            low,
            ..
        } = self.scene;
        let written = write!(
            words,
            "hostile attack {number} {victim} {victim_page} {parent} {shared} {high} {low}"
        );
        start(written.map_or("", |()| words.text()))
    }

    /// Whether it ended as it must.
    fn must(&self, attack: &Attack, end: Option<End>) -> bool {
        match (attack.ends, end) {
            (Ends::Any, _) | (Ends::Stays, None) => true,
            (Ends::Status(status), Some(End::Exit(own))) => own == status,
            (Ends::Refused(error), Some(End::Exit(own))) => own == error.word(),
            (Ends::By(cause), Some(End::Destroyed(death))) => death.cause == cause.0.into(),
            (Ends::At(cause, at), Some(End::Destroyed(death))) => {
                death.cause == cause.0.into() && death.bad_address == self.scene.word(at)
            }
            (Ends::For(reason), Some(End::Destroyed(death))) => death.cause == reason,
            _ => false,
        }
    }

    /// Ends what an attacker left: its children are ours now.
    fn clear(&self) {
        let known = self.bystanders.map(|bystander| bystander.child.env());
        loop {
            let mut left = (0..MOST_ENVS as u8).map(EnvId).filter(|env| {
                self.table.lives(*env) && self.table.parent(*env) == own().0 && !known.contains(env)
            });
            let Some(env) = left.next() else {
                return;
            };
            if sys::env_destroy(env, 0).is_err() {
                return;
            }
        }
    }

    /// Lets the bystanders look at themselves once more; which of them found what.
    fn look(&self) -> Option<(usize, &'static str)> {
        for (number, bystander) in self.bystanders.iter().enumerate() {
            if !self.table.lives(bystander.child.env()) {
                return Some((number, "it is dead"));
            }
            if !bystander.passes(&self.table) {
                return Some((number, "it does not go on"));
            }
            let wrong = vm::load(bystander.report + REPORT_WRONG).unwrap_or(u32::MAX);
            if wrong != 0 {
                let what = WRONGS.get(wrong.trailing_zeros() as usize);
                return Some((number, what.copied().unwrap_or("its report")));
            }
        }
        None
    }
}

impl Bystander {
    /// Starts one whose report is mapped at an address.
    fn start(report: u32) -> Result<Bystander, Error> {
        let page = vm::allocate()?;
        vm::map(report, Entry::mapped(page, Access::Write))?;
        let words = sys::page_capability(page, Rights::ALL)?;
        let mut text = Words::new();
        let written = write!(text, "hostile bystander {} {} {}", page.0, words.0, words.1);
        Ok(Bystander {
            child: start(written.map_or("", |()| text.text()))?,
            report,
        })
    }

    /// Whether it makes its passes.
    fn passes(&self, table: &PublicTable) -> bool {
        let made = || vm::load(self.report + REPORT_PASSES).unwrap_or_default();
        let (before, first) = (made(), table.ticks());
        while made().wrapping_sub(before) < PASSES {
            let late = table.ticks().wrapping_sub(first) > BYSTANDER_TICKS;
            if late || process::sleep().is_err() {
                return false;
            }
        }
        true
    }
}

/// Another process of this program, with the console: what it says is unexpected.
fn start(arguments: &str) -> Result<Child, Error> {
    let options = Options {
        arguments,
        console: true,
    };
    process::spawn(module::find("hostile")?, &options).map_err(|error| {
        println!("hostile: cannot start `{arguments}`: {error}");
        Error::Exhausted
    })
}

/// The code of an attack that is one.
fn write(how: How, scene: &Scene, code: &mut Code) {
    match how {
        How::Word(word) => {
            code.word(word);
            code.word(NOP);
            code.end(0);
        }
        How::Load(at) => {
            code.li(A0, scene.word(at));
            code.load(S0, A0, 0);
            code.end(0);
        }
        How::Store(at) => {
            code.li(A0, scene.word(at));
            code.li(S0, 0x6861_636b);
            code.store(S0, A0, 0);
            code.end(0);
        }
        How::Jump(at) => {
            code.li(A0, scene.word(at));
            code.jump(A0);
            code.end(0);
        }
        How::Call(call, arguments) => {
            let mut words = [0; 4];
            for (word, argument) in words.iter_mut().zip(arguments) {
                *word = scene.word(*argument);
            }
            code.call(call, &words[..arguments.len().min(4)]);
            code.end_with(V0);
        }
        How::Select(selector) => {
            code.select(selector, false, &[]);
            code.end_with(V0);
        }
        How::Code(body) => body(scene, code),
        How::Program(_) => {}
    }
}

/// A text that is put together.
struct Words {
    bytes: [u8; ROOM],
    length: usize,
}

impl Words {
    fn new() -> Self {
        Words {
            bytes: [0; ROOM],
            length: 0,
        }
    }

    fn text(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl core::fmt::Write for Words {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.length).ok_or(core::fmt::Error)? = byte;
            self.length += 1;
        }
        Ok(())
    }
}
