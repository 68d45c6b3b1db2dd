//! What it costs the R3000 to install a filter beside ten: Table 7's rows of the compiler.
//!
//! The problem: DPF's speed is bought when filters are installed, so that must be counted on the same
//! machine. The method: the compiler is an image (`dpf/image`) that has read and merged the paper's
//! ten filters. One more is installed and removed again, in turn, until every round executes the same;
//! what is counted is the installation: from the canonical filter to a table that has its key, or,
//! where its shape is new, to new code in memory. The overlap decision and the proof have rows of
//! their own. Then packets must find the new filter, and the others' their owners.
//!
//! Left out: decoding the filter, and forgetting what the instruction cache held of the code's place.

use super::dpf::paper_text;
use super::lab::{Call, Lab, Subject};
use super::table7::{FILTERS, PACKET_OFFSET, classified};
use super::{Options, Paper, Row};
use crate::image;
use anyhow::{Context as _, Result, ensure};
use core::fmt::Write as _;
use decstation::bare::BASE;
use decstation::elf::Image;
use dpf_benches::flows::Family;

/// Where text is put, between the image and its heap.
const TEXT: u32 = BASE + 0x30_0000;
/// Where packets are put.
const PACKET: u32 = BASE + 0xf0_0000 + PACKET_OFFSET;
/// The eleventh filter is one more of the paper's; the twelfth is of UDP.
const KNOWN: u32 = FILTERS;
const NEW: u32 = FILTERS + 1;
const NEW_TEXT: &str = "12:16 == 2048 && shift(14) && 9:8 == 17 && shift(20) && 2:16 == 53";
/// What `change` returns where the table was changed in place, and where code was made.
const IN_PLACE: u32 = 1;
const NEW_CODE: u32 = 2;
/// What a function of the image returns where nothing failed.
const DONE: u32 = 1;
/// The paper's worst case, in microseconds: merging and code generation.
const PAPER: Paper = Paper::Microseconds(220.0);

/// Measures every row.
///
/// # Errors
///
/// When the image cannot be built, refuses a filter, or makes code that answers wrongly.
pub(super) fn measure(options: Options) -> Result<Vec<Row>> {
    let path = image::build("dpf/image", "compile")?;
    let file = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let image = Image::parse(&file)?;
    let mut rows = Vec::new();
    for shape in [
        Shape {
            filter: KNOWN,
            result: IN_PLACE,
            changed: (
                "insert-known-shape",
                "one more port beside ten",
                Paper::Nothing,
            ),
            compared: "insert-known-shape-overlap",
        },
        Shape {
            filter: NEW,
            result: NEW_CODE,
            changed: ("insert-new-shape", "a filter of UDP beside ten", PAPER),
            compared: "insert-new-shape-overlap",
        },
    ] {
        let Shape { filter, result, .. } = shape;
        let mut lab = compiler(&image)?;
        let calls = [call([filter, 1], result), call([filter, 0], DONE)];
        rows.push(counted(&mut lab, "change", &calls, shape.changed, options)?);
        let (done, _) = lab.call("change", &[filter, 1])?;
        ensure!(done == result, "not installed again");
        check_answers(&mut lab, filter)?;
        if result == NEW_CODE {
            let (code, _) = lab.call("generate", &[])?;
            let name = (
                "insert-new-shape-code",
                "of it, making the code",
                Paper::Nothing,
            );
            rows.push(counted(
                &mut lab,
                "generate",
                &[call([0, 0], code)],
                name,
                options,
            )?);
            let name = ("insert-new-shape-proof", "proving it", Paper::Nothing);
            rows.push(counted(
                &mut lab,
                "verify",
                &[call([0, 0], DONE)],
                name,
                options,
            )?);
        }
        let name = (
            shape.compared,
            "whom it shares packets with",
            Paper::Nothing,
        );
        rows.push(counted(
            &mut lab,
            "compare",
            &[call([filter, 0], DONE)],
            name,
            options,
        )?);
    }
    Ok(rows)
}

/// A filter to install.
struct Shape {
    filter: u32,
    /// What `change` must return.
    result: u32,
    changed: Name,
    /// The row of the overlap decision.
    compared: &'static str,
}

/// A row, what it is, and the paper's figure.
type Name = (&'static str, &'static str, Paper);

/// A machine whose compiler has read all filters, and merged and indexed the first ten.
fn compiler(image: &Image) -> Result<Lab> {
    let mut lab = Lab::with_hilo(image)?;
    let mut text = String::new();
    for index in 0..=KNOWN {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "filter f{index} = {};", paper_text(index, false));
    }
    let _ = writeln!(text, "filter new = {NEW_TEXT};");
    lab.put(TEXT, text.as_bytes());
    let (read, _) = lab.call("read", &[TEXT, text.len() as u32])?;
    ensure!(read == NEW + 1, "{read} filters were read");
    for (stage, arguments) in [
        ("merge", [4, PACKET_OFFSET, FILTERS].as_slice()),
        ("index", &[FILTERS]),
    ] {
        ensure!(lab.call(stage, arguments)?.0 == DONE, "`{stage}` failed");
    }
    ensure!(lab.call("generate", &[])?.0 != 0, "no code was made");
    Ok(lab)
}

fn call(arguments: [u32; 2], result: u32) -> Call {
    Call { arguments, result }
}

/// The row of what the first of these calls costs in each round, all of them in turn.
fn counted(
    lab: &mut Lab,
    function: &str,
    calls: &[Call],
    (row, what, paper): Name,
    options: Options,
) -> Result<Row> {
    let subject = Subject {
        function: lab.address(function)?,
        state: 0,
    };
    let counts = lab
        .warm(subject, calls)
        .with_context(|| format!("row `{row}`"))?;
    if options.profile {
        eprintln!("{row}: instructions, those of them that are empty, by function");
        lab.print_profile(subject, calls, 1)?;
    }
    Ok(classified(row, what, paper, &counts))
}

/// Asks the code as it is now about packets of the ten filters, of the new one, and of nobody.
fn check_answers(lab: &mut Lab, new: u32) -> Result<()> {
    let (code, _) = lab.call("address", &[])?;
    let mut ask = |packet: &[u8], expected: Option<u32>| -> Result<()> {
        lab.put(PACKET, packet);
        let length = packet.len() as u32;
        let (found, _) = lab.call_at(code, &[PACKET, length, length])?;
        let found = found.checked_sub(1);
        ensure!(
            found == expected,
            "{packet:02x?}: {found:?}, not {expected:?}"
        );
        Ok(())
    };
    for index in 0..FILTERS {
        ask(&Family::Paper.packet(index), Some(index))?;
        ask(&Family::Paper.near_miss(index, index << 8), None)?;
    }
    let mut udp = Family::Paper.packet(0);
    (udp[23], udp[36], udp[37]) = (17, 0, 53);
    ask(&udp, (new == NEW).then_some(NEW))?;
    ask(
        &Family::Paper.packet(KNOWN),
        (new == KNOWN).then_some(KNOWN),
    )
}
