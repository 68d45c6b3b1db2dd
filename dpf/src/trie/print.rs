//! The trie as text and as a DOT graph.
//!
//! Problem: a person must be able to read what was merged and what is asked in which order. Method:
//! as text, every step that has more than one way to it gets a number and is printed once; steps
//! on the yes side are indented, what follows a no is not, so that a chain of alternatives reads
//! downwards. Left out: the contents of tables, which are counted.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt::{self, Write};

use super::block::Axis;
use super::graph::{Base, Step, StepId, Value};
use super::group::{Lookup, TrieGroup};
use super::set::Trie;
use crate::dispatch::Table;
use crate::filter::{BinaryOp, CompareOp, Field, IntervalSet};

/// The most intervals of a set that are printed.
const MAX_PRINTED: usize = 4;

impl fmt::Display for Trie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = self.unlisted() {
            writeln!(f, "group by group: {why}")?;
        }
        let mut ways: BTreeMap<StepId, u32> = BTreeMap::new();
        let mut open: Vec<StepId> = [self.best()].into();
        while let Some(id) = open.pop() {
            let count = ways.entry(id).or_default();
            *count += 1;
            if *count == 1 {
                open.extend(self.step(id).successors());
            }
        }
        let mut printed = BTreeMap::new();
        let mut pending: Vec<(StepId, usize, &str)> = [(self.best(), 0, "")].into();
        while let Some((id, depth, lead)) = pending.pop() {
            write!(f, "{:width$}{lead}", "", width = 2 * depth)?;
            let shared =
                ways.get(&id).is_some_and(|count| *count > 1) && *self.step(id) != Step::End;
            if shared {
                if printed.contains_key(&id) {
                    writeln!(f, "go to {}", id.0)?;
                    continue;
                }
                write!(f, "[{}] ", id.0)?;
                printed.insert(id, ());
            }
            writeln!(f, "{}", self.describe(id))?;
            match self.step(id) {
                Step::Seq(parts) => {
                    pending.extend(parts.iter().rev().map(|part| (*part, depth + 1, "- ")))
                }
                Step::Probe { next, .. } | Step::Block { next, .. } => {
                    if *self.step(*next) != Step::End {
                        pending.push((*next, depth, "then "));
                    }
                }
                step => {
                    let sides: Vec<StepId> = step.successors().collect();
                    if let [yes, no] = sides.as_slice() {
                        if *self.step(*no) != Step::End {
                            pending.push((*no, depth, "else "));
                        }
                        pending.push((*yes, depth + 1, ""));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Trie {
    /// One line about a step.
    pub fn describe(&self, id: StepId) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.describe_to(&mut out, self.step(id));
        out
    }

    fn describe_to(&self, out: &mut String, step: &Step) -> fmt::Result {
        match step {
            Step::End => write!(out, "end"),
            Step::Captured { var, end, .. } => {
                place(
                    out,
                    Base {
                        var: *var,
                        add: *end,
                    },
                )?;
                write!(out, " <= len")
            }
            Step::Bits { field, set, .. } => {
                self::field(out, field)?;
                values(out, set)
            }
            Step::Length { wire, set, .. } => {
                write!(out, "{}", if *wire { "wirelen" } else { "len" })?;
                values(out, set)
            }
            Step::Compare {
                op, left, right, ..
            } => {
                value(out, left)?;
                write!(out, " {} ", comparison(*op))?;
                value(out, right)
            }
            Step::Shift { base, by, var, .. } => {
                write!(out, "b{var} := ")?;
                place(out, *base)?;
                write!(out, " + ")?;
                value(out, by)
            }
            Step::Probe { group, frames, .. } => {
                let known = &self.groups()[group.0 as usize];
                write!(out, "group {}: ", group.0)?;
                self::lookup(out, known, frames)
            }
            Step::Block { block, .. } => {
                let known = &self.blocks()[*block as usize];
                write!(
                    out,
                    "block {block}: first of {} rules by",
                    known.rules().len()
                )?;
                known.axes().iter().try_for_each(|of| axis(out, of))?;
                match known.vectors() {
                    Some(vectors) => write!(out, " ({} bytes)", vectors.memory().bytes()),
                    None => write!(out, " (no memory)"),
                }
            }
            Step::Seq(parts) => write!(out, "each of {}", parts.len()),
        }
    }
}

fn lookup(out: &mut String, group: &TrieGroup, frames: &[Base]) -> fmt::Result {
    match &group.lookup {
        Lookup::None => write!(out, "empty"),
        Lookup::One { entry, .. } => write!(out, "filter {entry}"),
        Lookup::Table(table) => {
            write!(out, "look up")?;
            for piece in group.plan.pieces() {
                let frame = frames
                    .get(usize::from(piece.frame))
                    .copied()
                    .unwrap_or_default();
                write!(out, " ")?;
                place(
                    out,
                    Base {
                        add: frame.add.saturating_add(piece.offset),
                        ..frame
                    },
                )?;
                write!(out, ":{}", 8 * u32::from(piece.bytes))?;
                if !piece.is_full() {
                    write!(out, "&{:#x}", piece.mask)?;
                }
            }
            write!(out, " among {} ", table.len())?;
            match table {
                Table::Window(table) => write!(out, "({} slots)", table.window().slots),
                Table::Hash(table) => {
                    let layout = table.layout();
                    write!(
                        out,
                        "({} buckets of {}, {} displacements)",
                        layout.buckets, layout.ways, layout.displacements
                    )
                }
            }
        }
    }
}

fn axis(out: &mut String, axis: &Axis) -> fmt::Result {
    write!(out, " ")?;
    match axis {
        Axis::Field(field) => self::field(out, field),
        Axis::Len => write!(out, "len"),
        Axis::WireLen => write!(out, "wirelen"),
    }
}

fn place(out: &mut String, base: Base) -> fmt::Result {
    match base {
        Base { var: 0, add } => write!(out, "{add}"),
        Base { var, add: 0 } => write!(out, "b{var}"),
        Base { var, add } => write!(out, "b{var}+{add}"),
    }
}

fn field(out: &mut String, field: &Field) -> fmt::Result {
    place(
        out,
        Base {
            var: field.depth,
            add: field.offset,
        },
    )?;
    write!(out, ":{}", 8 * u32::from(field.bytes))?;
    let whole = u32::MAX >> (32 - 8 * u32::from(field.bytes.clamp(1, 4)));
    if field.mask != whole {
        write!(out, "&{:#x}", field.mask)?;
    }
    if field.mask.trailing_zeros() > 0 {
        write!(out, ">>{}", field.mask.trailing_zeros())?;
    }
    Ok(())
}

fn values(out: &mut String, set: &IntervalSet) -> fmt::Result {
    if let Some(value) = set.as_single() {
        return write!(out, " == {value:#x}");
    }
    write!(out, " in {{")?;
    for (at, (low, high)) in set.intervals().iter().take(MAX_PRINTED).enumerate() {
        let comma = if at > 0 { ", " } else { " " };
        if low == high {
            write!(out, "{comma}{low:#x}")?
        } else {
            write!(out, "{comma}{low:#x}..{high:#x}")?
        }
    }
    let more = set.intervals().len().saturating_sub(MAX_PRINTED);
    if more > 0 {
        write!(out, ", {more} more }}")
    } else {
        write!(out, " }}")
    }
}

/// As deep as the expression, which is bounded where filters are made.
fn value(out: &mut String, expr: &Value) -> fmt::Result {
    match expr {
        Value::Const(number) => write!(out, "{number}"),
        Value::Len => write!(out, "len"),
        Value::WireLen => write!(out, "wirelen"),
        Value::Binary(op, left, right) => {
            write!(out, "(")?;
            value(out, left)?;
            write!(out, " {} ", operator(*op))?;
            value(out, right)?;
            write!(out, ")")
        }
        Value::Load {
            var,
            at,
            index,
            bytes,
            little,
        } => {
            place(
                out,
                Base {
                    var: *var,
                    add: *at,
                },
            )?;
            if let Some(index) = index {
                write!(out, "+")?;
                value(out, index)?;
            }
            write!(
                out,
                ":{}{}",
                8 * u32::from(*bytes),
                if *little { " le" } else { "" }
            )
        }
    }
}

fn comparison(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::Ne => "!=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
    }
}

fn operator(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Xor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
    }
}

/// A trie that displays as a DOT graph.
#[derive(Clone, Copy, Debug)]
pub struct Dot<'a>(pub &'a Trie);

impl fmt::Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trie = self.0;
        writeln!(f, "digraph trie {{")?;
        writeln!(f, "  node [shape=box, fontname=\"monospace\"];")?;
        let mut seen = BTreeMap::new();
        let mut open: Vec<StepId> = [trie.best()].into();
        while let Some(id) = open.pop() {
            if seen.insert(id, ()).is_some() {
                continue;
            }
            let (step, label) = (trie.step(id), trie.describe(id));
            let shape = match step {
                Step::Probe { .. } | Step::Block { .. } => ", style=filled, fillcolor=lightgrey",
                Step::End => ", shape=point",
                _ => "",
            };
            writeln!(f, "  s{} [label=\"{label}\"{shape}];", id.0)?;
            for (at, next) in step.successors().enumerate() {
                let edge = match step {
                    Step::Seq(_) => alloc::format!("label=\"{}\"", at + 1),
                    Step::Probe { .. } | Step::Block { .. } => String::new(),
                    _ if at == 0 => "label=\"yes\"".into(),
                    _ => "label=\"no\", style=dashed".into(),
                };
                writeln!(f, "  s{} -> s{} [{edge}];", id.0, next.0)?;
                open.push(next);
            }
        }
        writeln!(f, "}}")
    }
}
