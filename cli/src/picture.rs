//! The trie as a picture, laid out by the crate `layout`.
//!
//! Where a packet leaves the trie without a match is not drawn: nearly every step leads there. The
//! layout's time grows much faster than the graph, so large tries are left to Graphviz.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use dpf::trie::{Step, StepId, Trie};
use layout::{
    backends::svg::SVGWriter,
    core::{
        base::Orientation,
        color::Color,
        geometry::Point,
        style::{LineStyleKind, StyleAttr},
    },
    std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind},
    topo::layout::VisualGraph,
};

/// The most steps that are drawn.
pub const MAX_STEPS: usize = 300;

/// The most steps for which crossings of lines are minimised.
const MAX_OPTIMISED_STEPS: usize = 60;

const FONT_SIZE: usize = 14;
/// The room that a letter takes, in the units of the picture.
const LETTER_WIDTH: f64 = 8.5;
const BOX_HEIGHT: f64 = 30.0;

/// Draws a trie; `name` is applied to every text.
///
/// # Errors
///
/// When it has too many steps.
pub fn svg(trie: &Trie, name: impl Fn(&str) -> String) -> Result<String> {
    let steps = drawn(trie);
    if steps.len() > MAX_STEPS {
        let count = steps.len();
        bail!(
            "a picture of {count} steps; the limit is {MAX_STEPS}: choose with --only, or use --as dot and Graphviz"
        );
    }
    let mut graph = VisualGraph::new(Orientation::TopToBottom);
    let mut nodes = BTreeMap::new();
    for &id in &steps {
        nodes.insert(
            id,
            graph.add_node(element(trie.step(id), &name(&trie.describe(id)))),
        );
    }
    for &id in &steps {
        let step = trie.step(id);
        for (at, next) in step.successors().enumerate() {
            if let Some(&to) = nodes.get(&next) {
                graph.add_edge(arrow(step, at), nodes[&id], to);
            }
        }
    }
    let mut writer = SVGWriter::new();
    graph.do_it(false, steps.len() > MAX_OPTIMISED_STEPS, false, &mut writer);
    Ok(writer.finalize())
}

/// The steps that can be reached, but for the end.
fn drawn(trie: &Trie) -> BTreeSet<StepId> {
    let mut seen = BTreeSet::new();
    let mut open = vec![trie.best()];
    while let Some(id) = open.pop() {
        if *trie.step(id) != Step::End && seen.insert(id) {
            open.extend(trie.step(id).successors());
        }
    }
    seen
}

fn element(step: &Step, text: &str) -> Element {
    let fill = match step {
        Step::Probe { .. } | Step::Block { .. } => "lightgrey",
        _ => "white",
    };
    let look = StyleAttr::new(
        Color::fast("black"),
        1,
        Some(Color::fast(fill)),
        0,
        FONT_SIZE,
    );
    let size = Point::new(
        LETTER_WIDTH * text.chars().count() as f64 + 2.0 * LETTER_WIDTH,
        BOX_HEIGHT,
    );
    Element::create(
        ShapeKind::new_box(text),
        look,
        Orientation::TopToBottom,
        size,
    )
}

fn arrow(step: &Step, at: usize) -> Arrow {
    let look = StyleAttr::new(Color::fast("black"), 1, None, 0, FONT_SIZE);
    let (style, text) = match (step, at) {
        (Step::Seq(_), at) => (LineStyleKind::Normal, (at + 1).to_string()),
        (Step::Probe { .. } | Step::Block { .. }, _) => (LineStyleKind::Normal, String::new()),
        (_, 0) => (LineStyleKind::Normal, "yes".to_owned()),
        (_, _) => (LineStyleKind::Dashed, "no".to_owned()),
    };
    Arrow::new(
        LineEndKind::None,
        LineEndKind::Arrow,
        style,
        &text,
        &look,
        &None,
        &None,
    )
}
