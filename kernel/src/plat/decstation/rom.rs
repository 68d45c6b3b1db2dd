//! The boot ROM's calls: how much memory there is, and the end.

use core::cell::UnsafeCell;

/// What `a2` holds when there is a vector of calls.
const MAGIC: u32 = 0x3046_4354;
/// Offsets in the vector.
const GET_BITMAP: u32 = 0x84;
const HALT: u32 = 0x9c;
/// Bytes of the bitmap: a bit for each page of 480 MB, the most that a board takes.
const BITMAP_BYTES: usize = 15_360;

/// A bitmap as the ROM writes it.
#[repr(C, align(4))]
struct Bitmap(UnsafeCell<[u8; BITMAP_BYTES + 4]>);

// SAFETY: it is used while the machine starts, by one caller.
unsafe impl Sync for Bitmap {}

static BITMAP: Bitmap = Bitmap(UnsafeCell::new([0; BITMAP_BYTES + 4]));

/// The ROM's vector of calls.
#[derive(Clone, Copy, Debug)]
pub struct Rom {
    calls: u32,
}

impl Rom {
    /// The ROM, if the words that it hands over in `a2` and `a3` are a ROM's.
    pub fn new(magic: u32, calls: u32) -> Option<Rom> {
        (magic == MAGIC).then_some(Rom { calls })
    }

    /// Bytes of memory without a gap, from address 0.
    pub fn memory(self) -> u32 {
        let bytes = BITMAP.0.get();
        self.call(GET_BITMAP, bytes as u32);
        // SAFETY: the ROM has written it, and nobody else uses it.
        let bitmap = unsafe { &(&*bytes)[4..] };
        let whole = bitmap.iter().take_while(|byte| **byte == 0xff).count();
        8 * 4096 * whole as u32
    }

    /// Stops the machine, sooner or later.
    pub fn halt(self, status: u32) {
        self.call(HALT, status);
    }

    fn call(self, offset: u32, argument: u32) -> u32 {
        // SAFETY: the vector holds addresses of procedures of o32; those called here take one word.
        unsafe {
            let address = ((self.calls + offset) as *const usize).read_volatile();
            let call: extern "C" fn(u32) -> u32 = core::mem::transmute(address);
            call(argument)
        }
    }
}
