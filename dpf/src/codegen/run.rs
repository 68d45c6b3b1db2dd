//! Runs: tests that follow each other, as instructions to be scheduled.
//!
//! Problem: what fills the delays of one test is another test. Method: from a node on, as long as
//! nothing else leads between, guards, tests of one value and a look-up in a windowed table become
//! one [`Run`], and so do shifts by a plain expression such as a header's length: loads of the width that alignment allows, constants in halves, so that each is one
//! instruction. Other nodes, and bases that live in the frame, end a run. Left out: the order
//! (`schedule`).

use alloc::vec::Vec;

use vcode::op::{Align, Binary, Compare, Offset, Op, Src};
use vcode::{Reg, Target, Ty};

use super::Error;
use super::align::{Alignments, most};
use super::emit::Emitter;
use super::flow::{Act, Flow, Goal, Node, Wide, wide};
use super::home::Home;
use super::probe::{halves, place_of};
use super::schedule::Run;
use crate::dispatch::{KeyPlan, Machine, Place, Table, Window, Windowed};
use crate::filter::BinaryOp;
use crate::trie::{Base, Lookup, MAX_BASES, Step, Value};

/// Offsets of loads up to this fit their instruction.
const NEAR: u32 = 0x7ffc;

/// What a node gave to a run.
enum Taken {
    /// Nothing: it is not for runs.
    Nothing,
    /// Its instructions.
    Test,
    /// Its instructions, and the function ends here.
    Result(Src),
}

/// What a run knows of bases.
#[derive(Default)]
struct Bases {
    /// The address that a base's register, or what was set here, comes to with the packet's.
    pointers: [Option<Reg>; MAX_BASES as usize + 1],
    /// Where bases that are set here are: a value, or nothing, and a constant.
    set: [Option<(Reg, u32)>; MAX_BASES as usize + 1],
    /// Bit `v`: an instruction reads base `v` where it was before the run.
    read: u32,
    shifts: Vec<Shift>,
}

/// A base that a run sets.
struct Shift {
    var: u8,
    place: (Reg, u32),
    /// The guards of the run that must be passed before the base may change.
    guards: u32,
    /// What comes after those.
    item: usize,
}

impl<T: Target> Emitter<'_, T> {
    /// Emits the run that begins at a place of the order; how many nodes it took.
    pub(super) fn run(&mut self, flow: &Flow<'_>, place: usize) -> Result<usize, Error> {
        let (mut run, mut bases) = (Run::default(), Bases::default());
        let (mut count, mut end, mut result) = (0, Goal::Return, None);
        for (at, &node) in flow.order.iter().enumerate().skip(place) {
            let follows = count == 0 || (end == Goal::Node(node) && flow.ways[node] == 1);
            if !follows || run.is_full() {
                break;
            }
            let next = flow.order.get(at + 1).filter(|next| flow.ways[**next] == 1);
            let next = next.map(|next| (*next, &flow.nodes[*next]));
            let node = &flow.nodes[node];
            match self.take(&mut run, &mut bases, node, next) {
                Taken::Nothing => break,
                Taken::Test => end = node.goals[0],
                Taken::Result(value) => result = Some(value),
            }
            count += 1;
            run.test();
            if result.is_some() {
                break;
            }
        }
        if count == 0 {
            return Ok(0);
        }
        for shift in &bases.shifts {
            // What nobody reads after the run need not be kept.
            if (result.is_none() || !run.leaves_from(shift.item))
                && let Some(home) = self.base_register(shift.var)
            {
                run.keep(home, shift.place, shift.guards, shift.item);
            }
        }
        self.schedule(&mut run)?;
        match result {
            None => self.go(end, flow.next(place + count - 1)),
            Some(Src::Imm(value)) => self.asm.retu(value),
            Some(Src::Reg(value)) => {
                let register = run.register(value);
                self.asm.retu(register);
                self.free(register)?;
            }
        }
        Ok(count)
    }

    fn take(
        &mut self,
        run: &mut Run,
        bases: &mut Bases,
        node: &Node<'_>,
        next: Option<(usize, &Node<'_>)>,
    ) -> Taken {
        if let Some(test) = wide(&node.act) {
            return self.take_wide(run, bases, &test, node.goals[1]);
        }
        match &node.act {
            Act::Step(Step::Captured { var: 0, end, .. }) => {
                run.guard(Compare::Lt, self.len, (*end).into(), node.goals[1]);
                Taken::Test
            }
            Act::Step(Step::Captured { var, end, .. }) if !self.is_beyond(*end) => {
                let Some((base, add)) = self.base_place(bases, *var) else {
                    return Taken::Nothing;
                };
                let reach = binary(run, Binary::Add, base, add.saturating_add(*end));
                run.guard(Compare::Gt, reach, self.len.into(), node.goals[1]);
                Taken::Test
            }
            Act::Step(Step::Shift { base, by, var, .. }) => {
                // The bound of what is read behind the new base says that it is in the packet.
                let covered = run.has_room()
                    && next.is_some_and(|(at, next)| {
                        let is_bound = matches!(
                            next.act,
                            Act::Step(Step::Captured { var: of, end, .. })
                                if of == var && !self.is_beyond(*end)
                        );
                        let follows = node.goals[0] == Goal::Node(at);
                        is_bound && follows && next.goals[1] == node.goals[1]
                    });
                self.take_shift(run, bases, (*base, by, *var), node.goals[1], covered)
            }
            Act::Step(Step::Probe { group, frames, .. }) if self.best.is_none() => {
                let trie = self.trie;
                let group = &trie.groups()[group.0 as usize];
                match &group.lookup {
                    Lookup::None => Taken::Result(0.into()),
                    Lookup::One { entry, .. } => Taken::Result((entry + 1).into()),
                    Lookup::Table(Table::Window(table)) => {
                        self.take_table(run, bases, &group.plan, frames, table)
                    }
                    Lookup::Table(Table::Hash(_)) => Taken::Nothing,
                }
            }
            _ => Taken::Nothing,
        }
    }

    /// Sets a base for what follows. If `covered`, the next test's guard is this one's too.
    fn take_shift(
        &mut self,
        run: &mut Run,
        bases: &mut Bases,
        (from, by, var): (Base, &Value, u8),
        no: Goal,
        covered: bool,
    ) -> Taken {
        let index = usize::from(var);
        // Where the new base lives is where an old one may be read until then.
        let is_untouched = bases.read >> var & 1 == 0 && matches!(bases.set.get(index), Some(None));
        let bounded = !self.is_beyond(most(by)) && !self.is_beyond(from.add);
        if from.var == var
            || !is_untouched
            || !bounded
            || !self.is_at_hand(from)
            || !self.is_plain(by)
        {
            return Taken::Nothing;
        }
        if self.base_register(var).is_none() || self.reads(by, var) {
            return Taken::Nothing;
        }
        let (by, add) = apart(by);
        let mut place = self.take_value(run, bases, by);
        let mut add = from.add + add;
        if let Some((base, more)) = self.base_place(bases, from.var) {
            place = binary(run, Binary::Add, place, base);
            add += more;
        }
        if !covered {
            let reach = binary(run, Binary::Add, place, add);
            run.guard(Compare::Gt, reach, self.len.into(), no);
        }
        bases.set[index] = Some((place, add));
        bases.shifts.push(Shift {
            var,
            place: (place, add),
            guards: run.guards() + u32::from(covered),
            item: run.len(),
        });
        Taken::Test
    }

    /// Whether an expression loads from behind a base.
    fn reads(&self, value: &Value, base: u8) -> bool {
        let mut found = false;
        value.loads(&mut |load| {
            found |= matches!(load, Value::Load { var, .. } if *var == base);
        });
        found
    }

    /// Whether an expression is of one operation after the other on a byte, and of numbers.
    fn is_plain(&self, value: &Value) -> bool {
        match value {
            Value::Load {
                var,
                index: None,
                bytes: 1,
                ..
            } => self.is_at_hand(Base { var: *var, add: 0 }),
            Value::Binary(op, left, right) => {
                let is_shift = matches!(op, BinaryOp::Shl | BinaryOp::Shr);
                let is_step = !matches!(op, BinaryOp::Mul | BinaryOp::Sub);
                let count = match **right {
                    Value::Const(count) => count,
                    _ => return false,
                };
                is_step && (!is_shift || count < 32) && count <= 0x7fff && self.is_plain(left)
            }
            _ => false,
        }
    }

    /// The value of a plain expression.
    fn take_value(&mut self, run: &mut Run, bases: &mut Bases, value: &Value) -> Reg {
        match value {
            Value::Load { var, at, .. } => {
                let base = Base {
                    var: *var,
                    add: *at,
                };
                self.take_load(run, bases, base, 1)
            }
            Value::Binary(op, left, right) => {
                let left = self.take_value(run, bases, left);
                match **right {
                    Value::Const(number) => binary(run, super::expr::binary(*op), left, number),
                    _ => left,
                }
            }
            // Not plain.
            _ => self.packet,
        }
    }

    fn take_wide(&mut self, run: &mut Run, bases: &mut Bases, test: &Wide, no: Goal) -> Taken {
        let Some((base, bytes)) = window(test).filter(|(base, _)| self.is_at_hand(*base)) else {
            return Taken::Nothing;
        };
        let mut loaded = self.take_load(run, bases, base, bytes);
        let mask = self.machine.native(test.mask, bytes) as u32;
        if mask != u32::MAX >> (32 - 8 * bytes) {
            loaded = self.take_mask(run, loaded, mask);
        }
        let value = self.machine.native(test.value, bytes) as u32;
        let value = constant(run, value);
        run.branch(Compare::Ne, loaded, value, no);
        Taken::Test
    }

    fn take_mask(&self, run: &mut Run, value: Reg, mask: u32) -> Reg {
        let mask = if mask > 0xffff {
            constant(run, mask)
        } else {
            mask.into()
        };
        binary(run, Binary::And, value, mask)
    }

    /// A look-up, to its end.
    fn take_table(
        &mut self,
        run: &mut Run,
        bases: &mut Bases,
        plan: &KeyPlan,
        frames: &[Base],
        table: &Windowed,
    ) -> Taken {
        let mut pieces = plan.pieces().iter().map(|piece| place_of(piece, frames));
        if !pieces.all(|base| self.is_at_hand(base)) {
            return Taken::Nothing;
        }
        let words: Vec<Reg> = (0..plan.words())
            .filter_map(|word| self.take_word(run, bases, plan, frames, word))
            .collect();
        let window = table.window();
        let Some(slot) = take_slot(run, window, &words) else {
            return Taken::Nothing;
        };
        let (far, near) = halves((self.places)(table.memory()), window.bytes());
        let place = match far {
            0 => slot,
            far => match constant(run, far) {
                Src::Reg(table) => binary(run, Binary::Add, table, slot),
                Src::Imm(_) => slot,
            },
        };
        let mut load = |offset: u32| {
            let offset = Offset::Imm(near + offset as i32);
            run.op(1, false, |d| {
                Op::Load(Ty::U, Align::Natural, d, place, offset)
            })
        };
        let keys: Vec<Reg> = (0..window.words)
            .map(|word| load(window.keys_at(word)))
            .collect();
        let value = load(window.values_at());
        for (word, key) in words.iter().zip(keys) {
            run.branch(Compare::Ne, *word, key.into(), Goal::Return);
        }
        run.ends_with(value);
        Taken::Result(value.into())
    }

    /// One word of a key.
    fn take_word(
        &mut self,
        run: &mut Run,
        bases: &mut Bases,
        plan: &KeyPlan,
        frames: &[Base],
        word: usize,
    ) -> Option<Reg> {
        let pieces = plan.pieces().iter();
        let mut whole = None;
        for piece in pieces.filter(|piece| usize::from(piece.word) == word) {
            let base = place_of(piece, frames);
            let mut part = self.take_load(run, bases, base, piece.bytes.into());
            if !piece.is_full() {
                let mask = plan.native_mask(piece, piece.mask) as u32;
                part = self.take_mask(run, part, mask);
            }
            if piece.shift > 0 {
                part = binary(run, Binary::Lsh, part, u32::from(piece.shift));
            }
            whole = Some(match whole {
                None => part,
                Some(whole) => binary(run, Binary::Or, whole, part),
            });
        }
        whole
    }

    /// Loads 1, 2 or 4 bytes in the machine's order.
    fn take_load(&mut self, run: &mut Run, bases: &mut Bases, base: Base, bytes: u32) -> Reg {
        let (pointer, add) = self.take_pointer(run, bases, base.var);
        let place = base.add.saturating_add(add);
        let alignment = self.alignments.address(base);
        let anywhere = self.machine.loads_anywhere(alignment, bytes);
        let far: u32 = if place > NEAR { 2 } else { 0 };
        let mut load = |ty, align, words, at: u32| {
            let offset = Offset::Imm(at as i32);
            run.op(words + far, true, |d| {
                Op::Load(ty, align, d, pointer, offset)
            })
        };
        match bytes {
            1 => load(Ty::Uc, Align::Natural, 1, place),
            2 if anywhere => {
                let (low, high) = (
                    load(Ty::Uc, Align::Natural, 1, place),
                    load(Ty::Uc, Align::Natural, 1, place.saturating_add(1)),
                );
                let high = binary(run, Binary::Lsh, high, 8);
                binary(run, Binary::Or, low, high)
            }
            2 => load(Ty::Us, Align::Natural, 1, place),
            _ if anywhere => load(Ty::U, Align::Any, 2, place),
            _ => load(Ty::U, Align::Natural, 1, place),
        }
    }

    /// An address, and what is to be added to it to come to the base.
    fn take_pointer(&mut self, run: &mut Run, bases: &mut Bases, var: u8) -> (Reg, u32) {
        let packet = self.packet;
        let Some((place, add)) = self.base_place(bases, var) else {
            return (packet, 0);
        };
        let known = bases.pointers.get_mut(usize::from(var));
        let pointer = known
            .map(|known| *known.get_or_insert_with(|| binary(run, Binary::Add, packet, place)));
        (pointer.unwrap_or(packet), add)
    }

    /// Whether a base needs no load from the frame.
    fn is_at_hand(&self, base: Base) -> bool {
        base.var == 0 || self.base_register(base.var).is_some()
    }

    /// The register of a base.
    fn base_register(&self, var: u8) -> Option<Reg> {
        match self.bases.get(usize::from(var)).copied().flatten() {
            Some(Home::Register(register)) if var > 0 => Some(register),
            _ => None,
        }
    }

    /// Where a base other than the packet's start is: in a register or value, so many bytes before.
    fn base_place(&self, bases: &mut Bases, var: u8) -> Option<(Reg, u32)> {
        let set = bases.set.get(usize::from(var)).copied().flatten();
        set.or_else(|| {
            bases.read |= 1 << var;
            self.base_register(var).map(|register| (register, 0))
        })
    }
}

/// An expression without the numbers added last, and their sum. It is bounded, so that does not wrap.
fn apart(value: &Value) -> (&Value, u32) {
    match value {
        Value::Binary(BinaryOp::Add, left, right) => match **right {
            Value::Const(number) => {
                let (rest, sum) = apart(left);
                (rest, sum.saturating_add(number))
            }
            _ => (value, 0),
        },
        _ => (value, 0),
    }
}

/// The offset of the slot that the words of a key name; nothing for a key without words.
fn take_slot(run: &mut Run, window: &Window, words: &[Reg]) -> Option<Reg> {
    let (first, rest) = words.split_first()?;
    let mut slot = match window.source {
        Place::Word(word) => *words.get(word as usize)?,
        Place::All => {
            let mut all = *first;
            for word in rest {
                all = binary(run, Binary::Xor, all, *word);
            }
            all
        }
    };
    if window.fold > 0 {
        let high = binary(run, Binary::Rsh, slot, window.fold);
        slot = binary(run, Binary::Xor, slot, high);
    }
    match window.shift {
        0 => {}
        left @ ..0 => slot = binary(run, Binary::Lsh, slot, left.unsigned_abs()),
        right => slot = binary(run, Binary::Rsh, slot, right),
    }
    Some(binary(run, Binary::And, slot, window.mask()))
}

fn binary(run: &mut Run, op: Binary, a: Reg, b: impl Into<Src>) -> Reg {
    let b = b.into();
    run.op(1, false, |d| Op::Binary(op, Ty::U, d, a, b))
}

/// A constant, in a register unless it is 0.
fn constant(run: &mut Run, value: u32) -> Src {
    let (upper, lower) = (value & 0xffff_0000, value & 0xffff);
    let first = match constant_words(value) {
        0 => return 0.into(),
        1 => value,
        _ => upper,
    };
    let register = run.op(1, false, |d| Op::Set(Ty::U, d, first.into()));
    Src::Reg(if constant_words(value) == 2 {
        binary(run, Binary::Or, register, lower)
    } else {
        register
    })
}

/// How many instructions make a constant.
fn constant_words(value: u32) -> u32 {
    let is_short = value <= 0xffff || value as i16 as u32 == value || value & 0xffff == 0;
    match value {
        0 => 0,
        _ if is_short => 1,
        _ => 2,
    }
}

/// What one load brings the bytes of a test, perhaps with one before them.
fn window(test: &Wide) -> Option<(Base, u32)> {
    let bytes = test.bytes.next_power_of_two();
    let add = test.base.add.checked_sub(bytes - test.bytes)?;
    (bytes <= 4).then_some((Base { add, ..test.base }, bytes))
}

/// How many instructions a test takes, where registers have 32 bits.
pub(super) fn cost(machine: Machine, alignments: &Alignments, test: &Wide) -> u32 {
    let Some((base, bytes)) = window(test) else {
        return 16;
    };
    let anywhere = machine.loads_anywhere(alignments.address(base), bytes);
    let load = match bytes {
        2 if anywhere => 4,
        4 if anywhere => 2,
        _ => 1,
    };
    let mask = match machine.native(test.mask, bytes) as u32 {
        mask if mask == u32::MAX >> (32 - 8 * bytes) => 0,
        ..0x1_0000 => 1,
        mask => 1 + constant_words(mask),
    };
    load + mask + constant_words(machine.native(test.value, bytes) as u32) + 1
}
