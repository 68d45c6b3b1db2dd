//! Cases that drive the boards' devices from kernel mode: the same registers, the same answers.
//!
//! Each waits where time passes differently on an emulator, so neither instructions nor moments
//! are compared, only what the registers held. The Ethernet controller's loopback is asked of
//! MAME; GXemul has none, and sends at once what it is told to send.

use super::word::{
    A0, NOP, S0, T0, T1, T2, T3, T4, T9, V0, ZERO, break_, code, i, lui, mfc0, r, special,
};
use super::{Case, KERNEL_DATA};

/// Where a judge's board has what.
struct Map {
    name: &'static str,
    gxemul: bool,
    dz: u32,
    rtc: u32,
    rtc_line: i32,
    lance: u32,
    lance_memory: u32,
    /// How far apart the halfwords of the controller's memory stand.
    stride: i32,
}

const KN01: Map = Map {
    name: "KN01",
    gxemul: false,
    dz: 0xbc00_0000,
    rtc: 0xbd00_0000,
    rtc_line: 0x2000,
    lance: 0xb800_0000,
    lance_memory: 0xb900_0000,
    stride: 4,
};
const KN02: Map = Map {
    name: "KN02",
    gxemul: true,
    dz: 0xbfe0_0000,
    rtc: 0xbfe8_0000,
    rtc_line: 0x0800,
    lance: 0xbf90_0000,
    lance_memory: 0xbf80_0000,
    stride: 2,
};

const S1: u32 = 17;
const S2: u32 = 18;
const S3: u32 = 19;
const CAUSE: u32 = 13;
/// The halfwords of the data, which stand for the first bytes of the controller's memory.
const HALFWORDS: i32 = 2 * super::DATA as i32;

/// Every case.
pub fn cases() -> Vec<Case> {
    let both = [KN01, KN02];
    let mut cases: Vec<Case> = both
        .iter()
        .flat_map(|map| [clock(map), serial(map), registers(map), memory(map)])
        .collect();
    for (what, mode, address, wrong) in [
        ("to itself", 0x0044, 8, false),
        ("to another", 0x0044, 10, false),
        ("to anyone, promiscuous", 0x8044, 10, false),
        ("with its own check sequence", 0x004c, 8, false),
        ("with a wrong check sequence", 0x004c, 8, true),
    ] {
        cases.push(loopback(&KN01, what, mode, address, wrong));
    }
    cases
}

fn case(map: &Map, name: &str, base: u32, code: &[u32]) -> Case {
    let mut own = vec![lui(S0, base >> 16)];
    own.extend(code);
    // How often something was asked is not the question.
    own.extend([
        r(special::OR, T0, ZERO, ZERO),
        r(special::OR, T1, ZERO, ZERO),
    ]);
    own.extend([break_(1), NOP]);
    let mut case = Case::new(&format!("{name} ({})", map.name), false, own);
    case.gxemul = map.gxemul;
    case.mame = !map.gxemul;
    case.loose = true;
    case
}

fn li(register: u32, value: i32) -> u32 {
    i(code::ORI, register, ZERO, value)
}

fn sh(register: u32, offset: i32) -> u32 {
    i(code::SH, register, S0, offset)
}

fn sb(register: u32, offset: i32) -> u32 {
    i(code::SB, register, S0, offset)
}

/// Reads until some of `bits` are set at `offset`; the masked value is in `register`.
fn wait(load: u32, register: u32, offset: i32, bits: i32) -> [u32; 5] {
    [
        i(load, register, S0, offset),
        NOP,
        i(code::ANDI, register, register, bits),
        i(code::BEQ, ZERO, register, -4),
        NOP,
    ]
}

/// The clock's registers, its flag without an interrupt, and with one.
fn clock(map: &Map) -> Case {
    let mut own = vec![
        li(T0, 0x26),
        sb(T0, 0x28),
        li(T0, 0x06),
        sb(T0, 0x2c),
        i(code::LBU, T2, S0, 0x28),
        i(code::LBU, T3, S0, 0x2c),
        NOP,
        // An update in progress is not of interest.
        i(code::ANDI, T2, T2, 0x7f),
        i(code::LBU, T1, S0, 0x30),
        li(T0, 0x46),
        sb(T0, 0x2c),
        // Until the line is up.
        mfc0(T4, CAUSE),
        NOP,
        i(code::ANDI, T4, T4, map.rtc_line),
        i(code::BEQ, ZERO, T4, -4),
        NOP,
        i(code::LBU, V0, S0, 0x30),
        li(T0, 0x06),
        i(code::ANDI, V0, V0, 0xc0),
        sb(T0, 0x2c),
        i(code::LBU, T1, S0, 0x30),
        NOP,
        mfc0(A0, CAUSE),
        NOP,
        i(code::ANDI, A0, A0, map.rtc_line),
    ];
    own.push(NOP);
    case(map, "the clock ticks", map.rtc, &own)
}

/// The serial controller becomes ready for line 3, takes a character, and becomes ready again.
fn serial(map: &Map) -> Case {
    // GXemul is ready for a line that is not enabled, and keeps its number afterwards.
    let not_ready = |register| {
        if map.gxemul {
            NOP
        } else {
            i(code::LHU, register, S0, 0)
        }
    };
    let mut own = vec![
        li(T0, 0x20),
        sh(T0, 0),
        not_ready(T2),
        li(T0, 0x1e1b),
        sh(T0, 8),
        li(T0, 8),
        sh(T0, 0x10),
    ];
    own.extend(wait(code::LHU, T3, 0, 0x8000));
    // The end of a line, so that it is none of a record that is printed.
    own.extend([i(code::LHU, T3, S0, 0), li(T0, 0x0a), sh(T0, 0x18)]);
    own.extend(wait(code::LHU, T4, 0, 0x8000));
    own.extend([
        i(code::LHU, T4, S0, 0),
        i(code::LHU, V0, S0, 0x10),
        sh(ZERO, 0x10),
        NOP,
    ]);
    own.extend([not_ready(A0), sh(ZERO, 0), NOP]);
    case(map, "a character is sent", map.dz, &own)
}

/// The Ethernet controller's registers while it is stopped.
fn registers(map: &Map) -> Case {
    let write = |register: i32, value: i32| [li(T0, register), sh(T0, 4), li(T0, value), sh(T0, 0)];
    let read =
        |register: i32, target: u32| [li(T0, register), sh(T0, 4), i(code::LHU, target, S0, 0)];
    let own = [
        &write(0, 4)[..],
        &write(1, 0x1234),
        &write(2, 0x0056),
        &write(3, 0),
        &read(0, T2),
        &read(1, T3),
        &read(2, T4),
        &read(3, V0),
        &[NOP],
    ];
    case(
        map,
        "the stopped Ethernet controller",
        map.lance,
        &own.concat(),
    )
}

/// Copies the data to the controller's memory, or back.
fn copy(map: &Map, back: bool) -> Vec<u32> {
    let (from, to) = if back { (S1, S2) } else { (S2, S1) };
    let step = |register: u32| if register == S1 { map.stride } else { 2 };
    vec![
        lui(S1, map.lance_memory >> 16),
        lui(S2, KERNEL_DATA >> 16),
        i(code::ORI, S2, S2, (KERNEL_DATA & 0xffff) as i32),
        li(T1, HALFWORDS),
        i(code::LHU, T0, from, 0),
        i(code::ADDIU, from, from, step(from)),
        i(code::SH, T0, to, 0),
        i(code::ADDIU, T1, T1, -1),
        i(code::BNE, ZERO, T1, -5),
        i(code::ADDIU, to, to, step(to)),
    ]
}

/// What is written to the controller's memory stands there.
fn memory(map: &Map) -> Case {
    let clear = [
        lui(S2, KERNEL_DATA >> 16),
        i(code::ORI, S2, S2, (KERNEL_DATA & 0xffff) as i32),
        i(code::SW, ZERO, S2, 0),
        i(code::SW, ZERO, S2, 252),
    ];
    let own = [copy(map, false), clear.to_vec(), copy(map, true)].concat();
    let mut case = case(map, "the Ethernet controller's memory", map.lance, &own);
    case.data = core::array::from_fn(|at| 0x0102_0304_u32.wrapping_mul(at as u32 + 3));
    case
}

/// A frame through the controller's own loopback: what stands in its memory afterwards. Its
/// destination ends in `address`, the station's own in 8.
fn loopback(map: &Map, what: &str, mode: u16, address: u8, wrong: bool) -> Case {
    let csr0 = |value: i32| [li(T0, value), sh(T0, 0)];
    let select = |register: i32| [li(T0, register), sh(T0, 4), sh(ZERO, 0)];
    let mut own = csr0(0).to_vec();
    own = [vec![sh(ZERO, 4)], own, csr0(4).to_vec(), copy(map, false)].concat();
    for register in 1..4 {
        own.extend(select(register));
    }
    own.push(sh(ZERO, 4));
    own.extend(csr0(1));
    own.extend(wait(code::LHU, T2, 0, 0x0100));
    own.extend([i(code::LHU, T2, S0, 0), NOP]);
    own.extend(csr0(0x0142));
    // The frame waits, so it may be under way already.
    own.extend(csr0(0x0048));
    own.extend(wait(code::LHU, T4, 0, 0x0200));
    // A frame that is received comes soon behind.
    own.extend([lui(T9, 0x0000), li(T9, 0x4000), i(code::ADDIU, T9, T9, -1)]);
    own.extend([i(code::BNE, ZERO, T9, -2), NOP]);
    own.extend([i(code::LHU, V0, S0, 0), NOP]);
    own.extend(csr0(4));
    own.extend(copy(map, true));
    own.push(r(special::OR, S3, ZERO, ZERO));
    let mut case = case(map, &format!("a frame in loopback {what}"), map.lance, &own);
    case.data = image(mode, address, wrong);
    case
}

/// The controller's memory: block, a receive and a transmit descriptor, the frame, room for it.
fn image(mode: u16, address: u8, wrong: bool) -> [u32; super::DATA] {
    use crate::ethernet::frame::Frame;
    let mut bytes = [0; 4 * super::DATA];
    let mut put = |at: usize, words: &[u16]| {
        for (place, word) in bytes[at..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    };
    // The station 8-0-2b-0-0-8; rings of one at 0x20 and 0x28.
    put(
        0,
        &[mode, 0x0008, 0x002b, 0x0800, 0, 0, 0, 0, 0x20, 0, 0x28, 0],
    );
    let mut data = vec![8, 0, 0x2b, 0, 0, address, 8, 0, 0x2b, 0, 0, 8];
    data.extend((data.len() as u8..28).map(|byte| byte ^ 0x5a));
    let mut frame = Frame::new(&data).bytes().to_vec();
    if wrong {
        frame[17] ^= 4;
    }
    // With DTCR the check sequence is the program's.
    let sent = if mode & 8 != 0 {
        frame.len()
    } else {
        data.len()
    };
    put(0x20, &[0x80, 0x8000, 0xf000 | (4096 - 128), 0]);
    put(0x28, &[0x40, 0x8300, 0xf000 | (4096 - sent as u16), 0]);
    bytes[0x40..0x40 + sent].copy_from_slice(&frame[..sent]);
    core::array::from_fn(|at| {
        let word = &bytes[4 * at..4 * at + 4];
        u32::from_le_bytes([word[0], word[1], word[2], word[3]])
    })
}
