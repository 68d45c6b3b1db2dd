//! In which order steps become code, and which of them become one.
//!
//! Problem: the trie has sequences, and steps that several sequences share; code has one thread and
//! only forward branches. Method: a step followed by a *continuation*, what its sequence does next,
//! is a node; the nodes in reverse postorder, the yes side first, are the code from top to bottom.
//! Before that, tests of one value of neighbouring fields that fail alike become one test of up
//! to eight bytes, and tests of one field one after the other become a switch. Left out: registers.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Error;
use super::align::Alignments;
use super::run::cost;
use crate::dispatch::Machine;
use crate::filter::Field;
use crate::trie::{Base, Step, StepId, Trie};

/// The most nodes of one function.
pub const MAX_NODES: usize = 1 << 17;

/// Where a node goes on: another node, or the end of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Return,
    Node(usize),
}

/// What a node does.
#[derive(Clone, Debug)]
pub(super) enum Act<'a> {
    /// As the step says; `goals` are its yes and no, or what follows.
    Step(&'a Step),
    /// Do so many bytes from `base`, at most eight, have this value under this mask? As big-endian
    /// numbers.
    Wide {
        base: Base,
        bytes: u32,
        mask: u64,
        value: u64,
    },
    /// Which of these values has the field? The last goal is for none of them.
    Switch { field: Field, values: Vec<u32> },
}

#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) act: Act<'a>,
    pub(super) goals: Vec<Goal>,
}

/// The nodes and the order of their code.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) order: Vec<usize>,
    pub(super) start: Goal,
    /// How many goals name each node.
    pub(super) ways: Vec<u32>,
    pub(super) alignments: Alignments,
}

impl<'a> Flow<'a> {
    pub(super) fn new(trie: &'a Trie, root: StepId) -> Result<Self, Error> {
        let mut unrolled = Unrolled {
            trie,
            nodes: Vec::new(),
            index: BTreeMap::new(),
            after: Vec::new(),
            known: BTreeMap::new(),
        };
        let start = unrolled.run(root)?;
        let mut flow = Flow {
            nodes: unrolled.nodes,
            order: Vec::new(),
            start,
            ways: Vec::new(),
            alignments: Alignments::NONE,
        };
        flow.alignments = Alignments::new(trie.machine(), &flow);
        flow.widen(trie.machine());
        flow.switch();
        flow.sort();
        flow.ways = flow.ways();
        Ok(flow)
    }

    /// What comes after the node at a place of the order.
    pub(super) fn next(&self, place: usize) -> Goal {
        let next = self.order.get(place + 1);
        next.map_or(Goal::Return, |next| Goal::Node(*next))
    }

    /// How many goals of nodes that are reached name each node.
    fn ways(&self) -> Vec<u32> {
        let mut ways = alloc::vec![0; self.nodes.len()];
        let mut open = alloc::vec![self.start];
        while let Some(goal) = open.pop() {
            let Goal::Node(at) = goal else { continue };
            ways[at] += 1;
            if ways[at] == 1 {
                open.extend_from_slice(&self.nodes[at].goals);
            }
        }
        ways
    }

    /// Joins a test with the one after it while both fail alike and nothing else leads between.
    fn widen(&mut self, machine: Machine) {
        let ways = self.ways();
        // Children have larger numbers than the parent that made them; from the last to the first,
        // what follows a node has been joined already.
        for at in (0..self.nodes.len()).rev() {
            let Some(mut wide) = wide(&self.nodes[at].act) else {
                continue;
            };
            let mut goals = self.nodes[at].goals.clone();
            let mut joined = false;
            while let [Goal::Node(next), no] = goals[..] {
                let after = &self.nodes[next];
                let Some(other) = self::wide(&after.act)
                    .filter(|_| ways[next] == 1 && after.goals.get(1) == Some(&no))
                else {
                    break;
                };
                let Some(both) = wide.joined(&other, machine.word_bytes()) else {
                    break;
                };
                let costs = |wide: &Wide| cost(machine, &self.alignments, wide);
                if machine.is_narrow() && costs(&both) > costs(&wide) + costs(&other) {
                    break;
                }
                wide = both;
                goals.clone_from(&after.goals);
                joined = true;
            }
            if joined {
                let act = Act::Wide {
                    base: wide.base,
                    bytes: wide.bytes,
                    mask: wide.mask,
                    value: wide.value,
                };
                self.nodes[at] = Node { act, goals };
            }
        }
    }

    /// Joins tests of one value of one field that follow each other on the no side.
    fn switch(&mut self) {
        let ways = self.ways();
        for at in 0..self.nodes.len() {
            let Some((field, value)) = one_value(&self.nodes[at].act) else {
                continue;
            };
            let (mut values, mut goals) =
                (alloc::vec![value], alloc::vec![self.nodes[at].goals[0]]);
            let mut last = self.nodes[at].goals[1];
            while let Goal::Node(next) = last {
                let after = &self.nodes[next];
                let Some((_, value)) =
                    one_value(&after.act).filter(|(other, _)| *other == field && ways[next] == 1)
                else {
                    break;
                };
                values.push(value);
                goals.push(after.goals[0]);
                last = after.goals[1];
            }
            if values.len() > 1 {
                goals.push(last);
                self.nodes[at] = Node {
                    act: Act::Switch { field, values },
                    goals,
                };
            }
        }
    }

    /// Reverse postorder from the start, so that every goal comes after the nodes that name it.
    fn sort(&mut self) {
        let mut entered = alloc::vec![false; self.nodes.len()];
        let mut postorder = Vec::with_capacity(self.nodes.len());
        let mut open: Vec<(usize, usize)> = Vec::new();
        if let Goal::Node(start) = self.start {
            entered[start] = true;
            open.push((start, 0));
        }
        while let Some((at, visited)) = open.last_mut() {
            let goals = &self.nodes[*at].goals;
            // The last goal first, so that the first one's code comes right after the node's.
            let Some(left) = goals.len().checked_sub(*visited + 1) else {
                postorder.push(*at);
                open.pop();
                continue;
            };
            *visited += 1;
            if let Goal::Node(next) = goals[left]
                && !core::mem::replace(&mut entered[next], true)
            {
                open.push((next, 0));
            }
        }
        postorder.reverse();
        self.order = postorder;
    }
}

/// A continuation: nothing, or a step with what follows it.
type After = usize;

struct Unrolled<'a> {
    trie: &'a Trie,
    nodes: Vec<Node<'a>>,
    index: BTreeMap<(StepId, After), usize>,
    /// Continuation `n + 1` is entry `n`; 0 is the end.
    after: Vec<(StepId, After)>,
    known: BTreeMap<(StepId, After), After>,
}

impl<'a> Unrolled<'a> {
    fn run(&mut self, root: StepId) -> Result<Goal, Error> {
        let mut open = Vec::new();
        let start = self.goal(root, 0, &mut open)?;
        while let Some((at, step, after)) = open.pop() {
            let step: &'a Step = self.trie.step(step);
            let mut goals = Vec::with_capacity(2);
            for next in step.successors() {
                goals.push(self.goal(next, after, &mut open)?);
            }
            self.nodes[at].goals = goals;
        }
        Ok(start)
    }

    /// The node for a step and its continuation, made if it is new.
    fn goal(
        &mut self,
        mut step: StepId,
        mut after: After,
        open: &mut Vec<(usize, StepId, After)>,
    ) -> Result<Goal, Error> {
        loop {
            match self.trie.step(step) {
                Step::End if after == 0 => return Ok(Goal::Return),
                Step::End => (step, after) = self.after[after - 1],
                Step::Seq(parts) => {
                    let Some((first, rest)) = parts.split_first() else {
                        return Ok(Goal::Return);
                    };
                    for part in rest.iter().rev() {
                        after = self.continuation(*part, after);
                    }
                    step = *first;
                }
                other => {
                    if let Some(&known) = self.index.get(&(step, after)) {
                        return Ok(Goal::Node(known));
                    }
                    if self.nodes.len() >= MAX_NODES {
                        return Err(Error::nodes(self.nodes.len() + 1, MAX_NODES));
                    }
                    let at = self.nodes.len();
                    self.nodes.push(Node {
                        act: Act::Step(other),
                        goals: Vec::new(),
                    });
                    self.index.insert((step, after), at);
                    open.push((at, step, after));
                    return Ok(Goal::Node(at));
                }
            }
        }
    }

    fn continuation(&mut self, step: StepId, after: After) -> After {
        let next = self.after.len() + 1;
        let known = *self.known.entry((step, after)).or_insert(next);
        if known == next {
            self.after.push((step, after));
        }
        known
    }
}

/// Bytes with a value under a mask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    pub(super) base: Base,
    pub(super) bytes: u32,
    pub(super) mask: u64,
    pub(super) value: u64,
}

impl Wide {
    /// One test for both, if a word of so many bytes holds them.
    fn joined(&self, other: &Self, word_bytes: u32) -> Option<Self> {
        if self.base.var != other.base.var {
            return None;
        }
        let start = self.base.add.min(other.base.add);
        let end = (self.base.add + self.bytes).max(other.base.add + other.bytes);
        let bytes = end - start;
        if bytes > word_bytes {
            return None;
        }
        let ours = 8 * (end - self.base.add - self.bytes);
        let theirs = 8 * (end - other.base.add - other.bytes);
        let (mask, value) = (
            self.mask << ours | other.mask << theirs,
            self.value << ours | other.value << theirs,
        );
        let agree = (value & self.mask << ours) == self.value << ours
            && (value & other.mask << theirs) == other.value << theirs;
        agree.then_some(Wide {
            base: Base {
                var: self.base.var,
                add: start,
            },
            bytes,
            mask,
            value,
        })
    }
}

/// The act as a test of bytes for one value.
pub(super) fn wide(act: &Act<'_>) -> Option<Wide> {
    match act {
        Act::Wide {
            base,
            bytes,
            mask,
            value,
        } => Some(Wide {
            base: *base,
            bytes: *bytes,
            mask: *mask,
            value: *value,
        }),
        _ => one_value(act).map(|(field, value)| Wide {
            base: Base {
                var: field.depth,
                add: field.offset,
            },
            bytes: u32::from(field.bytes),
            mask: u64::from(field.mask),
            value: u64::from(value) << field.mask.trailing_zeros(),
        }),
    }
}

fn one_value(act: &Act<'_>) -> Option<(Field, u32)> {
    match act {
        Act::Step(Step::Bits { field, set, .. }) => set.as_single().map(|value| (*field, value)),
        _ => None,
    }
}
