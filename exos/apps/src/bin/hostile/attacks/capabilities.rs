//! Capabilities forged, raised, mixed up, replayed and revoked.

use crate::attack::{Arg, Attack, Ends, How, attack, first_wrong, refused};
use crate::code::{A0, Code, S0};
use crate::scene::{Bare, Scene};
use exos::abi::layout::{ENTRY_DIRTY, ENTRY_VALID};
use exos::abi::{Capability, Cause, EnvId, Error, PageNo, Rights, Syscall};
use exos::process::{End, PublicTable, own, sleep};
use exos::{sys, vm};

use Arg::{Changed, Is, ReadHigh, ReadLow, ReadName};
use Error::{BadName, Forged, NotOwner};
use Syscall::{console_bind, env_adopt, page_bind};

const fn forged(name: &'static str, arguments: &'static [Arg]) -> Attack {
    attack(name, How::Call(page_bind, arguments), Ends::Refused(Forged))
}

pub const ATTACKS: &[Attack] = &[
    forged(
        "forged-low-word",
        &[ReadName, ReadHigh, Changed(&ReadLow, 1)],
    ),
    forged(
        "forged-high-word",
        &[ReadName, Changed(&ReadHigh, 0x4000_0000), ReadLow],
    ),
    forged(
        "forged-sign",
        &[ReadName, Changed(&ReadHigh, 0x8000_0000), ReadLow],
    ),
    forged("words-swapped", &[ReadName, ReadLow, ReadHigh]),
    forged("zeros", &[Is(0x0300_0040), Is(0), Is(0)]),
    forged(
        "rights-raised",
        &[Changed(&ReadName, 0x0200_0000), ReadHigh, ReadLow],
    ),
    forged(
        "rights-of-ones",
        &[Changed(&ReadName, 0x0e00_0000), ReadHigh, ReadLow],
    ),
    forged("another-page", &[Changed(&ReadName, 1), ReadHigh, ReadLow]),
    forged(
        "page-of-no-memory",
        &[Changed(&ReadName, 0xf000), ReadHigh, ReadLow],
    ),
    forged(
        "stray-bits",
        &[Changed(&ReadName, 0x0010_0000), ReadHigh, ReadLow],
    ),
    forged(
        "kind-that-is-none",
        &[Changed(&ReadName, 0xf000_0000), ReadHigh, ReadLow],
    ),
    attack(
        "page-as-environment",
        How::Call(env_adopt, &[ReadName, ReadHigh, ReadLow]),
        Ends::Refused(BadName),
    ),
    attack(
        "page-as-console",
        How::Call(console_bind, &[ReadName, ReadHigh, ReadLow]),
        Ends::Refused(BadName),
    ),
    attack(
        "write-by-right-to-read",
        How::Code(write_by_read),
        Ends::Refused(Error::Rights),
    ),
    attack(
        "store-by-right-to-read",
        How::Code(store_by_read),
        Ends::At(Cause::MODIFIED, Is(AT)),
    ),
    attack(
        "own-page-as-of-parent",
        How::Code(hand_on),
        Ends::Refused(NotOwner),
    ),
    attack(
        "residue-of-forging",
        How::Code(residue_of_forging),
        Ends::Status(0),
    ),
    attack(
        "residue-of-proving",
        How::Code(residue_of_proving),
        Ends::Status(0),
    ),
    attack(
        "residue-of-primitives",
        How::Code(residue_of_primitives),
        Ends::Status(0),
    ),
    attack(
        "guesses-are-counted",
        How::Program(guesses),
        Ends::Status(0),
    ),
    attack(
        "replayed-after-freeing",
        How::Program(replayed),
        Ends::Status(0),
    ),
    attack(
        "replayed-after-revoking",
        How::Program(revoked),
        Ends::Status(0),
    ),
    attack(
        "revoked-while-mapped",
        How::Program(while_mapped),
        Ends::Status(0),
    ),
    attack(
        "given-while-mapped",
        How::Program(given_while_mapped),
        Ends::Status(0),
    ),
    attack("reduced-to-read", How::Program(reduced), Ends::Status(0)),
    attack(
        "unbound-while-mapped",
        How::Code(unbound),
        Ends::At(Cause::MISS_LOAD, Is(AT)),
    ),
    attack(
        "capability-of-the-dead",
        How::Program(of_the_dead),
        Ends::Status(0),
    ),
];

/// Where a page is mapped.
const AT: u32 = 0x0040_0000;
const V: u32 = ENTRY_VALID;
const D: u32 = ENTRY_DIRTY;

/// Binds the parent's page, to read.
fn bind(scene: &Scene, code: &mut Code) {
    let words = [ReadName, ReadHigh, ReadLow].map(|word| scene.word(word));
    code.call(page_bind, &words);
    code.must(1, 0);
}

fn write_by_read(scene: &Scene, code: &mut Code) {
    bind(scene, code);
    code.call(Syscall::tlb_write, &[AT, scene.shared << 12 | V | D]);
    code.end_with(2);
}

fn store_by_read(scene: &Scene, code: &mut Code) {
    bind(scene, code);
    code.call(Syscall::tlb_write, &[AT, scene.shared << 12 | V]);
    code.must(2, 0);
    code.li(A0, AT);
    code.load(S0, A0, 0);
    code.store(S0, A0, 0);
    code.end(0);
}

/// What it may map is not its own.
fn hand_on(scene: &Scene, code: &mut Code) {
    bind(scene, code);
    code.call(Syscall::page_capability, &[scene.shared, 1]);
    code.end_with(2);
}

fn unbound(scene: &Scene, code: &mut Code) {
    bind(scene, code);
    code.call(Syscall::tlb_write, &[AT, scene.shared << 12 | V]);
    code.must(2, 0);
    code.li(A0, AT);
    code.load(S0, A0, 0);
    code.call(Syscall::page_unbind, &[scene.shared]);
    code.must(3, 0);
    code.li(A0, AT);
    code.load(S0, A0, 0);
    code.end(0);
}

/// Registers that a procedure keeps, gp among them.
const KEPT: [u32; 11] = [16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30];
/// Registers that a call on the stack loses, but t0, which holds the caller's own identifier: what is in
/// them afterwards may be of the key.
const LOST: [u32; 14] = [1, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 24, 25];

/// Ends with what is left after a call: 0 if what is lost is clear, and what is kept is as it was.
fn residue(code: &mut Code, call: impl Fn(&mut Code)) {
    for register in KEPT.into_iter().chain(LOST) {
        code.li(register, 0x6000_0000 | register);
    }
    call(code);
    code.li(3, 0);
    for register in LOST {
        code.word(3 << 21 | register << 16 | 3 << 11 | 0x25); // or v1, v1, register
    }
    for move_from in [0x10, 0x12] {
        code.word(4 << 11 | move_from); // mfhi, mflo a0
        code.word(3 << 21 | 4 << 16 | 3 << 11 | 0x25);
    }
    for register in KEPT {
        code.li(4, 0x6000_0000 | register);
        code.word(register << 21 | 4 << 16 | 4 << 11 | 0x26); // xor a0, register, a0
        code.word(3 << 21 | 4 << 16 | 3 << 11 | 0x25);
    }
    code.end_with(3);
}

fn residue_of_forging(scene: &Scene, code: &mut Code) {
    let words = [ReadName, ReadHigh, ReadLow].map(|word| scene.word(word));
    residue(code, |code| {
        code.call(page_bind, &[words[0], words[1], !words[2]])
    });
}

fn residue_of_proving(scene: &Scene, code: &mut Code) {
    residue(code, |code| {
        code.call(Syscall::page_capability, &[scene.data, 3])
    });
}

/// A primitive keeps all, but what it takes and says.
fn residue_of_primitives(scene: &Scene, code: &mut Code) {
    let all = || (1..32).filter(|register| ![2, 3, 4, 9, 10, 26, 27].contains(register));
    for register in all() {
        code.li(register, 0x6000_0000 | register);
    }
    code.word(8 << 21 | 0x11); // mthi t0
    code.word(11 << 21 | 0x13); // mtlo t3
    code.call(Syscall::tlb_write, &[AT, scene.data << 12 | V]);
    code.li(3, 0);
    for register in all() {
        code.li(4, 0x6000_0000 | register);
        code.word(register << 21 | 4 << 16 | 4 << 11 | 0x26); // xor a0, register, a0
        code.word(3 << 21 | 4 << 16 | 3 << 11 | 0x25); // or v1, v1, a0
    }
    for (move_from, register) in [(0x10, 8), (0x12, 11)] {
        code.word(4 << 11 | move_from); // mfhi, mflo a0
        code.word(register << 21 | 4 << 16 | 4 << 11 | 0x26);
        code.word(3 << 21 | 4 << 16 | 3 << 11 | 0x25);
    }
    code.end_with(3);
}

/// Proofs, one after the other: none is right, and each is counted.
fn guesses(scene: &Scene) -> u32 {
    let Ok(table) = PublicTable::open() else {
        return 99;
    };
    let before = table.forgeries(own());
    let name = Capability::page_name(PageNo(scene.victim_page as u16), Rights::ALL);
    let all = (0..1000_u32).all(|guess| {
        let word = guess.wrapping_mul(0x9e37_79b1);
        refused(sys::page_bind(name, word & 0x7fff_ffff, !word), Forged)
    });
    first_wrong(&[all, table.forgeries(own()) == before + 1000])
}

/// A page of one's own and the words of a capability for it.
fn page(rights: Rights) -> Result<(PageNo, [u32; 3]), Error> {
    let page = vm::allocate()?;
    let words = sys::page_capability(page, rights)?;
    Ok((
        page,
        [Capability::page_name(page, rights), words.0, words.1],
    ))
}

fn bound([name, high, low]: [u32; 3]) -> Result<sys::Words, Error> {
    sys::page_bind(name, high, low)
}

fn replayed(_: &Scene) -> u32 {
    let Ok((page, words)) = page(Rights::ALL) else {
        return 99;
    };
    let same = u32::from(page.0);
    first_wrong(&[
        bound(words).is_ok(),
        sys::page_free(page).is_ok(),
        refused(bound(words), Forged),
        sys::page_alloc(same).is_ok(),
        refused(bound(words), Forged),
        sys::page_free(page).is_ok(),
    ])
}

fn revoked(_: &Scene) -> u32 {
    let (Ok((page, words)), Ok((other, both))) = (page(Rights::READ), self::page(Rights::ALL))
    else {
        return 99;
    };
    first_wrong(&[
        bound(words).is_ok(),
        sys::page_revoke(page, Rights::WRITE).is_ok(),
        bound(words).is_ok(),
        sys::page_revoke(page, Rights::READ).is_ok(),
        refused(bound(words), Forged),
        // Of both rights one is gone: so is the capability.
        bound(both).is_ok(),
        sys::page_revoke(other, Rights::WRITE).is_ok(),
        refused(bound(both), Forged),
    ])
}

/// A child that binds a page of this process's and reads it until it cannot; how it ends after `then`.
fn reader(page: PageNo, words: [u32; 3], dirty: u32, then: impl Fn(&Bare) -> bool) -> Option<End> {
    let scene = Scene::default();
    let table = PublicTable::open().ok()?;
    let started = Bare::start(&scene, |scene, code| {
        code.yields(scene.data << 12);
        code.call(page_bind, &words);
        code.must(1, 0);
        code.call(Syscall::tlb_write, &[AT, page.physical() | V | dirty]);
        code.must(2, 0);
        code.begin_here();
        code.li(A0, AT);
        let again = code.here() - crate::code::CODE;
        if dirty == 0 {
            code.load(S0, A0, 0);
        } else {
            code.store(S0, A0, 0);
        }
        code.go(again);
    });
    let bare = started.ok()?;
    for _ in 0..2 {
        sleep().ok()?;
    }
    if !bare.lives(&table) || !then(&bare) {
        return None;
    }
    while bare.lives(&table) {
        sleep().ok()?;
    }
    Some(table.end(bare.env))
}

/// Whether it was destroyed for this, at the page.
fn for_this(end: Option<End>, cause: Cause) -> bool {
    matches!(end, Some(End::Destroyed(death)) if death.cause == u32::from(cause.0) && death.bad_address == AT)
}

fn while_mapped(_: &Scene) -> u32 {
    let Ok((page, words)) = page(Rights::READ) else {
        return 99;
    };
    let end = reader(page, words, 0, |_| {
        sys::page_revoke(page, Rights::READ).is_ok()
    });
    first_wrong(&[for_this(end, Cause::MISS_LOAD)])
}

fn given_while_mapped(_: &Scene) -> u32 {
    let Ok((page, words)) = page(Rights::ALL) else {
        return 99;
    };
    let end = reader(page, words, D, |bare| {
        sys::page_give(page, bare.env).is_ok()
    });
    first_wrong(&[for_this(end, Cause::MISS_STORE)])
}

/// The right to write goes, and with it the mapping that was made by both.
fn reduced(_: &Scene) -> u32 {
    let Ok((page, words)) = page(Rights::ALL) else {
        return 99;
    };
    let end = reader(page, words, D, |_| {
        sys::page_revoke(page, Rights::WRITE).is_ok()
    });
    first_wrong(&[for_this(end, Cause::MISS_STORE)])
}

/// Control over an environment ends with it, whoever has its number then.
fn of_the_dead(_: &Scene) -> u32 {
    let made = || -> Result<EnvId, Error> {
        let page = vm::allocate()?;
        sys::env_create(page).map(|words| EnvId(words.0 as u8))
    };
    let Ok(first) = made() else {
        return 99;
    };
    let Ok(words) = sys::env_capability(first) else {
        return 98;
    };
    let name = Capability::env_name(first);
    let adopt = || sys::env_adopt(name, words.0, words.1);
    let good = [
        adopt().is_ok(),
        sys::env_destroy(first, 0).is_ok(),
        refused(adopt(), Forged),
        made() == Ok(first),
        refused(adopt(), Forged),
    ];
    first_wrong(&good)
}
