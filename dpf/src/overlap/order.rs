//! Comparisons that contradict each other whatever the packet, as in `a < b && b < c && c <= a`.
//!
//! Bit by bit such a contradiction takes a search over all values; as a graph it is a cycle
//! through a strict edge, found by closing the relation under transitivity.

use alloc::{vec, vec::Vec};

use super::{
    bounds::{EQUAL, LESS, MORE, mirrored},
    facts::Facts,
    terms::{TermId, Terms},
};

/// How many compared terms are looked at for a cycle.
const MAX_COMPARED: usize = 24;

/// Whether the comparisons alone contradict each other, as in `a < b && b < c && c <= a`.
pub(super) fn cyclic(terms: &Terms, facts: &Facts) -> bool {
    if facts.orders.is_empty() {
        return false;
    }
    let mut compared: Vec<TermId> = facts
        .orders
        .iter()
        .flat_map(|order| [order.left, order.right])
        .collect();
    compared.sort_unstable();
    compared.dedup();
    compared.truncate(MAX_COMPARED);
    let count = compared.len();
    let index = |term| compared.binary_search(&term).ok();
    // What is known of i and j: 0 nothing, 1 i ≤ j, 2 i < j.
    let mut below = vec![0u8; count * count];
    for (i, &left) in compared.iter().enumerate() {
        for (j, &right) in compared.iter().enumerate() {
            let possible = facts.comparisons(terms, left, right);
            below[i * count + j] = strictness(if i == j { EQUAL } else { possible });
        }
    }
    // Twice: `≠` makes `≤` strict, which the second round carries on.
    for _ in 0..2 {
        for order in &facts.orders {
            let (Some(i), Some(j)) = (index(order.left), index(order.right)) else {
                continue;
            };
            let apart = if order.left_is & EQUAL == 0 { 2 } else { 0 };
            for (i, j, left_is) in [(i, j, order.left_is), (j, i, mirrored(order.left_is))] {
                let known = below[i * count + j].max(strictness(left_is));
                below[i * count + j] = if known > 0 { known.max(apart) } else { 0 };
            }
        }
        for via in 0..count {
            for i in 0..count {
                for j in 0..count {
                    let (first, second) = (below[i * count + via], below[via * count + j]);
                    if first > 0 && second > 0 {
                        below[i * count + j] = below[i * count + j].max(first.max(second));
                    }
                }
            }
        }
    }
    (0..count).any(|i| below[i * count + i] == 2)
}

fn strictness(left_is: u8) -> u8 {
    match left_is {
        LESS => 2,
        _ if left_is & MORE == 0 => 1,
        _ => 0,
    }
}
