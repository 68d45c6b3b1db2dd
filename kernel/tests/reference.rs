//! `docs/syscalls.md`, the reference of system calls, is what the list says.

use core::fmt::Write as _;

use aegis_abi::{Error, Syscall};
use expect_test::expect_file;

#[test]
fn the_reference_is_generated_from_the_list() {
    let mut page = String::from(HEADER);
    for (kind, title, about) in KINDS {
        let _ = write!(
            page,
            "\n## {title}\n\n{about}\n\n| number | call | result | errors | what it does |\n|---|---|---|---|---|\n"
        );
        for call in Syscall::ALL {
            let (of, arguments, result) = call.signature();
            if of != kind {
                continue;
            }
            let arguments: Vec<String> = arguments
                .iter()
                .map(|(name, of)| format!("{name}: {of}"))
                .collect();
            let errors: Vec<String> = call
                .errors()
                .iter()
                .map(|error| format!("{error:?}"))
                .collect();
            let _ = writeln!(
                page,
                "| {} | `{}({})` | {result} | {} | {} |",
                *call as u32,
                call.name(),
                arguments.join(", "),
                errors.join(" "),
                call.about()
            );
        }
    }
    page.push_str(ERRORS);
    for error in Error::ALL {
        let _ = writeln!(
            page,
            "| {} | `{error:?}` | {} |",
            error.word() as i32,
            error.about()
        );
    }
    expect_file!["../../docs/syscalls.md"].assert_eq(&page);
}

#[test]
fn every_call_is_in_a_table_and_fits_the_records() {
    for call in Syscall::ALL {
        let (kind, arguments, _) = call.signature();
        assert!(KINDS.iter().any(|(of, ..)| *of == kind));
        let most = if kind == "primitive" { 2 } else { 4 };
        assert!(arguments.len() <= most, "{call:?} has too many arguments");
    }
    assert!(Syscall::ALL.len() <= aegis_abi::layout::SCALL_RECORDS as usize);
}

const HEADER: &str = "# System calls

Generated from `kernel/abi/src/lib.rs` by a test of `aegis`; `cargo xtask golden` writes it again. `v0` is the call's
number times 16 before, and the result after, or an error if it is negative. A refused call changes nothing, unless its row
says more; any call in a branch delay slot is refused with `InSlot`. Protected control transfers have selectors of their own (`layout::scall_selector`, `layout::acall_selector`).
Arguments stand in registers in the order of the row. No call takes a virtual address to read or write memory at.
";

const KINDS: [(&str, &str, &str); 3] = [
    (
        "fast",
        "Without a stack",
        "A few instructions of assembly. They change `v0` alone.",
    ),
    (
        "primitive",
        "Primitives",
        "Pseudo-instructions (table 3 of the paper): arguments in `t1` and `t2`. They change no register, but `v0` if they fail.",
    ),
    (
        "stack",
        "On the kernel's stack",
        "Like procedures of o32: arguments in `a0` to `a3`; `at`, `a0`–`a3`, `t0`–`t9`, HI and LO are lost.",
    ),
];

const ERRORS: &str = "\n## Errors\n\n| `v0` | error | what is wrong |\n|---|---|---|\n";
