//! The filters, in libpcap's language and in ours.
//!
//! Most are templates filled with the addresses and ports that occur most often in the captures,
//! so that a good part of the packets is accepted; then come combinations of them.

use crate::captures::{Capture, Link};
use core::{
    fmt::{self, Write as _},
    net::{Ipv4Addr, Ipv6Addr},
};
use std::collections::HashMap;

/// One filter in both languages.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) pcap: String,
    pub(crate) dpf: String,
    pub(crate) needs: Needs,
}

/// What a packet's link must offer for a pair to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// Nothing.
    Length,
    /// That libpcap counts bytes from the start of the packet.
    Bytes,
    /// That both know where the IP header is.
    Internet,
    /// Ethernet.
    Ethernet,
}

/// A file of the pairs' filters, for packets of a link.
pub(crate) fn program(pairs: &[&Pair], link: Link) -> String {
    let mut text = format!("root {};\n", link.root().unwrap_or("raw"));
    // Not among the standard protocols; libpcap's `port` includes it.
    text += "header sctp { sport: 16, dport: 16, tag: 32, checksum: 32 }\n\
             on ip.proto == 132 && ip.frag == 0\n on ip6.next == 132\n";
    for (index, pair) in pairs.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "filter f{index} = {};", pair.dpf);
    }
    text
}

/// All pairs.
pub(crate) fn all(captures: &[Capture]) -> Vec<Pair> {
    let common = Common::of(captures);
    let mut pairs = fixed();
    for port in &common.tcp {
        pairs.extend(ports("tcp", *port));
    }
    for port in &common.udp {
        pairs.extend(ports("udp", *port));
    }
    pairs.extend(
        common
            .tcp
            .iter()
            .chain(&common.udp)
            .map(|port| any_port(*port)),
    );
    for host in &common.hosts {
        pairs.extend(hosts(*host));
    }
    for host in &common.hosts6 {
        pairs.extend(hosts6(*host));
    }
    for station in &common.stations {
        pairs.extend(stations(*station));
    }
    let combined: Vec<Pair> = combinations(&pairs).collect();
    pairs.extend(combined);
    pairs
}

fn pair(needs: Needs, pcap: impl Into<String>, dpf: impl Into<String>) -> Pair {
    Pair {
        pcap: pcap.into(),
        dpf: dpf.into(),
        needs,
    }
}

fn fixed() -> Vec<Pair> {
    use Needs::{Bytes, Ethernet, Internet, Length};
    let table: &[(Needs, &str, &str)] = &[
        (Length, "greater 100", "len >= 100"),
        (Length, "less 100", "len <= 100"),
        (Length, "len = 60", "len == 60"),
        (
            Length,
            "len > 1000 or len < 50",
            "wirelen > 1000 || wirelen < 50",
        ),
        (Length, "not len = 60", "!(len == 60)"),
        (Bytes, "link[0] & 1 != 0", "0:8 & 1 != 0"),
        (Bytes, "link[0:4] = 0", "0:32 == 0"),
        (Bytes, "link[2:2] > 0x1000", "2:16 > 0x1000"),
        (Bytes, "link[4:2] = link[6:2]", "4:16 == 6:16"),
        (Bytes, "link[0] + link[1] > 255", "0:8 + 1:8 > 255"),
        (Bytes, "link[link[0] & 7] = 0", "(0:8 & 7):8 == 0"),
        (
            Bytes,
            "link[0:2] * 3 & 0xff = 0x30",
            "0:16 * 3 & 0xff == 0x30",
        ),
        (
            Bytes,
            "link[1] << 24 > 0x7fffffff",
            "1:8 << 24 > 0x7fffffff",
        ),
        (Internet, "ip", "ip"),
        (Internet, "ip6", "ip6"),
        (Internet, "not ip", "!ip"),
        (Internet, "not ip6", "!ip6"),
        (Internet, "ip or ip6", "ip || ip6"),
        (Internet, "ip proto 6", "ip.proto == 6"),
        (Internet, "ip proto 17", "ip.proto == 17"),
        (Internet, "ip proto 47", "ip.proto == 47"),
        (Internet, "ip proto 89", "ip.proto == 89"),
        (Internet, "ip proto 112", "ip.proto == 112"),
        (Internet, "icmp", "ip.proto == 1"),
        (
            Internet,
            "ip6 proto 17",
            "ip6.next == 17 || ip6.next == 44 && ip6frag.next == 17",
        ),
        (
            Internet,
            "icmp6",
            "ip6.next == 58 || ip6.next == 44 && ip6frag.next == 58",
        ),
        (
            Internet,
            "tcp",
            "ip.proto == 6 || ip6.next == 6 || ip6.next == 44 && ip6frag.next == 6",
        ),
        (
            Internet,
            "udp",
            "ip.proto == 17 || ip6.next == 17 || ip6.next == 44 && ip6frag.next == 17",
        ),
        (Internet, "ip[8] < 64", "ip.ttl < 64"),
        (Internet, "ip[8] = 255", "ip.ttl == 255"),
        (Internet, "ip[1] != 0", "ip.tos != 0"),
        (Internet, "ip[0] & 0xf > 5", "ip.ihl > 5"),
        (Internet, "ip[6:2] & 0x1fff != 0", "ip.frag != 0"),
        (Internet, "ip[6] & 0x40 != 0", "ip.df == 1"),
        (Internet, "ip[6] & 0x20 != 0", "ip.mf == 1"),
        (Internet, "ip[2:2] > 500", "ip.length > 500"),
        (Internet, "ip[4:2] & 1 = 0", "ip.id & 1 == 0"),
        (Internet, "ip[12:4] = ip[16:4]", "ip.src == ip.dst"),
        (Internet, "ip[12:4] > ip[16:4]", "ip.src > ip.dst"),
        (Internet, "ip[16] >= 224", "ip.dst >= 224.0.0.0"),
        (Internet, "ip multicast", "ip.dst >= 224.0.0.0"),
        (Internet, "ip src net 10.0.0.0/8", "ip.src in 10.0.0.0/8"),
        (
            Internet,
            "ip net 192.168.0.0/16",
            "ip.src in 192.168.0.0/16 || ip.dst in 192.168.0.0/16",
        ),
        (Internet, "ip dst net 224.0.0.0/4", "ip.dst in 224.0.0.0/4"),
        (
            Internet,
            "ip and not ip src net 192.168.0.0/16",
            "ip && !(ip.src in 192.168.0.0/16)",
        ),
        (Internet, "ip6[7] = 255", "ip6.hops == 255"),
        (Internet, "ip6[6] = 58", "ip6.next == 58"),
        (Internet, "ip6[4:2] > 100", "ip6.length > 100"),
        (Internet, "ip6 multicast", "ip6.dst in ff00::/8"),
        (
            Internet,
            "ip6 net fe80::/10",
            "ip6.src in fe80::/10 || ip6.dst in fe80::/10",
        ),
        (
            Internet,
            "ip6 src net 2001:db8::/32",
            "ip6.src in 2001:db8::/32",
        ),
        (Internet, "tcp[13] & 2 != 0", "ip && tcp.flags & 2 != 0"),
        (
            Internet,
            "tcp[13] & 0x12 = 2",
            "ip && tcp.flags & 0x12 == 2",
        ),
        (
            Internet,
            "tcp[tcpflags] & (tcp-fin|tcp-rst) != 0",
            "ip && tcp.flags & 5 != 0",
        ),
        (Internet, "tcp[14:2] < 1000", "ip && tcp.window < 1000"),
        (Internet, "tcp[12] >> 4 > 5", "ip && tcp.offset > 5"),
        (
            Internet,
            "tcp[0:2] = tcp[2:2]",
            "ip && tcp.sport == tcp.dport",
        ),
        (
            Internet,
            "ip proto 6 and ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0",
            "ip.length - (ip.ihl << 2) - (tcp.offset << 2) != 0",
        ),
        (Internet, "udp[4:2] > 100", "ip && udp.length > 100"),
        (Internet, "udp[6:2] = 0", "ip && udp.checksum == 0"),
        (Internet, "icmp[icmptype] = icmp-echo", "icmp.type == 8"),
        (Internet, "icmp[icmptype] = icmp-unreach", "icmp.type == 3"),
        (
            Internet,
            "icmp[0] != 8 and icmp[0] != 0",
            "icmp.type != 8 && icmp.type != 0",
        ),
        (Internet, "icmp[1] = 3", "icmp.code == 3"),
        (
            Internet,
            "tcp portrange 1-1023",
            "tcp.sport in 1..1023 || tcp.dport in 1..1023",
        ),
        (
            Internet,
            "tcp dst portrange 1024-65535",
            "tcp.dport >= 1024",
        ),
        (
            Internet,
            "udp portrange 67-68",
            "udp.sport in 67..68 || udp.dport in 67..68",
        ),
        (
            Internet,
            "udp src portrange 1000-60000",
            "udp.sport in 1000..60000",
        ),
        (
            Internet,
            "sctp portrange 1-5000",
            "sctp.sport in 1..5000 || sctp.dport in 1..5000",
        ),
        (Ethernet, "arp", "ether.type == 0x0806"),
        (Ethernet, "rarp", "ether.type == 0x8035"),
        (Ethernet, "arp[6:2] = 1", "arp.op == 1"),
        (Ethernet, "arp[6:2] = 2", "arp.op == 2"),
        (
            Ethernet,
            "arp src net 192.168.0.0/16",
            "arp.spa in 192.168.0.0/16",
        ),
        (Ethernet, "ether proto 0x88cc", "ether.type == 0x88cc"),
        (Ethernet, "ether proto 0x8847", "ether.type == 0x8847"),
        (
            Ethernet,
            "ether broadcast",
            "ether.dst == ff:ff:ff:ff:ff:ff",
        ),
        (Ethernet, "ether multicast", "0:8 & 1 == 1"),
        (Ethernet, "ether[12:2] < 1536", "ether.type < 1536"),
        (Ethernet, "ether[0:4] = ether[6:4]", "0:32 == 6:32"),
        (
            Ethernet,
            "ether dst 01:80:c2:00:00:00",
            "ether.dst == 01:80:c2:00:00:00",
        ),
        (Ethernet, "vlan", "vlan"),
        (Ethernet, "vlan 100", "vlan.vid == 100"),
        (Ethernet, "vlan and vlan", "vlan/vlan"),
        (Ethernet, "vlan and ip", "vlan && ip"),
    ];
    table
        .iter()
        .map(|(needs, pcap, dpf)| pair(*needs, *pcap, *dpf))
        .collect()
}

fn ports(protocol: &str, port: u16) -> Vec<Pair> {
    let side = |pcap: &str, dpf: &str| {
        pair(
            Needs::Internet,
            format!("{protocol} {pcap} port {port}"),
            format!("{protocol}.{dpf} == {port}"),
        )
    };
    let either = format!("{protocol}.sport == {port} || {protocol}.dport == {port}");
    vec![
        side("src", "sport"),
        side("dst", "dport"),
        pair(Needs::Internet, format!("{protocol} port {port}"), either),
    ]
}

fn any_port(port: u16) -> Pair {
    let of = |protocol: &str| format!("{protocol}.sport == {port} || {protocol}.dport == {port}");
    let dpf = ["tcp", "udp", "sctp"].map(of).join(" || ");
    pair(Needs::Internet, format!("port {port}"), dpf)
}

fn hosts(host: Ipv4Addr) -> Vec<Pair> {
    let either = format!("ip.src == {host} || ip.dst == {host}");
    let [a, b, c, _] = host.octets();
    let network = format!("{a}.{b}.{c}.0/24");
    let arp = |header: &str| format!("{header}.spa == {host} || {header}.tpa == {host}");
    let all = [either.clone(), arp("arp"), arp("rarp")].join(" || ");
    vec![
        pair(
            Needs::Internet,
            format!("ip src host {host}"),
            format!("ip.src == {host}"),
        ),
        pair(
            Needs::Internet,
            format!("ip dst host {host}"),
            format!("ip.dst == {host}"),
        ),
        pair(Needs::Internet, format!("ip host {host}"), either),
        pair(
            Needs::Internet,
            format!("ip src net {network}"),
            format!("ip.src in {network}"),
        ),
        pair(Needs::Ethernet, format!("host {host}"), all),
    ]
}

fn hosts6(host: Ipv6Addr) -> Vec<Pair> {
    vec![
        pair(
            Needs::Internet,
            format!("ip6 src host {host}"),
            format!("ip6.src == {host}"),
        ),
        pair(
            Needs::Internet,
            format!("ip6 dst host {host}"),
            format!("ip6.dst == {host}"),
        ),
        pair(
            Needs::Internet,
            format!("ip6 host {host}"),
            format!("ip6.src == {host} || ip6.dst == {host}"),
        ),
    ]
}

fn stations(station: Station) -> Vec<Pair> {
    let either = format!("ether.src == {station} || ether.dst == {station}");
    vec![
        pair(
            Needs::Ethernet,
            format!("ether src {station}"),
            format!("ether.src == {station}"),
        ),
        pair(
            Needs::Ethernet,
            format!("ether dst {station}"),
            format!("ether.dst == {station}"),
        ),
        pair(Needs::Ethernet, format!("ether host {station}"), either),
    ]
}

/// Each third pair with the one some places on, by `and`, `or` and negation in turn.
fn combinations(pairs: &[Pair]) -> impl Iterator<Item = Pair> {
    // A `vlan` moves what stands to its right in libpcap.
    let pairs: Vec<&Pair> = pairs
        .iter()
        .filter(|pair| !pair.pcap.contains("vlan"))
        .collect();
    let count = pairs.len();
    (0..count).step_by(3).map(move |index| {
        let (left, right) = (pairs[index], pairs[(index * 7 + 11) % count]);
        let needs = left.needs.max(right.needs);
        let ((a, b), (x, y)) = ((&left.pcap, &right.pcap), (&left.dpf, &right.dpf));
        match index % 4 {
            0 => pair(needs, format!("({a}) or ({b})"), format!("({x}) || ({y})")),
            1 => pair(needs, format!("({a}) and ({b})"), format!("({x}) && ({y})")),
            2 => pair(
                needs,
                format!("({a}) and not ({b})"),
                format!("({x}) && !({y})"),
            ),
            _ => pair(
                needs,
                format!("not (({a}) or ({b}))"),
                format!("!(({x}) || ({y}))"),
            ),
        }
    })
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Station([u8; 6]);

impl fmt::Display for Station {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        out.write_str(&bytes.join(":"))
    }
}

/// What occurs in the most captures.
struct Common {
    tcp: Vec<u16>,
    udp: Vec<u16>,
    hosts: Vec<Ipv4Addr>,
    hosts6: Vec<Ipv6Addr>,
    stations: Vec<Station>,
}

impl Common {
    fn of(captures: &[Capture]) -> Self {
        let (mut tcp, mut udp, mut hosts) = (Count::default(), Count::default(), Count::default());
        let (mut hosts6, mut stations) = (Count::default(), Count::default());
        for capture in captures
            .iter()
            .filter(|capture| capture.link == Link::ETHERNET)
        {
            for packet in capture.packets.iter().filter(|packet| packet.len() >= 54) {
                let part = |at: usize| [packet[at], packet[at + 1]];
                stations.add(Station([0, 1, 2, 3, 4, 5].map(|at| packet[6 + at])));
                match part(12) {
                    [0x86, 0xdd] => {
                        let word: [u8; 16] = core::array::from_fn(|at| packet[22 + at]);
                        hosts6.add(Ipv6Addr::from(word));
                    }
                    [0x08, 0x00] => {
                        hosts.add(Ipv4Addr::from([
                            packet[26], packet[27], packet[28], packet[29],
                        ]));
                        let ports = [part(34), part(36)].map(u16::from_be_bytes);
                        let count = match packet[23] {
                            6 => &mut tcp,
                            17 => &mut udp,
                            _ => continue,
                        };
                        ports.into_iter().for_each(|port| count.add(port));
                    }
                    _ => {}
                }
            }
        }
        Self {
            tcp: tcp.most(12),
            udp: udp.most(12),
            hosts: hosts.most(14),
            hosts6: hosts6.most(8),
            stations: stations.most(8),
        }
    }
}

/// How often each value was seen.
struct Count<T>(HashMap<T, usize>);

impl<T> Default for Count<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Ord + core::hash::Hash> Count<T> {
    fn add(&mut self, value: T) {
        *self.0.entry(value).or_default() += 1;
    }

    /// The most frequent values.
    fn most(self, count: usize) -> Vec<T> {
        let mut values: Vec<(usize, T)> = self
            .0
            .into_iter()
            .map(|(value, seen)| (seen, value))
            .collect();
        values.sort_by(|left, right| right.cmp(left));
        values
            .into_iter()
            .take(count)
            .map(|(_, value)| value)
            .collect()
    }
}
