//! The code buffer of targets that encode bytes themselves, with its labels.
//!
//! Problem: instructions are encoded in place, in nanoseconds, into memory that is reused from function
//! to function, and forward branches are patched later. Method: each instruction asks once for a
//! [`Window`] wide enough for any encoding, so that single bytes need no bounds check; positions of labels
//! are a table; every use of a label is a [`Fixup`], resolved when the function ends. A buffer that
//! would pass its limit keeps the error and starts over, so that emission goes on harmlessly. Left out: what
//! a patched field looks like, which the target knows.

use alloc::vec;
use alloc::vec::Vec;

use crate::{Error, ErrorKind, Label};

/// Bytes that one window may take.
pub const WINDOW: usize = 64;
/// Bytes behind a window, so that a wide store at its last byte stays inside.
const SLACK: usize = 8;
/// First size of a buffer, in bytes.
const FIRST: usize = 4096;
const UNBOUND: u32 = u32::MAX;

/// Reusable memory for the code of one function at a time.
#[derive(Debug)]
pub struct CodeBuffer {
    bytes: Vec<u8>,
    len: usize,
    limit: usize,
    positions: Vec<u32>,
    fixups: Vec<Fixup>,
    fault: Option<Error>,
}

/// A field of the code that waits for the position of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixup {
    /// Where the field is, in bytes from the start of the buffer.
    pub at: u32,
    /// Which label it needs.
    pub label: Label,
}

impl CodeBuffer {
    /// An empty buffer for functions of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            len: 0,
            limit,
            positions: Vec::new(),
            fixups: Vec::new(),
            fault: None,
        }
    }

    /// Forgets the last function and leaves `reserved` bytes for the prologue.
    pub fn begin(&mut self, reserved: usize) {
        self.positions.clear();
        self.fixups.clear();
        self.fault = None;
        self.len = 0;
        if self.bytes.is_empty() {
            self.bytes = vec![0; FIRST];
        }
        self.len = reserved.min(WINDOW);
    }

    /// The next bytes to write; what is written stays when the window is dropped through
    /// [`Window::commit`].
    #[inline(always)]
    pub fn window(&mut self) -> Window<'_> {
        if self.bytes.len() < self.len + WINDOW + SLACK {
            self.grow();
        }
        let Self { bytes, len, .. } = self;
        match bytes
            .get_mut(*len..)
            .and_then(|rest| rest.first_chunk_mut())
        {
            Some(bytes) => Window { bytes, n: 0, len },
            None => unreachable!("`grow` leaves a window free"),
        }
    }

    /// Bytes written so far.
    #[inline(always)]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The bytes written so far, to be patched.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// Forgets the bytes from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// A new label.
    #[inline]
    pub fn label(&mut self) -> Label {
        let label = Label::new(self.positions.len() as u32);
        self.positions.push(UNBOUND);
        label
    }

    /// Binds the label here.
    #[inline]
    pub fn bind(&mut self, label: Label) {
        let here = self.len as u32;
        match self.positions.get_mut(label.index()) {
            Some(position) if *position == UNBOUND => *position = here,
            Some(_) => self.fail(Error::new(
                ErrorKind::LabelBoundTwice,
                label.index() as u64,
                1,
            )),
            None => self.fail(unplaced(&self.positions, label)),
        }
    }

    /// Notes that the field at `at` needs the label.
    #[inline]
    pub fn refer(&mut self, at: usize, label: Label) {
        self.fixups.push(Fixup {
            at: at as u32,
            label,
        });
    }

    /// Where the label is.
    ///
    /// # Errors
    /// [`ErrorKind::UnboundLabel`] or [`ErrorKind::ForeignLabel`].
    #[inline]
    pub fn position(&self, label: Label) -> Result<u32, Error> {
        match self.positions.get(label.index()) {
            Some(&position) if position != UNBOUND => Ok(position),
            _ => Err(unplaced(&self.positions, label)),
        }
    }

    /// Gives every fixup, with the position of its label, to `patch`.
    ///
    /// # Errors
    /// The first error kept, a label without position, or what `patch` returns.
    pub fn resolve(
        &mut self,
        patch: impl Fn(&mut [u8], usize, u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check()?;
        let Self {
            bytes,
            len,
            positions,
            fixups,
            ..
        } = self;
        let code = &mut bytes[..*len];
        for fixup in fixups.iter() {
            match positions.get(fixup.label.index()) {
                Some(&position) if position != UNBOUND => patch(code, fixup.at as usize, position)?,
                _ => return Err(unplaced(positions, fixup.label)),
            }
        }
        Ok(())
    }

    /// Whether all went well so far.
    ///
    /// # Errors
    /// The first error kept.
    pub fn check(&self) -> Result<(), Error> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.len > self.limit => Err(self.over_limit()),
            None => Ok(()),
        }
    }

    /// Keeps the error, if it is the first.
    #[cold]
    pub fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }

    #[cold]
    fn over_limit(&self) -> Error {
        Error::new(ErrorKind::BufferLimit, self.len as u64, self.limit as u64)
    }

    #[cold]
    fn grow(&mut self) {
        let wanted = self.len + WINDOW + SLACK;
        if self.len > self.limit {
            self.fail(Error::new(
                ErrorKind::BufferLimit,
                self.len as u64,
                self.limit as u64,
            ));
            self.len = 0;
            self.fixups.clear();
            return;
        }
        let size = wanted
            .max(self.bytes.len() * 2)
            .min(self.limit + 2 * WINDOW + SLACK);
        self.bytes.resize(size.max(wanted), 0);
    }
}

/// Room for one instruction's bytes.
#[derive(Debug)]
pub struct Window<'a> {
    bytes: &'a mut [u8; WINDOW + SLACK],
    n: usize,
    len: &'a mut usize,
}

impl Window<'_> {
    /// Appends a byte.
    #[inline(always)]
    pub fn byte(&mut self, byte: u8) {
        debug_assert!(self.n < WINDOW, "an instruction longer than a window");
        self.bytes[self.n % WINDOW] = byte;
        self.n += 1;
    }

    /// Appends up to eight bytes.
    #[inline(always)]
    pub fn chunk<const N: usize>(&mut self, chunk: [u8; N]) {
        const { assert!(N <= SLACK) };
        debug_assert!(self.n + N <= WINDOW, "an instruction longer than a window");
        let at = self.n % WINDOW;
        self.bytes[at..at + N].copy_from_slice(&chunk);
        self.n += N;
    }

    /// Bytes of the buffer up to the end of what this window holds.
    #[inline(always)]
    #[must_use]
    pub const fn end(&self) -> usize {
        *self.len + self.n
    }

    /// Makes the byte before `end`, a place in this window, the distance from there to here.
    #[inline(always)]
    pub fn land(&mut self, end: usize) {
        let (here, byte) = (self.end(), end.wrapping_sub(*self.len + 1));
        self.bytes[byte % WINDOW] = (here - end) as u8;
    }

    /// Keeps what was written and returns the new end of the code.
    #[inline(always)]
    pub fn commit(self) -> usize {
        *self.len += self.n;
        *self.len
    }
}

/// Why a label has no position.
#[cold]
fn unplaced(positions: &[u32], label: Label) -> Error {
    let (index, labels) = (label.index() as u64, positions.len() as u64);
    if index >= labels {
        return Error::new(ErrorKind::ForeignLabel, index, labels);
    }
    let bound = positions
        .iter()
        .filter(|&&position| position != UNBOUND)
        .count();
    Error::new(ErrorKind::UnboundLabel, index, bound as u64)
}
