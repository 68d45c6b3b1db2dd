//! Native code: made, proved, sealed, called.
//!
//! This is where emitted code becomes callable, so the whole argument for its safety stands in this
//! file: what is sealed was accepted by `check` under a policy that names the packet and the tables
//! of one trie, and a [`Native`] holds that trie, so the tables outlive the code.
#![expect(
    unsafe_code,
    reason = "calling emitted code is outside what the compiler can check"
)]

use super::{CodeError, Packet, packet::captured};
use crate::{
    check::{Policy, x64::prove},
    codegen::{self, Entry},
    dispatch::Shared,
    trie::{GroupId, Trie},
};
use alloc::{boxed::Box, vec::Vec};
use vcode::{
    Assembler,
    exec::{Arena, Executable},
    x64::X64,
};

/// Addresses reserved for code, in bytes.
pub const CODE_RANGE: usize = 1 << 30;

/// Functions start at a multiple of so many bytes: a line that the processor fetches.
const ALIGNMENT: usize = 64;

/// What every function is: packet, captured length, original length; entry plus 1, or 0.
type Function = unsafe extern "C" fn(*const u8, u32, u32) -> u32;

/// Sealed code with the trie whose tables it reads.
///
/// Invariants, which the calls rest on:
///
/// 1. every function was proved by `check` under the policy of `trie`'s tables, at its offset;
/// 2. `code` holds those bytes unchanged, executable, as long as this value lives;
/// 3. the tables that the policy names are alive as long as `trie` is.
#[derive(Debug)]
pub struct Native {
    code: Executable,
    /// The function for the winner, and one for each group if they were asked for.
    best: Function,
    each: Box<[Function]>,
    /// Where each function starts, the winner's first, and where the last one ends.
    bounds: Box<[usize]>,
    trie: Shared<Trie>,
    longest_path: u32,
}

impl Native {
    /// The winner's entry and 1, or 0.
    #[inline]
    pub(crate) fn best(&self, packet: Packet<'_>) -> u32 {
        // SAFETY: `best` is one of this value's functions.
        unsafe { call(self.best, packet) }
    }

    /// What each group answers; nothing when its functions were not made.
    pub(crate) fn each<'a>(&'a self, packet: Packet<'a>) -> Option<impl Iterator<Item = u32> + 'a> {
        let made = self.each.len() == self.trie.groups().len();
        made.then(|| {
            self.each.iter().map(move |function| {
                // SAFETY: it is one of this value's functions.
                unsafe { call(*function, packet) }
            })
        })
    }

    /// The most instructions of one call of any function.
    pub fn longest_path(&self) -> u32 {
        self.longest_path
    }

    /// The code of every function, the winner's first: its address and its bytes.
    pub fn functions(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let start = self.code.as_ptr() as u64;
        self.bounds.windows(2).filter_map(move |pair| {
            Some((
                start + pair[0] as u64,
                self.code.bytes().get(pair[0]..pair[1])?,
            ))
        })
    }
}

/// Calls a function of a live [`Native`].
///
/// # Safety
///
/// 1. `function` is of a `Native` that lives through the call.
#[inline]
unsafe fn call(function: Function, packet: Packet<'_>) -> u32 {
    let (address, len) = captured(packet.bytes);
    // SAFETY: by invariants 1 to 3 of the `Native` the code reads only `len` bytes from `address`,
    // which the slice lends, and live tables; it stores to its own frame alone and returns.
    unsafe { function(address, len, packet.wire_len) }
}

/// Makes code of tries, in memory that it reuses.
#[derive(Debug)]
pub(crate) struct Compiler {
    assembler: Assembler<X64>,
    arena: Arena,
    bytes: Vec<u8>,
    bounds: Vec<usize>,
}

impl Compiler {
    pub(crate) fn new() -> Result<Self, CodeError> {
        let arena = Arena::reserve(CODE_RANGE).map_err(CodeError::Memory)?;
        Ok(Self {
            assembler: Assembler::new(X64::new()),
            arena,
            bytes: Vec::new(),
            bounds: Vec::new(),
        })
    }

    /// Code for the winner and, if `groups`, for each group of `trie`.
    pub(crate) fn compile(
        &mut self,
        trie: &Shared<Trie>,
        groups: bool,
    ) -> Result<Native, CodeError> {
        let policy = Policy::filter(&codegen::tables(trie));
        self.bytes.clear();
        self.bounds.clear();
        let mut longest_path = self.append(trie, Entry::Best, &policy)?;
        for group in 0..if groups {
            trie.groups().len() as u32
        } else {
            0
        } {
            longest_path =
                longest_path.max(self.append(trie, Entry::Group(GroupId(group)), &policy)?);
        }
        let code = self.arena.publish(&self.bytes).map_err(CodeError::Memory)?;
        let start = code.as_ptr();
        let functions = self.bounds.iter().map(|offset| {
            // SAFETY: the offset is that of a proved function (invariant 1) within the sealed code
            // (invariant 2), and `Function` is the signature it was made and proved with.
            unsafe { core::mem::transmute::<*const u8, Function>(start.add(*offset)) }
        });
        let mut functions: Vec<Function> = functions.collect();
        let best = functions.remove(0);
        self.bounds.push(self.bytes.len());
        let bounds = self.bounds.as_slice().into();
        Ok(Native {
            code,
            best,
            each: functions.into(),
            bounds,
            trie: trie.clone(),
            longest_path,
        })
    }

    /// Emits, proves and appends one function; returns its longest path.
    fn append(&mut self, trie: &Trie, entry: Entry, policy: &Policy) -> Result<u32, CodeError> {
        let code = codegen::emit(trie, entry, &mut self.assembler).map_err(CodeError::Emit)?;
        let proved = prove(code.bytes(), policy).map_err(CodeError::Refused)?;
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0xcc);
        self.bounds.push(self.bytes.len());
        self.bytes.extend_from_slice(proved.code());
        Ok(proved.report().longest_path)
    }
}
