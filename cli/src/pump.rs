//! Reading captures packet by packet: the loop that `classify` and `split` share.
//!
//! It shows the progress, stops when the user says so, and turns damage into one line on the
//! standard error, after everything before it has been handled.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{
    capture::{CaptureError, Damage, Packet, Reader},
    exit::Exit,
    interrupt,
    progress::Progress,
};

/// How many packets may pass between looks at the clock and the user.
const LOOK_EVERY: u32 = 1024;

/// A capture that was opened, or was found damaged in its very header.
pub struct Opened {
    name: String,
    length: Option<u64>,
    reader: Result<Reader, Damage>,
}

/// Opens a capture, `-` for the standard input.
///
/// # Errors
///
/// When it cannot be opened or read. Damage is not an error here: see [`Opened::pump`].
pub fn open(path: &Path) -> Result<Opened> {
    let name = match path.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => path.display().to_string(),
    };
    let (input, length) = interrupt::open(path).with_context(|| format!("cannot open {name}"))?;
    let reader = match Reader::new(input) {
        Ok(reader) => Ok(reader),
        Err(CaptureError::Damaged(damage)) => Err(damage),
        Err(CaptureError::Io(error)) => {
            return Err(error).with_context(|| format!("cannot read {name}"));
        }
    };
    Ok(Opened {
        name,
        length,
        reader,
    })
}

/// How the reading of a capture ended.
#[derive(Debug)]
pub enum Ending {
    /// At its end.
    Complete,
    /// Where the user, or the handler of packets, stopped it.
    Stopped,
    /// At damage, in this capture.
    Damaged(String, Damage),
}

impl Opened {
    /// The reader, unless even the header is damaged.
    pub fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref().ok()
    }

    /// Hands every packet to `handle`.
    ///
    /// # Errors
    ///
    /// When the input fails, or `handle` does.
    pub fn pump(self, mut handle: impl FnMut(&Packet<'_>) -> Result<()>) -> Result<Ending> {
        let mut reader = match self.reader {
            Ok(reader) => reader,
            Err(_) if interrupt::pending() => return Ok(Ending::Stopped),
            Err(damage) => return Ok(Ending::Damaged(self.name, damage)),
        };
        let progress = Progress::new(&self.name, self.length);
        let mut until_look = LOOK_EVERY;
        loop {
            match reader.next_packet() {
                Ok(Some(packet)) => handle(&packet)?,
                Ok(None) if interrupt::pending() => return Ok(Ending::Stopped),
                Ok(None) => return Ok(Ending::Complete),
                // A pipe ends where the user stops it, which need not be a packet's end.
                Err(CaptureError::Damaged(_)) if interrupt::pending() => {
                    return Ok(Ending::Stopped);
                }
                Err(CaptureError::Damaged(damage)) => {
                    return Ok(Ending::Damaged(self.name, damage));
                }
                Err(CaptureError::Io(error)) => {
                    return Err(error).with_context(|| format!("cannot read {}", self.name));
                }
            }
            until_look -= 1;
            if until_look == 0 {
                until_look = LOOK_EVERY;
                progress.set(reader.position());
                if interrupt::pending() {
                    return Ok(Ending::Stopped);
                }
            }
        }
    }
}

impl Ending {
    /// Says on the standard error what is wrong, if anything, and how the command ends.
    pub fn report(&self) -> Exit {
        match self {
            Self::Complete => Exit::Done,
            Self::Stopped => Exit::Interrupted,
            Self::Damaged(name, damage) => {
                eprintln!("dpf: {name} is {damage}");
                Exit::Damaged
            }
        }
    }
}
