//! `cargo xtask boot`: the image on a machine, from a terminal.

use super::screen::Screen;
use super::{Built, gxemul, mame, simulator, with_applications};
use crate::setup::{self, GXEMUL, MAME};
use anyhow::{Context as _, Result, bail};
use core::hash::{BuildHasher as _, Hasher as _};
use core::time::Duration;
use std::hash::RandomState;
use std::io::Read;
use std::process::Child;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

/// What it prints when it does not understand.
pub(crate) const USAGE: &str = "\
cargo xtask boot [--on sim|mame|gxemul] [--board kn01|kn02] [--seconds N] [--forgetful] APP...

  --on        the simulator (the default), MAME's ds3100 (a KN01) or GXemul's 3max (a KN02)
  --board     the board of the simulator: kn02 (the default) is a 5000/200, kn01 a 3100
  --seconds   the longest run, in seconds of the emulated machine (default 60)
  --forgetful make GXemul protect the kernel's memory, which costs time
  APP         programs to start, by name; everything else that stands here goes to them";

/// Instructions that a simulated machine runs in a second, at most.
const CLOCK: u64 = 25_000_000;
/// A key that everybody may know.
const SIMULATED_KEY: u128 = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f;
/// Seconds that the host may take for one of the emulated machine.
const PATIENCE: u64 = 4;

/// A machine to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The simulator, as a KN01 or not.
    Simulator {
        kn01: bool,
    },
    Mame,
    Gxemul,
}

/// What the words of the command say.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    on: On,
    seconds: u64,
    arguments: Vec<String>,
}

/// Builds the image and runs it; the status that it ends with.
///
/// # Errors
///
/// When it cannot be built, or does not end by itself.
pub(crate) fn run(words: &[&str]) -> Result<u8> {
    let options = Options::parse(words)?;
    run_on(&with_applications()?, options)
}

/// Runs the probe instead, on any machine; the number of the check of its own that failed, or 0.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn run_probe(words: &[&str]) -> Result<u8> {
    let options = Options::parse(words)?;
    run_on(&super::probe::build_probe()?, options)
}

fn run_on(built: &Built, options: Options) -> Result<u8> {
    let mut screen = Screen::new(built.image.symbols(), false);
    let start = Instant::now();
    let status = execute(
        built,
        options.on,
        options.seconds,
        &options.arguments,
        &mut screen,
    )?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("boot: status {status} after {seconds:.1} s");
    Ok(u8::try_from(status).unwrap_or(u8::MAX))
}

/// Runs an image; the status that it ends with.
///
/// # Errors
///
/// When it does not end by itself, or the emulator is missing.
pub(super) fn execute(
    built: &Built,
    on: On,
    seconds: u64,
    arguments: &[String],
    screen: &mut Screen<'_>,
) -> Result<u32> {
    let most = Duration::from_secs(seconds * PATIENCE);
    let mut arguments = arguments.to_vec();
    arguments.push(format!("key={:032x}", key(on)));
    let arguments = &arguments;
    match on {
        On::Simulator { kn01 } => simulator::run(built, kn01, arguments, seconds * CLOCK, screen),
        On::Mame => {
            need(&MAME)?;
            mame::run(built, arguments, seconds, most, screen)
        }
        On::Gxemul => {
            need(&GXEMUL)?;
            gxemul::run(built, arguments, most, screen)
        }
    }
}

/// The key of the kernel's capabilities: the simulator's is the same each time, so that counts repeat.
fn key(on: On) -> u128 {
    if let On::Simulator { .. } = on {
        return SIMULATED_KEY;
    }
    // The standard library seeds these from the host's source of chance.
    let [high, low] = [0, 1].map(|_| RandomState::new().build_hasher().finish());
    u128::from(high) << 64 | u128::from(low)
}

fn need(need: &setup::Need) -> Result<()> {
    if !setup::ensure(&[need])? {
        bail!("the emulator is not installed");
    }
    Ok(())
}

/// Shows what a child prints until it ends; ends it when it takes too long, or goes on after its status.
///
/// # Errors
///
/// When it takes too long.
pub(super) fn pump(
    child: &mut Child,
    mut output: impl Read + Send + 'static,
    most: Duration,
    screen: &mut Screen<'_>,
) -> Result<()> {
    let (sender, receiver) = channel();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + most;
    let late = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(bytes) => screen.take(&bytes),
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => break true,
        }
        if screen.status().is_some() {
            break false;
        }
    };
    screen.finish();
    child.kill()?;
    child.wait()?;
    drop(receiver);
    // It ends with the child's output.
    let _ = reader.join();
    if late {
        bail!("not done after {} s", most.as_secs());
    }
    Ok(())
}

impl Options {
    fn parse(words: &[&str]) -> Result<Options> {
        let mut options = Options {
            on: On::Simulator { kn01: false },
            seconds: 60,
            arguments: Vec::new(),
        };
        let mut kn01 = false;
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} of what?\n{USAGE}"))
            };
            match word {
                "--on" => {
                    options.on = match value()? {
                        "sim" => On::Simulator { kn01: false },
                        "mame" => On::Mame,
                        "gxemul" => On::Gxemul,
                        other => bail!("there is no machine `{other}`\n{USAGE}"),
                    };
                }
                "--board" => {
                    kn01 = match value()? {
                        "kn01" => true,
                        "kn02" => false,
                        other => bail!("there is no board `{other}`\n{USAGE}"),
                    };
                }
                "--seconds" => {
                    options.seconds = value()?.parse().context("--seconds is a number")?
                }
                "--forgetful" => options.arguments.push("forgetful".to_owned()),
                _ => options.arguments.push(word.to_owned()),
            }
        }
        if options.on == (On::Simulator { kn01: false }) {
            options.on = On::Simulator { kn01 };
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_options() {
        let options = Options::parse(&["--board", "kn01", "--forgetful", "hello", "x"]).unwrap();
        assert_eq!(options.on, On::Simulator { kn01: true });
        assert_eq!(options.arguments, ["forgetful", "hello", "x"]);
        assert_eq!(Options::parse(&["--on", "mame"]).unwrap().on, On::Mame);
        assert!(Options::parse(&["--on"]).is_err());
        assert!(Options::parse(&["--board", "kn03"]).is_err());
    }
}
