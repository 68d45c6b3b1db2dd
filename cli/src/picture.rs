//! The trie as a picture.
//!
//! Steps stand in layers, each below all that lead to it; in a layer they are moved towards their
//! neighbours, a few times up and down (Sugiyama, Tagawa and Toda 1981). Lines that pass a layer
//! have a place of their own in it, so that they go round the boxes. All of it takes time in
//! proportion to the picture, so large tries are drawn too. Where a packet leaves the trie without
//! a match is not drawn: nearly every step leads there.

use core::fmt::Write;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use dpf::trie::{Step, StepId, Trie};

/// The most steps that are drawn.
pub const MAX_STEPS: usize = 10_000;
/// The most places in all layers, those of lines that pass among them.
pub const MAX_PLACES: usize = 200_000;

/// How often the layers are ordered by their neighbours, once down and once up.
const SWEEPS: usize = 6;
const FONT_SIZE: f64 = 14.0;
/// The room that a letter takes, in the units of the picture.
const LETTER_WIDTH: f64 = 7.5;
const BOX_HEIGHT: f64 = 30.0;
const LAYER_HEIGHT: f64 = 80.0;
const GAP: f64 = 24.0;
const MARGIN: f64 = 20.0;

/// Draws a trie; `name` is applied to every text.
///
/// # Errors
///
/// When it has too many steps, or lines that pass too many layers.
pub fn svg(trie: &Trie, name: impl Fn(&str) -> String) -> Result<String> {
    let steps = topological(trie);
    refuse("steps", steps.len(), MAX_STEPS)?;
    let mut picture = Layout::new(trie, &steps, name);
    picture.place_steps(trie, &steps)?;
    picture.order();
    picture.spread();
    Ok(picture.draw())
}

fn refuse(what: &str, count: usize, limit: usize) -> Result<()> {
    if count > limit {
        bail!(
            "a picture of {count} {what}; the limit is {limit}: choose with --only, or use --as dot and Graphviz"
        );
    }
    Ok(())
}

/// The steps that can be reached, but for the end; each before all that it leads to.
fn topological(trie: &Trie) -> Vec<StepId> {
    let mut seen = BTreeSet::new();
    let (mut open, mut done) = (vec![(trie.best(), false)], Vec::new());
    while let Some((id, left)) = open.pop() {
        if left {
            done.push(id);
        } else if *trie.step(id) != Step::End && seen.insert(id) {
            open.push((id, true));
            open.extend(trie.step(id).successors().map(|next| (next, false)));
        }
    }
    done.reverse();
    done
}

/// A box, or where a line passes a layer.
struct Place {
    layer: usize,
    width: f64,
    /// The middle, from the left.
    x: f64,
    /// A box's text, and whether it is a table.
    text: Option<(String, bool)>,
}

/// From a place to one in the next layer.
struct Piece {
    from: usize,
    to: usize,
}

/// A line between two boxes: the places it goes through, and what it says.
struct Line {
    through: Vec<usize>,
    text: String,
    dashed: bool,
}

struct Layout {
    places: Vec<Place>,
    of_step: BTreeMap<StepId, usize>,
    layers: Vec<Vec<usize>>,
    pieces: Vec<Piece>,
    lines: Vec<Line>,
}

impl Layout {
    /// A box for every step, each a layer below the lowest that leads to it.
    fn new(trie: &Trie, steps: &[StepId], name: impl Fn(&str) -> String) -> Self {
        let mut layer: BTreeMap<StepId, usize> = steps.iter().map(|&id| (id, 0)).collect();
        for &id in steps {
            let below = layer[&id] + 1;
            for next in trie.step(id).successors() {
                if let Some(at) = layer.get_mut(&next) {
                    *at = below.max(*at);
                }
            }
        }
        let mut layout = Layout {
            places: Vec::new(),
            of_step: BTreeMap::new(),
            layers: Vec::new(),
            pieces: Vec::new(),
            lines: Vec::new(),
        };
        for &id in steps {
            let text = name(&trie.describe(id));
            let table = matches!(trie.step(id), Step::Probe { .. } | Step::Block { .. });
            let width = LETTER_WIDTH * (text.chars().count() + 2) as f64;
            let place = layout.add(layer[&id], width, Some((text, table)));
            layout.of_step.insert(id, place);
        }
        layout
    }

    fn add(&mut self, layer: usize, width: f64, text: Option<(String, bool)>) -> usize {
        let place = self.places.len();
        self.places.push(Place {
            layer,
            width,
            x: 0.0,
            text,
        });
        if self.layers.len() <= layer {
            self.layers.resize_with(layer + 1, Vec::new);
        }
        self.layers[layer].push(place);
        place
    }

    /// Lines between the boxes, with a place in every layer that they pass.
    fn place_steps(&mut self, trie: &Trie, steps: &[StepId]) -> Result<()> {
        for &id in steps {
            let step = trie.step(id);
            for (at, next) in step.successors().enumerate() {
                let Some(&to) = self.of_step.get(&next) else {
                    continue;
                };
                let mut through = vec![self.of_step[&id]];
                for layer in self.places[through[0]].layer + 1..self.places[to].layer {
                    through.push(self.add(layer, 0.0, None));
                }
                through.push(to);
                refuse("places", self.places.len(), MAX_PLACES)?;
                let pairs = through.windows(2);
                self.pieces.extend(pairs.map(|pair| Piece {
                    from: pair[0],
                    to: pair[1],
                }));
                let (text, dashed) = label(step, at);
                self.lines.push(Line {
                    through,
                    text,
                    dashed,
                });
            }
        }
        Ok(())
    }

    /// The neighbours of every place in the layer above, or below.
    fn neighbours(&self, above: bool) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.places.len()];
        for &Piece { from, to } in &self.pieces {
            let (place, neighbour) = if above { (to, from) } else { (from, to) };
            neighbours[place].push(neighbour);
        }
        neighbours
    }

    /// Orders every layer by the middle of each place's neighbours.
    fn order(&mut self) {
        let sides = [self.neighbours(true), self.neighbours(false)];
        let mut rank = vec![0.0; self.places.len()];
        let mut layers = core::mem::take(&mut self.layers);
        let number = |layer: &[usize], rank: &mut [f64]| {
            for (at, &place) in layer.iter().enumerate() {
                rank[place] = at as f64;
            }
        };
        layers.iter().for_each(|layer| number(layer, &mut rank));
        for sweep in 0..2 * SWEEPS {
            let (neighbours, upwards) = (&sides[sweep % 2], sweep % 2 == 1);
            let count = layers.len();
            for at in 0..count {
                let layer = &mut layers[if upwards { count - 1 - at } else { at }];
                let mut keyed: Vec<(f64, usize)> = layer
                    .iter()
                    .map(|&place| {
                        (
                            middle(&neighbours[place], |other| rank[other], rank[place]),
                            place,
                        )
                    })
                    .collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                *layer = keyed.into_iter().map(|(_, place)| place).collect();
                number(layer, &mut rank);
            }
        }
        self.layers = layers;
    }

    /// Moves every place towards its neighbours, as far as those beside it leave room.
    fn spread(&mut self) {
        let sides = [self.neighbours(true), self.neighbours(false)];
        for sweep in 0..2 * SWEEPS {
            let (neighbours, upwards) = (&sides[sweep % 2], sweep % 2 == 1);
            let count = self.layers.len();
            for at in 0..count {
                let at = if upwards { count - 1 - at } else { at };
                let x = |place: usize| self.places[place].x;
                let layer = self.layers[at].iter();
                let wanted = layer.map(|&place| middle(&neighbours[place], x, x(place)));
                let wanted = wanted.collect();
                self.spread_layer(at, wanted);
            }
        }
        let left = |place: &Place| place.x - place.width / 2.0;
        let least = self.places.iter().map(left).fold(f64::MAX, f64::min);
        for place in &mut self.places {
            place.x += MARGIN - least;
        }
    }

    /// The mean of what pushing to the right and pushing to the left would give.
    fn spread_layer(&mut self, layer: usize, wanted: Vec<f64>) {
        let order = &self.layers[layer];
        let half = |place: usize| self.places[place].width / 2.0 + GAP / 2.0;
        let (mut left, mut right) = (wanted.clone(), wanted);
        for at in 1..order.len() {
            let apart = half(order[at - 1]) + half(order[at]);
            right[at] = right[at].max(right[at - 1] + apart);
        }
        for at in (1..order.len()).rev() {
            let apart = half(order[at - 1]) + half(order[at]);
            left[at - 1] = left[at - 1].min(left[at] - apart);
        }
        for (at, &place) in self.layers[layer].iter().enumerate() {
            self.places[place].x = (left[at] + right[at]) / 2.0;
        }
    }

    fn draw(&self) -> String {
        let right = |place: &Place| place.x + place.width / 2.0;
        let width = self.places.iter().map(right).fold(0.0, f64::max) + MARGIN;
        let height = self.layers.len() as f64 * LAYER_HEIGHT - LAYER_HEIGHT + BOX_HEIGHT;
        let height = height + 2.0 * MARGIN;
        let mut svg = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"monospace\" font-size=\"{FONT_SIZE}\">\n\
             <defs><marker id=\"arrow\" markerWidth=\"10\" markerHeight=\"8\" refX=\"10\" refY=\"4\" \
             orient=\"auto\"><path d=\"M0 0 10 4 0 8z\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for line in &self.lines {
            self.draw_line(line, &mut svg);
        }
        for place in &self.places {
            draw_box(place, &mut svg);
        }
        svg + "</svg>"
    }

    /// A curve from layer to layer that leaves and arrives straight down.
    fn draw_line(&self, line: &Line, svg: &mut String) {
        let top = |place: &Place| MARGIN + place.layer as f64 * LAYER_HEIGHT;
        let first = &self.places[line.through[0]];
        let (x, mut y) = (first.x, top(first) + BOX_HEIGHT);
        let mut path = format!("M{x:.0} {y:.0}");
        for pair in line.through.windows(2) {
            let (from, to) = (&self.places[pair[0]], &self.places[pair[1]]);
            let (end, bend) = (top(to), (top(to) - y) / 2.0);
            // Writing to a string cannot fail.
            let _ = write!(
                path,
                "C{:.0} {:.0} {:.0} {:.0} {:.0} {end:.0}",
                from.x,
                y + bend,
                to.x,
                end - bend,
                to.x
            );
            y = end;
            if to.text.is_none() {
                y += BOX_HEIGHT;
                let _ = write!(path, "V{y:.0}");
            }
        }
        let dash = if line.dashed {
            " stroke-dasharray=\"5\""
        } else {
            ""
        };
        let second = &self.places[line.through[1]];
        let (x, y) = (
            (first.x * 3.0 + second.x) / 4.0,
            top(first) + BOX_HEIGHT + 16.0,
        );
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"black\"{dash} marker-end=\"url(#arrow)\"/>"
        );
        if !line.text.is_empty() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{y:.0}\">{}</text>",
                x + 4.0,
                line.text
            );
        }
    }
}

/// The mean of what the neighbours have, or `without` any.
fn middle(neighbours: &[usize], value: impl Fn(usize) -> f64, without: f64) -> f64 {
    if neighbours.is_empty() {
        return without;
    }
    let sum: f64 = neighbours.iter().map(|&place| value(place)).sum();
    sum / neighbours.len() as f64
}

fn draw_box(place: &Place, svg: &mut String) {
    let Some((text, table)) = &place.text else {
        return;
    };
    let fill = if *table { "lightgrey" } else { "white" };
    let (left, top) = (
        place.x - place.width / 2.0,
        MARGIN + place.layer as f64 * LAYER_HEIGHT,
    );
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<rect x=\"{left:.0}\" y=\"{top:.0}\" width=\"{:.0}\" height=\"{BOX_HEIGHT}\" fill=\"{fill}\" \
         stroke=\"black\"/><text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{text}</text>",
        place.width,
        place.x,
        top + 20.0
    );
}

/// What a line says, and whether it is dashed.
fn label(step: &Step, at: usize) -> (String, bool) {
    match (step, at) {
        (Step::Seq(_), at) => ((at + 1).to_string(), false),
        (Step::Probe { .. } | Step::Block { .. }, _) => (String::new(), false),
        (_, 0) => ("yes".to_owned(), false),
        (_, _) => ("no".to_owned(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dpf::{
        filter::lower,
        syntax::Program,
        trie::{Limits, Set},
    };

    /// The demonstration's filters, whose trie has well over a thousand steps.
    fn demonstration() -> Set {
        let text = include_str!("../../testdata/filters/demo.dpf");
        let program = Program::parse(text, "demo.dpf", true).unwrap();
        let mut set = Set::new(Limits::default(), 0);
        for (lowered, entry) in lower(&program).unwrap().iter().zip(0..) {
            let _ = set.insert(&lowered.filter, entry, 100 - entry).unwrap();
        }
        set
    }

    /// Left, top and width of every box.
    fn boxes(svg: &str) -> Vec<[f64; 3]> {
        let number = |line: &str, name: &str| -> Option<f64> {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"')?.0.parse().ok()
        };
        svg.lines()
            .filter(|line| line.starts_with("<rect x="))
            .map(|line| ["x", "y", "width"].map(|name| number(line, name).unwrap()))
            .collect()
    }

    #[test]
    fn every_step_has_a_box_and_no_two_meet() {
        let set = demonstration();
        let svg = svg(set.trie(), str::to_owned).unwrap();
        let mut boxes = boxes(&svg);
        assert_eq!(boxes.len(), topological(set.trie()).len());
        assert!(boxes.len() > 500, "{}", boxes.len());
        boxes.sort_by(|a, b| (a[1], a[0]).partial_cmp(&(b[1], b[0])).unwrap());
        for pair in boxes.windows(2) {
            let [[left, top, width], [next, below, _]] = [pair[0], pair[1]];
            assert!(below > top || next > left + width, "{pair:?}");
        }
        assert!(boxes.iter().all(|[left, top, _]| *left > 0.0 && *top > 0.0));
    }

    #[test]
    fn what_is_refused_says_what_was_given_and_the_limit() {
        assert!(refuse("steps", MAX_STEPS, MAX_STEPS).is_ok());
        let message = refuse("steps", 10_001, MAX_STEPS).unwrap_err().to_string();
        assert!(
            message.starts_with("a picture of 10001 steps; the limit is 10000:"),
            "{message}"
        );
    }
}
