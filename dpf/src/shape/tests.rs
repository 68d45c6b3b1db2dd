//! Shapes of filters that differ in keys.

use alloc::{boxed::Box, vec::Vec};

use super::{Rule, Shape, Templates, analyse, rule};
use crate::dispatch::Shared;
use crate::filter::{BinaryOp, Expr, Field, Filter, IntervalSet, NodeId, Pool};
use crate::fuzzing::{Draw, Random, filter};

fn equal(pool: &mut Pool, offset: u32, bytes: u8, value: u32) -> NodeId {
    let mask = u32::MAX >> (32 - 8 * u32::from(bytes));
    let field = Field {
        depth: 0,
        offset,
        bytes,
        mask,
    };
    pool.bits(field, IntervalSet::single(value)).unwrap()
}

fn header_length() -> Expr {
    let low = Expr::binary(BinaryOp::And, Expr::load(0, 1), Expr::Const(0xf));
    Expr::binary(BinaryOp::Shl, low, Expr::Const(2))
}

/// IPv4 after Ethernet, or after one tag: the same body behind two alternatives.
fn tagged(source: u32, port: u32) -> Filter {
    let mut pool = Pool::new();
    let port = equal(&mut pool, 2, 2, port);
    let above = pool.shift(header_length(), port).unwrap();
    let source = equal(&mut pool, 12, 4, source);
    let body = pool.and([source, above].into()).unwrap();
    let (plain, tag) = (
        equal(&mut pool, 12, 2, 0x800),
        equal(&mut pool, 12, 2, 0x8100),
    );
    let (near, far) = (
        pool.shift(Expr::Const(14), body).unwrap(),
        pool.shift(Expr::Const(18), body).unwrap(),
    );
    let near = pool.and([plain, near].into()).unwrap();
    let far = pool.and([tag, far].into()).unwrap();
    let root = pool.or([near, far].into()).unwrap();
    pool.finish(root).unwrap()
}

#[test]
fn filters_that_differ_in_keys_share_a_shape() {
    let (a, b) = (
        rule(&tagged(0x0a00_0001, 22)),
        rule(&tagged(0xc00c_4501, 80)),
    );
    assert_eq!(a.shape, b.shape);
    assert_eq!(a.shape.slots().len(), 2);
    let keys: Vec<u32> = b.keys.to_vec();
    assert!(
        keys.contains(&0xc00c_4501) && keys.contains(&80),
        "{keys:x?}"
    );
}

#[test]
fn a_constant_of_one_alternative_is_structure() {
    let either = |value: u32| {
        let mut pool = Pool::new();
        let (left, right) = (equal(&mut pool, 0, 2, value), equal(&mut pool, 4, 2, 7));
        let root = pool.or([left, right].into()).unwrap();
        pool.finish(root).unwrap()
    };
    assert!(rule(&either(1)).keys.is_empty());
    assert_ne!(rule(&either(1)).shape, rule(&either(2)).shape);
}

#[test]
fn alternatives_that_may_both_hold_lend_no_keys() {
    // The body might be met at two bases, where one look-up would not do.
    let mut pool = Pool::new();
    let body = equal(&mut pool, 0, 4, 7);
    let parts: Vec<NodeId> = [4, 8]
        .map(|by| pool.shift(Expr::Const(by), body).unwrap())
        .into();
    let (first, second) = (equal(&mut pool, 0, 1, 1), equal(&mut pool, 1, 1, 1));
    let first = pool.and([first, parts[0]].into()).unwrap();
    let second = pool.and([second, parts[1]].into()).unwrap();
    let root = pool.or([first, second].into()).unwrap();
    assert!(rule(&pool.finish(root).unwrap()).keys.is_empty());
}

/// Learns the filter if it is not known, and checks what is recognised; whether it was.
fn recognised(templates: &mut Templates<Box<Shape>>, filter: &Filter) -> bool {
    let (rule, template) = analyse(filter);
    if let Some(template) = templates.find(filter) {
        templates.prefer(template);
        let (shape, keys) = templates.rule(template, filter);
        let shape = Shape::clone(shape);
        assert_eq!(Rule { shape, keys }, rule, "{filter}");
        return true;
    }
    if let Some(template) = template {
        templates.learn(template, Box::new(rule.shape));
        assert!(templates.find(filter).is_some(), "{filter}");
    }
    false
}

/// Filters of a few structures, with constants that often meet those of other tests: whatever is
/// recognised has the shape and keys that analysis gives it.
#[test]
fn what_a_template_fits_has_its_shape() {
    let mut templates = Templates::default();
    let (mut of_others, mut met) = (0, 0);
    for structure in 0..3000 {
        for constants in 0..8 {
            let mut draw = Draw {
                structure: Random::new(structure),
                constants: Random::new(constants),
                omissions: None,
                depth: 1 + (structure % 3) as u32,
                expressions: structure % 4 == 0,
            };
            if let Ok(filter) = filter(&mut draw) {
                met += 1;
                of_others += u32::from(recognised(&mut templates, &filter));
            }
        }
    }
    assert!(2 * of_others > met, "{of_others} of {met} recognised");
}

/// The first filter of a shape is analysed, and one more for each place that its port can have among
/// the inner types.
#[test]
fn most_ports_are_recognised() {
    let mut templates = Templates::default();
    let mut random = Random::new(5);
    let mut analysed = 0;
    for _ in 0..200 {
        let port = random.below(1 << 16);
        let text = alloc::format!("filter it = udp.dport == {port};");
        let program = crate::syntax::Program::parse(&text, "test", true).unwrap();
        let filter = &crate::filter::lower(&program).unwrap()[0].filter;
        analysed += u32::from(!recognised(&mut templates, filter));
    }
    assert!(analysed <= 8, "{analysed}");
}

#[test]
fn templates_are_forgotten_with_their_shape() {
    let mut templates = Templates::default();
    let (one, other) = (tagged(0x0a00_0001, 22), tagged(0x0a00_0002, 80));
    let (rule, template) = analyse(&one);
    let shape = Shared::new(rule.shape);
    templates.learn(template.unwrap(), shape.clone());
    let found = templates.find(&other).unwrap();
    assert_eq!(templates.rule(found, &other).0, &shape);
    templates.forget(&shape);
    assert!(templates.find(&other).is_none());
}

/// UDP's port lies where a tag has its type: 0x0800, 0x86dd and their neighbours are as good ports as
/// any.
#[test]
fn no_port_is_a_shape_of_its_own() {
    let port = |port: u32| {
        let text = alloc::format!("filter it = udp.dport == {port};");
        let program = crate::syntax::Program::parse(&text, "test", true).unwrap();
        rule(&crate::filter::lower(&program).unwrap()[0].filter)
    };
    let first = port(1);
    assert_eq!(first.keys.len(), 1);
    for number in [
        0, 17, 44, 0x7ff, 0x800, 0x801, 0x806, 0x8100, 0x86dc, 0x86dd, 0x86de, 0x88a8, 0xffff,
    ] {
        let other = port(number);
        assert_eq!(other.shape, first.shape, "{number:#x}");
        assert_eq!(other.keys[..], [number]);
    }
}
