//! Starting a process: see [`super`].

use super::Child;
use super::image::{Fault, Image};
use crate::layout::{
    CONSOLE, Context, HANDLER_TOP, MAIN_STACK_BYTES, MOST_ARGUMENTS, PROGRAM, REGION_BYTES, SAVE,
    STACK_TOP, STACKS, SavePage, TABLE, TRAP,
};
use crate::sys;
use crate::trap;
use crate::vm::{self, Access, Entry, Window};
use aegis_abi::layout::{ANY, ENTRY_DIRTY, ENTRY_VALID, PAGE_BYTES};
use aegis_abi::{Capability, EnvId, Error, PageNo, Position};
use core::fmt;
use core::mem::offset_of;

/// What a process is given besides its program.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What [`super::arguments`] returns there.
    pub arguments: &'a str,
    /// Whether it may print; whoever starts it must hold the console then.
    pub console: bool,
}

/// Why a process was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// The file is no program.
    Image(Fault),
    /// The arguments have this many bytes, more than [`MOST_ARGUMENTS`].
    Arguments(usize),
    /// The kernel refused something.
    Kernel(Error),
}

impl From<Error> for SpawnError {
    fn from(error: Error) -> Self {
        SpawnError::Kernel(error)
    }
}

impl From<Fault> for SpawnError {
    fn from(fault: Fault) -> Self {
        SpawnError::Image(fault)
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Image(fault) => fault.fmt(to),
            SpawnError::Arguments(given) => {
                write!(
                    to,
                    "{given} bytes of arguments, {MOST_ARGUMENTS} are allowed"
                )
            }
            SpawnError::Kernel(error) => to.write_str(error.about()),
        }
    }
}

/// Starts the program in `file`.
///
/// # Errors
///
/// When the file is no program or the kernel refuses something; then nothing of it is left.
pub fn spawn(file: &[u8], options: &Options<'_>) -> Result<Child, SpawnError> {
    let image = Image::parse(file)?;
    let given = options.arguments.len();
    if given > MOST_ARGUMENTS {
        return Err(SpawnError::Arguments(given));
    }
    let table = super::PublicTable::open()?;
    let home = vm::allocate()?;
    let env = match sys::env_create(home) {
        Ok(words) => EnvId(words.0 as u8),
        Err(error) => {
            sys::page_free(home)?;
            return Err(error.into());
        }
    };
    // Before it can run, and end: afterwards its number may be another's.
    let epoch = table.epoch(env);
    if let Err(error) = build(env, &image, options) {
        sys::env_destroy(env, 0)?;
        return Err(error.into());
    }
    Ok(Child { env, epoch })
}

/// Makes an empty environment a process.
fn build(env: EnvId, image: &Image<'_>, options: &Options<'_>) -> Result<(), Error> {
    let trap = put(env, 0, image.trap)?;
    guarantee(env, TRAP, trap, Access::Read)?;
    for address in (STACKS..HANDLER_TOP).step_by(PAGE_BYTES as usize) {
        guarantee(env, address, put(env, 0, &[])?, Access::Write)?;
    }
    let console = put(env, 0, &[])?;
    guarantee(env, CONSOLE, console, Access::Write)?;
    let table = program(env, image)?;
    guarantee(
        env,
        TABLE + PROGRAM / REGION_BYTES * PAGE_BYTES,
        table,
        Access::Write,
    )?;
    let save = save(env, image, options, console)?;
    guarantee(env, SAVE, save, Access::Write)?;
    trap::install(env, &image.vectors, save.physical())?;
    let position = Position(sys::slice_alloc(ANY)?.0 as u8);
    if let Err(error) = sys::slice_give(position, env) {
        sys::slice_free(position)?;
        return Err(error);
    }
    Ok(())
}

/// Loads the program; the page of its page table that says where.
fn program(env: EnvId, image: &Image<'_>) -> Result<PageNo, Error> {
    let table = Window::open(vm::allocate()?)?;
    let set = |address: u32, entry: Entry| {
        table.set((address % REGION_BYTES / PAGE_BYTES) as usize, entry.word());
    };
    let loaded = (|| {
        for page in image.pages() {
            let entry = if page.bytes.is_empty() && page.writable {
                Entry::DEMANDED
            } else {
                let access = if page.writable {
                    Access::Write
                } else {
                    Access::Read
                };
                Entry::mapped(put(env, page.offset, page.bytes)?, access)
            };
            set(page.address, entry);
        }
        Ok(())
    })();
    for address in (STACK_TOP - MAIN_STACK_BYTES..STACK_TOP).step_by(PAGE_BYTES as usize) {
        set(address, Entry::DEMANDED);
    }
    let page = table.page();
    drop(table);
    give(page, env, loaded)
}

/// Makes the page that the child shares with its trap code: in its first slice it begins at its entry.
fn save(
    env: EnvId,
    image: &Image<'_>,
    options: &Options<'_>,
    console: PageNo,
) -> Result<PageNo, Error> {
    let window = Window::open(vm::allocate()?)?;
    let set = |offset: usize, value: u32| window.set(offset / 4, value);
    let main = offset_of!(SavePage, main);
    set(offset_of!(SavePage, own), u32::from(env.0));
    set(offset_of!(SavePage, context), SAVE + main as u32);
    set(main + offset_of!(Context, pc), image.entry);
    set(main + 4 * STACK_POINTER, STACK_TOP - ARGUMENT_ROOM);
    set(offset_of!(SavePage, console_page), u32::from(console.0));
    let bytes = options.arguments.as_bytes();
    set(offset_of!(SavePage, arguments_bytes), bytes.len() as u32);
    window.write(offset_of!(SavePage, arguments) as u32, bytes);
    let region = (PROGRAM / REGION_BYTES) as usize;
    window.write((offset_of!(SavePage, regions) + region) as u32, &[1]);
    let granted = if options.console {
        sys::console_capability().map(|words| {
            let name = Capability::console_name();
            for (place, word) in [name, words.0, words.1].into_iter().enumerate() {
                set(offset_of!(SavePage, console) + 4 * place, word);
            }
        })
    } else {
        Ok(())
    };
    let page = window.page();
    drop(window);
    give(page, env, granted)
}

/// A page of the child's with bytes in it.
fn put(env: EnvId, offset: u32, bytes: &[u8]) -> Result<PageNo, Error> {
    let page = vm::allocate()?;
    let filled = if bytes.is_empty() {
        Ok(())
    } else {
        Window::open(page).map(|window| window.write(offset, bytes))
    };
    give(page, env, filled)
}

/// Gives a page to the child, or frees it if what was to be in it is not.
fn give(page: PageNo, env: EnvId, filled: Result<(), Error>) -> Result<PageNo, Error> {
    let given = filled.and_then(|()| sys::page_give(page, env).map(|_| page));
    if given.is_err() {
        sys::page_free(page)?;
    }
    given
}

fn guarantee(env: EnvId, address: u32, page: PageNo, access: Access) -> Result<(), Error> {
    let dirty = if access == Access::Write {
        ENTRY_DIRTY
    } else {
        0
    };
    sys::env_guarantee(env, address, page.physical() | ENTRY_VALID | dirty).map(|_| ())
}

/// The number of `sp`.
const STACK_POINTER: usize = 29;
/// What a procedure of o32 may use above its frame.
const ARGUMENT_ROOM: u32 = 16;
