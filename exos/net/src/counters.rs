//! What became of every frame, and what else happened: the numbers behind `netstat`.
//!
//! Each frame that a stack takes from its link meets exactly one [`Fate`], so the fates add up to
//! the frames received: nothing is dropped without a cause. [`Event`]s count everything else. Both
//! are tables of one line each, from which the enumerations, the names and the listing expand.
//! Counters wrap at 2³².

use crate::wire::Malformed;

/// An enumeration whose variants have a description, and a counter each.
macro_rules! counted {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $description:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("Counts ", $description, ".")] $variant,)+
        }

        impl $name {
            /// All of them, in the order of the listing.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What it counts, in words.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)+
                }
            }
        }
    };
}

counted! {
    /// What became of a frame.
    Fate {
        Delivered "datagrams delivered to a socket",
        Echoed "echo requests answered",
        Arp "ARP packets heeded",
        Rarp "RARP answers taken",
        Error "ICMP errors about a datagram of ours",
        Held "fragments held for the rest of their datagram",
        Repeated "fragments that brought nothing new",
        OtherStation "frames for another station",
        OtherType "frames of a type that nobody here speaks",
        OtherAddress "datagrams for another address",
        OtherArp "ARP and RARP packets of no concern",
        OtherIcmp "ICMP messages of no concern",
        OtherProtocol "datagrams of a protocol that nobody here speaks",
        NoAddress "datagrams that came before this host had an address",
        NoSocket "datagrams for a port that nobody has",
        SocketFull "datagrams that their socket had no room for",
        Martian "packets from an address that no host has",
        Conflict "packets from this host's own address",
        Contradiction "fragments that contradict others of their datagram",
        Poisoned "fragments of a datagram that contradicted itself",
        FragmentLength "fragments of an impossible length or place",
        NoAssembly "fragments of a datagram longer than memory allows",
        EthernetShort "frames without a whole header",
        EthernetLong "frames longer than Ethernet carries",
        ArpShort "ARP packets cut off",
        ArpForeign "ARP packets of other hardware or from no station",
        IpShort "datagrams without a whole header",
        IpVersion "datagrams of another version",
        IpLength "datagrams of a wrong length",
        IpChecksum "datagrams with a wrong header checksum",
        IpOptions "datagrams with malformed options",
        IcmpShort "ICMP messages without a whole header",
        IcmpChecksum "ICMP messages with a wrong checksum",
        UdpShort "UDP datagrams without a whole header",
        UdpLength "UDP datagrams of a wrong length",
        UdpChecksum "UDP datagrams with a wrong checksum",
    }
}

counted! {
    /// What else happened.
    Event {
        FramesReceived "frames received",
        FramesSent "frames sent",
        LinkFull "frames that the link had no room for",
        LinkRefused "frames that the link refused to send",
        DatagramsSent "datagrams sent",
        Fragmented "datagrams sent in fragments",
        Unroutable "datagrams that nothing leads to",
        Reassembled "datagrams put together",
        ReassemblyExpired "datagrams whose fragments did not all come in time",
        ReassemblyEvicted "datagrams given up for the fragments of another",
        Asked "ARP requests sent",
        Answered "ARP replies sent",
        Announced "ARP announcements sent",
        Unresolved "frames dropped because ARP had no answer",
        ParkedOut "frames dropped because too many wait for ARP",
        ReverseAsked "RARP requests sent",
        ErrorsSent "ICMP errors sent",
        ErrorsWithheld "ICMP errors withheld, to bound their rate",
    }
}

/// A counter for every fate and event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    fates: [u32; Fate::ALL.len()],
    events: [u32; Event::ALL.len()],
}

impl Counters {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fates: [0; Fate::ALL.len()],
            events: [0; Event::ALL.len()],
        }
    }

    /// How many frames met `fate`.
    #[must_use]
    pub fn fate(&self, fate: Fate) -> u32 {
        self.fates[fate as usize]
    }

    /// How often `event` happened.
    #[must_use]
    pub fn event(&self, event: Event) -> u32 {
        self.events[event as usize]
    }

    /// Every counter with what it counts: events, then fates.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let events = Event::ALL.iter().map(|event| event.description());
        let fates = Fate::ALL.iter().map(|fate| fate.description());
        let events = events.zip(self.events);
        events.chain(fates.zip(self.fates))
    }

    /// The frames whose fate is known: as many as were received.
    #[must_use]
    pub fn accounted(&self) -> u32 {
        self.fates.iter().fold(0, |sum, n| sum.wrapping_add(*n))
    }

    pub(crate) fn count(&mut self, event: Event) {
        self.count_many(event, 1);
    }

    pub(crate) fn count_many(&mut self, event: Event, times: u32) {
        let counter = &mut self.events[event as usize];
        *counter = counter.wrapping_add(times);
    }

    pub(crate) fn meets(&mut self, fate: Fate) {
        let counter = &mut self.fates[fate as usize];
        *counter = counter.wrapping_add(1);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Malformed> for Fate {
    fn from(cause: Malformed) -> Self {
        match cause {
            Malformed::EthernetShort => Self::EthernetShort,
            Malformed::EthernetLong => Self::EthernetLong,
            Malformed::ArpShort => Self::ArpShort,
            Malformed::ArpForeign => Self::ArpForeign,
            Malformed::IpShort => Self::IpShort,
            Malformed::IpVersion => Self::IpVersion,
            Malformed::IpLength => Self::IpLength,
            Malformed::IpChecksum => Self::IpChecksum,
            Malformed::IpOptions => Self::IpOptions,
            Malformed::IcmpShort => Self::IcmpShort,
            Malformed::IcmpChecksum => Self::IcmpChecksum,
            Malformed::UdpShort => Self::UdpShort,
            Malformed::UdpLength => Self::UdpLength,
            Malformed::UdpChecksum => Self::UdpChecksum,
        }
    }
}
