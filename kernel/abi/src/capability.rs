//! Self-authenticating capabilities: a name and a proof.
//!
//! The name says which resource and which rights; the proof is a keyed code over it and the resource's
//! epoch, which only the kernel can make and which the owner changes to revoke. It is 63 bits, so that
//! the upper word is never negative. Whoever knows the three words holds the capability.

use crate::{EnvId, PageNo};

/// Rights to a resource, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Rights(pub u8);

impl Rights {
    /// To map a page for reading.
    pub const READ: Rights = Rights(1);
    /// To map a page for writing too.
    pub const WRITE: Rights = Rights(2);
    /// Both.
    pub const ALL: Rights = Rights(3);
    /// To control an environment, or to use the console.
    pub const CONTROL: Rights = Rights(1);

    /// Whether all of `other` is in these.
    pub const fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Which kind of resource a capability is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A physical page.
    Page,
    /// An environment.
    Env,
    /// The console.
    Console,
}

/// A capability, as three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capability {
    /// Bits 31–28 the kind, 27–24 the rights, 15–0 the resource's number; the others are clear.
    pub name: u32,
    /// The upper half of the proof; never negative.
    pub high: u32,
    /// The lower half of the proof.
    pub low: u32,
}

impl Capability {
    /// The name of rights to a page.
    pub const fn page_name(page: PageNo, rights: Rights) -> u32 {
        name(Kind::Page, rights, page.0)
    }

    /// The name of control over an environment.
    pub const fn env_name(env: EnvId) -> u32 {
        name(Kind::Env, Rights::CONTROL, env.0 as u16)
    }

    /// The name of the use of the console.
    pub const fn console_name() -> u32 {
        name(Kind::Console, Rights::CONTROL, 0)
    }

    /// The parts of a name, if it is one.
    pub const fn parts(name: u32) -> Option<(Kind, Rights, u16)> {
        let kind = match name >> 28 {
            0 => Kind::Page,
            1 => Kind::Env,
            2 => Kind::Console,
            _ => return None,
        };
        if name & 0x00ff_0000 != 0 {
            return None;
        }
        Some((kind, Rights((name >> 24) as u8 & 15), name as u16))
    }
}

const fn name(kind: Kind, rights: Rights, number: u16) -> u32 {
    (kind as u32) << 28 | ((rights.0 & 15) as u32) << 24 | number as u32
}
