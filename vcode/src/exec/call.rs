//! Calls into sealed code.
#![expect(
    unsafe_code,
    reason = "running emitted code is outside what the compiler can check"
)]

use super::Executable;

/// The host's C calling convention with six words.
type Words = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64) -> u64;

impl Executable {
    /// Calls the code at its first byte with up to six words (missing ones are 0) and returns a word.
    ///
    /// # Safety
    /// 1. The first byte is the entry of a function of the host's C calling convention that takes at most
    ///    six words.
    /// 2. Whatever it reads, writes and calls with these arguments is valid for it.
    #[must_use]
    pub unsafe fn call(&self, arguments: &[u64]) -> u64 {
        // SAFETY: by condition 1 the code is such a function; a function of fewer parameters ignores the
        // rest. The pages stay executable while `self` is borrowed.
        let function = unsafe { core::mem::transmute::<*const u8, Words>(self.as_ptr()) };
        let word = |at: usize| arguments.get(at).copied().unwrap_or(0);
        // SAFETY: conditions 1 and 2.
        unsafe { function(word(0), word(1), word(2), word(3), word(4), word(5)) }
    }
}
