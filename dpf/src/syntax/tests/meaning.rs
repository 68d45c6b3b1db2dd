//! What filters mean, packet by packet: the three values, paths, tunnels, shifts, truncation.

use alloc::{format, vec, vec::Vec};

use super::{
    super::eval::{Evaluator, Truth},
    *,
};
use Truth::{False, Short, True};

/// The value of `condition` for a packet, wholly captured.
fn value(condition: &str, packet: &[u8]) -> Truth {
    let program = program(&format!("filter test = {condition};"));
    let evaluator = Evaluator::new(&program);
    evaluator.evaluate(&program.filters[0], packet, packet.len() as u32)
}

fn assert_values(packet: &[u8], expected: &[(&str, Truth)]) {
    for &(condition, truth) in expected {
        assert_eq!(value(condition, packet), truth, "{condition}");
    }
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet header of this type.
fn ether(kind: u16) -> Vec<u8> {
    let mut header = vec![0, 0x11, 0x22, 0x33, 0x44, 0x55, 2, 0, 0, 0, 0, 1];
    header.extend(kind.to_be_bytes());
    header
}

fn vlan(vid: u16, kind: u16) -> Vec<u8> {
    [vid.to_be_bytes(), kind.to_be_bytes()].concat()
}

/// An IPv4 header of `ihl` words from 192.12.69.1 to 10.1.2.3, with this protocol.
fn ip(ihl: u8, proto: u8) -> Vec<u8> {
    let mut header = vec![
        0x40 | ihl,
        0,
        0,
        40,
        0,
        7,
        0,
        0,
        64,
        proto,
        0,
        0,
        192,
        12,
        69,
        1,
        10,
        1,
        2,
        3,
    ];
    header.resize(usize::from(ihl.max(5)) * 4, 0);
    header
}

fn ip6(next: u8) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0, 0, 20, next, 64];
    header.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    header
}

fn extension(next: u8) -> Vec<u8> {
    vec![next, 0, 0, 0, 0, 0, 0, 0]
}

fn tcp(sport: u16, dport: u16) -> Vec<u8> {
    let mut header = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    header.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    header
}

fn udp(dport: u16) -> Vec<u8> {
    [
        1024_u16.to_be_bytes(),
        dport.to_be_bytes(),
        8_u16.to_be_bytes(),
        [0, 0],
    ]
    .concat()
}

fn ssh() -> Vec<u8> {
    joined(&[&ether(0x0800), &ip(5, 6), &tcp(1234, 22)])
}

#[test]
fn a_plain_packet() {
    assert_values(
        &ssh(),
        &[
            ("tcp.dport == 22", True),
            ("tcp.dport != 22", False),
            ("tcp.dport != 23", True),
            ("22 == tcp.dport", True),
            ("tcp.dport in 20..22", True),
            ("tcp.dport in { 23, 20..21 }", False),
            ("tcp.sport > tcp.dport", True),
            ("tcp.sport - 1212 == tcp.dport", True),
            ("tcp.dport - 23 == 0xffffffff", True),
            ("tcp.flags & 0x12 == 0x02", True),
            ("tcp.flags & 0x12 == 0x12", False),
            ("1 << 32 == 0", True),
            ("ip.src == 192.12.69.1 && ip.dst in 10.0.0.0/8", True),
            ("ip.src == 192.12.0.0/16", True),
            ("ip.src != 192.12.0.0/16", False),
            ("ip.ihl << 2 == 20", True),
            ("ether.dst == 00:11:22:33:44:55", True),
            ("ether.dst < ether.src", True),
            ("ether.dst in 00:11:00:00:00:00/16", True),
            (
                "ether.src == 02:00:00:00:00:01 && ether.src != 02:00:00:00:00:02",
                True,
            ),
            ("len == 54 && wirelen == 54", True),
            ("tcp && !udp && !ip6", True),
            ("udp.dport == 22", False),
            ("udp.dport != 22", False),
            ("!(udp.dport == 22)", True),
            ("ip6.src == ip6.dst", False),
        ],
    );
}

#[test]
fn truncation_is_short() {
    let whole = ssh();
    assert_values(
        &whole[..36],
        &[
            ("ip", True),
            // Whether TCP is there depends on its `offset`, so nothing of it is known before.
            ("tcp", Short),
            ("tcp.sport == 1234", Short),
            ("!(tcp.dport == 22)", Short),
            ("tcp.dport != 22", Short),
            ("udp || tcp.dport == 22", Short),
            ("ip || tcp.dport == 22", True),
            ("udp && tcp.dport == 22", False),
        ],
    );
    assert_values(
        &whole[..47],
        &[
            ("tcp", True),
            ("tcp.dport == 22", True),
            ("tcp.flags == 2", Short),
        ],
    );
    assert_values(
        &whole[..13],
        &[
            ("ether", True),
            ("ip", Short),
            ("!ip", Short),
            ("ether.dst != 00:00:00:00:00:00", True),
        ],
    );
    // The next header begins at the end: it is there when nothing of it is needed to say so.
    assert_values(
        &joined(&[&ether(0x0806)]),
        &[("arp", True), ("arp.op == 1", Short), ("ip", False)],
    );
    assert_values(&joined(&[&ether(0x0800)]), &[("ip", Short), ("arp", False)]);
    assert_values(&[], &[("ether", True), ("len == 0", True), ("ip", Short)]);
}

#[test]
fn where_and_size_decide_presence() {
    let mut packet = ssh();
    packet[14] = 0x44;
    assert_values(
        &packet,
        &[
            ("ip", False),
            ("!ip", True),
            ("ip.ttl == 64", False),
            ("tcp", False),
        ],
    );
    packet[14] = 0x65;
    assert_values(&packet, &[("ip", False), ("ip6", False)]);
    let options = joined(&[&ether(0x0800), &ip(15, 6), &tcp(1, 22)]);
    assert_values(
        &options,
        &[("tcp.dport == 22", True), ("ip.ihl == 15", True)],
    );
    let mut fragment = ssh();
    fragment[21] = 1;
    assert_values(
        &fragment,
        &[
            ("tcp", False),
            ("ip.frag == 1", True),
            ("!(tcp.dport == 22)", True),
        ],
    );
}

#[test]
fn tags_are_bounded() {
    let tagged = |tags: usize| {
        let mut packet = ether(0x8100);
        for tag in 1..=tags {
            packet.extend(vlan(tag as u16, if tag == tags { 0x0800 } else { 0x8100 }));
        }
        joined(&[&packet, &ip(5, 6), &tcp(1, 22)])
    };
    assert_values(
        &tagged(1),
        &[
            ("tcp.dport == 22", True),
            ("vlan.vid == 1", True),
            ("vlan/vlan", False),
        ],
    );
    assert_values(
        &tagged(2),
        &[
            ("tcp.dport == 22", True),
            ("vlan.vid == 1", True),
            ("vlan/vlan.vid == 2", True),
        ],
    );
    assert_values(
        &tagged(3),
        &[
            ("tcp.dport == 22", False),
            ("vlan/vlan.vid == 2", True),
            ("vlan/vlan/vlan", False),
        ],
    );
}

#[test]
fn extension_headers_are_bounded() {
    let chain = |count: usize| {
        let mut packet = joined(&[&ether(0x86dd), &ip6(if count == 0 { 6 } else { 60 })]);
        for index in 1..=count {
            packet.extend(extension(if index == count { 6 } else { 60 }));
        }
        joined(&[&packet, &tcp(1, 22)])
    };
    for count in 0..=4 {
        assert_values(
            &chain(count),
            &[("tcp.dport == 22", True), ("ip6.dst in fe80::/10", True)],
        );
    }
    assert_values(&chain(5), &[("tcp.dport == 22", False), ("tcp", False)]);
}

#[test]
fn ipv6_fragments() {
    let fragment = |offset: u16| {
        let header = [&[6, 0][..], &(offset << 3 | 1).to_be_bytes(), &[0, 0, 0, 9]].concat();
        joined(&[&ether(0x86dd), &ip6(44), &header, &tcp(1, 22)])
    };
    assert_values(
        &fragment(0),
        &[
            ("tcp.dport == 22", True),
            ("ip6frag.more == 1", True),
            ("ip6frag.id == 9", True),
        ],
    );
    assert_values(
        &fragment(5),
        &[("tcp", False), ("ip6frag.offset == 5", True)],
    );
    // Each name by its own walk: no offset is needed to know that UDP does not follow.
    assert_values(
        &fragment(0)[..55],
        &[("tcp", Short), ("udp", False), ("!udp", True)],
    );
}

#[test]
fn tunnels_are_crossed_by_paths_only() {
    let inner = joined(&[&ip(5, 6), &tcp(1, 80)]);
    let gre = joined(&[
        &ether(0x0800),
        &ip(5, 47),
        &[0x20, 0, 8, 0, 0, 0, 0, 42],
        &inner,
    ]);
    assert_values(
        &gre,
        &[
            ("gre", True),
            ("gre.k == 1", True),
            ("tcp", False),
            ("gre/ip/tcp.dport == 80", True),
            ("gre/tcp.dport == 80", True),
            ("ip/ip", True),
            ("ip/tcp", False),
            ("vxlan/ip", False),
            ("!(vxlan/ip.ttl == 64)", True),
        ],
    );
    let carried = joined(&[&ether(0x0800), &inner]);
    let vxlan = joined(&[
        &ether(0x0800),
        &ip(5, 17),
        &udp(4789),
        &[8, 0, 0, 0, 0, 0, 7, 0],
        &carried,
    ]);
    assert_values(
        &vxlan,
        &[
            ("vxlan.vni == 7", True),
            ("vxlan/tcp.dport == 80", True),
            ("vxlan/ether/ip/tcp.dport == 80", True),
            ("tcp", False),
            ("udp.dport == 4789 && ether/ether.type == 0x800", True),
        ],
    );
    let twice = joined(&[&ether(0x0800), &ip(5, 4), &ip(5, 4), &ip(5, 6), &tcp(1, 80)]);
    assert_values(
        &twice,
        &[
            ("ip/ip", True),
            ("ip/ip/ip/tcp.dport == 80", True),
            ("ip/ip/tcp", False),
            ("ip/ip/ip/ip", False),
        ],
    );
}

#[test]
fn the_notation_of_the_paper() {
    let packet = joined(&[&ether(0x0800), &ip(6, 6), &tcp(1234, 4321)]);
    let paper = "12:16 == 0x0800 && shift(6+6+2) && 9:8 == 6 && 12:32 == 192.12.69.1
        && shift((0:8 & 0xf) << 2) && 0:16 == 1234 && 2:16 == 4321";
    assert_values(
        &packet,
        &[
            (paper, True),
            ("12:16 le == 0x0008", True),
            ("(14:8 & 0xf):8 == 0x02", True),
            ("(shift(14) && 0:8 == 0x46) && 0:8 == 0", True),
            (
                "shift(14) && (0:8 == 0x46 || 0:8 == 1) && !(0:8 == 2)",
                True,
            ),
            ("shift(14) && tcp.dport == 4321 && 0:8 >> 4 == 4", True),
            ("!(shift(14) && 0:8 == 0x46)", False),
            ("shift(62) && 0:8 == 0", Short),
            ("shift(100) && 0:8 == 0", Short),
            ("shift(100) && 0:8 == 0 && arp", False),
            ("shift(100) && (0:8 == 0 || tcp)", True),
            ("!(shift(100) && 0:8 == 0)", Short),
            ("shift(58) && shift(4) && 0:8 == 0", Short),
            ("shift(54) && 0:32 == 0", True),
            ("shift(55) && 0:32 == 0", Short),
            ("shift(udp.length) && 0:8 == 0", False),
            ("!(shift(udp.length) && 0:8 == 0)", True),
            ("0xffffffff:8 == 0", Short),
            ("shift(0xffffffff) && 0xffffffff:8 == 0", Short),
        ],
    );
}

#[test]
fn other_roots() {
    let packet = joined(&[&ip(5, 6), &tcp(1, 22)]);
    let check = |root: &str, prefix: &[u8], packet: &[u8], expected: Truth| {
        let program = program(&format!("root {root}; filter a = tcp.dport == 22;"));
        let bytes = joined(&[prefix, packet]);
        let truth =
            Evaluator::new(&program).evaluate(&program.filters[0], &bytes, bytes.len() as u32);
        assert_eq!(truth, expected, "{root}");
    };
    let six = joined(&[&ip6(6), &tcp(1, 22)]);
    check("ip", &[], &packet, True);
    check("ip6", &[], &packet, False);
    check("raw", &[], &packet, True);
    check("raw", &[], &six, True);
    check("null", &[2, 0, 0, 0], &packet, True);
    check("null", &[0, 0, 0, 30], &six, True);
    let cooked = [0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    check("sll", &cooked, &packet, True);
    let cooked2 = [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    check("sll2", &cooked2, &packet, True);
}

#[test]
fn packets_decode() {
    let program = program("");
    let packet = joined(&[
        &ether(0x8100),
        &vlan(3, 0x0800),
        &ip(5, 4),
        &ip(5, 6),
        &tcp(1, 22),
    ]);
    let headers = Evaluator::new(&program).headers(&packet, packet.len() as u32);
    let named: Vec<(&str, u64)> = headers
        .iter()
        .map(|&(id, base)| (program[id].name.as_str(), base))
        .collect();
    assert_eq!(
        named,
        [
            ("ether", 0),
            ("vlan", 14),
            ("ip", 18),
            ("ip", 38),
            ("tcp", 58)
        ]
    );
}
