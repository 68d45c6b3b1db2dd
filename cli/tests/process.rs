//! The command as a process: signals, pipes, memory, exit codes.

mod common;

use core::time::Duration;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Instant,
};

use common::{captures, test_data};
use dpf_cli::demo;

fn dpf(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpf"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A file that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("dpf-{name}-{}", std::process::id())))
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = if self.0.is_dir() {
            fs::remove_dir_all(&self.0)
        } else {
            fs::remove_file(&self.0)
        };
    }
}

fn demo_capture(packets: u64) -> Vec<u8> {
    let mut capture = Vec::new();
    demo::write(&mut capture, packets).unwrap();
    capture
}

fn counts(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn every_capture_of_strangers_is_classified_or_refused() {
    let Some(data) = test_data() else { return };
    let mut damaged = 0;
    for path in captures(&data) {
        let output = dpf(&["classify", "--json", "-e", "tcp", "-e", "udp || icmp"])
            .arg(&path)
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => assert!(!message.contains("damaged"), "{message}"),
            Some(2) => {
                damaged += 1;
                assert_eq!(message.matches("damaged at byte").count(), 1, "{message}");
            }
            other => panic!("{}: {other:?}: {message}", path.display()),
        }
        let counts = counts(&output);
        assert!(
            counts["unmatched"].as_u64() <= counts["packets"].as_u64(),
            "{counts}"
        );
    }
    assert!(damaged >= 5, "{damaged}");
}

#[test]
fn ctrl_c_prints_what_there_is() {
    let mut child = dpf(&["classify", "--json", "-e", "ether", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let capture = demo_capture(100);
    // Not even a whole number of packets.
    pipe.write_all(&capture[..capture.len() - 7]).unwrap();
    pipe.flush().unwrap();
    // Only the process can tell when it has read them all; that it waits for more, the pipe stays open.
    thread::sleep(Duration::from_millis(1500));
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(counts(&output)["packets"], 99, "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    drop(pipe);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let capture = Scratch::new("pipe");
    fs::write(&capture.0, demo_capture(50_000)).unwrap();
    let mut child = dpf(&["classify", "--per-packet", "-e", "tcp", capture.text()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("1 817948800."), "{line}");
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// 400 MB through a pipe, while the process's peak memory is looked at.
#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_capture() {
    const ROUNDS: u64 = 170;
    const MOST_KIB: u64 = 64 << 10;
    let capture = demo_capture(10_000);
    let mut child = dpf(&["classify", "--json", "-e", "ether", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&capture).unwrap();
    for _ in 1..ROUNDS {
        pipe.write_all(&capture[24..]).unwrap();
    }
    // Almost everything has been read: a pipe holds 64 KiB, and the process reads little ahead.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert_eq!(counts(&output)["packets"], 10_000 * ROUNDS);
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(
        peak < MOST_KIB,
        "{peak} KiB for {} MiB",
        (capture.len() as u64 * ROUNDS) >> 20
    );
}

#[test]
fn a_filter_file_that_is_no_text_is_refused() {
    let file = Scratch::new("binary");
    fs::write(&file.0, b"filter a = tcp;\n\xff").unwrap();
    let output = dpf(&["classify", "-f", file.text(), "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("see byte 16"),
        "{output:?}"
    );
}

/// More filters than files that may be open; every packet in its capture, and none lost.
#[test]
fn a_split_into_many_captures_keeps_every_packet() {
    let (input, folder) = (Scratch::new("many"), Scratch::new("many-out"));
    fs::write(&input.0, demo_capture(4_000)).unwrap();
    let mut command = dpf(&["split", "--json", "--rest", "-o", folder.text()]);
    for last in 0..250 {
        command.args([
            "-e",
            &format!("host{last} = ip.dst & 0xff == {last} && !(ip.src & 0xff == 0)"),
        ]);
    }
    let output = command.arg(&input.0).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let counts = counts(&output);
    let packets = |path: &str| read(&fs::read(folder.0.join(path)).unwrap()).len() as u64;
    for filter in counts["filters"].as_array().unwrap() {
        assert_eq!(
            packets(&format!("{}.pcap", filter["name"].as_str().unwrap())),
            filter["packets"].as_u64().unwrap()
        );
    }
    assert_eq!(packets("rest.pcap"), counts["unmatched"].as_u64().unwrap());
    let matched: u64 = (0..250)
        .map(|last| packets(&format!("host{last}.pcap")))
        .sum();
    assert_eq!(matched + packets("rest.pcap"), 4_000);
}

/// The records of a capture, headers and all.
fn read(capture: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut rest = &capture[24..];
    while !rest.is_empty() {
        let length = 16 + u32::from_ne_bytes(rest[8..12].try_into().unwrap()) as usize;
        records.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    records
}

#[test]
fn a_split_is_the_capture_again() {
    let (input, folder) = (Scratch::new("split"), Scratch::new("split-out"));
    let capture = demo_capture(3_000);
    fs::write(&input.0, &capture).unwrap();
    let output = dpf(&[
        "split",
        "--rest",
        "-o",
        folder.text(),
        "-e",
        "a=tcp",
        "-e",
        "b=udp",
        "-e",
        "none=tcp && udp",
    ])
    .arg(&input.0)
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut names: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a.pcap", "b.pcap", "none.pcap", "rest.pcap"]);
    let mut parts = Vec::new();
    for name in names {
        let part = fs::read(folder.0.join(name)).unwrap();
        assert_eq!(part[..24], capture[..24]);
        parts.extend(read(&part));
    }
    let mut whole = read(&capture);
    // The filters are disjoint, so the parts are the whole, in another order.
    parts.sort();
    whole.sort();
    assert!(parts == whole);
}

#[test]
fn a_split_never_writes_over_its_input() {
    let folder = Scratch::new("own");
    fs::create_dir_all(&folder.0).unwrap();
    let input = folder.0.join("tcp.pcap");
    let capture = demo_capture(10);
    fs::write(&input, &capture).unwrap();
    let output = dpf(&["split", "--force", "-o", folder.text(), "-e", "tcp=tcp"])
        .arg(&input)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(fs::read(&input).unwrap(), capture);
}

#[test]
fn ctrl_c_ends_a_process_that_waits_for_its_first_byte() {
    let mut child = dpf(&["classify", "-e", "tcp", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not end");
        interrupt(&child);
        thread::sleep(Duration::from_millis(50));
    }
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_manual_and_the_completions_cover_every_command() {
    let folder = Scratch::new("manual");
    let output = dpf(&["manual", folder.text()]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let read = |name: &str| fs::read_to_string(folder.0.join(name)).unwrap();
    for command in [
        "classify", "split", "explain", "check", "capture", "bench", "fmt",
    ] {
        let page = read(&format!("dpf-{command}.1"));
        assert!(
            page.contains("Examples:") && page.contains("SYNOPSIS"),
            "{page}"
        );
        for shell in ["dpf.bash", "_dpf", "dpf.fish"] {
            assert!(read(shell).contains(command), "{shell}: {command}");
        }
    }
    assert!(read("dpf.1").contains("Exit codes:"));
}
