//! What a good programmer writes by hand for exactly these filters.
//!
//! Both classifiers test what all flows share by branches that are always predicted, then look the
//! flow up. [`hashbrown()`] uses the standard library's table with a fast hash; [`perfect`] knows
//! its few keys in advance, finds a multiplier under which none collide, and selects the answer
//! without a branch. Neither can take another filter than these: they are the bound for a
//! compiler that can.

use super::{NONE, Peer, through_pointer};
use crate::{
    changes::Changing,
    flows::{Family, Flow, SERVER},
};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// The most filters for the perfect hash.
pub const PERFECT_LIMIT: u32 = 64;

/// Slots of the perfect hash; each is one of 64 filters or empty.
const SLOTS: usize = 512;

/// hashbrown's table with foldhash, by addresses and ports.
///
/// # Errors
///
/// Never.
pub fn hashbrown(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let flow = |index| (Key::of(family.flow(index)), index);
    let flows = (0..count).map(flow).collect();
    Ok(match family {
        Family::Paper => Box::new(Table::<true> { flows }),
        Family::FiveTuple => Box::new(Table::<false> { flows }),
    })
}

/// A multiplier and a table without collisions.
///
/// # Errors
///
/// When there are more than [`PERFECT_LIMIT`] filters.
pub fn perfect(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let flows: Vec<u64> = (0..count)
        .map(|index| Key::of(family.flow(index)).flow)
        .collect();
    if count > PERFECT_LIMIT {
        return Err(format!(
            "{count} filters, and a perfect hash for at most {PERFECT_LIMIT}"
        ));
    }
    // Multiples of an odd number are as good as random; about one in seven does for 64 filters.
    let multipliers = (1_u64..).map(|number| (2 * number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let tables = multipliers
        .take(100_000)
        .filter_map(|multiplier| place(&flows, multiplier));
    let Some((multiplier, slots)) = { tables }.next() else {
        return Err("no multiplier keeps the flows apart".into());
    };
    Ok(match family {
        Family::Paper => Box::new(Perfect::<true> { multiplier, slots }),
        Family::FiveTuple => Box::new(Perfect::<false> { multiplier, slots }),
    })
}

/// What tells a packet's flow: source and ports in one word, the destination in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    flow: u64,
    destination: u32,
}

impl Key {
    fn of(flow: Flow) -> Self {
        let ports = u64::from(flow.source_port) << 16 | u64::from(flow.destination_port);
        Self {
            flow: u64::from(flow.source) << 32 | ports,
            destination: SERVER,
        }
    }
}

/// The key of a TCP packet over IPv4; `OPTIONS` says whether its header may be longer than 20.
#[inline(always)]
fn parse<const OPTIONS: bool>(packet: &[u8]) -> Option<Key> {
    let head = packet.first_chunk::<34>()?;
    if head[12..14] != [0x08, 0x00] || head[23] != 6 || (!OPTIONS && head[14] != 0x45) {
        return None;
    }
    let ports = match OPTIONS {
        true => 14 + usize::from(head[14] & 0xf) * 4,
        false => 34,
    };
    let ports = packet.get(ports..)?.first_chunk::<4>()?;
    let source = u32::from_be_bytes([head[26], head[27], head[28], head[29]]);
    let destination = u32::from_be_bytes([head[30], head[31], head[32], head[33]]);
    let flow = u64::from(source) << 32 | u64::from(u32::from_be_bytes(*ports));
    // The paper's filters do not look at the destination.
    Some(Key {
        flow,
        destination: if OPTIONS { SERVER } else { destination },
    })
}

struct Table<const OPTIONS: bool> {
    flows: HashMap<Key, u32, FixedState>,
}

impl<const OPTIONS: bool> Peer for Table<OPTIONS> {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        let classify = |table: &mut Self, packet: &[u8]| {
            let found = parse::<OPTIONS>(packet).and_then(|key| table.flows.get(&key));
            found.copied().unwrap_or(NONE)
        };
        through_pointer(self, classify, packets, answers);
    }
}

/// For each slot the flow in it and its filter, or [`NONE`].
type Slots = Box<[(u64, u32); SLOTS]>;

struct Perfect<const OPTIONS: bool> {
    multiplier: u64,
    slots: Slots,
}

impl<const OPTIONS: bool> Peer for Perfect<OPTIONS> {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        let classify = |table: &mut Self, packet: &[u8]| match parse::<OPTIONS>(packet) {
            Some(key) if key.destination == SERVER => {
                let (flow, filter) = table.slots[slot(key.flow, table.multiplier)];
                core::hint::select_unpredictable(flow == key.flow, filter, NONE)
            }
            _ => NONE,
        };
        through_pointer(self, classify, packets, answers);
    }
}

fn slot(flow: u64, multiplier: u64) -> usize {
    (flow.wrapping_mul(multiplier) >> (u64::BITS - SLOTS.ilog2())) as usize
}

/// The flows in their slots, if no two share one.
fn place(flows: &[u64], multiplier: u64) -> Option<(u64, Slots)> {
    let mut slots = Box::new([(0, NONE); SLOTS]);
    for (index, flow) in flows.iter().enumerate() {
        let entry = &mut slots[slot(*flow, multiplier)];
        if entry.1 != NONE {
            return None;
        }
        *entry = (*flow, index as u32);
    }
    Some((multiplier, slots))
}

/// hashbrown's table alone, for changing it.
///
/// # Errors
///
/// Never.
pub fn changing(family: Family, count: u32) -> Result<Box<dyn Changing>, String> {
    let flows = (0..count)
        .map(|index| (Key::of(family.flow(index)), index))
        .collect();
    Ok(Box::new(Flows {
        family,
        flows,
        prepared: Vec::new(),
    }))
}

struct Flows {
    family: Family,
    flows: HashMap<Key, u32, FixedState>,
    prepared: Vec<Key>,
}

impl Changing for Flows {
    fn prepare(&mut self, first: u32, count: u32) -> Result<(), String> {
        self.prepared = (first..first + count)
            .map(|index| Key::of(self.family.flow(index)))
            .collect();
        Ok(())
    }

    fn install(&mut self, which: usize) -> bool {
        self.flows
            .insert(self.prepared[which], which as u32)
            .is_none()
    }

    fn remove(&mut self, which: usize) -> bool {
        self.flows.remove(&self.prepared[which]).is_some()
    }
}
