//! What the language page shows works as shown.

use expect_test::expect_file;

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

/// The files that the project ships are in the layout that `dpf fmt` makes.
#[test]
fn shipped_files_are_formatted() {
    let formatted =
        |text: &str| format(text, "shipped.dpf").unwrap_or_else(|errors| panic!("{errors}"));
    expect_file!["../../protocols.dpf"].assert_eq(&formatted(PROTOCOLS));
    for (name, text) in &FILES[1..] {
        let path = alloc::format!("../../../../testdata/filters/{name}");
        expect_file![path].assert_eq(&formatted(text));
    }
}

/// Every example in the documentation of the language is a program.
#[test]
fn documented_examples() {
    let page = include_str!("../../../../docs/dpf-language.md");
    let blocks = page.split("```").skip(1).step_by(2);
    // All but the grammar and the declaration that the standard protocols have already.
    let examples = blocks.filter(|block| !block.contains("::=") && !block.contains("header ip {"));
    assert_eq!(examples.map(program).count(), 4);
}

#[test]
fn files_and_expressions_make_one_program() {
    let sources = [
        Source::file(
            "a.dpf",
            "const P = 22; header mine { kind: 8 } on ether.type == 0x1234",
        ),
        Source::file("b.dpf", "filter a = tcp.dport == P; root ether;"),
        Source::expression("-e 1", "mine.kind == P"),
        Source::expression("-e 2", "  tcp  # why"),
    ];
    let program = Program::load(sources, true).unwrap_or_else(|errors| panic!("{errors}"));
    let names: Vec<&str> = program
        .filters
        .iter()
        .map(|filter| filter.name.as_str())
        .collect();
    assert_eq!(names, ["a", "-e 1", "-e 2"]);
    assert_eq!(
        program.sources.text(program.filters[1].span),
        "mine.kind == P"
    );
    assert!(program.root_declared);
}

#[test]
fn raw_loads_need_no_headers() {
    let program = Program::parse("filter a = 0:8 == 1;", "a.dpf", false).unwrap();
    assert_eq!(program.headers.len(), 1);
    let Err(errors) = Program::parse("header x { a: 8 }", "a.dpf", false) else {
        panic!("accepted")
    };
    assert_eq!(errors.list()[0].kind(), ErrorKind::UnknownName);
}

#[test]
fn unreachable_names_are_warned_of() {
    let program = program("root raw; filter a = ether.type == 5 && tcp; filter b = ether;");
    let titles: Vec<&str> = program.warnings.iter().map(Diagnostic::title).collect();
    assert_eq!(
        titles,
        ["`ether` is never there when packets start at `raw`"]
    );
}
