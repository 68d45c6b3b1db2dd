//! GXemul's 3max: fast, and its debugger counts instructions exactly.
//!
//! It boots the monitor as the ROM would and takes the cases as a second, raw file. Records come
//! over the console. To count, breakpoints stand at the monitor's two labels; at each prompt
//! Ctrl-T makes it print the number of instructions so far. Its input must stay open and silent,
//! or it waits for ever.

use super::{Monitor, folder, wait};
use anyhow::{Context as _, Result, bail};
use core::time::Duration;
use decstation::judge::{CASES, Case, RECORD, Record, list};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

const PROGRAM: &str = "gxemul";
const MOST_SECONDS: u64 = 60;
const PROMPT: &[u8] = b"GXemul> ";
/// What makes the debugger print where it is.
const CTRL_T: &[u8] = b"\x14";

/// What a run left.
pub(super) struct Output {
    pub(super) records: Vec<Record>,
}

/// The records of `cases`.
///
/// # Errors
///
/// When GXemul does not run to the end.
pub(super) fn run(monitor: &Monitor, cases: &[&Case]) -> Result<Output> {
    let mut child = start(monitor, cases, &["-q"])?;
    let mut stdout = child.stdout.take().context("no output")?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).map(|_| bytes)
    });
    // Its input stays open until it is done.
    let input = child.stdin.take();
    wait(&mut child, Duration::from_secs(MOST_SECONDS)).context("GXemul")?;
    drop(input);
    let Ok(bytes) = reader.join() else {
        bail!("GXemul's output could not be read");
    };
    let records = records(&bytes?, cases.len())?;
    Ok(Output { records })
}

/// The records in what the monitor printed.
///
/// # Errors
///
/// When it did not print so many.
pub(super) fn records(console: &[u8], count: usize) -> Result<Vec<Record>> {
    let text = String::from_utf8_lossy(console);
    let lines = text.lines().map(str::trim);
    let words: Vec<u32> = lines
        .skip_while(|line| !line.starts_with("records "))
        .skip(1)
        .take_while(|line| !line.starts_with("end "))
        .filter_map(|line| u32::from_str_radix(line, 16).ok())
        .collect();
    if words.len() != count * RECORD {
        bail!("{} words of {} were printed", words.len(), count * RECORD);
    }
    Ok(words.chunks_exact(RECORD).filter_map(Record::new).collect())
}

/// Instructions of each case.
///
/// # Errors
///
/// When GXemul does not run to the end.
pub(super) fn count(monitor: &Monitor, cases: &[&Case]) -> Result<Vec<u64>> {
    let (leave, trap) = (
        format!("{:#x}", monitor.leave),
        format!("{:#x}", monitor.trap),
    );
    let mut child = start(monitor, cases, &["-A", "-p", &leave, "-p", &trap])?;
    let counts = talk(&mut child, monitor, cases.len());
    // It would go on to print the records.
    child.kill()?;
    child.wait()?;
    counts
}

fn talk(child: &mut Child, monitor: &Monitor, cases: usize) -> Result<Vec<u64>> {
    let mut input = child.stdin.take().context("no input")?;
    let output = pump(child)?;
    let mut heard = Vec::new();
    let mut begun = None;
    let mut counts = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(MOST_SECONDS);
    while counts.len() < cases {
        hear(&output, &mut heard, deadline)?;
        input.write_all(CTRL_T)?;
        input.flush()?;
        let text = hear(&output, &mut heard, deadline)?;
        let (instructions, pc) = position(&text)?;
        if pc == monitor.leave {
            begun = Some(instructions);
        } else if let Some(begun) = begun.take() {
            counts.push(instructions - begun);
        }
        input.write_all(b"continue\n")?;
        input.flush()?;
    }
    Ok(counts)
}

/// Reads to the next prompt: what came before it.
fn hear(output: &Receiver<Vec<u8>>, heard: &mut Vec<u8>, deadline: Instant) -> Result<String> {
    loop {
        let found = heard.windows(PROMPT.len()).position(|own| own == PROMPT);
        if let Some(at) = found {
            let text = String::from_utf8_lossy(&heard[..at]).into_owned();
            heard.drain(..at + PROMPT.len());
            return Ok(text);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match output.recv_timeout(left) {
            Ok(bytes) => heard.extend(bytes),
            Err(RecvTimeoutError::Timeout) => bail!("GXemul does not answer"),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("GXemul ended: {}", String::from_utf8_lossy(heard))
            }
        }
    }
}

/// The numbers in `ninstrs=N, pc=P`.
fn position(text: &str) -> Result<(u64, u32)> {
    let after = |name: &str| {
        let (_, rest) = text.split_once(name)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        Some(&rest[..end.unwrap_or(rest.len())])
    };
    let read = || {
        let instructions = after("ninstrs=")?.parse().ok()?;
        let pc = after("pc=")?;
        let pc = u64::from_str_radix(pc.strip_prefix("0x").unwrap_or(pc), 16).ok()?;
        Some((instructions, pc as u32))
    };
    read().with_context(|| format!("no count in `{text}`"))
}

/// Reads a child's output in a thread of its own.
fn pump(child: &mut Child) -> Result<Receiver<Vec<u8>>> {
    let mut stdout = child.stdout.take().context("no output")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn start(monitor: &Monitor, cases: &[&Case], options: &[&str]) -> Result<Child> {
    let folder = folder("gxemul")?;
    let file: PathBuf = folder.join("cases.bin");
    std::fs::write(&file, list(cases))?;
    // Without a buffer, for a prompt ends in no line end.
    Command::new("stdbuf")
        .args(["-o0", PROGRAM, "-E", "decstation", "-e", "3max"])
        .args(options)
        .arg(format!("{:#x}:cases.bin", CASES | 0x8000_0000))
        .arg(&monitor.path)
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start GXemul")
}
