//! Printing, for programs that hold the console.
//!
//! Problem: the kernel prints from a physical page, not from an address. Method: a page of the program's own, always
//! mapped, so that a handler can print when nothing else works. What is being printed is kept there until the
//! kernel has it, which takes pieces and only when there is room for them: whoever interrupts prints from behind it. A program without the console prints into
//! the void.

use crate::process;
use crate::sys::{self, memory, save_page};
use aegis_abi::layout::PAGE_BYTES;
use core::fmt;

/// Prints text, in one piece if it is no longer than the page's rest.
pub fn print(text: fmt::Arguments<'_>) {
    let used = &save_page().console_used;
    let mut piece = Piece {
        first: used.get(),
        end: used.get(),
    };
    // Nothing in a piece fails; what a program's own `Display` refuses is cut there.
    let _ = fmt::write(&mut piece, text);
    piece.flush();
    used.set(piece.first);
}

/// What is kept in the console's page until it is printed.
struct Piece {
    first: u32,
    end: u32,
}

impl fmt::Write for Piece {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let room = PAGE_BYTES.saturating_sub(self.end) as usize;
            if room == 0 && self.first == self.end {
                // Printers have interrupted each other a page full: what comes now is lost.
                return Ok(());
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            save_page().console_used.set(self.end + now.len() as u32);
            memory::to_console(self.end, now);
            self.end += now.len() as u32;
            bytes = later;
            if !bytes.is_empty() {
                self.flush();
            }
        }
        Ok(())
    }
}

impl Piece {
    fn flush(&mut self) {
        let page = save_page().console_page.get() << 12;
        let mut first = self.first;
        while first < self.end {
            // Whoever does not hold the console is refused, and has nobody to tell.
            let Ok(words) = sys::console_write(page + first, self.end - first) else {
                break;
            };
            first += words.0;
            // A byte takes a millisecond: others run until there is room.
            if words.0 == 0 && process::sleep().is_err() {
                break;
            }
        }
        self.end = self.first;
    }
}

/// A byte that was typed, if one was and the program holds the console.
pub fn read() -> Option<u8> {
    let word = sys::console_read().ok()?.0;
    u8::try_from(word).ok()
}

/// Prints, as in `std`.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::console::print(format_args!($($argument)*))
    };
}

/// Prints, and a new line behind it, as in `std`.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::console::print(format_args!("{}\n", format_args!($($argument)*)))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_leaves_the_page_as_it_was() {
        println!("{} and {}", 1, "two");
        assert_eq!(save_page().console_used.get(), 0);
        save_page().console_used.set(PAGE_BYTES);
        print!("lost");
        assert_eq!(save_page().console_used.get(), PAGE_BYTES);
        assert_eq!(read(), None);
    }
}
