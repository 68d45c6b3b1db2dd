//! What can be solved apart: constraints and comparisons that share no undecided bit.

use alloc::{vec, vec::Vec};

use super::{Bit, Ground};
use crate::overlap::terms::WIRELEN;

/// Constraints and comparisons that share undecided bits, by index.
pub(super) struct Group {
    pub(super) constraints: Vec<usize>,
    pub(super) orders: Vec<usize>,
}

impl Ground<'_, '_> {
    /// Constraints and comparisons, together when they share an undecided bit.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<(Group, Vec<Bit>)> = Vec::new();
        let alone = (0..self.constraints.len()).map(|index| Group {
            constraints: vec![index],
            orders: Vec::new(),
        });
        let orders = (0..self.facts.orders.len()).map(|index| Group {
            constraints: Vec::new(),
            orders: vec![index],
        });
        for mut group in alone.chain(orders) {
            let mut bits = self.undecided_in(&group);
            if bits.is_empty() && group.orders.is_empty() {
                continue;
            }
            bits.sort_unstable();
            let mut at = 0;
            while at < groups.len() {
                if share(&groups[at].1, &bits) {
                    let (other, others) = groups.swap_remove(at);
                    group.constraints.extend(other.constraints);
                    group.orders.extend(other.orders);
                    bits.extend(others);
                    bits.sort_unstable();
                } else {
                    at += 1;
                }
            }
            groups.push((group, bits));
        }
        // The original length last: it would rather not be below the captured one.
        groups.sort_by_key(|(group, _)| group.constraints.contains(&WIRELEN));
        groups.into_iter().map(|(group, _)| group).collect()
    }
}

/// Whether two ascending lists share an element.
fn share(a: &[Bit], b: &[Bit]) -> bool {
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            core::cmp::Ordering::Less => i += 1,
            core::cmp::Ordering::Greater => j += 1,
            core::cmp::Ordering::Equal => return true,
        }
    }
    false
}
