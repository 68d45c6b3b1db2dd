//! What the language page shows works as shown.

use super::*;

#[test]
fn standard_protocols() {
    let program = program("");
    assert_eq!(program.warnings, []);
    assert!(program.header("tcp").is_some());
}

/// The declarations of the language page, without the standard ones.
const HEADERS: &str = "
header ether { dst: mac, src: mac, type: 16 }

header vlan max 2 { pcp: 3, dei: 1, vid: 12, type: 16 }
    on ether.type in { 0x8100, 0x88a8 }
    on vlan.type in { 0x8100, 0x88a8 }

header ip {
    version: 4, ihl: 4, tos: 8, length: 16, id: 16,
    _: 1, df: 1, mf: 1, frag: 13, ttl: 8, proto: 8, checksum: 16,
    src: ipv4, dst: ipv4,
}   size ihl << 2
    where version == 4 && ihl >= 5
    on ether.type == 0x0800
    on vlan.type == 0x0800

header ip6 { version: 4, class: 8, flow: 20, length: 16, next: 8, hops: 8, src: ipv6, dst: ipv6 }
    on ether.type == 0x86dd

header tcp { sport: 16, dport: 16, seq: 32, ack: 32, offset: 4, _: 4, flags: 8, window: 16, checksum: 16, urgent: 16 }
    size offset << 2
    where offset >= 5
    on ip.proto == 6 && ip.frag == 0
    on ip6.next == 6
";

const FILTERS: &str = "
const WEB = { 80, 443, 8080..8089 };

filter ssh          = tcp.dport == 22 && ip.dst == 192.12.69.1;
filter web          = tcp.dport in WEB && ip.src in 10.0.0.0/8;
filter flow owner 3 = ip.src == 192.12.69.1 && tcp.sport == 1234 && tcp.dport == 4321;
filter syn          = tcp && tcp.flags & 0x12 == 0x02;
filter dns priority 7 = udp.dport == 53 || udp.sport == 53;
filter hairpin      = ip.src == ip.dst;
filter tunnelled    = gre/ip/tcp.dport == 80;         # a path says which of several
filter big          = ether && len >= 1000;
filter not_local    = ip && !(ip.dst in { 127.0.0.0/8, 10.0.0.0/8 });
filter paper = 12:16 == 0x0800 && shift(6+6+2) && 9:8 == 6 && 12:32 == 192.12.69.1
             && shift((0:8 & 0xf) << 2) && 0:16 == 1234 && 2:16 == 4321;
";

#[test]
fn headers_of_the_page() {
    let program = Program::parse(HEADERS, "page.dpf", false).unwrap();
    assert_eq!(program.headers.len(), 5);
    let tcp = &program[program.header("tcp").unwrap()];
    assert_eq!((tcp.minimum, tcp.fields.len()), (20, 9));
}

#[test]
fn filters_of_the_page() {
    let program = program(FILTERS);
    let names: Vec<&str> = program
        .filters
        .iter()
        .map(|filter| filter.name.as_str())
        .collect();
    let expected = [
        "ssh",
        "web",
        "flow",
        "syn",
        "dns",
        "hairpin",
        "tunnelled",
        "big",
        "not_local",
        "paper",
    ];
    assert_eq!(names, expected);
    assert_eq!(program.filter("flow").unwrap().owner, Some(3));
    assert_eq!(program.filter("dns").unwrap().priority, 7);
}

#[test]
fn shipped_files() {
    for (name, text) in FILES {
        match Program::parse(text, name, true) {
            Ok(program) => assert_eq!(program.warnings, [], "{name}"),
            Err(errors) => panic!("{errors}"),
        }
    }
}

const FILES: [(&str, &str); 6] = [
    (
        "demo.dpf",
        include_str!("../../../../testdata/filters/demo.dpf"),
    ),
    (
        "language.dpf",
        include_str!("../../../../testdata/filters/language.dpf"),
    ),
    (
        "server.dpf",
        include_str!("../../../../testdata/filters/server.dpf"),
    ),
    (
        "intrusion.dpf",
        include_str!("../../../../testdata/filters/intrusion.dpf"),
    ),
    (
        "pppoe.dpf",
        include_str!("../../../../testdata/filters/pppoe.dpf"),
    ),
    (
        "mpls.dpf",
        include_str!("../../../../testdata/filters/mpls.dpf"),
    ),
];
