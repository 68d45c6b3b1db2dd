//! `docs/ops.md`, the reference of portable instructions, is what the list says.

use core::fmt::Write as _;

use expect_test::expect_file;
use vcode::op::{Entry, Form, LIST};

#[test]
fn the_reference_is_generated_from_the_list() {
    let mut page = String::from(HEADER);
    let mut section = "";
    for entry in LIST {
        let (title, operands) = format(entry);
        if title != section {
            let _ = write!(
                page,
                "\n## {title}\n\n| instruction | operands | meaning |\n|---|---|---|\n"
            );
            section = title;
        }
        let _ = writeln!(
            page,
            "| `{}` | `{operands}` | {} |",
            entry.name, entry.meaning
        );
    }
    expect_file!["../../docs/ops.md"].assert_eq(&page);
}

#[test]
fn every_listed_form_is_listed_and_every_name_is_unique() {
    assert!(LIST.iter().all(|entry| entry.form.is_listed()));
    let mut names: Vec<_> = LIST.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), LIST.len());
}

const HEADER: &str = "# Portable instructions

Generated from `vcode/src/op.rs` by a test of `vcode`; `cargo xtask bless` writes it again. The last letters
of a name are the type: `c uc s us` are 8 and 16 bits, signed and unsigned, in memory; `i u` are 32 bits; `l ul p` are the
machine word. The last operand `b` is a register or a constant. What holds for all of them (wrapping, upper
halves, shifts, division by zero, alignment) is at the head of `vcode::op`.
";

fn format(entry: &Entry) -> (&'static str, &'static str) {
    match entry.form {
        Form::Binary(..) => ("Arithmetic and logic", "d, a, b"),
        Form::Unary(..) => ("One operand", "d, a"),
        Form::Convert(..) => ("Conversions", "d, a"),
        Form::Set(_) => ("Constants", "d, constant"),
        Form::Load(..) => ("Loads", "d, base, offset"),
        Form::Store(..) => ("Stores", "a, base, offset"),
        Form::Branch(..) => ("Branches", "a, b, label"),
        Form::CondMove(..) => ("Conditional moves", "d, s, a, b"),
        Form::Return(_) => ("Returns", "b"),
        Form::Control => match entry.name {
            "jump" => ("Control", "label"),
            "jump_table" => ("Control", "a, labels"),
            "call" => ("Control", "callee, arguments, result"),
            _ => ("Control", ""),
        },
    }
}
