//! Names of resources: newtypes over their numbers.

macro_rules! names {
    ($($(#[doc = $about:literal])* $name:ident($type:ty);)*) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub $type);
    )*};
}

names! {
    /// An environment.
    EnvId(u8);
    /// A physical page: its physical address shifted right by 12.
    PageNo(u16);
    /// A place in the vector of time slices.
    Position(u8);
    /// An address context of an environment.
    ContextNo(u8);
    /// The code of an exception in the Cause register.
    Cause(u8);
}

impl PageNo {
    /// The page's first physical address.
    pub const fn physical(self) -> u32 {
        (self.0 as u32) << 12
    }

    /// The page that a physical address is in, if pages are numbered so far.
    pub const fn of(physical: u32) -> Option<PageNo> {
        if physical >> 28 == 0 {
            Some(PageNo((physical >> 12) as u16))
        } else {
            None
        }
    }
}

impl Cause {
    /// An interrupt.
    pub const INTERRUPT: Cause = Cause(0);
    /// A store to a page that may not be written.
    pub const MODIFIED: Cause = Cause(1);
    /// A load or fetch that no binding was found for.
    pub const MISS_LOAD: Cause = Cause(2);
    /// A store that no binding was found for.
    pub const MISS_STORE: Cause = Cause(3);
    /// A load or fetch at an address that is odd, or the kernel's.
    pub const ADDRESS_LOAD: Cause = Cause(4);
    /// A store at an address that is odd, or the kernel's.
    pub const ADDRESS_STORE: Cause = Cause(5);
    /// A bus error of a fetch.
    pub const BUS_FETCH: Cause = Cause(6);
    /// A bus error of a load or store.
    pub const BUS_DATA: Cause = Cause(7);
    /// A system call.
    pub const SYSCALL: Cause = Cause(8);
    /// A breakpoint.
    pub const BREAKPOINT: Cause = Cause(9);
    /// A reserved instruction.
    pub const RESERVED: Cause = Cause(10);
    /// A coprocessor that may not be used.
    pub const COPROCESSOR: Cause = Cause(11);
    /// An overflow.
    pub const OVERFLOW: Cause = Cause(12);
    /// Causes that are counted.
    pub const COUNT: usize = 16;
}
