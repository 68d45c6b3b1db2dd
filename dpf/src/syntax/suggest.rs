//! The nearest name to a misspelt one.

use alloc::{format, vec::Vec};

use super::error::Diagnostic;

/// Names longer than this are not compared: a suggestion costs the product of both lengths.
const LONGEST: usize = 40;
/// So many candidates are looked at.
const CANDIDATES: usize = 4_096;

/// Adds the nearest of `names` to `error`, if one is near enough to be meant.
pub(super) fn nearest<'n>(
    error: Diagnostic,
    wrong: &str,
    names: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    if wrong.len() > LONGEST {
        return error;
    }
    let tolerance = (wrong.len() / 3).max(1);
    let names = names.take(CANDIDATES).filter(|name| name.len() <= LONGEST);
    match names.map(|name| (closeness(wrong, name), name)).min() {
        Some((distance, name)) if distance <= tolerance => {
            error.help(format!("did you mean `{name}`?"))
        }
        _ => error,
    }
}

/// The distance, where an abbreviation (`eth` for `ether`, or the reverse) counts as one mistake.
fn closeness(wrong: &str, name: &str) -> usize {
    let abbreviated = name.starts_with(wrong) || wrong.starts_with(name);
    let distance = distance(wrong, name);
    if abbreviated && wrong.len().min(name.len()) >= 2 {
        distance.min(1)
    } else {
        distance
    }
}

/// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b`, in bytes,
/// letters of either case alike.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (
        a.to_ascii_lowercase().into_bytes(),
        b.to_ascii_lowercase().into_bytes(),
    );
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = Vec::from([i + 1]);
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        assert_eq!(distance("dport", "dport"), 0);
        assert_eq!(distance("dprot", "dport"), 1);
        assert_eq!(distance("dst", "DST"), 0);
        assert_eq!(distance("sorce", "src"), 2);
        assert_eq!(distance("", "ab"), 2);
    }
}
