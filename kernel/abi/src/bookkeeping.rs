//! The kernel's tables that anybody may map to read (paper, §3.1: expose names and bookkeeping).
//!
//! `layout::TABLE_PAGES` is one [`PageState`] for each physical page, in order; `layout::TABLE_PUBLIC` is
//! one [`Public`]. Every page is on a list: of its owner's pages, or of the free ones; the list is inside
//! the table. Nothing here is secret; the kernel checks what it reads against nothing else, for nobody
//! but the kernel writes it.

use crate::layout::{MOST_ENVS, REVOKE_KINDS, SLICES};

/// Owner of a free page, of a free slice; parent of an environment that nobody controls.
pub const NOBODY: u8 = 0xff;
/// Owner of a page that the kernel keeps to itself.
pub const KERNEL: u8 = 0xfe;
/// Owner of a page of the kernel's that anybody may map to read.
pub const PUBLIC: u8 = 0xfd;
/// The number of no page.
pub const NO_PAGE: u16 = u16::MAX;
/// [`PageState::binding`]: no entry of the STLB leads to the page.
pub const UNBOUND: u16 = u16::MAX;
/// [`PageState::binding`]: more than one entry may.
pub const BOUND_OFTEN: u16 = u16::MAX - 1;
/// [`Due::target`] if nothing was asked for.
pub const NOT_DUE: u16 = u16::MAX;

/// What the kernel knows of a physical page: 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct PageState {
    /// The environment that owns it, or [`NOBODY`], [`KERNEL`], [`PUBLIC`].
    pub owner: u8,
    /// Save areas, guaranteed mappings, repossession vectors and backing pages that it is; it stays
    /// while there is one.
    pub pins: u8,
    /// The next page of the same owner; [`NO_PAGE`] ends the list.
    pub next: u16,
    /// The one before it.
    pub previous: u16,
    /// The only entry of the STLB that leads to it, [`UNBOUND`] or [`BOUND_OFTEN`].
    pub binding: u16,
    /// Which capabilities to read are good; the last number makes none.
    pub read_epoch: u32,
    /// Which capabilities to write are good.
    pub write_epoch: u32,
}

/// A time slice (§5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Slice {
    /// Who may free it or give it away, or [`NOBODY`].
    pub owner: u8,
    /// Who runs in it: its owner, or to whom synchronous transfers donated it.
    pub holder: u8,
}

/// A request to give back what is not met yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Due {
    /// How many it may keep, or [`NOT_DUE`].
    pub target: u16,
    /// Whether it has been told.
    pub told: u16,
    /// The tick by which; then they are taken by force.
    pub deadline: u32,
}

/// How an environment ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Death {
    /// One of `layout::DEATH_*`, or the code of an exception that it had no handler for.
    pub cause: u32,
    /// Where, if it was an exception.
    pub epc: u32,
    /// BadVAddr, if it was an exception.
    pub bad_address: u32,
    /// The status that `env_destroy` was given.
    pub status: u32,
}

/// What anybody may know of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct EnvPublic {
    /// The page that the kernel keeps it in; [`NO_PAGE`] if it does not live.
    pub page: u16,
    /// Who controls it, or [`NOBODY`].
    pub parent: u8,
    /// Slices that it used in excess and has not forfeited yet.
    pub excess: u8,
    /// The first of its pages.
    pub first: u16,
    /// How many it has.
    pub pages: u16,
    /// How many are never taken.
    pub reserve: u16,
    /// Capabilities it presented that were none.
    pub forgeries: u16,
    /// How often an environment of this number was made; the last number makes no capability.
    pub epoch: u32,
    /// How the last environment of this number ended.
    pub death: Death,
    /// What it was asked to give back, by `layout::REVOKE_*`.
    pub due: [Due; REVOKE_KINDS],
}

/// The slice vector and what anybody may know of the environments.
#[derive(Clone, Debug)]
#[repr(C, align(4096))]
pub struct Public {
    /// Clock ticks since the machine started.
    pub ticks: u32,
    /// The slice that runs.
    pub position: u8,
    /// Whose slice's end was delivered and who did not yield since, or [`NOBODY`].
    pub ending: u8,
    /// Whose turn it is: whom the kernel entered last in time. Time past the slice's end is charged to it, whoever it has
    /// transferred control to since. Or [`NOBODY`].
    pub turn: u8,
    /// The first free page.
    pub free: u16,
    /// How many there are.
    pub free_pages: u16,
    /// 1 if the slice began early, in what another had left of its own.
    pub early: u16,
    /// The slice vector.
    pub slices: [Slice; SLICES],
    /// The environments.
    pub envs: [EnvPublic; MOST_ENVS],
}

const _: () = assert!(size_of::<PageState>() == 16 && size_of::<EnvPublic>() == 56);
const _: () = assert!(size_of::<Public>() == 8192);

impl EnvPublic {
    /// Of an environment that never lived.
    pub const NONE: EnvPublic = EnvPublic {
        page: NO_PAGE,
        parent: NOBODY,
        excess: 0,
        first: NO_PAGE,
        pages: 0,
        reserve: 0,
        forgeries: 0,
        epoch: 0,
        death: Death {
            cause: 0,
            epc: 0,
            bad_address: 0,
            status: 0,
        },
        due: [Due::NONE; REVOKE_KINDS],
    };
}

impl Due {
    /// Nothing is due.
    pub const NONE: Due = Due {
        target: NOT_DUE,
        told: 0,
        deadline: 0,
    };
}

impl Slice {
    /// A slice that nobody owns.
    pub const FREE: Slice = Slice {
        owner: NOBODY,
        holder: NOBODY,
    };
}

impl Public {
    /// The table before anything has been allocated.
    pub const NEW: Public = Public {
        ticks: 0,
        position: 0,
        ending: NOBODY,
        turn: NOBODY,
        free: NO_PAGE,
        free_pages: 0,
        early: 0,
        slices: [Slice::FREE; SLICES],
        envs: [EnvPublic::NONE; MOST_ENVS],
    };
}
