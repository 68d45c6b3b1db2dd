//! Ctrl-C, and inputs that may block: so that a command can stop and print what there is.
//!
//! The first signal only raises a flag, which reading loops look at; the second ends the process.
//! A pipe may give nothing for minutes, so it is read by a thread of its own, and waited for with
//! one eye on the flag.

use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
};

/// The exit code of a command that a signal ended: 128 and the number of SIGINT.
pub const EXIT_CODE: u8 = 130;

const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks a pipe's reader may be ahead.
const CHUNKS_AHEAD: usize = 4;
/// How long the flag may go unseen.
const PATIENCE: Duration = Duration::from_millis(50);

static PENDING: AtomicBool = AtomicBool::new(false);

/// Catches SIGINT and SIGTERM from now on.
///
/// # Errors
///
/// When the system refuses.
pub fn catch() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if PENDING.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    })
}

/// Whether the user wants the command to end.
pub fn pending() -> bool {
    PENDING.load(Ordering::Relaxed)
}

/// Opens an input to read, `-` for the standard input, such that reading it ends when
/// [`pending`] becomes true. Gives its length where that is known.
///
/// # Errors
///
/// When the file cannot be opened, or is a folder.
pub fn open(path: &Path) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(Pipe::new(io::stdin())), None));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if metadata.is_file() {
        return Ok((Box::new(file), Some(metadata.len())));
    }
    Ok((Box::new(Pipe::new(file)), None))
}

/// An input read by a thread. It ends early when a signal is pending.
struct Pipe {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    used: usize,
}

impl Pipe {
    fn new(input: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        // Not joined: it may block in the input for ever.
        thread::spawn(move || forward(input, &sender));
        Self {
            chunks,
            chunk: Vec::new(),
            used: 0,
        }
    }

    /// Waits for the next chunk; an empty one is the end.
    fn next_chunk(&self) -> io::Result<Vec<u8>> {
        loop {
            if pending() {
                return Ok(Vec::new());
            }
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.chunk.len() {
            self.chunk = self.next_chunk()?;
            self.used = 0;
        }
        let rest = &self.chunk[self.used..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.used += count;
        Ok(count)
    }
}

/// Reads to the end, or until nobody listens.
fn forward(mut input: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let result = match input.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                chunk.truncate(count);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = result.is_err();
        if sender.send(result).is_err() || failed {
            return;
        }
    }
}
