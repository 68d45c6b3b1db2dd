//! The overlap engine against brute force, over filters small enough to enumerate their packets.
//!
//! The filters look at the low two bits of bytes and at lengths, and accept at most
//! [`LONGEST`] bytes; so the packets below stand for all there are, and every relation can be
//! counted.

use alloc::{vec, vec::Vec};

use super::Source;
use crate::{
    filter::{
        Address, BinaryOp, CompareOp, Error, Expr, Field, Filter, IntervalSet, Load, NodeId, Pool,
        Test,
    },
    interp,
    overlap::{self, Budget, How, Index, Member, Reason, Relation, Verdict, Witness},
    shape,
};

/// The longest packet that the filters accept, in bytes.
pub const LONGEST: usize = 4;
/// Original lengths from here on are all alike to the filters.
const WIRELENS: u32 = 3;

/// Draws two filters and compares what the engine says of them with a count.
pub fn run(data: &[u8]) {
    let mut source = Source::new(data);
    if let Some((a, b)) = pair(&mut source) {
        check(&a, &b);
    }
}

/// Two filters, half of the time made of one, so that one contains the other or they are equal.
fn pair(source: &mut Source) -> Option<(Filter, Filter)> {
    let a = small_filter(source)?;
    let kind = source.below(8);
    if kind < 4 {
        return Some((a, small_filter(source)?));
    }
    if kind == 4 {
        let b = variant(&a, source);
        return Some((a, b));
    }
    let mut pool = Pool::new();
    let (of_a, other) = (pool.import(&a).ok()?, node(source, &mut pool, 2, 0).ok()?);
    let both = vec![of_a, other];
    let root = if kind < 7 {
        pool.and(both)
    } else {
        pool.or(both)
    };
    let root = short(&mut pool, root.ok()?)?;
    let b = pool.finish(root).ok()?;
    Some(if source.below(2) == 0 { (a, b) } else { (b, a) })
}

/// Compares every answer about two small filters with a count over all packets.
///
/// # Panics
///
/// When an answer is wrong.
pub fn check(a: &Filter, b: &Filter) {
    let (in_a, in_b) = (accepted(a), accepted(b));
    let count = |pick: fn(bool, bool) -> bool| {
        in_a.iter()
            .zip(&in_b)
            .filter(|(a, b)| pick(**a, **b))
            .count()
    };
    let (both, only_a, only_b) = (
        count(|a, b| a && b),
        count(|a, b| a && !b),
        count(|a, b| !a && b),
    );
    let relation = overlap::relate(a, b, &mut Budget::default());
    let right = match &relation {
        Relation::Disjoint => both == 0,
        Relation::Equal { .. } => both > 0 && only_a == 0 && only_b == 0,
        Relation::AInB { .. } => both > 0 && only_a == 0 && only_b > 0,
        Relation::BInA { .. } => both > 0 && only_a > 0 && only_b == 0,
        Relation::Crossing { .. } => both > 0 && only_a > 0 && only_b > 0,
        Relation::CannotTell(_) => false,
    };
    assert!(
        right,
        "{relation:?}, but {both} in both, {only_a} and {only_b} in one\n{a:?}\n{b:?}"
    );
    check_witnesses(a, b, &relation);
    let mut budget = Budget::default();
    let alive = overlap::satisfiable(a, &mut budget);
    assert_eq!(
        alive.map(|witness| witness.is_some()),
        Ok(in_a.contains(&true))
    );
    let covered = overlap::contains(b, a, &mut budget);
    assert_eq!(
        covered.map(|verdict| verdict == Verdict::Holds),
        Ok(only_a == 0)
    );
}

/// Checks that the packets of a relation show what they are said to.
///
/// # Panics
///
/// When one does not.
pub fn check_witnesses(a: &Filter, b: &Filter, relation: &Relation) {
    let shows = |witness: &Witness, in_a: bool, in_b: bool| {
        assert_eq!(
            interp::accepts(a, &witness.bytes, witness.wirelen),
            in_a,
            "{witness:?}"
        );
        assert_eq!(
            interp::accepts(b, &witness.bytes, witness.wirelen),
            in_b,
            "{witness:?}"
        );
    };
    match relation {
        Relation::Disjoint | Relation::CannotTell(_) => {}
        Relation::Equal { both } => shows(both, true, true),
        Relation::AInB { both, only_b } => {
            shows(both, true, true);
            shows(only_b, false, true);
        }
        Relation::BInA { both, only_a } => {
            shows(both, true, true);
            shows(only_a, true, false);
        }
        Relation::Crossing {
            both,
            only_a,
            only_b,
        } => {
            shows(both, true, true);
            shows(only_a, true, false);
            shows(only_b, false, true);
        }
    }
}

/// Draws a script of installs and removals and compares the index with pairwise answers.
pub fn run_index(data: &[u8]) {
    let mut source = Source::new(data);
    let shapes: Vec<Filter> = (0..3).filter_map(|_| small_filter(&mut source)).collect();
    let mut script = Script::default();
    while !source.is_empty() && !shapes.is_empty() {
        if source.below(4) == 0 && !script.installed.is_empty() {
            let at = source.below(script.installed.len() as u32) as usize;
            script.remove(at);
        } else {
            let shape = source.below(shapes.len() as u32) as usize;
            script.install(&variant(&shapes[shape], &mut source));
        }
    }
}

/// An index beside a list of what is in it.
#[derive(Debug, Default)]
pub struct Script {
    /// The index under test.
    pub index: Index<u32>,
    /// What is installed.
    pub installed: Vec<Installed>,
    next: u32,
}

/// One filter in the index.
#[derive(Clone, Debug)]
pub struct Installed {
    number: u32,
    member: Member,
    filter: Filter,
}

impl Script {
    /// Installs a filter if the index can, after comparing what it finds with pairwise answers;
    /// gives back the steps that the index took.
    ///
    /// # Panics
    ///
    /// When the answers differ.
    pub fn install(&mut self, filter: &Filter) -> Option<u64> {
        let mut budget = Budget::new(overlap::SURVEY_STEPS);
        let survey = match self.index.survey(filter, &mut budget) {
            Ok(survey) => survey,
            Err(cannot) => {
                assert_eq!(cannot.reason, Reason::Shapes, "{cannot}");
                return None;
            }
        };
        let steps = overlap::SURVEY_STEPS - budget.left();
        let mut found: Vec<(u32, How)> = Vec::new();
        for finding in survey.findings() {
            let members = self.index.members(finding);
            assert_eq!(members.len(), finding.count());
            found.extend(members.into_iter().map(|number| (number, finding.how)));
        }
        found.sort_unstable();
        let mut expected: Vec<(u32, How)> = self
            .installed
            .iter()
            .filter_map(|other| Some((other.number, how(filter, &other.filter)?)))
            .collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{filter:?} among {:?}", self.installed);
        let number = self.next;
        let member = self.index.insert(survey, number).ok()?;
        self.next += 1;
        self.installed.push(Installed {
            number,
            member,
            filter: filter.clone(),
        });
        Some(steps)
    }

    /// Removes what is installed at this place of the list.
    ///
    /// # Panics
    ///
    /// When the index does not have it.
    pub fn remove(&mut self, at: usize) {
        let Installed { number, member, .. } = self.installed.swap_remove(at);
        assert_eq!(self.index.remove(member), Some(number));
        assert_eq!(self.index.len(), self.installed.len());
    }
}

fn how(new: &Filter, installed: &Filter) -> Option<How> {
    match overlap::relate(new, installed, &mut Budget::default()) {
        Relation::Disjoint => None,
        Relation::Equal { .. } => Some(How::Equal),
        Relation::AInB { .. } => Some(How::Inside),
        Relation::BInA { .. } => Some(How::Around),
        Relation::Crossing { .. } => Some(How::Crossing),
        Relation::CannotTell(cannot) => panic!("{cannot}"),
    }
}

/// The filter with other constants in its slots.
pub fn variant(filter: &Filter, source: &mut Source) -> Filter {
    let shape::Rule { shape, mut keys } = shape::rule(filter);
    for (slot, key) in shape.slots().iter().zip(&mut keys) {
        if source.below(2) > 0 {
            *key = slot.field.value(source.word());
        }
    }
    shape.filled(&keys)
}

/// A filter over small packets.
pub fn small_filter(source: &mut Source) -> Option<Filter> {
    let mut pool = Pool::new();
    let root = node(source, &mut pool, 3, 0).ok()?;
    let root = short(&mut pool, root)?;
    pool.finish(root).ok()
}

/// The node, for packets that are not longer than the longest.
fn short(pool: &mut Pool, node: NodeId) -> Option<NodeId> {
    let len = Test::Len(IntervalSet::range(0, LONGEST as u32));
    let len = pool.test(len).ok()?;
    pool.and(vec![node, len]).ok()
}

/// Which of the small packets a filter accepts.
fn accepted(filter: &Filter) -> Vec<bool> {
    let mut accepted = Vec::new();
    for len in 0..=LONGEST {
        for content in 0..1u32 << (2 * len) {
            let packet: Vec<u8> = (0..len).map(|at| (content >> (2 * at) & 3) as u8).collect();
            accepted
                .extend((0..=WIRELENS).map(|wirelen| interp::accepts(filter, &packet, wirelen)));
        }
    }
    accepted
}

fn node(source: &mut Source, pool: &mut Pool, height: u32, depth: u8) -> Result<NodeId, Error> {
    let kinds = if height == 0 { 5 } else { 12 };
    match source.below(kinds) {
        5..=7 => {
            let children = children(source, pool, height, depth)?;
            pool.and(children)
        }
        8..=9 => {
            let children = children(source, pool, height, depth)?;
            pool.or(children)
        }
        10..=11 => {
            let by = distance(source, depth);
            let then = node(source, pool, height - 1, depth + 1)?;
            pool.shift(by, then)
        }
        _ => {
            let test = test(source, depth);
            pool.test(test)
        }
    }
}

fn children(
    source: &mut Source,
    pool: &mut Pool,
    height: u32,
    depth: u8,
) -> Result<Vec<NodeId>, Error> {
    (0..2 + source.below(2))
        .map(|_| node(source, pool, height - 1, depth))
        .collect()
}

fn test(source: &mut Source, depth: u8) -> Test {
    match source.below(12) {
        0 => Test::Captured {
            depth: source.below(u32::from(depth) + 1) as u8,
            end: source.below(4),
        },
        1 => Test::Len(set(source, LONGEST as u32)),
        2 => Test::WireLen(wirelens(source)),
        3..=4 => Test::Compare {
            op: source.pick(&[CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le]),
            left: operand(source, depth),
            right: operand(source, depth),
        },
        _ => {
            let bytes = 1 + source.below(3) as u8;
            let mask =
                source.pick(&[0x030303, 0x030303, 0x010302, 0x020101]) & ((1 << (8 * bytes)) - 1);
            let field = Field {
                depth: source.below(u32::from(depth) + 1) as u8,
                offset: source.below(3),
                bytes,
                mask,
            };
            Test::Bits {
                field,
                set: set(source, mask >> mask.trailing_zeros()),
            }
        }
    }
}

/// A set of original lengths that does not tell those from `WIRELENS` on apart.
fn wirelens(source: &mut Source) -> IntervalSet {
    let low = source.below(WIRELENS);
    if source.below(2) == 0 {
        IntervalSet::range(low, low)
    } else {
        IntervalSet::range(low + 1, u32::MAX)
    }
}

fn set(source: &mut Source, greatest: u32) -> IntervalSet {
    let value = |source: &mut Source| (source.word() % (greatest + 1)) & 0x030303;
    let (a, b) = (value(source), value(source));
    match source.below(3) {
        0 => IntervalSet::single(a),
        1 => IntervalSet::range(a.min(b), a.max(b)),
        _ => IntervalSet::from_values([a, b, b + 1]),
    }
}

/// Two bits of the packet.
fn load(source: &mut Source, depth: u8) -> Expr {
    let little = source.below(4) == 0;
    let at = match source.below(8) {
        0 => Address::Computed(alloc::boxed::Box::new(distance(source, depth))),
        _ => Address::Fixed(source.below(3)),
    };
    let load = Load {
        depth: source.below(u32::from(depth) + 1) as u8,
        at,
        bytes: 1 + source.below(2) as u8,
        little,
    };
    let mask = if load.bytes == 1 {
        0x3
    } else {
        source.pick(&[0x0303, 0x0300, 0x0102])
    };
    Expr::binary(BinaryOp::And, Expr::Load(load), Expr::Const(mask))
}

/// At most three bytes.
fn distance(source: &mut Source, depth: u8) -> Expr {
    let bits = Expr::binary(
        BinaryOp::And,
        Expr::load(source.below(3), 1),
        Expr::Const(source.pick(&[1, 2, 3])),
    );
    match source.below(8) {
        0..=1 => Expr::Const(source.below(4)),
        2 => Expr::binary(BinaryOp::Add, bits, Expr::Const(1)),
        3 => Expr::binary(
            BinaryOp::Shr,
            load(source, depth),
            Expr::Const(source.pick(&[0, 1, 8])),
        ),
        4 => Expr::binary(BinaryOp::Sub, Expr::Len, bits),
        _ => bits,
    }
}

fn operand(source: &mut Source, depth: u8) -> Expr {
    let left = load(source, depth);
    let ops = [
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::Xor,
        BinaryOp::Or,
        BinaryOp::Shl,
    ];
    match source.below(8) {
        0 => Expr::Len,
        1 => Expr::binary(source.pick(&ops), left, load(source, depth)),
        2 => Expr::binary(source.pick(&ops), left, Expr::Const(source.below(3))),
        3 => Expr::Const(source.below(4)),
        _ => left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::source::random_bytes;

    #[test]
    fn an_index_answers_as_pairs_do() {
        for seed in 0..400u64 {
            run_index(&random_bytes(!seed, 128));
        }
    }

    /// Every relation comes up often enough for an error in it to show.
    #[test]
    fn every_relation_is_drawn() {
        let mut drawn = [0; 5];
        for seed in 0..2048u64 {
            let bytes = random_bytes(seed.wrapping_mul(7919), 64 + seed as usize % 100);
            let Some((a, b)) = pair(&mut Source::new(&bytes)) else {
                continue;
            };
            match overlap::relate(&a, &b, &mut Budget::default()) {
                Relation::Disjoint => drawn[0] += 1,
                Relation::Equal { .. } => drawn[1] += 1,
                Relation::AInB { .. } => drawn[2] += 1,
                Relation::BInA { .. } => drawn[3] += 1,
                Relation::Crossing { .. } => drawn[4] += 1,
                Relation::CannotTell(cannot) => panic!("{cannot}"),
            }
        }
        std::println!("disjoint, equal, inside, around, crossing: {drawn:?}");
        assert!(drawn.iter().all(|&count| count >= 40), "{drawn:?}");
    }

    #[test]
    fn four_thousand_executions() {
        for seed in 0..4096u64 {
            run(&random_bytes(
                seed.wrapping_mul(7919),
                64 + seed as usize % 100,
            ));
        }
    }
}
