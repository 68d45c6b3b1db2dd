//! Which station has which address: the ARP cache (RFC 826, RFC 1122 §2.3.2).
//!
//! An entry is being asked for, known, or known not to answer. A request goes out at most once a
//! second and three times; what is known is believed for a minute, and if it is used towards the end of
//! that, the station itself is asked again, so that a conversation never stalls. The cache has a
//! fixed size: the entry that was longest of no use makes room. As RFC 826 has it, an ARP packet
//! renews an entry that is there, and makes one only if it was meant for this host; so a stranger's
//! broadcasts cannot flush the cache.
//!
//! Whether ARP packets lie cannot be known; only addresses of the own network are learned.

use crate::{link::Millis, wire::Mac};
use core::net::Ipv4Addr;

/// How many addresses are remembered.
pub const NEIGHBOURS: usize = 16;
/// How long an answer is believed.
pub const LIFETIME: Millis = 60_000;
/// How long before its end a known address that is used is asked for again.
pub const RENEWAL: Millis = 10_000;
/// How long to wait for an answer before asking again.
pub const PATIENCE: Millis = 1_000;
/// How many requests may go unanswered.
pub const MOST_REQUESTS: u8 = 3;
/// How long a host that does not answer is not asked again.
pub const SULK: Millis = 5_000;

/// An address and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The protocol address.
    pub address: Ipv4Addr,
    /// What is known.
    pub state: State,
    /// When it was last of use.
    used: Millis,
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Asked so many times, the next time (or the end) at `next`.
    Asked {
        /// Requests sent.
        times: u8,
        /// When to ask again or give up.
        next: Millis,
    },
    /// A station has it.
    Known {
        /// The station.
        mac: Mac,
        /// Until when this is believed.
        until: Millis,
        /// Not asked again before this.
        renew: Millis,
    },
    /// Nobody answered.
    Silent {
        /// Not asked again before this.
        until: Millis,
    },
}

/// The answer to the question which station has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This one.
    Known(Mac),
    /// This one, but it is to be asked to confirm that.
    Renew(Mac),
    /// Not known: an ARP request is to be sent now.
    Ask,
    /// Not known yet: a request is under way.
    Wait,
    /// Nobody answers.
    Silent,
}

/// What came of an ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The address was waited for, or is known anew.
    News,
    /// What was known is confirmed or replaced.
    Renewed,
    /// It is not remembered.
    Nothing,
}

/// What time has brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Ask for this address again.
    Ask(Ipv4Addr),
    /// Some address is no longer asked for: what waits for it waits in vain.
    Forget,
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    entries: [Option<Neighbour>; NEIGHBOURS],
    /// Whether an address that was asked for had to make room.
    forgot: bool,
}

impl Neighbours {
    /// An empty cache.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: [None; NEIGHBOURS],
            forgot: false,
        }
    }

    /// What is remembered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.entries.iter().flatten()
    }

    /// Which station has `address`, for a packet that is to be sent there now.
    pub fn look_up(&mut self, address: Ipv4Addr, now: Millis) -> Lookup {
        let asked = State::Asked {
            times: 1,
            next: now + PATIENCE,
        };
        let Some(entry) = self.find(address) else {
            self.insert(address, asked, now);
            return Lookup::Ask;
        };
        entry.used = now;
        match &mut entry.state {
            State::Known { mac, until, renew } if now < *until => {
                if now < *renew {
                    return Lookup::Known(*mac);
                }
                *renew = now + PATIENCE;
                Lookup::Renew(*mac)
            }
            State::Asked { .. } => Lookup::Wait,
            State::Silent { until } if now < *until => Lookup::Silent,
            State::Known { .. } | State::Silent { .. } => {
                entry.state = asked;
                Lookup::Ask
            }
        }
    }

    /// Takes what an ARP packet says of its sender; `meant` if it was meant for this host.
    pub fn learn(&mut self, address: Ipv4Addr, mac: Mac, meant: bool, now: Millis) -> Learned {
        let state = State::Known {
            mac,
            until: now + LIFETIME,
            renew: now + LIFETIME - RENEWAL,
        };
        match self.find(address) {
            Some(entry) => {
                let known = matches!(entry.state, State::Known { .. });
                entry.state = state;
                if known {
                    Learned::Renewed
                } else {
                    Learned::News
                }
            }
            None if meant => {
                self.insert(address, state, now);
                Learned::News
            }
            None => Learned::Nothing,
        }
    }

    /// The next thing that is due at `now`, once; `None` when nothing is.
    pub fn due(&mut self, now: Millis) -> Option<Due> {
        if core::mem::take(&mut self.forgot) {
            return Some(Due::Forget);
        }
        for slot in &mut self.entries {
            let Some(entry) = slot else { continue };
            match &mut entry.state {
                State::Asked { times, next } if *next <= now => {
                    if *times < MOST_REQUESTS {
                        *times += 1;
                        *next = now + PATIENCE;
                        return Some(Due::Ask(entry.address));
                    }
                    let until = now + SULK;
                    entry.state = State::Silent { until };
                    return Some(Due::Forget);
                }
                State::Known { until, .. } | State::Silent { until } if *until <= now => {
                    *slot = None;
                }
                _ => {}
            }
        }
        None
    }

    /// When something is due next.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let next = self.iter().map(|entry| match entry.state {
            State::Asked { next, .. } => next,
            State::Known { until, .. } | State::Silent { until } => until,
        });
        next.min()
    }

    /// Whether `address` is being asked for.
    #[must_use]
    pub fn is_asked(&self, address: Ipv4Addr) -> bool {
        let mut entries = self.iter();
        entries.any(|e| e.address == address && matches!(e.state, State::Asked { .. }))
    }

    fn find(&mut self, address: Ipv4Addr) -> Option<&mut Neighbour> {
        let mut entries = self.entries.iter_mut().flatten();
        entries.find(|entry| entry.address == address)
    }

    /// In a free place, or that of the entry which was longest of no use.
    fn insert(&mut self, address: Ipv4Addr, state: State, now: Millis) {
        let oldest = self
            .entries
            .iter_mut()
            .min_by_key(|entry| entry.map_or(0, |entry| entry.used.saturating_add(1)));
        if let Some(place) = oldest {
            self.forgot |= place.is_some_and(|entry| matches!(entry.state, State::Asked { .. }));
            *place = Some(Neighbour {
                address,
                state,
                used: now,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

    #[test]
    fn asks_three_times_then_sulks_then_asks_again() {
        let mut cache = Neighbours::new();
        assert_eq!(cache.look_up(HOST, 0), Lookup::Ask);
        assert_eq!(cache.look_up(HOST, 1), Lookup::Wait);
        assert_eq!((cache.due(999), cache.deadline()), (None, Some(1000)));
        assert_eq!(cache.due(1000), Some(Due::Ask(HOST)));
        assert_eq!(cache.due(1000), None);
        assert_eq!(cache.due(2000), Some(Due::Ask(HOST)));
        assert_eq!(cache.due(3000), Some(Due::Forget));
        assert_eq!(cache.look_up(HOST, 7999), Lookup::Silent);
        assert_eq!(cache.look_up(HOST, 8000), Lookup::Ask);
    }

    #[test]
    fn what_is_used_is_confirmed_before_it_ends() {
        let mut cache = Neighbours::new();
        assert_eq!(cache.learn(HOST, MAC, true, 0), Learned::News);
        assert_eq!(cache.look_up(HOST, 49_999), Lookup::Known(MAC));
        assert_eq!(cache.look_up(HOST, 50_000), Lookup::Renew(MAC));
        assert_eq!(cache.look_up(HOST, 50_001), Lookup::Known(MAC));
        assert_eq!(cache.learn(HOST, MAC, true, 50_002), Learned::Renewed);
        assert_eq!(cache.look_up(HOST, 100_001), Lookup::Known(MAC));
        assert_eq!(cache.look_up(HOST, 110_002), Lookup::Ask);
    }

    #[test]
    fn what_is_not_used_is_forgotten() {
        let mut cache = Neighbours::new();
        cache.learn(HOST, MAC, true, 0);
        assert_eq!((cache.due(60_000), cache.iter().count()), (None, 0));
    }

    #[test]
    fn strangers_renew_but_do_not_fill() {
        let mut cache = Neighbours::new();
        for last in 0..=255 {
            let host = Ipv4Addr::new(10, 0, 0, last);
            assert_eq!(cache.learn(host, MAC, false, 0), Learned::Nothing);
        }
        assert_eq!(cache.iter().count(), 0);
        cache.learn(HOST, MAC, true, 0);
        let other = Mac([2, 0, 0, 0, 0, 3]);
        cache.learn(HOST, other, false, 1);
        assert_eq!(cache.look_up(HOST, 2), Lookup::Known(other));
    }

    #[test]
    fn the_longest_unused_makes_room() {
        let mut cache = Neighbours::new();
        let host = |n: usize| Ipv4Addr::new(10, 0, 1, n as u8);
        for n in 0..NEIGHBOURS {
            cache.learn(host(n), MAC, true, n as u64);
        }
        cache.look_up(host(0), 100);
        cache.learn(HOST, MAC, true, 101);
        assert_eq!(cache.iter().count(), NEIGHBOURS);
        assert_eq!(cache.look_up(host(0), 102), Lookup::Known(MAC));
        assert_eq!(cache.look_up(host(1), 103), Lookup::Ask);
    }
}
