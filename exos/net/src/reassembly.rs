//! Putting fragments of datagrams together (RFC 791 §3.2, RFC 815).
//!
//! Memory of the caller is divided into equal places, one datagram each; a map of 8-byte units, in
//! front of a place's data, says which have come. **Overlap**: bytes may be repeated, but never
//! contradicted. A fragment whose overlapping bytes equal those held is taken; one that says
//! otherwise, or places the end elsewhere, discards the whole datagram, and what comes of it later is
//! refused until its time is over. So no two hosts can read one datagram in two ways, whichever
//! fragment each of them prefers.
//!
//! Bounds: places in number, a place's size in bytes, [`LIFETIME`] in time from the first fragment
//! that came. When all places are taken, the oldest datagram makes room.

use crate::{
    link::Millis,
    wire::ip::{self, Protocol, UNIT},
};
use core::net::Ipv4Addr;

/// How many datagrams may be under way at once.
pub const PLACES: usize = 4;
/// How long the fragments of a datagram may take.
pub const LIFETIME: Millis = 30_000;

/// What the fragments of a datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// From whom.
    pub source: Ipv4Addr,
    /// For whom.
    pub destination: Ipv4Addr,
    /// What it carries.
    pub protocol: Protocol,
    /// Which of that sender's datagrams.
    pub identification: u16,
}

impl Key {
    /// That of a fragment.
    #[must_use]
    pub fn of(repr: &ip::Repr) -> Self {
        Self {
            source: repr.source,
            destination: repr.destination,
            protocol: repr.protocol,
            identification: repr.identification,
        }
    }
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is held; more are missing.
    Held,
    /// It brought nothing that was not there.
    Repeated,
    /// It was the last one missing.
    Complete(PlaceNo),
    /// It contradicts what is there: the datagram is discarded.
    Contradiction,
    /// Its datagram contradicted itself before.
    Poisoned,
    /// It is empty, ends behind the longest datagram, or is no multiple of 8 bytes though more follow.
    Length,
    /// The datagram is longer than a place.
    TooLong,
}

/// The place of a complete datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceNo(usize);

/// A datagram that is complete, or was given up.
#[derive(Clone, Copy, Debug)]
pub struct Assembled<'a> {
    /// Whose.
    pub key: Key,
    /// The header of its first fragment, with options; empty if that did not come.
    pub header: &'a [u8],
    /// Its payload; of one given up, the first bytes of it, if they came.
    pub payload: &'a [u8],
}

/// Datagrams under way.
#[derive(Debug)]
pub struct Reassembler<'a> {
    memory: &'a mut [u8],
    /// Bytes of the map in front of each place.
    map: usize,
    /// Bytes of data in a place, a multiple of 8.
    room: usize,
    places: [Option<Place>; PLACES],
}

#[derive(Clone, Copy, Debug)]
struct Place {
    key: Key,
    /// When its first fragment came.
    since: Millis,
    /// The end of the furthest byte that came.
    highest: usize,
    /// Where the datagram ends, once its last fragment came.
    end: Option<usize>,
    /// Units that have come.
    held: usize,
    header: [u8; ip::LONGEST_HEADER],
    header_length: usize,
    poisoned: bool,
}

impl<'a> Reassembler<'a> {
    /// With `memory` divided among [`PLACES`] datagrams: each may be as long as about a quarter of
    /// 64/65 of it. Without memory no fragment is taken.
    #[must_use]
    pub fn new(memory: &'a mut [u8]) -> Self {
        // A place of 65 bytes holds 64 and the map of their 8 units.
        let map = (memory.len() / PLACES / (UNIT * 8 + 1)).min((1 << 16) / (UNIT * 8));
        Self {
            memory,
            map,
            room: map * UNIT * 8,
            places: [None; PLACES],
        }
    }

    /// The longest payload that can be put together.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }

    /// How many datagrams are under way, discarded ones included.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// Takes a fragment; the flag says whether another datagram was given up for it.
    pub fn add(
        &mut self,
        repr: &ip::Repr,
        header: &[u8],
        payload: &[u8],
        now: Millis,
    ) -> (Added, bool) {
        let from = usize::from(repr.offset);
        let to = from + payload.len();
        let cut = repr.more_fragments && !payload.len().is_multiple_of(UNIT);
        if payload.is_empty() || to > ip::LONGEST - ip::HEADER || cut {
            return (Added::Length, false);
        }
        if to > self.room {
            return (Added::TooLong, false);
        }
        let (number, evicted) = self.place(Key::of(repr), now);
        let Some((place, map, data)) = self.parts(number) else {
            return (Added::TooLong, evicted);
        };
        if place.poisoned {
            return (Added::Poisoned, evicted);
        }
        if place.contradicts(from, to, repr.more_fragments, payload, map, data) {
            place.poisoned = true;
            return (Added::Contradiction, evicted);
        }
        let before = (place.held, place.end);
        place.take(from, to, repr.more_fragments, map);
        if let Some(here) = data.get_mut(from..to) {
            here.copy_from_slice(payload);
        }
        if from == 0 && place.header_length == 0 {
            let length = header.len().min(ip::LONGEST_HEADER);
            place.header[..length].copy_from_slice(&header[..length]);
            place.header_length = length;
        }
        let added = match place.end {
            Some(end) if place.held == end.div_ceil(UNIT) => Added::Complete(PlaceNo(number)),
            _ if (place.held, place.end) == before => Added::Repeated,
            _ => Added::Held,
        };
        (added, evicted)
    }

    /// A complete datagram. Its place is free as soon as it is let go of.
    pub fn finish(&mut self, PlaceNo(number): PlaceNo) -> Option<Finished<'_, 'a>> {
        self.places.get(number)?.as_ref()?;
        Some(Finished {
            reassembler: self,
            number,
        })
    }

    /// Gives up one datagram whose time is over at `now`, giving it to `each` unless it was discarded;
    /// tells whether there was one.
    pub fn expire(&mut self, now: Millis, each: impl FnOnce(Assembled<'_>)) -> bool {
        let over = |place: &Option<Place>| place.is_some_and(|place| place.since + LIFETIME <= now);
        let Some(number) = self.places.iter().position(over) else {
            return false;
        };
        if let Some(assembled) = self.assembled(number) {
            each(assembled);
        }
        self.places[number] = None;
        true
    }

    /// When a datagram is given up next.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let since = self.places.iter().flatten().map(|place| place.since);
        since.min().map(|since| since + LIFETIME)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.places = [None; PLACES];
    }

    /// The place of a datagram: its own, a free one, or that of the oldest.
    fn place(&mut self, key: Key, now: Millis) -> (usize, bool) {
        let own = |place: &Option<Place>| place.is_some_and(|place| place.key == key);
        if let Some(number) = self.places.iter().position(own) {
            return (number, false);
        }
        let oldest = self.places.iter().enumerate().min_by_key(|(_, place)| {
            // A free place before any other.
            place.map_or(0, |place| place.since.saturating_add(1))
        });
        let number = oldest.map_or(0, |(number, _)| number);
        let evicted = self.places[number].is_some();
        self.places[number] = Some(Place {
            key,
            since: now,
            highest: 0,
            end: None,
            held: 0,
            header: [0; ip::LONGEST_HEADER],
            header_length: 0,
            poisoned: false,
        });
        if let Some((_, map, _)) = self.parts(number) {
            map.fill(0);
        }
        (number, evicted)
    }

    /// A place, its map and its data.
    fn parts(&mut self, number: usize) -> Option<(&mut Place, &mut [u8], &mut [u8])> {
        let whole = self.map + self.room;
        let memory = self.memory.get_mut(number * whole..(number + 1) * whole)?;
        let (map, data) = memory.split_at_mut(self.map);
        Some((self.places.get_mut(number)?.as_mut()?, map, data))
    }

    fn assembled(&self, number: usize) -> Option<Assembled<'_>> {
        let place = self.places.get(number)?.as_ref()?;
        if place.poisoned {
            return None;
        }
        let whole = self.map + self.room;
        let memory = self.memory.get(number * whole..(number + 1) * whole)?;
        let (map, data) = memory.split_at(self.map);
        // What came without a gap from the start: all of it, when it is complete.
        let units = place.highest.div_ceil(UNIT);
        let whole_units = (0..units).take_while(|unit| is_held(map, *unit)).count();
        let length = (whole_units * UNIT).min(place.highest);
        Some(Assembled {
            key: place.key,
            header: &place.header[..place.header_length],
            payload: data.get(..length)?,
        })
    }
}

/// A complete datagram that still lies in its place.
#[derive(Debug)]
pub struct Finished<'r, 'a> {
    reassembler: &'r mut Reassembler<'a>,
    number: usize,
}

impl Finished<'_, '_> {
    /// The datagram.
    #[must_use]
    pub fn datagram(&self) -> Option<Assembled<'_>> {
        self.reassembler.assembled(self.number)
    }
}

impl Drop for Finished<'_, '_> {
    fn drop(&mut self) {
        self.reassembler.places[self.number] = None;
    }
}

impl Place {
    /// Whether a fragment says something else than those before it.
    fn contradicts(
        &self,
        from: usize,
        to: usize,
        more: bool,
        payload: &[u8],
        map: &[u8],
        data: &[u8],
    ) -> bool {
        let end = match (self.end, more) {
            // More follows, so the end is still to come.
            (Some(end), true) => to >= end,
            (Some(end), false) => to != end,
            (None, true) => false,
            (None, false) => to <= self.highest,
        };
        let bytes = || {
            let units = payload.chunks(UNIT).zip(data.get(from..to)?.chunks(UNIT));
            let mut numbered = (from / UNIT..).zip(units);
            numbered.find(|(unit, (new, old))| is_held(map, *unit) && new != old)
        };
        end || bytes().is_some()
    }

    fn take(&mut self, from: usize, to: usize, more: bool, map: &mut [u8]) {
        for unit in from / UNIT..to.div_ceil(UNIT) {
            if !is_held(map, unit) {
                self.held += 1;
            }
            if let Some(byte) = map.get_mut(unit / 8) {
                *byte |= 1 << (unit % 8);
            }
        }
        self.highest = self.highest.max(to);
        if !more {
            self.end = Some(to);
        }
    }
}

fn is_held(map: &[u8], unit: usize) -> bool {
    map.get(unit / 8)
        .is_some_and(|byte| byte & 1 << (unit % 8) != 0)
}
