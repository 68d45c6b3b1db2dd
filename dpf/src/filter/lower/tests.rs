//! Lowering judged by `syntax::eval`: every filter, negated and not, on packets of every parse
//! path, whole and cut off at every byte of their headers.

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::{
    interp,
    syntax::eval::{Evaluator, Truth},
};

/// xorshift64*: repeatable, and enough for choosing packets.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.next() % bound
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    fn choose<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len() as u32) as usize]
    }
}

fn be16(packet: &mut Vec<u8>, value: u32) {
    packet.extend_from_slice(&(value as u16).to_be_bytes());
}

fn ether(random: &mut Random, packet: &mut Vec<u8>) {
    packet.extend_from_slice(&[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, random.below(3) as u8 + 4]);
    for _ in 0..random.below(4) {
        let tag = if random.one_in(2) { 0x8100 } else { 0x88a8 };
        be16(packet, tag);
        let vid = random.below(3) + 99;
        be16(packet, vid | random.below(8) << 13);
    }
    network(random, packet, 0);
}

fn network(random: &mut Random, packet: &mut Vec<u8>, nesting: u32) {
    match random.below(10) {
        0..=3 => {
            be16(packet, 0x0800);
            ipv4(random, packet, nesting);
        }
        4 | 5 => {
            be16(packet, 0x86dd);
            ipv6(random, packet, nesting);
        }
        6 => {
            be16(packet, 0x0806);
            let operation = random.below(3);
            for half in [1, 0x0800, 0x0604, operation] {
                be16(packet, half);
            }
            (0..20).for_each(|_| packet.push(random.below(4) as u8));
        }
        7 => {
            be16(packet, 0x8847);
            let labels = 1 + random.below(5);
            for label in 1..=labels {
                packet.extend_from_slice(random.choose(&[&[0u8, 6], &[0, 0], &[4, 0]]));
                packet.extend_from_slice(&[
                    *random.choose(&[&0x30, &0x40, &0x12]) | u8::from(label == labels),
                    64,
                ]);
            }
            ipv4(random, packet, nesting);
        }
        8 => {
            be16(packet, 0x8864);
            packet.extend_from_slice(&[0x11, 0, 0, 0x11, 0, 90]);
            be16(packet, *random.choose(&[&0x21, &0x21, &0x57, &0xc021]));
            match packet.last() {
                Some(0x21) if packet[packet.len() - 2] == 0xc0 => {
                    packet.extend_from_slice(&[9, 1, 0, 8])
                }
                Some(0x21) => ipv4(random, packet, nesting),
                _ => ipv6(random, packet, nesting),
            }
        }
        _ => be16(packet, *random.choose(&[&0x0800, &0x8035, &0x1234, &5])),
    }
}

fn address(random: &mut Random, packet: &mut Vec<u8>) {
    let address = *random.choose(&[
        &[192, 12, 69, 1],
        &[10, 0, 0, 1],
        &[127, 0, 0, 1],
        &[192, 12, 69, 2],
        &[192, 0, 2, 1],
        &[198, 51, 100, 7],
    ]);
    packet.extend_from_slice(&address);
}

fn ipv4(random: &mut Random, packet: &mut Vec<u8>, nesting: u32) {
    let options = if random.one_in(4) {
        random.below(11)
    } else {
        0
    };
    let version = if random.one_in(16) {
        random.below(16)
    } else {
        4
    };
    let words = if random.one_in(16) {
        random.below(5)
    } else {
        5 + options
    };
    let fragment = if random.one_in(6) { random.below(3) } else { 0 };
    let protocol = *random.choose(&[&6u8, &6, &6, &17, &17, &1, &47, &4, &41, &132]);
    packet.extend_from_slice(&[(version << 4 | words) as u8, 0]);
    let length = random.below(3) * 500;
    for half in [length, 77, fragment | random.below(8) << 13] {
        be16(packet, half);
    }
    packet.extend_from_slice(&[64, protocol, 0, 0]);
    address(random, packet);
    address(random, packet);
    (0..4 * options).for_each(|_| packet.push(1));
    transport(random, packet, protocol, nesting);
}

fn ipv6(random: &mut Random, packet: &mut Vec<u8>, nesting: u32) {
    let version = if random.one_in(16) {
        random.below(16)
    } else {
        6
    };
    let mut headers: Vec<u8> = (0..random.below(6))
        .map(|_| *random.choose(&[&0u8, &43, &60, &44, &44]))
        .collect();
    if random.one_in(2) {
        headers.clear();
    }
    headers.push(*random.choose(&[&6u8, &17, &58, &47, &4, &41, &59]));
    packet.extend_from_slice(&[(version << 4) as u8, 0, 0, 0, 0, 100, headers[0], 64]);
    for _ in 0..2 {
        packet.extend_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        packet.push(random.below(3) as u8);
    }
    for pair in headers.windows(2) {
        if pair[0] == 44 {
            packet.extend_from_slice(&[
                pair[1],
                0,
                0,
                if random.one_in(3) { 8 } else { 1 },
                0,
                0,
                0,
                9,
            ]);
        } else {
            let more = random.below(2);
            packet.extend_from_slice(&[pair[1], more as u8]);
            (0..6 + 8 * more).for_each(|_| packet.push(0));
        }
    }
    transport(random, packet, headers[headers.len() - 1], nesting);
}

fn port(random: &mut Random) -> u32 {
    *random.choose(&[&22, &53, &80, &443, &1234, &4321, &4789, &8085])
}

fn transport(random: &mut Random, packet: &mut Vec<u8>, protocol: u8, nesting: u32) {
    let (source, destination) = (port(random), port(random));
    match protocol {
        6 => {
            be16(packet, source);
            be16(packet, destination);
            let offset = if random.one_in(8) {
                random.below(16)
            } else {
                5
            };
            let flags = *random.choose(&[&2u8, &0x12, &0x10, &0]);
            packet.extend_from_slice(&[
                0,
                0,
                0,
                1,
                0,
                0,
                0,
                2,
                (offset << 4) as u8,
                flags,
                0,
                9,
                0,
                0,
                0,
                0,
            ]);
        }
        17 => {
            be16(packet, source);
            be16(packet, destination);
            packet.extend_from_slice(&[0, 8, 0, 0]);
            if destination == 4789 && nesting < 2 {
                packet.extend_from_slice(&[
                    if random.one_in(4) { 0 } else { 8 },
                    0,
                    0,
                    0,
                    0,
                    0,
                    5,
                    0,
                ]);
                packet.extend_from_slice(&[0; 12]);
                network(random, packet, nesting + 1);
            }
        }
        1 | 58 => packet.extend_from_slice(&[random.below(9) as u8, 0, 0, 0, 0, 1, 0, 2]),
        47 => {
            let flags = random.choose(&[&0u8, &0x80, &0x20, &0xb0, &0x40]);
            packet.extend_from_slice(&[*flags, 0]);
            let payload = *random.choose(&[&0x0800u32, &0x86dd, &0x6558]);
            be16(packet, payload);
            (0..4 * (flags & !0x40).count_ones()).for_each(|_| packet.push(7));
            match payload {
                _ if nesting >= 2 => {}
                0x0800 => ipv4(random, packet, nesting + 1),
                0x86dd => ipv6(random, packet, nesting + 1),
                _ => {
                    packet.extend_from_slice(&[9; 12]);
                    network(random, packet, nesting + 1);
                }
            }
        }
        4 if nesting < 2 => ipv4(random, packet, nesting + 1),
        41 if nesting < 2 => ipv6(random, packet, nesting + 1),
        _ => {}
    }
    (0..random.below(12)).for_each(|_| packet.push(random.below(256) as u8));
}

/// The filters of the language's description, and each construct of it at least once.
const EXAMPLES: &str = "
const WEB = { 80, 443, 8080..8089 };
filter ssh = tcp.dport == 22 && ip.dst == 192.12.69.1;
filter web = tcp.dport in WEB && ip.src in 10.0.0.0/8;
filter flow owner 3 = ip.src == 192.12.69.1 && tcp.sport == 1234 && tcp.dport == 4321;
filter syn = tcp && tcp.flags & 0x12 == 0x02;
filter dns priority 7 = udp.dport == 53 || udp.sport == 53;
filter hairpin = ip.src == ip.dst;
filter tunnelled = gre/ip/tcp.dport == 80;
filter big = ether && len >= 100;
filter not_local = ip && !(ip.dst in { 127.0.0.0/8, 10.0.0.0/8 });
filter paper = 12:16 == 0x0800 && shift(6+6+2) && 9:8 == 6 && 12:32 == 192.12.69.1
             && shift((0:8 & 0xf) << 2) && 0:16 == 1234 && 2:16 == 4321;
filter ip6tcp = ip6 && tcp.dport == 22;
filter host6 = ip6.src == 2001:db8::1;
filter hosts6 = ip6.src in { 2001:db8::1, 2001:db8::/48 } && !(ip6.dst == 2001:db8::2);
filter ordered6 = ip6.src < ip6.dst;
filter mac = ether.src == 00:01:02:03:04:05;
filter macs = ether.src in { 00:01:02:03:04:04, 00:01:02:03:04:06 } || ether.dst == ether.src;
filter tag = vlan.vid == 100 && vlan.pcp >= 4;
filter arps = arp.op == 1 || !(arp || ip || ip6);
filter not_tcp22 = !(tcp.dport == 22);
filter other_port = tcp.dport != 22;
filter either = tcp.dport == 22 || udp.dport == 53 || icmp.type == 8;
filter neither = !(tcp.dport == 22 || udp.dport == 53);
filter sum = ip.length + 14 > 500 && ip.ttl * 2 == 128;
filter cross = tcp.sport == udp.dport || ip.id < tcp.dport;
filter inner = ip.src == gre/ip.src;
filter vx = vxlan/ip/tcp.dport == 80 || vxlan.vni == 5;
filter nested = ip/ip/ip.src == 10.0.0.1;
filter absent = !gre && !(vxlan/ip);
filter little = 0:16 le == 0x0100 && 6:32 le != 7;
filter mixed = shift(14) && 0:8 >> 4 == 4 && tcp.dport != 22;
filter indirect = (14 + ((14:8 & 0xf) << 2)):16 == 1234;
filter not_raw = !(shift(14) && (9:8 == 6 || tcp.dport == 22));
filter frags = ip.frag != 0 && !tcp;
filter wire = wirelen > 60 && len < wirelen;
filter many = tcp.dport == 22 || tcp.dport in { 80, 443 } || tcp.dport > 60000;
filter few = tcp.dport != 53 && tcp.dport < 100 && !(tcp.dport == 80 || tcp.dport == 443);
filter none_of = !(ip.src == 10.0.0.1 || ip.src == 127.0.0.1 || udp.dport == 53);
filter two_macs = ether.src != 00:01:02:03:04:04 && ether.src != 00:01:02:03:04:05;
filter not_hosts6 = !(ip6.src == 2001:db8::1 || ip6.src in 2001:db8::2..2001:db8::9) || ip6.dst < 2001:db8::1;
filter odd = ip6.class == 0 && ip6.flow < 100 && tcp.offset > 5;
";

fn judge(program: &Program, random: &mut Random, packets: usize) -> (usize, usize) {
    let lowered = lower(program).unwrap();
    let evaluator = Evaluator::new(program);
    let (mut pairs, mut accepted) = (0, 0);
    for _ in 0..packets {
        let mut packet = Vec::new();
        ether(random, &mut packet);
        let wirelen = packet.len() as u32 + random.below(2) * 40;
        for end in (0..=packet.len()).rev() {
            let cut = &packet[..end];
            for (filter, lowered) in program.filters.iter().zip(&lowered) {
                let truth = evaluator.evaluate(filter, cut, wirelen);
                let got = interp::accepts(&lowered.filter, cut, wirelen);
                assert_eq!(
                    got,
                    truth == Truth::True,
                    "{}: {truth:?} on {cut:02x?}",
                    program.sources.text(filter.span)
                );
                pairs += 1;
                accepted += usize::from(got);
            }
        }
    }
    (pairs, accepted)
}

#[test]
fn examples_mean_what_the_language_says() {
    let program = Program::parse(EXAMPLES, "examples", true).unwrap();
    let (pairs, accepted) = judge(&program, &mut Random(0x5eed), 60);
    assert!(
        pairs > 50_000 && accepted > pairs / 20,
        "{accepted} of {pairs}"
    );
}

/// The example files, with headers of their own among them.
const FILES: [(&str, &str); 6] = [
    (
        "demo",
        include_str!("../../../../testdata/filters/demo.dpf"),
    ),
    (
        "intrusion",
        include_str!("../../../../testdata/filters/intrusion.dpf"),
    ),
    (
        "language",
        include_str!("../../../../testdata/filters/language.dpf"),
    ),
    (
        "mpls",
        include_str!("../../../../testdata/filters/mpls.dpf"),
    ),
    (
        "pppoe",
        include_str!("../../../../testdata/filters/pppoe.dpf"),
    ),
    (
        "server",
        include_str!("../../../../testdata/filters/server.dpf"),
    ),
];

#[test]
fn example_files_mean_what_the_language_says() {
    for (name, text) in FILES {
        let program = Program::parse(text, name, true).unwrap();
        let (pairs, accepted) = judge(&program, &mut Random(0xf11e), 250);
        assert!(
            pairs > 10_000 && accepted > 10,
            "{name}: {accepted} of {pairs}"
        );
    }
}

/// A random condition over the standard headers.
fn condition(random: &mut Random, depth: u32, text: &mut String) {
    match random.below(if depth == 0 { 2 } else { 7 }) {
        0 | 1 => text.push_str(random.choose(&[
            "tcp.dport == 22",
            "tcp.dport != 80",
            "udp.sport == 53",
            "tcp",
            "udp",
            "ip",
            "ip6",
            "vlan",
            "gre",
            "arp",
            "ip.src == 192.12.69.1",
            "ip.dst in 10.0.0.0/8",
            "ip.proto == 6",
            "vlan.vid == 100",
            "ip6.next == 6",
            "icmp.type == 8",
            "icmp6",
            "tcp.flags & 2 == 2",
            "ip.ihl > 5",
            "ip6frag.offset == 0",
            "ip6ext.length == 1",
            "gre/ip.src == 10.0.0.1",
            "gre/tcp.dport == 80",
            "vxlan/ip",
            "ip/ip.src == 10.0.0.1",
            "ip6.src == ip6.dst",
            "12:16 == 0x800",
            "(shift(14) && 9:8 == 6)",
            "tcp.sport < tcp.dport",
            "len > 60",
            "ip.src == gre/ip.src",
            "ether.src == 00:01:02:03:04:05",
            "ip6.src in 2001:db8::/47",
            "vlan.pcp in { 1, 3..5 }",
            "(shift(ip.ihl << 2) && 16:16 == 80)",
            "14:8 >> 4 == ip.version",
        ])),
        2 => {
            text.push_str("!(");
            condition(random, depth - 1, text);
            text.push(')');
        }
        choice => {
            text.push('(');
            condition(random, depth - 1, text);
            for _ in 0..=random.below(2) {
                text.push_str(if choice < 5 { " && " } else { " || " });
                condition(random, depth - 1, text);
            }
            text.push(')');
        }
    }
}

#[test]
fn random_conditions_mean_what_the_language_says() {
    let mut random = Random(0xd1f);
    let mut text = String::new();
    for number in 0..250 {
        text.push_str(&format!("filter f{number} = "));
        condition(&mut random, 4, &mut text);
        text.push_str(";\n");
    }
    let program = match Program::parse(&text, "random", true) {
        Ok(program) => program,
        Err(errors) => panic!("{errors}"),
    };
    let (pairs, accepted) = judge(&program, &mut random, 20);
    assert!(
        pairs > 50_000 && accepted > pairs / 20,
        "{accepted} of {pairs}"
    );
}

#[test]
fn one_header_is_one_node_however_many_paths_lead_to_it() {
    let program = Program::parse("filter f = tcp.dport == 22;", "one", true).unwrap();
    let filter = &lower(&program).unwrap()[0].filter;
    let dport = |node: &&super::super::Node| matches!(node, super::super::Node::Test(super::super::Test::Bits { set, .. }) if set.as_single() == Some(22));
    assert_eq!(filter.nodes().iter().filter(dport).count(), 1);
    assert!(filter.nodes().len() < 200, "{}", filter.nodes().len());
}
#[test]
fn a_tunnel_in_a_tunnel_is_a_small_graph() {
    for text in [
        "vxlan/gre/tcp.dport == 80",
        "!(gre/vxlan/ip6/tcp.dport == 80)",
    ] {
        let program = Program::parse(&format!("filter f = {text};"), "one", true).unwrap();
        let filter = &lower(&program).unwrap()[0].filter;
        assert!(
            filter.nodes().len() < 1000,
            "{text}: {}",
            filter.nodes().len()
        );
        assert_eq!(
            Filter::decode(&filter.encode()).as_ref(),
            Ok(filter),
            "{text}"
        );
    }
}
