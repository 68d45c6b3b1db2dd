//! What several test programs of the command share.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses its own part"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The folder of captures that strangers made; without it a test is skipped, but not in CI.
pub fn test_data() -> Option<PathBuf> {
    match env::var_os("DPF_TEST_DATA") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            skip("DPF_TEST_DATA is not set");
            None
        }
    }
}

/// Says that a test could not run; in CI that is a failure.
pub fn skip(why: &str) {
    assert_ne!(
        env::var("CI").as_deref(),
        Ok("true"),
        "in CI nothing is skipped: {why}"
    );
    eprintln!("skipped: {why}");
}

/// All captures below `folder`, in order.
pub fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            match extension {
                _ if path.is_dir() => folders.push(path),
                Some("pcap" | "pcapng") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}
