//! Whether keys that stand for any value are free to: no other constraint is on their bits.
//!
//! A packet found for one assignment of keys is one for every assignment when the bytes under the
//! keys can be rewritten without any other condition noticing.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Bit, Ground, bits_of};

/// Whether every key can have any value: the bits that are compared with keys have one name each,
/// no other constraint, and each field that is not a key has bits left to differ in.
pub(super) fn keys_are_free(ground: &Ground) -> bool {
    let taken = constrained(ground);
    let mut names: BTreeMap<Bit, u32> = BTreeMap::new();
    for keyed in ground.facts.keys.iter().filter(|keyed| keyed.equal) {
        for (bit, at) in ground.bits(keyed.field) {
            let name = ground.terms.names[keyed.key][at];
            if taken.contains(&bit) || *names.entry(bit).or_insert(name) != name {
                return false;
            }
        }
    }
    // Each unequal key rules out one of 2^free values of the free bits; some must be left.
    let mut ruled_out = 0u64;
    for keyed in ground.facts.keys.iter().filter(|keyed| !keyed.equal) {
        let mut free = 0;
        for (bit, _) in ground.bits(keyed.field) {
            if taken.contains(&bit) {
                return false;
            }
            free += u32::from(!names.contains_key(&bit));
        }
        ruled_out += 1 << (32 - free.min(32));
    }
    ruled_out < 1 << 32
}

/// The bits that constraints, comparisons and shifts depend on.
fn constrained(ground: &Ground) -> BTreeSet<Bit> {
    let mut reads: Vec<(u64, u32, u32)> = Vec::new();
    for constraint in &ground.constraints {
        reads.push((constraint.address, constraint.bytes, constraint.mask));
    }
    for order in &ground.facts.orders {
        ground.reads(order.left, &mut reads);
        ground.reads(order.right, &mut reads);
    }
    for &anchor in &ground.anchors {
        ground.reads(ground.terms.anchors[anchor].by, &mut reads);
    }
    let bits = reads
        .into_iter()
        .flat_map(|(address, bytes, mask)| bits_of(address, bytes, mask));
    bits.map(|(bit, _)| bit).collect()
}
