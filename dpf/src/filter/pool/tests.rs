//! The pool: what simplification must keep, and canonical forms that must be equal.

use alloc::vec;

use super::*;
use crate::{
    filter::{Address, BinaryOp, Load},
    interp,
};

fn field(offset: u32, bytes: u8, mask: u32) -> Field {
    Field {
        depth: 0,
        offset,
        bytes,
        mask,
    }
}

fn eq(pool: &mut Pool, offset: u32, bytes: u8, value: u32) -> NodeId {
    let mask = low_mask(8 * u32::from(bytes));
    pool.bits(field(offset, bytes, mask), IntervalSet::single(value))
        .unwrap()
}

fn ihl(offset: u32) -> Expr {
    let low = Expr::binary(BinaryOp::And, Expr::load(offset, 1), Expr::Const(0xf));
    Expr::binary(BinaryOp::Shl, low, Expr::Const(2))
}

#[test]
fn bytes_make_words_however_they_were_cut() {
    let mut pool = Pool::new();
    let (high, low) = (eq(&mut pool, 12, 1, 8), eq(&mut pool, 13, 1, 0));
    let whole = eq(&mut pool, 12, 2, 0x800);
    assert_eq!(pool.and(vec![low, high]).unwrap(), whole);

    let (source, destination) = (eq(&mut pool, 34, 2, 1234), eq(&mut pool, 36, 2, 4321));
    let both = eq(&mut pool, 34, 4, 1234 << 16 | 4321);
    assert_eq!(pool.and(vec![destination, source]).unwrap(), both);
}

#[test]
fn contradictions_are_false() {
    let mut pool = Pool::new();
    let (a, b) = (eq(&mut pool, 12, 2, 0x800), eq(&mut pool, 13, 2, 0x100));
    assert_eq!(pool.and(vec![a, b]).unwrap(), Pool::FALSE);
}

#[test]
fn a_thousand_hosts_are_one_set() {
    let mut pool = Pool::new();
    let hosts: Vec<NodeId> = (0..1000)
        .map(|host| eq(&mut pool, 12, 4, host * 7919))
        .collect();
    let any = pool.or(hosts).unwrap();
    let Node::Test(Test::Bits { set, .. }) = pool.node(any) else {
        panic!("{:?}", pool.node(any))
    };
    assert_eq!(set.count(), 1000);
}

#[test]
fn prefixes_and_hosts_make_one_set() {
    let mut pool = Pool::new();
    let prefix = pool
        .bits(field(12, 4, 0xff00_0000), IntervalSet::single(10))
        .unwrap();
    let host = eq(&mut pool, 12, 4, 0x0102_0304);
    let apart = pool.or(vec![prefix, host]).unwrap();
    let set = IntervalSet::from_ranges([(0x0a00_0000, 0x0aff_ffff), (0x0102_0304, 0x0102_0304)]);
    let together = pool.bits(field(12, 4, u32::MAX), set).unwrap();
    assert_eq!(apart, together);
}

#[test]
fn masks_are_reduced_to_what_matters() {
    let mut pool = Pool::new();
    let wide = pool
        .bits(
            field(12, 4, u32::MAX),
            IntervalSet::range(0x0a00_0000, 0x0aff_ffff),
        )
        .unwrap();
    let narrow = pool
        .bits(field(12, 1, 0xff), IntervalSet::single(10))
        .unwrap();
    let captured = pool.captured(0, 16).unwrap();
    assert_eq!(pool.and(vec![narrow, captured]).unwrap(), wide);
    // 0x22 and 0x23 differ in a bit that does not matter.
    let pair = pool
        .bits(field(0, 1, 0xff), IntervalSet::range(0x22, 0x23))
        .unwrap();
    assert_eq!(
        pair,
        pool.bits(field(0, 1, 0xfe), IntervalSet::single(0x11))
            .unwrap()
    );
}

#[test]
fn known_bits_cut_sets_down() {
    let mut pool = Pool::new();
    let set = pool
        .bits(
            field(12, 2, 0xffff),
            IntervalSet::from_values([0x800, 0x806, 0x86dd]),
        )
        .unwrap();
    let one = eq(&mut pool, 12, 2, 0x806);
    assert_eq!(pool.and(vec![set, one]).unwrap(), one);
    let high = eq(&mut pool, 12, 1, 8);
    let rest = pool
        .bits(field(13, 1, 0xff), IntervalSet::from_values([0, 6]))
        .unwrap();
    let both = pool.and(vec![set, high]).unwrap();
    assert_eq!(pool.and(vec![high, rest]).unwrap(), {
        // {0x800, 0x806} at 12:16 still has 0x86 as its other high byte: the set shrinks.
        both
    });
}

#[test]
fn arithmetic_on_a_field_is_solved() {
    let mut pool = Pool::new();
    let want = pool
        .bits(field(0, 1, 0x0f), IntervalSet::single(5))
        .unwrap();
    let shifted = pool
        .compare(CompareOp::Eq, ihl(0), Expr::Const(20))
        .unwrap();
    assert_eq!(shifted, want);
    let sum = Expr::binary(BinaryOp::Add, Expr::load(2, 2), Expr::Const(14));
    let long = pool.compare(CompareOp::Lt, Expr::Const(113), sum).unwrap();
    let want = pool
        .bits(field(2, 2, 0xffff), IntervalSet::range(100, 0xffff))
        .unwrap();
    assert_eq!(long, want);
    let little = Expr::Load(Load {
        depth: 0,
        at: Address::Fixed(0),
        bytes: 2,
        little: true,
    });
    let swapped = pool
        .compare(CompareOp::Eq, little, Expr::Const(0x0800))
        .unwrap();
    assert_eq!(swapped, eq(&mut pool, 0, 2, 0x0008));
}

#[test]
fn private_constant_shifts_fold() {
    let mut pool = Pool::new();
    let ether = eq(&mut pool, 12, 2, 0x800);
    let (proto, port) = (eq(&mut pool, 9, 1, 6), eq(&mut pool, 2, 2, 80));
    let tcp = pool.shift(ihl(0), port).unwrap();
    let ip = pool.and(vec![proto, tcp]).unwrap();
    let shifted = pool.shift(Expr::Const(14), ip).unwrap();
    let root = pool.and(vec![ether, shifted]).unwrap();
    let filter = pool.finish(root).unwrap();

    let flat_proto = eq(&mut pool, 23, 1, 6);
    let distance = Expr::binary(BinaryOp::Add, ihl(14), Expr::Const(14));
    let flat_tcp = pool.shift(distance, port).unwrap();
    let flat = pool.and(vec![flat_tcp, flat_proto, ether]).unwrap();
    assert_eq!(filter, pool.finish(flat).unwrap());
}

#[test]
fn shared_targets_keep_their_shifts() {
    let mut pool = Pool::new();
    let set = IntervalSet::from_values([1, 6, 17]);
    let proto = pool.bits(field(9, 1, 0xff), set).unwrap();
    let source = eq(&mut pool, 12, 4, 0x0a00_0001);
    let ip = pool.or(vec![proto, source]).unwrap();
    let (plain, tagged) = (eq(&mut pool, 12, 2, 0x800), eq(&mut pool, 12, 2, 0x8100));
    let near = pool.shift(Expr::Const(14), ip).unwrap();
    let far = pool.shift(Expr::Const(18), ip).unwrap();
    let (a, b) = (
        pool.and(vec![plain, near]).unwrap(),
        pool.and(vec![tagged, far]).unwrap(),
    );
    let root = pool.or(vec![a, b]).unwrap();
    let filter = pool.finish(root).unwrap();
    let shifts = filter
        .nodes()
        .iter()
        .filter(|node| matches!(node, Node::Shift { .. }))
        .count();
    assert_eq!(shifts, 2);
}

#[test]
fn what_does_not_depend_on_a_base_stands_outside() {
    let mut pool = Pool::new();
    let outer = pool
        .bits(
            Field {
                depth: 1,
                offset: 12,
                bytes: 2,
                mask: 0xffff,
            },
            IntervalSet::single(0x800),
        )
        .unwrap();
    let inner = eq(&mut pool, 2, 2, 80);
    let both = pool.and(vec![outer, inner]).unwrap();
    let shifted = pool.shift(ihl(0), both).unwrap();
    let (here, there) = (
        eq(&mut pool, 12, 2, 0x800),
        pool.shift(ihl(0), inner).unwrap(),
    );
    assert_eq!(shifted, pool.and(vec![here, there]).unwrap());
}

#[test]
fn a_known_header_length_is_a_constant() {
    let mut pool = Pool::new();
    let port = eq(&mut pool, 2, 2, 80);
    let tcp = pool.shift(ihl(0), port).unwrap();
    let test = Test::Bits {
        field: field(0, 1, 0x0f),
        set: IntervalSet::single(5),
    };
    let left = pool.assume(tcp, &test, true).unwrap();
    assert_eq!(left, pool.shift(Expr::Const(20), port).unwrap());
}

#[test]
fn a_load_outside_the_root_is_refused() {
    let mut pool = Pool::new();
    let outer = pool.captured(1, 4).unwrap();
    assert_eq!(
        pool.finish(outer).unwrap_err().kind(),
        ErrorKind::UnboundBase
    );
}

/// xorshift64*, for the properties below.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32) % bound
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }
}

/// A formula twice: as it was drawn, node by node, and as a pool makes it.
struct Drawn {
    nodes: Vec<Node>,
    pool: Pool,
}

impl Drawn {
    fn new() -> Self {
        Drawn {
            nodes: Vec::new(),
            pool: Pool::new(),
        }
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn as_drawn(&self, root: NodeId) -> Filter {
        Filter {
            nodes: self.nodes.clone().into(),
            root,
        }
    }

    fn formula(&mut self, random: &mut Random, size: u32, shifts: u8) -> (NodeId, NodeId) {
        let choice = if size == 0 { 0 } else { random.below(8) };
        match choice {
            0 | 1 => {
                let test = test(random, shifts);
                (
                    self.push(Node::Test(test.clone())),
                    self.pool.test(test).unwrap(),
                )
            }
            2 => {
                let by = distance(random);
                let (then, made) = self.formula(random, size - 1, shifts + 1);
                (
                    self.push(Node::Shift {
                        by: by.clone(),
                        then,
                    }),
                    self.pool.shift(by, made).unwrap(),
                )
            }
            _ => {
                let count = 2 + random.below(3);
                let parts: Vec<_> = (0..count)
                    .map(|_| self.formula(random, size - 1, shifts))
                    .collect();
                let (drawn, made): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                if choice < 6 {
                    (
                        self.push(Node::And(drawn.into())),
                        self.pool.and(made).unwrap(),
                    )
                } else {
                    (
                        self.push(Node::Or(drawn.into())),
                        self.pool.or(made).unwrap(),
                    )
                }
            }
        }
    }
}

fn distance(random: &mut Random) -> Expr {
    match random.below(4) {
        0 | 1 => Expr::Const(random.below(4)),
        2 => Expr::binary(
            BinaryOp::And,
            Expr::load(random.below(3), 1),
            Expr::Const(3),
        ),
        _ => Expr::load(random.below(3), 1 + random.below(4) as u8),
    }
}

fn some_field(random: &mut Random, depth: u8) -> Field {
    let bytes = 1 + random.below(4) as u8;
    let masks = [
        u32::MAX,
        0xff,
        0xff00,
        0x0f,
        0xf0,
        0x0102_0304,
        0xfffe,
        0xff01,
        0,
        0xffff_0000,
    ];
    let mask = masks[random.below(10) as usize] & low_mask(8 * u32::from(bytes));
    Field {
        depth,
        offset: random.below(6),
        bytes,
        mask,
    }
}

fn some_set(random: &mut Random, field: &Field) -> IntervalSet {
    let scale = [1, 1, 1 << 8, 1 << 16, 0x0101][random.below(5) as usize];
    let set = IntervalSet::from_ranges((0..random.below(5)).map(|_| {
        let low = random.below(5) * scale;
        (low, low + [0, 0, 1, 255, 0xffff][random.below(5) as usize])
    }));
    if random.one_in(3) {
        set.complement(field.width())
    } else {
        set
    }
}

fn test(random: &mut Random, shifts: u8) -> Test {
    let depth = random.below(u32::from(shifts) + 1) as u8;
    match random.below(12) {
        0 => Test::Captured {
            depth,
            end: random.below(9),
        },
        1 => Test::Len(IntervalSet::range(random.below(12), 8 + random.below(12))),
        2 => Test::WireLen(IntervalSet::range(0, random.below(20))),
        3 | 4 => {
            let little = random.one_in(3);
            let load = Load {
                depth,
                at: Address::Fixed(random.below(4)),
                bytes: 1 + random.below(4) as u8,
                little,
            };
            let ops = [
                BinaryOp::Add,
                BinaryOp::Sub,
                BinaryOp::Mul,
                BinaryOp::And,
                BinaryOp::Or,
                BinaryOp::Xor,
                BinaryOp::Shl,
                BinaryOp::Shr,
            ];
            let mut left = Expr::Load(load);
            for _ in 0..random.below(4) {
                let constant =
                    Expr::Const([1, 2, 3, 8, 0xff, 0xfff0, u32::MAX, 31][random.below(8) as usize]);
                let op = ops[random.below(8) as usize];
                let (a, b) = if random.one_in(6) {
                    (constant, left)
                } else {
                    (left, constant)
                };
                left = Expr::Binary(op, Box::new(a), Box::new(b));
            }
            let right = match random.below(4) {
                0 => Expr::load(random.below(4), 1),
                1 => Expr::Load(Load {
                    depth,
                    at: Address::Computed(Box::new(Expr::load(random.below(3), 1))),
                    bytes: 1,
                    little: false,
                }),
                _ => Expr::Const([0, 1, 2, 4, 0x100, 0x201, 0xff00, 12][random.below(8) as usize]),
            };
            let op = [CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le]
                [random.below(4) as usize];
            if random.one_in(2) {
                Test::Compare { op, left, right }
            } else {
                Test::Compare {
                    op,
                    left: right,
                    right: left,
                }
            }
        }
        _ => {
            let field = some_field(random, depth);
            Test::Bits {
                field,
                set: some_set(random, &field),
            }
        }
    }
}

fn packet(random: &mut Random) -> Vec<u8> {
    (0..random.below(16))
        .map(|_| [0, 1, 2, 3, 4, 0xff][random.below(6) as usize])
        .collect()
}

#[test]
fn simplification_keeps_the_meaning() {
    let mut random = Random(11);
    let (mut accepted, mut pairs) = (0, 0);
    for round in 0..4000 {
        let mut drawn = Drawn::new();
        let size = 1 + random.below(4);
        let (before, after) = drawn.formula(&mut random, size, 0);
        let before = drawn.as_drawn(before);
        let after = drawn.pool.finish(after).unwrap();
        for _ in 0..25 {
            let packet = packet(&mut random);
            let wirelen = packet.len() as u32 + random.below(4);
            let want = interp::accepts(&before, &packet, wirelen);
            let got = interp::accepts(&after, &packet, wirelen);
            assert_eq!(
                got, want,
                "{round}: {before:?}\nis not {after}\non {packet:x?}"
            );
            pairs += 1;
            accepted += usize::from(got);
        }
    }
    assert!(
        accepted > pairs / 10 && accepted < pairs * 9 / 10,
        "{accepted} of {pairs}"
    );
}

#[test]
fn finished_filters_are_canonical_and_survive_every_form() {
    let mut random = Random(12);
    for round in 0..2000 {
        let mut drawn = Drawn::new();
        let size = 1 + random.below(4);
        let (_, root) = drawn.formula(&mut random, size, 0);
        let filter = drawn.pool.finish(root).unwrap();
        assert_eq!(filter.verify(), Ok(()), "{round}: {filter}");
        assert_eq!(
            Filter::decode(&filter.encode()).as_ref(),
            Ok(&filter),
            "{round}: {filter}"
        );
        let text = alloc::format!("{filter}");
        assert_eq!(
            text.parse::<Filter>().as_ref(),
            Ok(&filter),
            "{round}: {text}"
        );
        let mut other = Pool::with_seed(round);
        let root = other.import(&filter).unwrap();
        assert_eq!(
            other.finish(root).as_ref(),
            Ok(&filter),
            "{round}: {filter}"
        );
    }
}

#[test]
fn the_order_of_operands_does_not_matter() {
    let mut random = Random(13);
    for _ in 0..2000 {
        let mut pool = Pool::new();
        let mut parts: Vec<NodeId> = Vec::new();
        for _ in 0..2 + random.below(5) {
            let test = test(&mut random, 0);
            parts.push(pool.test(test).unwrap());
        }
        let (and, or) = (
            pool.and(parts.clone()).unwrap(),
            pool.or(parts.clone()).unwrap(),
        );
        for step in (1..parts.len()).rev() {
            parts.swap(step, random.below(step as u32 + 1) as usize);
        }
        let (first, rest) = parts.split_at(1 + random.below(parts.len() as u32 - 1) as usize);
        let (first, rest) = (
            pool.and(first.into()).unwrap(),
            pool.and(rest.into()).unwrap(),
        );
        assert_eq!(pool.and(vec![rest, first]).unwrap(), and);
        let (first, rest) = parts.split_at(1 + random.below(parts.len() as u32 - 1) as usize);
        let (first, rest) = (
            pool.or(first.into()).unwrap(),
            pool.or(rest.into()).unwrap(),
        );
        let again = pool.or(vec![rest, first]).unwrap();
        assert_eq!(again, or, "{:?} {:?}", pool.node(again), pool.node(or));
    }
}

#[test]
fn assuming_what_is_true_changes_nothing_that_matters() {
    let mut random = Random(14);
    let mut simplified = 0;
    for round in 0..4000 {
        let mut drawn = Drawn::new();
        let size = 1 + random.below(4);
        let (_, node) = drawn.formula(&mut random, size, 0);
        let known = test(&mut random, 0);
        let known = drawn.pool.test(known).unwrap();
        let Node::Test(known_test) = drawn.pool.node(known).clone() else {
            continue;
        };
        let holds = drawn.pool.assume(node, &known_test, true).unwrap();
        let fails = drawn.pool.assume(node, &known_test, false).unwrap();
        simplified += usize::from(holds != node) + usize::from(fails != node);
        let finished = [known, node, holds, fails].map(|id| drawn.pool.finish(id).unwrap());
        let [known, node, holds, fails] = &finished;
        for _ in 0..25 {
            let packet = packet(&mut random);
            let wirelen = packet.len() as u32;
            let left = if interp::accepts(known, &packet, wirelen) {
                holds
            } else {
                fails
            };
            assert_eq!(
                interp::accepts(left, &packet, wirelen),
                interp::accepts(node, &packet, wirelen),
                "{round}: {node}\ngiven {known}\nis {holds}\nor {fails}\non {packet:x?}"
            );
        }
    }
    assert!(simplified > 500, "{simplified}");
}

#[test]
fn rebasing_is_shifting() {
    let mut random = Random(15);
    let mut rebased = 0;
    for round in 0..3000 {
        let mut drawn = Drawn::new();
        let size = 1 + random.below(3);
        let (_, node) = drawn.formula(&mut random, size, 1);
        let by = random.below(5);
        let Some(moved) = drawn.pool.rebase(node, by).unwrap() else {
            continue;
        };
        rebased += 1;
        let captured = drawn.pool.captured(0, by).unwrap();
        let moved = drawn.pool.and(vec![captured, moved]).unwrap();
        // Unfolded, by hand: the node under a `Shift`, in nodes of its own.
        let reachable = drawn.pool.reachable(node);
        let renamed =
            |id: &NodeId| NodeId(reachable.iter().position(|other| other == id).unwrap() as u32);
        let mut nodes: Vec<Node> = reachable
            .iter()
            .map(|id| match drawn.pool.node(*id) {
                Node::And(operands) => Node::And(operands.iter().map(renamed).collect()),
                Node::Or(operands) => Node::Or(operands.iter().map(renamed).collect()),
                Node::Shift { by, then } => Node::Shift {
                    by: by.clone(),
                    then: renamed(then),
                },
                leaf => leaf.clone(),
            })
            .collect();
        nodes.push(Node::Shift {
            by: Expr::Const(by),
            then: NodeId(nodes.len() as u32 - 1),
        });
        let root = NodeId(nodes.len() as u32 - 1);
        let shifted = Filter {
            nodes: nodes.into(),
            root,
        };
        let moved = drawn.pool.finish(moved).unwrap();
        for _ in 0..25 {
            let packet = packet(&mut random);
            assert_eq!(
                interp::accepts(&moved, &packet, 9),
                interp::accepts(&shifted, &packet, 9),
                "{round}: {moved}\non {packet:x?}"
            );
        }
    }
    assert!(rebased > 1000, "{rebased}");
}

#[test]
fn ten_thousand_hosts_take_milliseconds_in_any_form() {
    let mut pool = Pool::new();
    let hosts: Vec<NodeId> = (0..10_000u32)
        .map(|host| eq(&mut pool, 26, 4, host.wrapping_mul(2_654_435_761)))
        .collect();
    let any = pool.or(hosts).unwrap();
    let filter = pool.finish(any).unwrap();
    assert_eq!(Filter::decode(&filter.encode()).as_ref(), Ok(&filter));
    assert!(filter.encode().len() < 70_000, "{}", filter.encode().len());
}

#[test]
fn limits_say_what_was_given() {
    let mut pool = Pool::new();
    let mut node = eq(&mut pool, 0, 1, 1);
    let error = loop {
        match pool.shift(Expr::load(0, 1), node) {
            Ok(deeper) => node = deeper,
            Err(error) => break error,
        }
    };
    let limit = crate::filter::MAX_SHIFTS as u64;
    assert_eq!(
        error.kind(),
        ErrorKind::Limit {
            what: "shifts inside each other",
            given: limit + 1,
            limit
        }
    );
}
