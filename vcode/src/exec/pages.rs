//! The arena and its pages in their two states.
//!
//! Method: one `mmap` without access reserves the range; `mprotect` moves whole pages between no access,
//! read-write and read-execute. Numbered invariants that the safety arguments refer to:
//!
//! 1. a `Reservation` owns its range of addresses until it is dropped, and every `Writable` and
//!    `Executable` keeps it alive;
//! 2. spans taken from the free list are disjoint, so each `Writable` or `Executable` owns its pages;
//! 3. pages are read-write exactly while a `Writable` owns them, read-execute exactly while an
//!    `Executable` does, and inaccessible otherwise.
#![expect(
    unsafe_code,
    reason = "page protection is changed through the C library"
)]

use core::ffi::c_int;
use core::ops::Range;
use core::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};

use super::free::FreePages;
use crate::{Error, ErrorKind};

/// The largest arena, in bytes.
pub const MAX_ARENA: usize = 1 << 32;

/// A reserved range of addresses for code. Clones share it.
#[derive(Debug, Clone)]
pub struct Arena(Arc<Reservation>);

/// Pages being written; not executable.
#[derive(Debug)]
pub struct Writable(Pages);

/// Pages of code; not writable. Dropping them makes them inaccessible and free for new code.
#[derive(Debug)]
pub struct Executable(Pages);

#[derive(Debug)]
struct Reservation {
    base: NonNull<u8>,
    bytes: usize,
    page: usize,
    free: Mutex<FreePages>,
}

/// Pages taken from the arena, and how many of their bytes are in use.
#[derive(Debug)]
struct Pages {
    reservation: Arc<Reservation>,
    span: Range<usize>,
    len: usize,
}

impl Arena {
    /// Reserves addresses for at least `bytes` bytes of code; no memory is used yet.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] if `bytes` is 0, above [`MAX_ARENA`], or refused by the system.
    pub fn reserve(bytes: usize) -> Result<Self, Error> {
        let error = Error::new(ErrorKind::Memory, bytes as u64, MAX_ARENA as u64);
        if bytes == 0 || bytes > MAX_ARENA {
            return Err(error);
        }
        let page = page_bytes();
        let bytes = bytes.next_multiple_of(page);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the system's choice touches no existing memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        let base =
            NonNull::new(base.cast::<u8>()).filter(|base| base.as_ptr().cast() != libc::MAP_FAILED);
        let base = base.ok_or(error)?;
        let free = Mutex::new(FreePages::new(bytes / page));
        Ok(Self(Arc::new(Reservation {
            base,
            bytes,
            page,
            free,
        })))
    }

    /// Fresh zeroed pages for `len` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] if no run of free pages is long enough or the system refuses.
    pub fn writable(&self, len: usize) -> Result<Writable, Error> {
        let reservation = &self.0;
        let error = Error::new(ErrorKind::Memory, len as u64, reservation.bytes as u64);
        if len > reservation.bytes {
            return Err(error);
        }
        let count = len.max(1).div_ceil(reservation.page);
        let span = reservation.lock().take(count).ok_or(error)?;
        let pages = Pages {
            reservation: Arc::clone(reservation),
            span,
            len,
        };
        if pages.protect(libc::PROT_READ | libc::PROT_WRITE) {
            Ok(Writable(pages))
        } else {
            Err(error)
        }
    }

    /// Copies finished code to fresh pages and seals them.
    ///
    /// # Errors
    /// As [`Arena::writable`] and [`Writable::seal`].
    pub fn publish(&self, code: &[u8]) -> Result<Executable, Error> {
        let mut pages = self.writable(code.len())?;
        pages.bytes_mut().copy_from_slice(code);
        pages.seal()
    }

    /// Bytes of free pages.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.0.lock().count() * self.0.page
    }
}

impl Writable {
    /// The bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let Pages { len, .. } = self.0;
        // SAFETY: by invariants 1 to 3 the pages are mapped read-write and only this value, borrowed mutably
        // here, refers to them; they were zeroed by the system, so they are initialised.
        unsafe { core::slice::from_raw_parts_mut(self.0.start().as_ptr(), len) }
    }

    /// Makes the pages executable, never to be written again.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] if the system refuses; the pages are free again then.
    pub fn seal(mut self) -> Result<Executable, Error> {
        let Pages {
            len,
            ref reservation,
            ..
        } = self.0;
        let error = Error::new(ErrorKind::Memory, len as u64, reservation.bytes as u64);
        let sealed = synchronize(&mut self) && self.0.protect(libc::PROT_READ | libc::PROT_EXEC);
        if sealed {
            Ok(Executable(self.0))
        } else {
            Err(error)
        }
    }
}

impl Executable {
    /// The code.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: by invariants 1 to 3 the pages are mapped readable for as long as `self` lives, and
        // nothing writes them.
        unsafe { core::slice::from_raw_parts(self.0.start().as_ptr(), self.0.len) }
    }

    /// The address of the first byte, valid to execute while `self` lives.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.0.start().as_ptr()
    }
}

// SAFETY: a reservation is an address range and a mutex; access to its pages goes through `Writable`, which
// is not shared mutably, and `Executable`, which is only read (invariants 2 and 3).
unsafe impl Send for Reservation {}
// SAFETY: as for `Send`; the free list is behind the mutex.
unsafe impl Sync for Reservation {}

impl Reservation {
    fn lock(&self) -> std::sync::MutexGuard<'_, FreePages> {
        // The list is consistent between any two statements that could panic.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range is this reservation's (invariant 1) and nothing refers to it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

impl Pages {
    fn start(&self) -> NonNull<u8> {
        // SAFETY: the span lies inside the reservation (invariant 2), so the offset stays in one mapping.
        unsafe {
            self.reservation
                .base
                .add(self.span.start * self.reservation.page)
        }
    }

    fn mapped_bytes(&self) -> usize {
        self.span.len() * self.reservation.page
    }

    fn protect(&self, protection: c_int) -> bool {
        // SAFETY: the pages belong to this value alone (invariant 2); callers change the protection only as
        // invariant 3 says, with no reference into the pages alive.
        unsafe {
            libc::mprotect(
                self.start().as_ptr().cast(),
                self.mapped_bytes(),
                protection,
            ) == 0
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: as in `protect`; the contents are not needed any more, and read as zero when next mapped.
        let dropped = unsafe {
            libc::madvise(
                self.start().as_ptr().cast(),
                self.mapped_bytes(),
                libc::MADV_DONTNEED,
            ) == 0
        };
        // Pages that could not be closed are never handed out again.
        if self.protect(libc::PROT_NONE) && dropped {
            self.reservation.lock().put(self.span.clone());
        }
    }
}

fn page_bytes() -> usize {
    // SAFETY: `sysconf` reads a constant.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

/// Makes the bytes written visible to instruction fetch on every core; says whether it could.
///
/// On x86-64 there is nothing to do: caches are coherent, and pages that held other code before were made
/// inaccessible since, which interrupted every core that might have fetched it.
fn synchronize(pages: &mut Writable) -> bool {
    if cfg!(target_arch = "x86_64") {
        return true;
    }
    dynasmrt::cache_control::synchronize_icache(pages.bytes_mut());
    synchronize_cores()
}

/// Asks every core that runs this process to forget what it has fetched.
#[cfg(target_os = "linux")]
fn synchronize_cores() -> bool {
    /// `MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE` and its registration, which may be repeated.
    const SYNC_CORE: c_int = 1 << 5;
    const REGISTER_SYNC_CORE: c_int = 1 << 6;
    [REGISTER_SYNC_CORE, SYNC_CORE].into_iter().all(|command| {
        // SAFETY: `membarrier` takes no pointers and only orders what the cores do.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    })
}

/// Elsewhere the system's own invalidation reaches every core.
#[cfg(not(target_os = "linux"))]
fn synchronize_cores() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_zeroed_and_inaccessible_meanwhile() -> Result<(), Error> {
        let arena = Arena::reserve(1)?;
        let all = arena.free_bytes();
        let code = arena.publish(&[0xc3; 100])?;
        assert_eq!(code.bytes(), [0xc3; 100]);
        assert_eq!(arena.free_bytes(), 0);
        let refused = arena
            .writable(1)
            .map(|_| ())
            .map_err(|error| (error.kind(), error.given(), error.limit()));
        assert_eq!(refused, Err((ErrorKind::Memory, 1, all as u64)));
        drop(code);
        assert_eq!(arena.free_bytes(), all);
        assert!(
            arena
                .writable(100)?
                .bytes_mut()
                .iter()
                .all(|&byte| byte == 0)
        );
        Ok(())
    }

    #[test]
    fn the_system_sees_pages_writable_or_executable_but_never_both() -> Result<(), Error> {
        let arena = Arena::reserve(1 << 20)?;
        let writable = arena.writable(1)?;
        assert_eq!(protection(writable.0.start().as_ptr()), "rw-p");
        let executable = writable.seal()?;
        assert_eq!(protection(executable.as_ptr()), "r-xp");
        let address = executable.as_ptr();
        drop(executable);
        assert_eq!(protection(address), "---p");
        Ok(())
    }

    #[test]
    fn empty_and_oversized_requests_are_refused() -> Result<(), Error> {
        for bytes in [0, MAX_ARENA + 1] {
            assert_eq!(
                Arena::reserve(bytes)
                    .map(|_| ())
                    .map_err(|error| error.kind()),
                Err(ErrorKind::Memory)
            );
        }
        let arena = Arena::reserve(1)?;
        assert!(arena.writable(usize::MAX).is_err());
        assert!(arena.writable(0)?.bytes_mut().is_empty());
        Ok(())
    }

    /// The protection of the mapping around the address, as the system prints it.
    fn protection(address: *const u8) -> String {
        let address = address as usize;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let parse = |line: &str| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let range =
                usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?;
            range
                .contains(&address)
                .then(|| rest.chars().take(4).collect())
        };
        maps.lines().find_map(parse).unwrap_or_default()
    }
}
