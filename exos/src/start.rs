//! What happens before a program's `main`, and after it.
//!
//! Two beginnings meet here. A *program* was built by its parent: its first slice restores a context that
//! begins at `exos_start`, with memory, trap code and page table in place. The *first program* has nothing:
//! the kernel entered it in its flat image, so it makes its own save page and says where its trap code is
//! before anything can go wrong. Then both run `main`, whose result is the status.
//!
//! ```text
//! exos::main!(run);
//! fn run() -> u32 { exos::println!("hello"); 0 }
//! ```

use crate::layout::{CONSOLE, SAVE, SavePage, Vectors};
use crate::sys::{self, save_page};
use crate::{println, process, trap, vm};
use aegis_abi::layout::{ENTRY_DIRTY, ENTRY_VALID};
use aegis_abi::{EnvId, Error};
use core::mem::offset_of;
use core::panic::PanicInfo;

/// Names the function that a program is: without arguments, and its result is the status.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn exos_main() -> u32 {
            let main: fn() -> u32 = $main;
            main()
        }

        #[panic_handler]
        fn panic(information: &core::panic::PanicInfo<'_>) -> ! {
            $crate::start::panicked(information)
        }
    };
}

/// Prints why, and ends the program.
pub fn panicked(information: &PanicInfo<'_>) -> ! {
    println!("exos: {information}");
    sys::exit(trap::STATUS_PANIC)
}

/// Prepares a program that a parent built.
#[cfg_attr(
    not(target_arch = "mips"),
    expect(dead_code, reason = "the first instructions lead to it")
)]
pub(crate) fn prepare() -> Result<(), Error> {
    if let Some(console) = save_page().console_capability() {
        sys::console_bind(console.name, console.high, console.low)?;
    }
    Ok(())
}

/// Prepares the first program, of whose memory only the image is there.
#[cfg_attr(
    not(target_arch = "mips"),
    expect(dead_code, reason = "the first instructions lead to it")
)]
pub(crate) fn prepare_first(vectors: &Vectors) -> Result<(), Error> {
    let own = EnvId(sys::env_self()?.0 as u8);
    let save = vm::allocate()?;
    sys::env_guarantee(own, SAVE, save.physical() | ENTRY_DIRTY | ENTRY_VALID)?;
    let page = save_page();
    page.own.set(u32::from(own.0));
    page.context.set(SAVE + offset_of!(SavePage, main) as u32);
    trap::install(own, vectors, save.physical())?;
    // The image has zeros there, but nobody knows in which page.
    let console = vm::guarantee_own(CONSOLE)?;
    page.console_page.set(u32::from(console.0));
    // A slice may have ended before there was anybody to tell; the kernel tells only once.
    process::sleep()
}
