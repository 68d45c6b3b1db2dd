//! ClassBench rule sets: prefixes, port ranges, protocols, of which the first that matches wins.
//!
//! Source: D. Taylor, J. Turner, *ClassBench: A Packet Classification Benchmark*, INFOCOM 2005. A
//! rule is one line: `@` source prefix, destination prefix, two port ranges, protocol and mask,
//! flags and mask. Here a rule means: IPv4 over Ethernet with a header of 20 bytes, and the four
//! bytes behind it as ports, whatever the protocol. Traffic is drawn as ClassBench's own generator
//! does: a rule, then a packet inside it, so that many packets lie in the corners of several.
//!
//! Left out: the flags, which the classifiers compared with do not take either.

use crate::{flows::PACKET_BYTES, workload::Random};

/// Bytes that a packet must have for a rule to match: up to the end of the ports.
pub const WIDTH: usize = 38;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Source address and prefix length.
    pub source: (u32, u8),
    /// Destination address and prefix length.
    pub destination: (u32, u8),
    /// Lowest and highest source port.
    pub source_ports: (u16, u16),
    /// Lowest and highest destination port.
    pub destination_ports: (u16, u16),
    /// The protocol; nothing for any.
    pub protocol: Option<u8>,
}

/// The rules of a file.
///
/// # Errors
///
/// The line's number and text, for the first that is no rule.
pub fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() {
            let rule = rule(line).ok_or_else(|| format!("line {}: no rule: {line}", number + 1))?;
            rules.push(rule);
        }
    }
    Ok(rules)
}

impl Rule {
    /// Whether the rule matches the packet.
    pub fn accepts(&self, packet: &[u8]) -> bool {
        let Some(head) = packet.first_chunk::<WIDTH>() else {
            return false;
        };
        let word =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let half = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let within = |(low, high): (u16, u16), port: u16| low <= port && port <= high;
        head[12..15] == [0x08, 0x00, 0x45]
            && self.protocol.is_none_or(|protocol| head[23] == protocol)
            && word(26) & mask(self.source.1) == self.source.0
            && word(30) & mask(self.destination.1) == self.destination.0
            && within(self.source_ports, half(34))
            && within(self.destination_ports, half(36))
    }

    /// The rule as a filter of the language, in the paper's notation.
    pub fn filter(&self) -> String {
        let mut text = String::from("12:16 == 0x0800 && 14:8 == 0x45");
        if let Some(protocol) = self.protocol {
            text += &format!(" && 23:8 == {protocol}");
        }
        for (at, (address, length)) in [(26, self.source), (30, self.destination)] {
            let address = core::net::Ipv4Addr::from(address);
            match length {
                0 => {}
                _ => text += &format!(" && {at}:32 in {address}/{length}"),
            }
        }
        for (at, (low, high)) in [(34, self.source_ports), (36, self.destination_ports)] {
            match (low, high) {
                (0, u16::MAX) => {}
                _ if low == high => text += &format!(" && {at}:16 == {low}"),
                _ => text += &format!(" && {at}:16 in {low}..{high}"),
            }
        }
        // Without a test of the ports these bytes must be there all the same.
        text + " && len >= 38"
    }

    /// A packet that the rule accepts.
    pub fn packet(&self, random: &mut Random) -> [u8; PACKET_BYTES] {
        let mut packet = crate::flows::Family::FiveTuple.packet(0);
        let address = |(address, length): (u32, u8), random: &mut Random| {
            address | random.number() & !mask(length)
        };
        let port = |(low, high): (u16, u16), random: &mut Random| {
            low + random.below(u32::from(high - low) + 1) as u16
        };
        packet[23] = self.protocol.unwrap_or_else(|| random.number() as u8);
        packet[26..30].copy_from_slice(&address(self.source, random).to_be_bytes());
        packet[30..34].copy_from_slice(&address(self.destination, random).to_be_bytes());
        packet[34..36].copy_from_slice(&port(self.source_ports, random).to_be_bytes());
        packet[36..38].copy_from_slice(&port(self.destination_ports, random).to_be_bytes());
        packet
    }
}

/// The first rule that matches: the obvious way, and the judge of the others.
pub fn first(rules: &[Rule], packet: &[u8]) -> Option<u32> {
    rules
        .iter()
        .position(|rule| rule.accepts(packet))
        .map(|index| index as u32)
}

fn mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

fn rule(line: &str) -> Option<Rule> {
    let words: Vec<&str> = line.strip_prefix('@')?.split_whitespace().collect();
    let [
        source,
        destination,
        from,
        ":",
        to,
        first,
        ":",
        last,
        protocol,
        ..,
    ] = words[..]
    else {
        return None;
    };
    let (protocol, mask) = protocol.split_once('/')?;
    let ports = |low: &str, high: &str| {
        let ports = (low.parse().ok()?, high.parse().ok()?);
        (ports.0 <= ports.1).then_some(ports)
    };
    Some(Rule {
        source: prefix(source)?,
        destination: prefix(destination)?,
        source_ports: ports(from, to)?,
        destination_ports: ports(first, last)?,
        protocol: match byte(mask)? {
            0 => None,
            _ => Some(byte(protocol)?),
        },
    })
}

/// A prefix, its host bits cleared.
fn prefix(text: &str) -> Option<(u32, u8)> {
    let (address, length) = text.split_once('/')?;
    let address: core::net::Ipv4Addr = address.parse().ok()?;
    let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
    Some((u32::from(address) & mask(length), length))
}

fn byte(text: &str) -> Option<u8> {
    u8::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_make_packets_that_they_accept() {
        let text = "@176.19.181.33/32\t90.145.23.162/31\t0 : 65535\t1550 : 1560\t0x06/0xFF\t0x0000/0x0200\t\n\
                    @0.0.0.0/0\t10.0.0.0/8\t7 : 7\t0 : 65535\t0x00/0x00\t0x0000/0x0000\n";
        let rules = parse(text).expect("two rules");
        assert_eq!(rules[0].source, (0xb013_b521, 32));
        assert_eq!(rules[0].destination_ports, (1550, 1560));
        assert_eq!((rules[0].protocol, rules[1].protocol), (Some(6), None));
        let mut random = Random::new(7);
        for rule in &rules {
            for _ in 0..1000 {
                let mut packet = rule.packet(&mut random);
                assert!(rule.accepts(&packet));
                assert!(!rule.accepts(&packet[..37]));
                packet[12] ^= 1;
                assert!(!rule.accepts(&packet));
            }
        }
        assert_eq!(
            rules[1].filter(),
            "12:16 == 0x0800 && 14:8 == 0x45 && 30:32 in 10.0.0.0/8 && 34:16 == 7 && len >= 38"
        );
    }

    #[test]
    fn what_is_no_rule_is_named() {
        let error = parse("@1.2.3.4/33 0.0.0.0/0 0 : 1 0 : 1 0x06/0xFF 0x0/0x0")
            .expect_err("a prefix of 33");
        assert!(error.starts_with("line 1: no rule: @1.2.3.4/33"), "{error}");
    }
}
