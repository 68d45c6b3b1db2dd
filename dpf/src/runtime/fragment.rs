//! Later fragments of IP datagrams: the state that stands outside packet sets.
//!
//! A later fragment carries no ports, so no pure filter can tell whose it is. A bounded table maps
//! (version, source, destination, protocol, identification) to the filter that the first fragment
//! matched; entries expire, and when the table is full the oldest goes. The caller passes the time
//! (RFC 791 §3.2, RFC 8200 §4.5). Reassembly is the owner's business, and so is a later fragment
//! that comes before the first: it is reported as undecided.

use super::FilterId;
use alloc::collections::{BTreeMap, VecDeque};

/// How many datagrams may be under way at once.
pub const MOST_DATAGRAMS: usize = 4096;

/// How long a datagram's fragments may take, in microseconds (Linux waits as long).
pub const FRAGMENT_LIFETIME_US: u64 = 30_000_000;

/// Tags and IPv6 extension headers that are looked through; as in the standard protocols.
const MOST_TAGS: usize = 2;
const MOST_EXTENSIONS: usize = 4;

/// Where a packet starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Framing {
    /// With an Ethernet header, perhaps tagged.
    #[default]
    Ethernet,
    /// With an IPv4 or IPv6 header.
    Ip,
}

/// What a datagram's fragments have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Datagram {
    version: u8,
    protocol: u8,
    source: [u8; 16],
    destination: [u8; 16],
    identification: u32,
}

/// One fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The datagram it is of.
    pub datagram: Datagram,
    /// Whether its offset is 0, so that it carries the transport header.
    pub first: bool,
    /// Whether more follow it.
    pub more: bool,
}

/// Reads the fragment that `packet` carries; `None` when it is whole, not IP, or cut off.
pub fn fragment(packet: &[u8], framing: Framing) -> Option<Fragment> {
    let ip = match framing {
        Framing::Ethernet => after_ethernet(packet)?,
        Framing::Ip => packet,
    };
    match ip.first()? >> 4 {
        4 => fragment_v4(ip),
        6 => fragment_v6(ip),
        _ => None,
    }
}

/// The datagrams whose first fragment matched a filter that claims the later ones.
#[derive(Clone, Debug, Default)]
pub struct FragmentTable {
    owners: BTreeMap<Datagram, (FilterId, u64)>,
    /// Datagrams in the order of their expiry; an entry that was renewed stands here twice.
    expiries: VecDeque<(u64, Datagram)>,
    evicted: u64,
}

impl FragmentTable {
    /// Remembers at `now` (µs) that `datagram` belongs to `filter`.
    pub fn remember(&mut self, now: u64, datagram: Datagram, filter: FilterId) {
        self.expire(now);
        while self.owners.len() >= MOST_DATAGRAMS && !self.owners.contains_key(&datagram) {
            let Some((expiry, oldest)) = self.expiries.pop_front() else {
                break;
            };
            if self.drop_expired(oldest, expiry) {
                self.evicted += 1;
            }
        }
        let expiry = now.saturating_add(FRAGMENT_LIFETIME_US);
        if self.owners.insert(datagram, (filter, expiry)) != Some((filter, expiry)) {
            self.expiries.push_back((expiry, datagram));
        }
        // Renewals leave their old expiry behind; they must not pile up.
        if self.expiries.len() > 2 * MOST_DATAGRAMS {
            let owners = &self.owners;
            self.expiries.retain(|(expiry, datagram)| {
                owners.get(datagram).is_some_and(|entry| entry.1 == *expiry)
            });
        }
    }

    /// Whose `datagram` is at `now` (µs).
    pub fn owner(&mut self, now: u64, datagram: &Datagram) -> Option<FilterId> {
        self.expire(now);
        self.owners.get(datagram).map(|(filter, _)| *filter)
    }

    /// Forgets every datagram of `filter`.
    pub fn forget(&mut self, filter: FilterId) {
        self.owners.retain(|_, (owner, _)| *owner != filter);
        let owners = &self.owners;
        self.expiries
            .retain(|(_, datagram)| owners.contains_key(datagram));
    }

    /// How many datagrams are remembered.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// How many were dropped before their time because the table was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn expire(&mut self, now: u64) {
        while let Some(&(expiry, datagram)) = self.expiries.front() {
            if expiry > now {
                break;
            }
            self.expiries.pop_front();
            self.drop_expired(datagram, expiry);
        }
    }

    /// Drops the entry unless it was renewed since it was to expire at `expiry`.
    fn drop_expired(&mut self, datagram: Datagram, expiry: u64) -> bool {
        let current = self
            .owners
            .get(&datagram)
            .is_some_and(|entry| entry.1 == expiry);
        if current {
            self.owners.remove(&datagram);
        }
        current
    }
}

fn after_ethernet(packet: &[u8]) -> Option<&[u8]> {
    let mut at = 12;
    for _ in 0..=MOST_TAGS {
        match half(packet, at)? {
            0x8100 | 0x88a8 => at += 4,
            0x0800 | 0x86dd => return packet.get(at + 2..),
            _ => return None,
        }
    }
    None
}

fn fragment_v4(ip: &[u8]) -> Option<Fragment> {
    let flags = half(ip, 6)?;
    let (offset, more) = (flags & 0x1fff, flags & 0x2000 != 0);
    if offset == 0 && !more {
        return None;
    }
    let datagram = Datagram {
        version: 4,
        protocol: *ip.get(9)?,
        source: widened(ip.get(12..16)?),
        destination: widened(ip.get(16..20)?),
        identification: u32::from(half(ip, 4)?),
    };
    Some(Fragment {
        datagram,
        first: offset == 0,
        more,
    })
}

fn fragment_v6(ip: &[u8]) -> Option<Fragment> {
    const FRAGMENT: u8 = 44;
    let (mut next, mut at) = (*ip.get(6)?, 40);
    for _ in 0..MOST_EXTENSIONS {
        match next {
            FRAGMENT => break,
            // Hop-by-hop, routing and destination options carry their length in units of 8.
            0 | 43 | 60 => {
                next = *ip.get(at)?;
                at += 8 * (usize::from(*ip.get(at + 1)?) + 1);
            }
            _ => return None,
        }
    }
    if next != FRAGMENT {
        return None;
    }
    let flags = half(ip, at + 2)?;
    let (offset, more) = (flags >> 3, flags & 1 != 0);
    if offset == 0 && !more {
        return None;
    }
    let identification = (u32::from(half(ip, at + 4)?) << 16) | u32::from(half(ip, at + 6)?);
    let datagram = Datagram {
        version: 6,
        // RFC 8200 §4.5 matches on addresses and identification alone.
        protocol: 0,
        source: widened(ip.get(8..24)?),
        destination: widened(ip.get(24..40)?),
        identification,
    };
    Some(Fragment {
        datagram,
        first: offset == 0,
        more,
    })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// An address in the low bytes of sixteen.
fn widened(address: &[u8]) -> [u8; 16] {
    let mut wide = [0; 16];
    wide.iter_mut()
        .zip(address)
        .for_each(|(to, from)| *to = *from);
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(entry: u32) -> FilterId {
        FilterId::of_entry(entry).unwrap()
    }

    fn ipv4(identification: u8, flags_offset: u16) -> Vec<u8> {
        let mut packet = vec![0; 14];
        packet[12] = 8;
        packet.extend([0x45, 0, 0, 28, 0, identification]);
        packet.extend(flags_offset.to_be_bytes());
        packet.extend([64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        packet
    }

    #[test]
    fn whole_datagrams_are_no_fragments() {
        assert_eq!(fragment(&ipv4(1, 0), Framing::Ethernet), None);
        assert_eq!(fragment(&ipv4(1, 0x4000), Framing::Ethernet), None);
    }

    #[test]
    fn first_middle_and_last_share_a_datagram() {
        let parts = [0x2000, 0x2010, 0x0020]
            .map(|bits| fragment(&ipv4(7, bits), Framing::Ethernet).unwrap());
        assert_eq!(
            parts.map(|part| (part.first, part.more)),
            [(true, true), (false, true), (false, false)]
        );
        assert!(parts.iter().all(|part| part.datagram == parts[0].datagram));
        assert_ne!(
            fragment(&ipv4(8, 0x2000), Framing::Ethernet)
                .unwrap()
                .datagram,
            parts[0].datagram
        );
    }

    #[test]
    fn tags_and_raw_ip_are_looked_through() {
        let plain = ipv4(7, 0x2000);
        let mut tagged = plain[..12].to_vec();
        tagged.extend([0x88, 0xa8, 0, 1, 0x81, 0, 0, 2]);
        tagged.extend(&plain[12..]);
        let expected = fragment(&plain, Framing::Ethernet);
        assert_eq!(fragment(&tagged, Framing::Ethernet), expected);
        assert_eq!(fragment(&plain[14..], Framing::Ip), expected);
    }

    #[test]
    fn ipv6_fragment_headers_are_found_behind_options() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 24, 0, 64];
        packet.extend([1; 16]);
        packet.extend([2; 16]);
        packet.extend([44, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([17, 0, 0x00, 0x09, 1, 2, 3, 4]);
        let found = fragment(&packet, Framing::Ip).unwrap();
        assert!(!found.first && found.more);
        for short in 0..packet.len() {
            assert_eq!(fragment(&packet[..short], Framing::Ip), None);
        }
    }

    #[test]
    fn entries_expire_and_the_table_is_bounded() {
        let mut table = FragmentTable::default();
        let datagram = |n: u32| Datagram {
            version: 4,
            protocol: 17,
            source: [0; 16],
            destination: [0; 16],
            identification: n,
        };
        table.remember(0, datagram(1), id(5));
        assert_eq!(
            table.owner(FRAGMENT_LIFETIME_US - 1, &datagram(1)),
            Some(id(5))
        );
        table.remember(FRAGMENT_LIFETIME_US - 1, datagram(1), id(6));
        assert_eq!(table.owner(FRAGMENT_LIFETIME_US, &datagram(1)), Some(id(6)));
        assert_eq!(table.owner(3 * FRAGMENT_LIFETIME_US, &datagram(1)), None);
        for n in 0..2 * MOST_DATAGRAMS as u32 {
            table.remember(u64::MAX / 2, datagram(n), id(n));
        }
        assert_eq!(table.len(), MOST_DATAGRAMS);
        assert_eq!(table.evicted(), MOST_DATAGRAMS as u64);
        assert_eq!(table.owner(u64::MAX / 2, &datagram(0)), None);
        table.forget(id(2 * MOST_DATAGRAMS as u32 - 1));
        assert_eq!(table.len(), MOST_DATAGRAMS - 1);
    }

    #[test]
    fn renewals_do_not_pile_up() {
        let mut table = FragmentTable::default();
        let datagram = fragment(&ipv4(7, 0x2000), Framing::Ethernet)
            .unwrap()
            .datagram;
        for now in 0..10 * MOST_DATAGRAMS as u64 {
            table.remember(now, datagram, id(1));
        }
        assert!(table.expiries.len() <= 2 * MOST_DATAGRAMS + 1);
    }
}
