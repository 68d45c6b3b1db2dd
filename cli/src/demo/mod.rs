//! Made-up mixed traffic for demonstrations and tests, the same every time.
//!
//! Nobody sent these packets. A fixed-seed generator strings together small conversations, as one
//! would see them at the door of a small network: name look-ups, web and ssh connections, pings,
//! address resolution, IPv6 with extension headers, tagged frames, tunnels, fragments, frames cut
//! off by a short snapshot length, and some that are not IP at all.

mod frames;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::io::{self, Write};

use crate::capture::{Format, Interface, LinkType, Packet, Resolution, Timestamp, Writer};
use frames::{
    ACK, DESTINATION_OPTIONS, ETHERTYPE_ARP, Ends, FIN, FRAGMENT, Fragment, GRE, HOP_BY_HOP, ICMP,
    ICMPV6, PSH, SYN, TCP, UDP, arp, ethernet, fragment, frame, gre, icmp, ip, ipv4, ipv6, options,
    tagged, tcp, udp, vxlan,
};

/// The server of the paper's examples.
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 12, 69, 1);
/// When the capture begins: 1995-12-03, the first day of the paper's conference.
const START_SECONDS: i64 = 817_948_800;
/// Packets are cut off after so many bytes, if at all.
const CUT_BYTES: usize = 40;

/// Writes a capture of `packets` packets (pcap, microseconds, Ethernet).
///
/// # Errors
///
/// When the output refuses it.
pub fn write(out: impl Write, packets: u64) -> io::Result<()> {
    let interface = Interface {
        link: LinkType::ETHERNET,
        link_field: u32::from(LinkType::ETHERNET.0),
        snaplen: 65_535,
        resolution: Resolution::Micro,
        name: None,
    };
    let mut writer = Writer::new(out, Format::Pcap(interface.clone()))?;
    let interfaces = [interface];
    for made in Traffic::new().take(usize::try_from(packets).unwrap_or(usize::MAX)) {
        writer.write(&Packet {
            interfaces: &interfaces,
            index: 0,
            time: made.time,
            wire_len: made.frame.len() as u32,
            data: &made.frame[..made.captured],
        })?;
    }
    writer.flush()
}

/// One packet of the made-up traffic.
pub struct Made {
    /// When it was sent.
    pub time: Timestamp,
    /// The whole frame.
    pub frame: Vec<u8>,
    /// How many bytes of it were captured.
    pub captured: usize,
}

/// The traffic, without end.
pub struct Traffic {
    random: Random,
    microseconds: u64,
    /// What the current conversation still has to say, the next last.
    waiting: Vec<Vec<u8>>,
}

impl Traffic {
    /// From the beginning.
    #[expect(clippy::new_without_default, reason = "a beginning is not a default")]
    pub fn new() -> Self {
        Self {
            random: Random(1995),
            microseconds: 0,
            waiting: Vec::new(),
        }
    }

    fn conversation(&mut self) -> Vec<Vec<u8>> {
        match self.random.below(100) {
            0..6 => self.address_resolution(),
            6..24 => self.name_look_up(),
            24..42 => {
                let port = [80, 80, 8080, 443, 443, 443, 8443][self.random.below(7) as usize];
                let client = self.client();
                let server = self.same_kind(client);
                self.connection(client, server, port, frame)
            }
            42..52 => {
                let client = self.outside();
                self.connection(client, SERVER.into(), 22, frame)
            }
            52..60 => self.paper_flow(),
            60..68 => self.ping(),
            68..76 => self.ipv6_with_options(),
            76..82 => self.tagged_connection(),
            82..88 => self.tunnelled(),
            88..94 => self.fragmented(),
            94..96 => self.hairpin(),
            _ => self.not_ip(),
        }
    }

    fn address_resolution(&mut self) -> Vec<Vec<u8>> {
        let (asker, asked) = (self.local(), self.local());
        let ends = [asker.octets()[3], asked.octets()[3]];
        vec![
            ethernet([ends[0], 0xff], ETHERTYPE_ARP, &arp(true, asker, asked)),
            ethernet([ends[1], ends[0]], ETHERTYPE_ARP, &arp(false, asked, asker)),
        ]
    }

    fn name_look_up(&mut self) -> Vec<Vec<u8>> {
        let source = self.client();
        let destination = match source {
            IpAddr::V4(_) => Ipv4Addr::new(8, 8, 8, 8).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888).into(),
        };
        let ends = Ends {
            source,
            destination,
            source_port: self.port(),
            destination_port: 53,
        };
        let id = self.random.below(65_536) as u16;
        let mut question = id.to_be_bytes().to_vec();
        question.extend_from_slice(
            b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01",
        );
        let mut answer = question.clone();
        answer[2] = 0x81;
        answer[7] = 1;
        answer
            .extend_from_slice(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x5d\xb8\xd8\x22");
        vec![
            frame(&ip(ends, UDP, id, &udp(ends, &question))),
            frame(&ip(ends.back(), UDP, id, &udp(ends.back(), &answer))),
        ]
    }

    /// A whole TCP connection, each packet put into a frame by `wrap`.
    fn connection(
        &mut self,
        client: IpAddr,
        server: IpAddr,
        port: u16,
        wrap: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let ends = Ends {
            source: client,
            destination: server,
            source_port: self.port(),
            destination_port: port,
        };
        self.exchange(ends, wrap)
    }

    fn exchange(&mut self, ends: Ends, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
        let (mut ours, mut theirs) = (self.random.next() as u32, self.random.next() as u32);
        let mut id = self.random.below(60_000) as u16;
        let mut frames = Vec::new();
        let mut say = |back: bool, flags: u8, ours: u32, theirs: u32, payload: &[u8]| {
            id = id.wrapping_add(1);
            let ends = if back { ends.back() } else { ends };
            let (sequence, acknowledged) = if back { (theirs, ours) } else { (ours, theirs) };
            let acknowledged = if flags & ACK == 0 { 0 } else { acknowledged };
            frames.push(wrap(&ip(
                ends,
                TCP,
                id,
                &tcp(ends, flags, sequence, acknowledged, payload),
            )));
        };
        say(false, SYN, ours, theirs, &[]);
        ours = ours.wrapping_add(1);
        say(true, SYN | ACK, ours, theirs, &[]);
        theirs = theirs.wrapping_add(1);
        say(false, ACK, ours, theirs, &[]);
        let request = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
        say(false, PSH | ACK, ours, theirs, request);
        ours = ours.wrapping_add(request.len() as u32);
        for _ in 0..self.random.below(6) {
            let answer = vec![b'.'; 100 + self.random.below(1348) as usize];
            say(true, PSH | ACK, ours, theirs, &answer);
            theirs = theirs.wrapping_add(answer.len() as u32);
            say(false, ACK, ours, theirs, &[]);
        }
        say(false, FIN | ACK, ours, theirs, &[]);
        say(true, FIN | ACK, ours.wrapping_add(1), theirs, &[]);
        frames
    }

    /// Table 7's connection.
    fn paper_flow(&mut self) -> Vec<Vec<u8>> {
        let ends = Ends {
            source: SERVER.into(),
            destination: self.local().into(),
            source_port: 1234,
            destination_port: 4321,
        };
        self.exchange(ends, frame)
    }

    fn ping(&mut self) -> Vec<Vec<u8>> {
        let source = self.client();
        let destination = self.same_kind(source);
        let ends = Ends {
            source,
            destination,
            source_port: 0,
            destination_port: 0,
        };
        let body = [[0, 7], [0, 1]].concat();
        let (protocol, request, reply) = if source.is_ipv4() {
            (ICMP, 8, 0)
        } else {
            (ICMPV6, 128, 129)
        };
        let id = self.random.below(65_536) as u16;
        vec![
            frame(&ip(ends, protocol, id, &icmp(ends, request, &body))),
            frame(&ip(
                ends.back(),
                protocol,
                id,
                &icmp(ends.back(), reply, &body),
            )),
        ]
    }

    fn ipv6_with_options(&mut self) -> Vec<Vec<u8>> {
        let (source, destination) = (self.local6(), self.outside6());
        let ends = Ends {
            source: source.into(),
            destination: destination.into(),
            source_port: self.port(),
            destination_port: 80,
        };
        let segment = tcp(ends, SYN, self.random.next() as u32, 0, &[]);
        let chain = options(DESTINATION_OPTIONS, &options(TCP, &segment));
        vec![
            frame(&ipv6(source, destination, HOP_BY_HOP, &chain)),
            frame(&ipv6(
                source,
                destination,
                DESTINATION_OPTIONS,
                &options(TCP, &segment),
            )),
        ]
    }

    fn tagged_connection(&mut self) -> Vec<Vec<u8>> {
        let vlan = 100 + self.random.below(4) as u16;
        let client = self.client();
        let server = self.same_kind(client);
        if self.random.below(3) == 0 {
            self.connection(client, server, 22, |packet| {
                tagged(&[(0x88a8, 7), (0x8100, vlan)], packet)
            })
        } else {
            self.connection(client, server, 80, |packet| {
                tagged(&[(0x8100, vlan)], packet)
            })
        }
    }

    fn tunnelled(&mut self) -> Vec<Vec<u8>> {
        let (near, far) = (
            self.local(),
            Ipv4Addr::new(203, 0, 113, self.random.below(250) as u8 + 1),
        );
        let (client, server) = (self.local().into(), self.outside());
        let whole = Fragment {
            id: self.random.below(65_536) as u16,
            offset: 0,
            more: false,
        };
        if self.random.below(2) == 0 {
            return self.connection(client, server, 80, |packet| {
                frame(&ipv4(near, far, GRE, whole, &gre(packet)))
            });
        }
        let outer = Ends {
            source: near.into(),
            destination: far.into(),
            source_port: self.port(),
            destination_port: 4789,
        };
        self.connection(client, server, 443, |packet| {
            frame(&ip(
                outer,
                UDP,
                whole.id,
                &udp(outer, &vxlan(42, &frame(packet))),
            ))
        })
    }

    /// A datagram too long for one packet.
    fn fragmented(&mut self) -> Vec<Vec<u8>> {
        const PIECE: usize = 1400;
        let id = self.random.below(65_536) as u16;
        let over4 = self.random.below(3) != 0;
        let (source, destination): (IpAddr, IpAddr) = if over4 {
            (self.outside(), SERVER.into())
        } else {
            (self.outside6().into(), self.local6().into())
        };
        let ends = Ends {
            source,
            destination,
            source_port: self.port(),
            destination_port: 53,
        };
        let datagram = udp(ends, &vec![b'x'; 2 * PIECE + 300]);
        let pieces = datagram.chunks(PIECE).enumerate();
        let make = |(index, piece): (usize, &[u8])| {
            let offset = index * PIECE;
            let part = Fragment {
                id,
                offset: offset as u16,
                more: offset + piece.len() < datagram.len(),
            };
            match (source, destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    frame(&ipv4(source, destination, UDP, part, piece))
                }
                (IpAddr::V6(source), IpAddr::V6(destination)) => frame(&ipv6(
                    source,
                    destination,
                    FRAGMENT,
                    &fragment(UDP, part, piece),
                )),
                _ => Vec::new(),
            }
        };
        pieces.map(make).collect()
    }

    /// A packet from a host to itself, which should not be on a wire.
    fn hairpin(&mut self) -> Vec<Vec<u8>> {
        let host: IpAddr = self.local().into();
        let ends = Ends {
            source: host,
            destination: host,
            source_port: 139,
            destination_port: 139,
        };
        vec![frame(&ip(ends, TCP, 1, &tcp(ends, SYN, 1, 0, &[])))]
    }

    /// Link-layer discovery, and spanning tree in an 802.3 frame.
    fn not_ip(&mut self) -> Vec<Vec<u8>> {
        let port = self.random.below(48) as u8;
        vec![
            ethernet(
                [port, 0x0e],
                0x88cc,
                &[
                    2, 7, 4, 2, 0, 0, 0, 0, port, 4, 2, 7, port, 6, 2, 0, 120, 0, 0,
                ],
            ),
            ethernet(
                [port, 0x00],
                38,
                &[0x42, 0x42, 3, 0, 0, 0, 0, 0, 0x80, 0, 2, 0, 0, 0, 0, port],
            ),
        ]
    }

    /// A host of this network, over IPv4 or IPv6.
    fn client(&mut self) -> IpAddr {
        if self.random.below(4) == 0 {
            self.local6().into()
        } else {
            self.local().into()
        }
    }

    /// A host elsewhere, reached over IPv4.
    fn outside(&mut self) -> IpAddr {
        let byte = self.random.next().to_be_bytes();
        Ipv4Addr::new(198, 18 + (byte[0] & 1), byte[1], byte[2]).into()
    }

    fn outside6(&mut self) -> Ipv6Addr {
        Ipv6Addr::new(
            0x2001,
            0xdb8,
            0xffff,
            0,
            0,
            0,
            0,
            self.random.below(60_000) as u16,
        )
    }

    fn same_kind(&mut self, other: IpAddr) -> IpAddr {
        if other.is_ipv4() {
            self.outside()
        } else {
            self.outside6().into()
        }
    }

    fn local(&mut self) -> Ipv4Addr {
        Ipv4Addr::new(
            10,
            1,
            self.random.below(4) as u8,
            self.random.below(250) as u8 + 1,
        )
    }

    fn local6(&mut self) -> Ipv6Addr {
        Ipv6Addr::new(
            0x2001,
            0xdb8,
            1,
            0,
            0,
            0,
            0,
            self.random.below(250) as u16 + 1,
        )
    }

    fn port(&mut self) -> u16 {
        32_768 + self.random.below(28_000) as u16
    }
}

impl Iterator for Traffic {
    type Item = Made;

    fn next(&mut self) -> Option<Made> {
        while self.waiting.is_empty() {
            self.waiting = self.conversation();
            self.waiting.reverse();
        }
        self.microseconds += 1 + self.random.below(2_000);
        let frame = self.waiting.pop()?;
        let captured = if self.random.below(50) == 0 {
            frame.len().min(CUT_BYTES)
        } else {
            frame.len()
        };
        let time = Timestamp {
            seconds: START_SECONDS + (self.microseconds / 1_000_000) as i64,
            nanoseconds: self.microseconds % 1_000_000 * 1_000,
        };
        Some(Made {
            time,
            frame,
            captured,
        })
    }
}

/// The generator SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
