//! The captures that `dpf split` writes: any number of them, with a bounded number of open files.
//!
//! Every capture is created, with its header, before the first packet is read, so that a folder
//! that cannot be written is found out at once, and so that a filter without packets leaves an
//! empty capture. The least recently used file is closed when too many are open, and opened again
//! to append.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};

use crate::capture::{Format, Packet, Writer};

/// Creates a file to write; over one that is there already only with `force`.
///
/// # Errors
///
/// When it cannot be created, or is there already.
pub fn create_file(path: &Path, force: bool) -> Result<File> {
    let file = if force {
        File::create(path)
    } else {
        File::create_new(path)
    };
    file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow!(
                "{} is there already: --force writes over it",
                path.display()
            )
        }
        _ => anyhow::Error::new(error).context(format!("cannot create {}", path.display())),
    })
}

/// The most captures that are open at once.
pub const MAX_OPEN: usize = 128;

/// How much is collected for one capture before it is written.
const BUFFER_BYTES: usize = 32 << 10;

/// Captures being written.
pub struct Outputs {
    format: Format,
    captures: Vec<Output>,
    open: usize,
    /// Counts uses, to find the least recent.
    clock: u64,
}

struct Output {
    path: PathBuf,
    writer: Option<Writer<BufWriter<File>>>,
    /// Of a closed writer.
    described: usize,
    used: u64,
}

impl Outputs {
    /// Creates a capture for each of `names` in `folder`, none of them over `input`, and over others
    /// only with `force`.
    ///
    /// # Errors
    ///
    /// When the folder or a capture cannot be made, or would be the input.
    pub fn create(
        folder: &Path,
        names: &[String],
        format: &Format,
        input: &Path,
        force: bool,
    ) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let input = fs::canonicalize(input).ok();
        let mut outputs = Self {
            format: format.clone(),
            captures: Vec::new(),
            open: 0,
            clock: 0,
        };
        for name in names {
            let path = folder.join(format!("{name}.{}", format.extension()));
            if input.is_some() && fs::canonicalize(&path).ok() == input {
                bail!(
                    "{} is the capture being read: choose another folder",
                    path.display()
                );
            }
            outputs.make_room()?;
            outputs.add(path, force)?;
        }
        Ok(outputs)
    }

    /// Writes a packet to the capture with this index.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&mut self, index: u32, packet: &Packet<'_>) -> Result<()> {
        let index = index as usize;
        if self.captures[index].writer.is_none() {
            self.make_room()?;
            self.reopen(index)?;
        }
        self.clock += 1;
        let output = &mut self.captures[index];
        output.used = self.clock;
        match &mut output.writer {
            Some(writer) => writer
                .write(packet)
                .with_context(|| format!("cannot write {}", output.path.display())),
            None => Ok(()),
        }
    }

    /// Writes what is still collected, and closes all.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn finish(mut self) -> Result<()> {
        for output in &mut self.captures {
            output.close()?;
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, force: bool) -> Result<()> {
        let file = create_file(&path, force)?;
        let writer = Writer::new(
            BufWriter::with_capacity(BUFFER_BYTES, file),
            self.format.clone(),
        )?;
        self.captures.push(Output {
            path,
            writer: Some(writer),
            described: 0,
            used: self.clock,
        });
        self.open += 1;
        Ok(())
    }

    fn reopen(&mut self, index: usize) -> Result<()> {
        let output = &mut self.captures[index];
        let file = OpenOptions::new().append(true).open(&output.path);
        let file = file.with_context(|| format!("cannot open {} again", output.path.display()))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        output.writer = Some(Writer::resume(file, self.format.clone(), output.described));
        self.open += 1;
        Ok(())
    }

    fn make_room(&mut self) -> Result<()> {
        if self.open < MAX_OPEN {
            return Ok(());
        }
        let open = self
            .captures
            .iter_mut()
            .filter(|output| output.writer.is_some());
        if let Some(oldest) = open.min_by_key(|output| output.used) {
            oldest.close()?;
            self.open -= 1;
        }
        Ok(())
    }
}

impl Output {
    fn close(&mut self) -> Result<()> {
        if let Some(mut writer) = self.writer.take() {
            self.described = writer.described();
            writer
                .flush()
                .with_context(|| format!("cannot write {}", self.path.display()))?;
        }
        Ok(())
    }
}
