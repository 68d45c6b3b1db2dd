//! How filters of two groups relate, worked out once for all values of their keys.

use alloc::vec::Vec;

use super::{
    super::{Budget, CannotTell, How, generic},
    Layout,
};

/// Bits of keys, as runs, in an order that both sides of a plan share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut(Vec<Run>);

/// So many consecutive bits of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    slot: usize,
    low: u32,
    width: u32,
}

impl Cut {
    /// The bits, one word for each run.
    pub(super) fn apply(&self, keys: &[u32]) -> Vec<u32> {
        self.words(keys).collect()
    }

    pub(super) fn words<'k>(&'k self, keys: &'k [u32]) -> impl Iterator<Item = u32> + 'k {
        self.0
            .iter()
            .map(|run| keys[run.slot] >> run.low & (u32::MAX >> (32 - run.width)))
    }
}

/// What is known of every filter of one group and every filter of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The bits of both sides that are equal when two filters share a packet; `None`: they never do.
    shared: Option<Vec<(Run, Run)>>,
    /// How two filters relate that agree there, `Some(None)` for disjoint; `None`: it depends.
    pub(super) how: Option<Option<How>>,
}

impl Plan {
    /// Works a plan out. Constants of one group may stand where the other has keys: where the
    /// answer depends on the keys otherwise, such constants are taken as keys too.
    ///
    /// # Errors
    ///
    /// When a limit is passed.
    pub(super) fn between(
        first: &Layout,
        second: &Layout,
        budget: &mut Budget,
    ) -> Result<Plan, CannotTell> {
        let plan = Plan::with_keys(first, second, [&first.free, &second.free], budget)?;
        if plan.how.is_some() {
            return Ok(plan);
        }
        let all = [first.slots(), second.slots()];
        let mut keys = [first.free.clone(), second.free.clone()];
        for (a, b) in Plan::with_keys(first, second, [&all[0], &all[1]], budget)?
            .shared
            .into_iter()
            .flatten()
        {
            if first.free.contains(&a.slot) || second.free.contains(&b.slot) {
                keys[0].push(a.slot);
                keys[1].push(b.slot);
            }
        }
        for keys in &mut keys {
            keys.sort_unstable();
            keys.dedup();
        }
        let wider = Plan::with_keys(first, second, [&keys[0], &keys[1]], budget)?;
        Ok(if wider.how.is_some() { wider } else { plan })
    }

    /// The plan with these slots as keys.
    fn with_keys(
        first: &Layout,
        second: &Layout,
        keys: [&[usize]; 2],
        budget: &mut Budget,
    ) -> Result<Plan, CannotTell> {
        let nodes = [first.nodes(keys[0]), second.nodes(keys[1])];
        let generic = generic::compare(
            generic::Pattern {
                filter: first.sample(),
                free: &nodes[0],
            },
            generic::Pattern {
                filter: second.sample(),
                free: &nodes[1],
            },
            budget,
        )?;
        let shared = generic.shared.map(|bits| {
            let mut runs: Vec<(Run, Run)> = Vec::new();
            for ((a, a_bit), (b, b_bit)) in bits {
                let a = first.key_bit(keys[0][a], a_bit);
                let b = second.key_bit(keys[1][b], b_bit);
                match runs.last_mut() {
                    Some((x, y)) if follows(x, a) && follows(y, b) => {
                        x.width += 1;
                        y.width += 1;
                    }
                    _ => runs.push((bit(a), bit(b))),
                }
            }
            runs
        });
        Ok(Plan {
            shared,
            how: generic.how,
        })
    }

    /// The same, seen from the other side.
    pub(super) fn mirrored(&self) -> Plan {
        let shared = self
            .shared
            .as_ref()
            .map(|runs| runs.iter().map(|&(a, b)| (b, a)).collect());
        Plan {
            shared,
            how: self.how.map(|how| how.map(How::mirrored)),
        }
    }

    /// The bits that must agree, of the first and of the second group; `None` when the groups
    /// share no packet.
    pub(super) fn cuts(&self) -> Option<(Cut, Cut)> {
        let shared = self.shared.as_ref()?;
        if self.how == Some(None) {
            return None;
        }
        let (first, second) = shared.iter().copied().unzip();
        Some((Cut(first), Cut(second)))
    }
}

fn bit((slot, low): (usize, u32)) -> Run {
    Run {
        slot,
        low,
        width: 1,
    }
}

fn follows(run: &Run, (slot, low): (usize, u32)) -> bool {
    run.slot == slot && run.low + run.width == low && run.width < 32
}
