//! Which anchors a leaf has to give offsets.

use alloc::{vec, vec::Vec};

use super::super::{
    facts::Facts,
    terms::{AnchorId, Place, ROOT, Term, TermId, Terms},
};

/// The anchors that the facts speak of, and those that these depend on, ascending.
pub(super) fn relevant(terms: &Terms, facts: &Facts) -> Vec<AnchorId> {
    let mut needed = vec![false; terms.anchors.len()];
    needed[ROOT] = true;
    for (anchor, needed) in needed.iter_mut().enumerate() {
        *needed |= facts.confined(anchor);
    }
    for (field, at) in terms.fields.iter().enumerate() {
        needed[at.at.anchor] |= facts.restricted(field);
    }
    for keyed in &facts.keys {
        needed[terms.fields[keyed.field].at.anchor] = true;
    }
    for order in &facts.orders {
        for_each_load(terms, order.left, &mut |place| needed[place.anchor] = true);
        for_each_load(terms, order.right, &mut |place| needed[place.anchor] = true);
    }
    for anchor in (ROOT + 1..needed.len()).rev() {
        if needed[anchor] {
            needed[terms.anchors[anchor].from.anchor] = true;
            for_each_load(terms, terms.anchors[anchor].by, &mut |place| {
                needed[place.anchor] = true
            });
        }
    }
    (ROOT..needed.len())
        .filter(|&anchor| needed[anchor])
        .collect()
}

fn for_each_load(terms: &Terms, term: TermId, visit: &mut impl FnMut(Place)) {
    match terms.terms[term] {
        Term::Load { at, .. } => visit(at),
        Term::Binary(_, left, right) => {
            for_each_load(terms, left, visit);
            for_each_load(terms, right, visit);
        }
        Term::Const(_) | Term::Len | Term::WireLen => {}
    }
}
