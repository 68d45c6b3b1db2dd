//! The printer against GNU objdump: the same words, the same text but for the house's spelling.

use decstation::cpu::{Decoded, Disassembly, Op};
use std::collections::HashSet;

const LISTING: &str = include_str!("disassembly.txt");

/// objdump's text in the printer's spelling: a space after commas, registers of coprocessors by
/// name or number alone, no alias, no destination of a division.
fn respelled(text: &str) -> String {
    let text = text
        .replace("c0_sr", "status")
        .replace("c0_badvaddr", "badvaddr")
        .replace("c0_", "")
        .replace("c1_fir", "0")
        .replace("c1_fcsr", "31")
        .replace("$f", "")
        .replace('$', "")
        .replace("div zero,", "div ")
        .replace("divu zero,", "divu ")
        .replace(',', ", ");
    match text
        .strip_prefix("neg ")
        .and_then(|rest| rest.split_once(", "))
    {
        Some((to, of)) => format!("sub {to}, zero, {of}"),
        None => text,
    }
}

#[test]
fn every_instruction_prints_as_objdump_prints_it() {
    let mut seen = HashSet::new();
    for line in LISTING.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.splitn(3, ' ');
        let mut number = || u32::from_str_radix(fields.next().unwrap(), 16).unwrap();
        let (address, word) = (number(), number());
        let text = fields.next().unwrap();
        let own = Disassembly { word, address }.to_string();
        assert_eq!(own, respelled(text), "{word:#010x}");
        seen.insert(Decoded::new(word).op);
    }
    // Operations of coprocessors print as one number here and by their own names there.
    let others = [Op::Cop1, Op::Cop2, Op::Cop3];
    for op in Op::all().filter(|op| !others.contains(op)) {
        assert!(seen.contains(&op), "{} is not in the listing", op.text());
    }
}
