//! Caret diagrams: a diagnostic drawn over the texts it is about.
//!
//! The drawing is done by annotate-snippets, rustc's own renderer. It is shown only the lines
//! between the labels, or an excerpt of a very long line, because what it does for each is far from
//! free and texts may have [`limits::MAX_SOURCE_BYTES`](super::limits::MAX_SOURCE_BYTES).

use alloc::{string::String, vec::Vec};
use core::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{
    error::{Diagnostic, Severity},
    span::{Source, SourceId, Sources},
};

impl Sources {
    /// Draws `diagnostic` over the text, without colours.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        self.render_with(diagnostic, &Renderer::plain())
    }

    /// Draws `diagnostic` over the text, in a terminal's colours.
    pub fn render_styled(&self, diagnostic: &Diagnostic) -> String {
        self.render_with(diagnostic, &Renderer::styled())
    }

    fn render_with(&self, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group: Group<'_> =
            Group::with_title(level.primary_title(diagnostic.title.as_str()));
        for snippet in self.snippets(diagnostic) {
            group = group.element(snippet);
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// For each source one snippet with all its labels, or, where they lie far apart, one for each.
    fn snippets<'a>(&'a self, diagnostic: &'a Diagnostic) -> Vec<Snippet<'a, Annotation<'a>>> {
        let mut snippets = Vec::new();
        for (id, source) in self.iter() {
            let labels: Vec<Label<'a>> = labels(diagnostic, id, &source.text).collect();
            let ends = labels.iter().map(|label| label.range.end).max();
            let starts = labels.iter().map(|label| label.range.start).min();
            let (Some(start), Some(end)) = (starts, ends) else {
                continue;
            };
            let window = lines(&source.text, start..end);
            if window.len() <= MAX_WINDOW {
                snippets.push(snippet(source, window, labels));
                continue;
            }
            for label in labels {
                let window = excerpt(&source.text, &label.range);
                snippets.push(snippet(source, window, Vec::from([label])));
            }
        }
        snippets
    }
}

/// What is said of a piece of one text.
struct Label<'a> {
    kind: AnnotationKind,
    range: Range<usize>,
    text: &'a str,
}

/// The labels of a diagnostic in one source. Spans are made to fit its text, whoever made them.
fn labels<'a>(
    diagnostic: &'a Diagnostic,
    id: SourceId,
    text: &'a str,
) -> impl Iterator<Item = Label<'a>> {
    let all = diagnostic.labels.iter().enumerate();
    all.filter(move |(_, (span, _))| span.source == id)
        .map(|(index, (span, label))| {
            let kind = if index == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let start = text.floor_char_boundary(span.start as usize);
            let end = text.ceil_char_boundary(span.end as usize).max(start);
            Label {
                kind,
                range: start..end,
                text: label,
            }
        })
}

/// The lines `window` of a source, with labels.
fn snippet<'a>(
    source: &'a Source,
    window: Range<usize>,
    labels: Vec<Label<'a>>,
) -> Snippet<'a, Annotation<'a>> {
    let before = source.text[..window.start]
        .bytes()
        .filter(|&byte| byte == b'\n')
        .count();
    let annotations = labels.into_iter().map(|label| {
        let inside = |at: usize| at.clamp(window.start, window.end) - window.start;
        label
            .kind
            .span(inside(label.range.start)..inside(label.range.end))
            .label(label.text)
    });
    Snippet::source(&source.text[window.clone()])
        .line_start(before + 1)
        .path(source.name.as_str())
        .fold(true)
        .annotations(annotations)
}

/// The whole lines that `range` lies in.
fn lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..]
        .find('\n')
        .map_or(text.len(), |at| range.end + at);
    start..end
}

/// The lines of one label, or, of a very long line, what is near it.
fn excerpt(text: &str, range: &Range<usize>) -> Range<usize> {
    let whole = lines(text, range.clone());
    if whole.len() <= MAX_WINDOW {
        return whole;
    }
    let start = text.floor_char_boundary(range.start.saturating_sub(MAX_EXCERPT));
    let end = text.floor_char_boundary(range.start.saturating_add(MAX_EXCERPT));
    start.max(whole.start)..end.min(whole.end).max(range.start)
}

/// Bytes of text that are shown together at most.
const MAX_WINDOW: usize = 16 << 10;
/// Bytes before and behind a label's start in a line longer than that.
const MAX_EXCERPT: usize = 60;
