//! Live capture, over a pair of virtual Ethernet interfaces in a network namespace that lasts as
//! long as the test. It takes root, `unshare` (util-linux) and `ip` (iproute2).
#![cfg(target_os = "linux")]

mod common;
#[path = "common/second.rs"]
mod second;

use std::{fs, path::PathBuf, process::Command};

use common::skip;

/// A pair of interfaces: what is sent to 10.9.0.2 through `near` arrives at `far`.
const INTERFACES: &str = r#"
set -eu
ip link add near type veth peer name far
ip link set far address 02:00:00:00:00:02
ip address add 10.9.0.1/24 dev near
ip link set near up
ip link set far up
ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev near
listening() {
    for try in $(seq 100); do
        grep -q listening "$OUT/messages" && break
        sleep 0.1
    done
}
"#;

/// Sends twenty datagrams to port 53 and ten to port 9.
const COUNTED: &str = r#"
"$DPF" capture -i far --duration 30 -c 30 --json -w "$OUT/live.pcap" \
    -e dns='udp.dport == 53' -e discard='udp.dport == 9' \
    > "$OUT/counts" 2> "$OUT/messages" &
capture=$!
listening
for turn in $(seq 10); do
    for to in 10.9.0.2/53 10.9.0.2/9 10.9.0.2/53; do
        echo "datagram $turn" > /dev/udp/$to
    done
done
wait $capture
"#;

/// Sends more than the ring holds while nobody reads it, then ends the capture as Ctrl-C does.
const FLOODED: &str = r#"
"$DPF" capture -i far --json -e 'udp.dport == 53' > "$OUT/counts" 2> "$OUT/messages" &
capture=$!
listening
kill -STOP $capture
dd if=/dev/zero bs=1400 count=60000 status=none > /dev/udp/10.9.0.2/53
kill -CONT $capture
sleep 1
kill -INT $capture
wait $capture
"#;

/// Runs a script in a new namespace; what it counted, and its messages. Nothing if this user may
/// not.
fn live(name: &str, script: &str) -> Option<(PathBuf, serde_json::Value, String)> {
    let namespaces = Command::new("unshare")
        .args(["--net", "ip", "link"])
        .output();
    if !namespaces.is_ok_and(|output| output.status.success()) {
        skip("it takes root, unshare and ip to make a network namespace");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("dpf-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let script = format!("{INTERFACES}{script}");
    let output = Command::new("unshare")
        .args(["--net", "bash", "-c", &script])
        .env("DPF", env!("CARGO_BIN_EXE_dpf"))
        .env("OUT", &folder)
        .output()
        .unwrap();
    let messages = fs::read_to_string(folder.join("messages")).unwrap_or_default();
    assert!(output.status.success(), "{output:?}\n{messages}");
    let counts = fs::read_to_string(folder.join("counts")).unwrap();
    Some((folder, serde_json::from_str(&counts).unwrap(), messages))
}

#[test]
fn what_passes_an_interface_is_counted_and_written() {
    let Some((folder, counts, messages)) = live("live", COUNTED) else {
        return;
    };
    let of = |index: usize| counts["filters"][index]["packets"].as_u64().unwrap();
    assert_eq!([of(0), of(1)], [20, 10], "{counts}\n{messages}");
    assert!(messages.contains("and dropped 0"), "{messages}");

    // 14 bytes of Ethernet, 20 of IP, 8 of UDP, and the text.
    let (records, whole) = second::read(&fs::read(folder.join("live.pcap")).unwrap());
    assert!(whole);
    assert_eq!(records.len(), 30);
    let text = records
        .iter()
        .filter(|record| record.3[42..].starts_with(b"datagram"))
        .count();
    assert_eq!(text, 30);
    assert!(
        records
            .windows(2)
            .all(|pair| (pair[0].0, pair[0].1) <= (pair[1].0, pair[1].1)),
        "times ascend"
    );
    fs::remove_dir_all(folder).unwrap();
}

/// What the kernel received it handed over or dropped, and says so.
#[test]
fn what_the_kernel_drops_is_counted() {
    let Some((folder, counts, messages)) = live("flood", FLOODED) else {
        return;
    };
    let numbers: Vec<u64> = messages
        .lines()
        .find(|line| line.contains("the kernel received"))
        .unwrap_or_else(|| panic!("{messages}"))
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [received, dropped] = numbers[..] else {
        panic!("{messages}")
    };
    let packets = counts["packets"].as_u64().unwrap();
    assert!(
        received >= 60_000 && dropped > 0 && packets > 0,
        "{messages}"
    );
    assert_eq!(packets + dropped, received, "{counts}\n{messages}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_dpf"))
        .args(["capture", "-i", "no-such-if", "-e", "tcp"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.starts_with("dpf: cannot capture from no-such-if"),
        "{message}"
    );
}
