//! Addresses of the kernel's, of devices, of others, and of nothing: by load, store and jump.

use crate::attack::{Arg, Attack, Ends, How, attack};
use crate::code::{A0, CODE, Code, DATA, S0};
use crate::scene::Scene;
use exos::abi::layout::TABLE_PUBLIC;
use exos::abi::{Cause, Syscall};

const KSEG0: u32 = 0x8000_0000;
const KSEG1: u32 = 0xa000_0000;
/// The image of the kernel.
const IMAGE: Arg = Arg::Is(0x8003_0000);

const fn load(name: &'static str, at: Arg) -> Attack {
    attack(name, How::Load(at), Ends::At(Cause::ADDRESS_LOAD, at))
}

const fn store(name: &'static str, at: Arg) -> Attack {
    attack(name, How::Store(at), Ends::At(Cause::ADDRESS_STORE, at))
}

const fn jump(name: &'static str, at: Arg) -> Attack {
    attack(name, How::Jump(at), Ends::At(Cause::ADDRESS_LOAD, at))
}

pub const ATTACKS: &[Attack] = &[
    load("load-vectors", Arg::Is(KSEG0)),
    store("store-vectors", Arg::Is(KSEG0)),
    jump("jump-vectors", Arg::Is(KSEG0)),
    load("load-kernel", IMAGE),
    store("store-kernel", IMAGE),
    jump("jump-kernel", IMAGE),
    load("load-kernel-uncached", Arg::Is(KSEG1 + 0x3_0000)),
    store("store-kernel-uncached", Arg::Is(KSEG1 + 0x3_0000)),
    jump("jump-kernel-uncached", Arg::Is(KSEG1 + 0x3_0000)),
    load("load-kseg2", Arg::Is(0xc000_0000)),
    store("store-kseg2", Arg::Is(0xc000_0000)),
    jump("jump-kseg2", Arg::Is(0xc000_0000)),
    load("load-records", Arg::Is(0xffff_d000)),
    store("store-records", Arg::Is(0xffff_d000)),
    jump("jump-records", Arg::Is(0xffff_d000)),
    load("load-scratch", Arg::Is(0xffff_e000)),
    store("store-scratch", Arg::Is(0xffff_e000)),
    load("load-own-kernel-page", Arg::Is(0xffff_f000)),
    store("store-own-kernel-page", Arg::Is(0xffff_f000)),
    jump("jump-own-kernel-page", Arg::Is(0xffff_f000)),
    store(
        "store-public-table",
        Arg::At(&Arg::Table(TABLE_PUBLIC), KSEG0),
    ),
    load("load-page-of-bystander", Arg::At(&Arg::VictimPage, KSEG0)),
    store("store-page-of-bystander", Arg::At(&Arg::VictimPage, KSEG0)),
    store("store-page-uncached", Arg::At(&Arg::VictimPage, KSEG1)),
    jump("jump-page-of-bystander", Arg::At(&Arg::VictimPage, KSEG0)),
    load("load-device", Arg::Is(0xbd00_0000)),
    store("store-device", Arg::Is(0xbd00_0000)),
    store("store-console", Arg::Is(0xbc00_0000)),
    store("store-turbochannel", Arg::Is(0xbfe8_0000)),
    load("load-rom", Arg::Is(0xbfc0_0000)),
    jump("jump-rom", Arg::Is(0xbfc0_0000)),
    load("load-odd", Arg::Is(DATA + 2)),
    store("store-odd", Arg::Is(DATA + 1)),
    jump("jump-odd", Arg::Is(CODE + 2)),
    load("load-odd-in-kernel", Arg::Is(KSEG0 + 1)),
    attack(
        "load-null",
        How::Load(Arg::Is(0)),
        Ends::At(Cause::MISS_LOAD, Arg::Is(0)),
    ),
    attack(
        "store-null",
        How::Store(Arg::Is(0)),
        Ends::At(Cause::MISS_STORE, Arg::Is(0)),
    ),
    attack(
        "jump-null",
        How::Jump(Arg::Is(0)),
        Ends::At(Cause::MISS_LOAD, Arg::Is(0)),
    ),
    attack(
        "load-unmapped",
        How::Load(Arg::Is(0x7fff_fffc)),
        Ends::At(Cause::MISS_LOAD, Arg::Is(0x7fff_fffc)),
    ),
    attack(
        "jump-unmapped",
        How::Jump(Arg::Is(0x0040_0000)),
        Ends::At(Cause::MISS_LOAD, Arg::Is(0x0040_0000)),
    ),
    attack(
        "store-own-code",
        How::Store(Arg::Is(CODE + 0x800)),
        Ends::At(Cause::MODIFIED, Arg::Is(CODE + 0x800)),
    ),
    attack(
        "run-into-the-kernel",
        How::Code(into_kernel),
        Ends::By(Cause::ADDRESS_LOAD),
    ),
    attack(
        "byte-of-kernel",
        How::Code(byte),
        Ends::At(Cause::ADDRESS_STORE, Arg::Is(KSEG0 + 3)),
    ),
    attack(
        "partial-word-of-kernel",
        How::Code(partial),
        Ends::By(Cause::ADDRESS_STORE),
    ),
];

/// Falls off the end of its half of memory.
fn into_kernel(scene: &Scene, code: &mut Code) {
    let entry = scene.data << 12 | 0x600;
    code.call(Syscall::tlb_write, &[0x7fff_f000, entry]);
    code.must(1, 0);
    code.li(A0, 0x7fff_fffc);
    code.store(0, A0, 0);
    code.call(Syscall::page_code, &[scene.data]);
    code.li(A0, 0x7fff_fffc);
    code.jump(A0);
    code.end(0);
}

fn byte(_: &Scene, code: &mut Code) {
    code.li(A0, KSEG0 + 3);
    code.word(0xa090_0000); // sb s0, 0(a0)
    code.end(0);
}

fn partial(_: &Scene, code: &mut Code) {
    code.li(A0, KSEG0 + 2);
    code.li(S0, 0);
    code.word(0xa890_0000); // swl s0, 0(a0)
    code.end(0);
}
