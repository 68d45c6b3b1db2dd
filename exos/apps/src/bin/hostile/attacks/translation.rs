//! Bindings that must be gone: of pages freed, given away and changed, of contexts left, of identifiers that changed
//! hands.

use crate::attack::{Arg, Attack, Ends, How, attack, first_wrong};
use crate::code::{A0, CODE, Code, DATA, S0, S1, S2, V0};
use crate::scene::{Bare, Scene};
use exos::abi::layout::{ANY, ENTRY_DIRTY, ENTRY_UNCACHED, ENTRY_VALID};
use exos::abi::{Cause, Syscall};
use exos::process::{End, PublicTable, sleep};

const V: u32 = ENTRY_VALID;
const D: u32 = ENTRY_DIRTY;
/// Where a page is mapped.
const AT: u32 = 0x0040_0000;
/// Another, whose place in the STLB is the same.
const SAME_PLACE: u32 = AT + 0x0100_0000;
/// Environments that have four contexts each: 80, and the hardware tells 63 apart.
const MANY: usize = 20;
/// Slices of each.
const ROUNDS: u32 = 4;

const fn missing(name: &'static str, code: fn(&Scene, &mut Code)) -> Attack {
    attack(
        name,
        How::Code(code),
        Ends::At(Cause::MISS_LOAD, Arg::Is(AT)),
    )
}

pub const ATTACKS: &[Attack] = &[
    missing("stale-freed", freed),
    missing("stale-freed-uncached", freed_uncached),
    missing("stale-freed-often", freed_often),
    missing("stale-freed-and-taken-again", taken_again),
    missing("stale-given", given),
    missing("stale-home", home),
    missing("stale-deleted", deleted),
    missing("stale-deleted-by-many", deleted_by_many),
    missing("stale-evicted", evicted),
    missing("other-context", other_context),
    attack(
        "stale-guarantee",
        How::Code(guarantee),
        Ends::Status(0x600d),
    ),
    attack(
        "stale-guarantee-gone",
        How::Code(guarantee_gone),
        Ends::At(Cause::MISS_LOAD, Arg::Is(0x9000)),
    ),
    attack(
        "stale-dirty",
        How::Code(dirty),
        Ends::At(Cause::MODIFIED, Arg::Is(AT)),
    ),
    attack("bound-twice", How::Code(twice), Ends::Status(0x600d)),
    attack(
        "code-of-freed-page",
        How::Code(code_freed),
        Ends::At(Cause::MISS_LOAD, Arg::Is(AT + 12)),
    ),
    attack(
        "code-of-given-page",
        How::Code(code_given),
        Ends::At(Cause::MISS_LOAD, Arg::Is(AT + 12)),
    ),
    attack(
        "identifiers-reused",
        How::Program(identifiers),
        Ends::Status(0),
    ),
    attack(
        "identifiers-of-the-dead",
        How::Program(identifiers_of_the_dead),
        Ends::Status(0),
    ),
];

/// A page of its own at [`AT`], touched; its number is in `s0`.
fn mapped(code: &mut Code, bits: u32) {
    code.call(Syscall::page_alloc, &[ANY]);
    code.copy(S0, V0);
    code.li(9, AT);
    bind(code, bits);
    code.li(A0, AT);
    code.store(S0, A0, 0);
}

/// `tlb_write` of `t1` to the page in `s0`.
fn bind(code: &mut Code, bits: u32) {
    code.word(S0 << 16 | 10 << 11 | 12 << 6); // sll t2, s0, 12
    code.word(0x3400_0000 | 10 << 21 | 10 << 16 | V | bits); // ori t2, t2, bits
    code.li(V0, Syscall::tlb_write.selector());
    code.word(crate::code::SYSCALL);
    code.must(1, 0);
}

/// A call with the page in `s0` as first argument.
fn call_of_page(code: &mut Code, call: Syscall, second: u32) {
    code.copy(A0, S0);
    code.li(5, second);
    code.li(V0, call.selector());
    code.word(crate::code::SYSCALL);
    code.must(2, 0);
}

/// Reads at [`AT`], which must not work.
fn read(code: &mut Code) {
    code.li(A0, AT);
    code.load(S1, A0, 0);
    code.end(0xbad);
}

fn freed(_: &Scene, code: &mut Code) {
    mapped(code, D);
    call_of_page(code, Syscall::page_free, 0);
    read(code);
}

fn freed_uncached(_: &Scene, code: &mut Code) {
    mapped(code, D | ENTRY_UNCACHED);
    call_of_page(code, Syscall::page_free, 0);
    read(code);
}

fn freed_often(_: &Scene, code: &mut Code) {
    mapped(code, D);
    for page in 1..6 {
        code.li(9, AT + page * 0x1000);
        bind(code, 0);
        code.li(A0, AT + page * 0x1000);
        code.load(S1, A0, 0);
    }
    call_of_page(code, Syscall::page_free, 0);
    read(code);
}

fn taken_again(_: &Scene, code: &mut Code) {
    mapped(code, D);
    call_of_page(code, Syscall::page_free, 0);
    code.copy(A0, S0);
    code.li(V0, Syscall::page_alloc.selector());
    code.word(crate::code::SYSCALL);
    read(code);
}

/// To itself: the page stays its own, the binding does not.
fn given(scene: &Scene, code: &mut Code) {
    mapped(code, D);
    call_of_page(code, Syscall::page_give, scene.own);
    read(code);
}

/// The page becomes an environment's, the kernel's own memory.
fn home(_: &Scene, code: &mut Code) {
    mapped(code, D);
    code.copy(A0, S0);
    code.li(V0, Syscall::env_create.selector());
    code.word(crate::code::SYSCALL);
    read(code);
}

fn deleted(_: &Scene, code: &mut Code) {
    mapped(code, D);
    code.call(Syscall::tlb_delete, &[AT + 0x123]);
    code.must(3, 0);
    read(code);
}

fn deleted_by_many(_: &Scene, code: &mut Code) {
    mapped(code, D);
    code.call(Syscall::tlb_delete_many, &[AT - 0x1000, 3]);
    code.must(3, 0);
    read(code);
}

/// Another binding takes its place, is used, and its page is freed.
fn evicted(_: &Scene, code: &mut Code) {
    mapped(code, D);
    code.li(9, SAME_PLACE);
    bind(code, D);
    code.li(A0, SAME_PLACE);
    code.load(S1, A0, 0);
    call_of_page(code, Syscall::page_free, 0);
    read(code);
}

fn other_context(_: &Scene, code: &mut Code) {
    mapped(code, D);
    code.call(Syscall::context_switch, &[1]);
    code.must(3, 0);
    read(code);
}

/// Another page takes a guaranteed mapping's place: what is read is that page's.
fn guarantee(scene: &Scene, code: &mut Code) {
    code.li(A0, DATA);
    code.li(S1, 0x600d);
    code.store(S1, A0, 0);
    code.call(Syscall::page_alloc, &[ANY]);
    code.copy(S0, V0);
    code.word(S0 << 16 | 6 << 11 | 12 << 6); // sll a2, s0, 12
    code.word(0x3400_0000 | 6 << 21 | 6 << 16 | V | D); // ori
    code.li(A0, scene.own);
    code.li(5, 0x9000);
    code.li(V0, Syscall::env_guarantee.selector());
    code.word(crate::code::SYSCALL);
    code.must(1, 0);
    code.li(A0, 0x9000);
    code.load(S1, A0, 0);
    code.call(
        Syscall::env_guarantee,
        &[scene.own, 0x9000, scene.data << 12 | V],
    );
    code.must(2, 0);
    code.li(A0, 0x9000);
    code.load(S1, A0, 0);
    code.end_with(S1);
}

fn guarantee_gone(scene: &Scene, code: &mut Code) {
    code.call(
        Syscall::env_guarantee,
        &[scene.own, 0x9000, scene.data << 12 | V],
    );
    code.li(A0, 0x9000);
    code.load(S1, A0, 0);
    code.call(Syscall::env_guarantee, &[scene.own, 0x9000, 0]);
    code.must(2, 0);
    code.li(A0, 0x9000);
    code.load(S1, A0, 0);
    code.end(0xbad);
}

fn dirty(_: &Scene, code: &mut Code) {
    mapped(code, D);
    code.li(9, AT);
    bind(code, 0);
    code.li(A0, AT);
    code.store(S0, A0, 0);
    code.end(0xbad);
}

/// The same address twice, to two pages: the second counts, and the TLB does not hold both.
fn twice(scene: &Scene, code: &mut Code) {
    mapped(code, D);
    code.li(A0, DATA);
    code.li(S1, 0x600d);
    code.store(S1, A0, 0);
    code.call(Syscall::tlb_write, &[AT, scene.data << 12 | V]);
    code.must(3, 0);
    code.li(A0, AT);
    code.load(S1, A0, 0);
    code.end_with(S1);
}

/// Runs in a page that it gives away: nothing of it is executed behind the call.
fn code_given(scene: &Scene, code: &mut Code) {
    leaves(code, Syscall::page_give, scene.own);
}

fn code_freed(_: &Scene, code: &mut Code) {
    leaves(code, Syscall::page_free, 0);
}

fn leaves(code: &mut Code, call: Syscall, second: u32) {
    mapped(code, D);
    // There: nop; nop; syscall, and what ends with a wrong status.
    for (place, word) in [0, 0, crate::code::SYSCALL].into_iter().enumerate() {
        code.li(S1, word);
        code.li(A0, AT);
        code.store(S1, A0, 4 * place as u16);
    }
    code.copy(A0, S0);
    code.li(V0, Syscall::page_code.selector());
    code.word(crate::code::SYSCALL);
    code.copy(A0, S0);
    code.li(5, second);
    code.li(V0, call.selector());
    code.li(S1, AT);
    code.jump(S1);
    code.end(0xbad);
}

/// Environments with four contexts each, and in each context a page of its own at the same address: more contexts
/// than the hardware tells apart, so that identifiers change hands all the time. Each environment looks at its
/// pages in slices of its own, in turn, and ends with 0 if it only ever saw its own.
fn identifiers(scene: &Scene) -> u32 {
    let Ok(table) = PublicTable::open() else {
        return 99;
    };
    let mut bares = [None; MANY];
    for (number, place) in (1..).zip(&mut bares) {
        *place = Bare::start(scene, |scene, code| four_contexts(scene, code, number)).ok();
    }
    for (number, bare) in (1..).zip(bares) {
        let Some(bare) = bare else {
            return 98;
        };
        while bare.lives(&table) {
            if sleep().is_err() {
                return 97;
            }
        }
        if table.end(bare.env) != End::Exit(0) {
            return number;
        }
    }
    0
}

fn four_contexts(scene: &Scene, code: &mut Code, number: u32) {
    /// Where the entries of the four pages are.
    const ENTRIES: u16 = 16;
    /// Where the rounds are counted.
    const COUNT: u16 = 8;
    const HANDLER: u32 = 0x800;
    for cause in [Cause::MISS_LOAD, Cause::MISS_STORE] {
        code.handle(cause.0.into(), scene.data << 12 | 0x100, CODE + HANDLER);
    }
    for context in 0..4 {
        code.call(Syscall::page_alloc, &[ANY]);
        code.word(V0 << 16 | S2 << 11 | 12 << 6); // sll s2, v0, 12
        code.word(0x3400_0000 | S2 << 21 | S2 << 16 | V | D); // ori s2, s2
        code.li(A0, DATA);
        code.store(S2, A0, ENTRIES + 4 * context as u16);
        code.call(Syscall::context_switch, &[context]);
        code.must(1, 0);
        code.li(A0, AT);
        code.li(S0, 4 * number + context);
        code.store(S0, A0, 0);
    }
    code.begin_here();
    for context in 0..4 {
        code.call(Syscall::context_switch, &[context]);
        code.must(2, 0);
        code.li(A0, DATA);
        code.load(S2, A0, ENTRIES + 4 * context as u16);
        code.li(A0, AT);
        code.load(V0, A0, 0);
        code.must(3 + context, 4 * number + context);
    }
    code.li(A0, DATA);
    code.load(S1, A0, COUNT);
    code.add(S1, S1, 1);
    code.store(S1, A0, COUNT);
    code.li(V0, ROUNDS);
    code.branch(true, V0, S1, 0xe00);
    code.call(Syscall::yield_to, &[ANY]);
    code.hang();
    // A miss: t1 is where, s2 what must be there.
    code.seek(HANDLER);
    code.copy(10, S2);
    code.li(V0, Syscall::tlb_write.selector());
    code.word(crate::code::SYSCALL);
    code.jump(8);
    code.seek(0xe00);
    code.end(0);
}

/// An environment dies with a page mapped; the next has its number, and sees nothing of it.
fn identifiers_of_the_dead(scene: &Scene) -> u32 {
    let Ok(table) = PublicTable::open() else {
        return 99;
    };
    let first = Bare::start(scene, |scene, code| {
        code.yields(scene.data << 12);
        mapped(code, D);
        code.begin_here();
        code.hang();
    });
    let slept = sleep().is_ok() && sleep().is_ok();
    let Ok(first) = first else {
        return 98;
    };
    let lived = first.lives(&table);
    first.end();
    let Ok(second) = Bare::start(scene, |_, code| read(code)) else {
        return 97;
    };
    while second.lives(&table) {
        if sleep().is_err() {
            return 96;
        }
    }
    let missed = matches!(table.end(second.env), End::Destroyed(death)
        if death.cause == u32::from(Cause::MISS_LOAD.0) && death.bad_address == AT);
    first_wrong(&[slept, lived, second.env == first.env, missed])
}
