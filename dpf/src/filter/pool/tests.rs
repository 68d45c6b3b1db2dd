use alloc::vec;

use super::*;
use crate::filter::{Address, BinaryOp, Load};

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
