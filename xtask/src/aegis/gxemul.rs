//! The image on GXemul's 3max, which cannot hand a status on: what counts is what the kernel prints.

use super::Built;
use super::boot::pump;
use super::screen::Screen;
use anyhow::{Context as _, Result};
use core::time::Duration;
use std::process::{Command, Stdio};

/// Runs the image to its end; its status.
///
/// # Errors
///
/// When it does not end by itself in time.
pub(super) fn run(
    built: &Built,
    arguments: &[String],
    most: Duration,
    screen: &mut Screen<'_>,
) -> Result<u32> {
    let mut child = Command::new("stdbuf")
        .args([
            "-o0",
            "gxemul",
            "-q",
            "-E",
            "decstation",
            "-e",
            "3max",
            "-o",
        ])
        .arg(arguments.join(" "))
        .arg(&built.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start GXemul")?;
    // Its input stays open and silent: it waits for ever at an end of file.
    let input = child.stdin.take();
    let output = child.stdout.take().context("no output")?;
    let done = pump(&mut child, output, most, screen);
    drop(input);
    done?;
    screen.status().context("GXemul ended without a status")
}
