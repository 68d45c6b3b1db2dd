//! What it costs to emit an instruction, beside raw dynasm, an encoder by hand, and Cranelift.
//!
//! Problem: VCODE's claim is that a portable interface need cost hardly more than writing the bytes.
//! Method: every peer emits the same sixteen operations per packet filter, for a few filters and for many, into
//! memory that it reuses, labels included; slices of all peers are interleaved in one process, and the median
//! over slices is printed per portable operation. Registers are unknown at compile time for all. The
//! size of what each emitted is printed beside, to show that nobody is let off anything. Left out: sealing the code, which is the same for all.
//!
//! `cargo bench -p vcode --bench emit --features clif`

mod mix;

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};
use vcode::x64::X64;
use vcode::{Assembler, Target};

/// Portable operations per filter, labels not counted.
const OPERATIONS: u32 = 16;
/// Filters in a function: the smallest, about one install, and many.
const FILTERS: [u32; 3] = [1, 4, 64];
/// Timed slices per peer.
const SLICES: usize = 201;
/// How long a slice lasts, about.
const SLICE: Duration = Duration::from_millis(1);

/// Emits so many filters and says how many bytes they took.
type Peer = Box<dyn FnMut(u32) -> usize>;

fn main() {
    // `cargo test` runs bench targets too: once is enough there.
    let slices = if std::env::args().any(|argument| argument == "--bench") {
        SLICES
    } else {
        1
    };
    for filters in FILTERS {
        compare(filters, slices);
    }
}

fn compare(filters: u32, slices: usize) {
    let mut peers: Vec<(&str, Peer)> = vec![
        ("hand encoder", Box::new(hand())),
        ("raw dynasm", Box::new(raw_dynasm())),
        (
            "vcode x64",
            Box::new(portable(X64::new(), |code| code.bytes().len())),
        ),
    ];
    #[cfg(feature = "clif")]
    for (name, effort) in [
        ("Cranelift, opt none", vcode::clif::Effort::None),
        ("Cranelift, opt speed", vcode::clif::Effort::Speed),
    ] {
        let clif = vcode::clif::Clif::host_with(effort).expect("Cranelift knows this host");
        peers.push((name, Box::new(portable(clif, Vec::len))));
    }
    let per_slice: Vec<u32> = peers
        .iter_mut()
        .map(|(_, emit)| calls_per_slice(filters, emit))
        .collect();
    let mut times = vec![Vec::new(); peers.len()];
    for _ in 0..slices {
        for ((times, (_, emit)), &calls) in times.iter_mut().zip(&mut peers).zip(&per_slice) {
            times.push(slice(filters, calls, emit) / f64::from(calls * operations(filters)));
        }
    }
    println!(
        "{filters} filters, {} portable operations",
        operations(filters)
    );
    println!(
        "{:22} {:>8} {:>8} {:>8}   {:>7}",
        "ns per operation", "median", "min", "p90", "bytes"
    );
    for (times, (name, emit)) in times.iter_mut().zip(&mut peers) {
        times.sort_by(f64::total_cmp);
        let at = |quantile: f64| times[((times.len() - 1) as f64 * quantile) as usize];
        println!(
            "{name:22} {:8.2} {:8.2} {:8.2}   {:7}",
            at(0.5),
            at(0.0),
            at(0.9),
            emit(filters)
        );
    }
}

/// Portable operations in a function, with the return at its end.
fn operations(filters: u32) -> u32 {
    filters * OPERATIONS + 1
}

fn calls_per_slice(filters: u32, emit: &mut dyn FnMut(u32) -> usize) -> u32 {
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < SLICE {
        black_box(emit(black_box(filters)));
        calls += 1;
    }
    calls
}

/// Nanoseconds for so many calls.
fn slice(filters: u32, calls: u32, emit: &mut dyn FnMut(u32) -> usize) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(emit(black_box(filters)));
    }
    start.elapsed().as_nanos() as f64
}

/// The filters through the portable interface.
fn portable<T: Target + 'static>(
    target: T,
    len: impl Fn(&T::Output<'_>) -> usize,
) -> impl FnMut(u32) -> usize {
    let mut asm = Assembler::new(target);
    move |filters| match mix::filter_code(&mut asm, filters, mix::handed_out) {
        Ok(code) => len(&code),
        Err(error) => panic!("{error}"),
    }
}

/// Registers of the peers that choose their own, hidden from the compiler: packet, length, table, field,
/// hash, winner.
fn registers() -> [u8; 6] {
    black_box([7, 6, 1, 8, 9, 10])
}

#[expect(
    clippy::useless_conversion,
    reason = "dynasm converts register numbers that are bytes already"
)]
/// The same with dynasm alone, its own labels and relocations, its buffer drained and reused.
fn raw_dynasm() -> impl FnMut(u32) -> usize {
    let mut ops = VecAssembler::<X64Relocation>::new(0);
    move |filters| {
        let [packet, len, table, field, hash, winner] = registers();
        for filter in 0..filters {
            let next = ops.new_dynamic_label();
            dynasm!(ops; .arch x64
                ; cmp Rd(len), 54; jb =>next
                ; movzx Rd(field), WORD [BYTE Rq(packet) + 12]
                ; cmp Rd(field), 0x0008; jne =>next
                ; movzx Rd(field), BYTE [BYTE Rq(packet) + 23]
                ; cmp Rd(field), 6; jne =>next
                ; mov Rd(field), [BYTE Rq(packet) + 26]
                ; cmp Rd(field), 0xc00c_4501_u32 as i32; jne =>next
                ; mov Rd(field), [BYTE Rq(packet) + 30]
                ; cmp Rd(field), 0xc00c_4502_u32 as i32; jne =>next
                ; mov Rd(field), [BYTE Rq(packet) + 34]
                ; imul Rq(hash), Rq(field), 0x9e37
                ; shr Rq(hash), 20
                ; and Rd(hash), 1023
                ; mov Rd(hash), [Rq(table) + Rq(hash) * 4]
                ; cmp Rd(hash), Rd(field); cmove Rq(winner), Rq(len)
                ; mov eax, filter as i32; ret
                ; =>next
            );
        }
        dynasm!(ops; .arch x64; xor eax, eax; ret);
        let len = ops.offset().0;
        drop(ops.drain().expect("every label is bound"));
        len
    }
}

/// The same by hand: each encoding written out for these operands, one label at a time.
fn hand() -> impl FnMut(u32) -> usize {
    let mut code = vec![0_u8; 1 << 16];
    move |filters| {
        let mut hand = Hand {
            code: &mut code,
            len: 0,
            forward: [0; 8],
            branches: 0,
        };
        let [packet, len, table, field, hash, winner] = registers();
        for filter in 0..filters {
            hand.compare(len, 54);
            hand.branch(0x82);
            hand.load(&[0x0f, 0xb7], field, packet, 12);
            hand.compare(field, 0x0008);
            hand.branch(0x85);
            hand.load(&[0x0f, 0xb6], field, packet, 23);
            hand.compare(field, 6);
            hand.branch(0x85);
            for (offset, value) in [(26, 0xc00c_4501), (30, 0xc00c_4502)] {
                hand.load(&[0x8b], field, packet, offset);
                hand.compare(field, value);
                hand.branch(0x85);
            }
            hand.load(&[0x8b], field, packet, 34);
            hand.bytes(&[
                0x48 | hash >> 3 << 2 | field >> 3,
                0x69,
                modrm(3, hash, field),
            ]);
            hand.bytes(&0x9e37_u32.to_le_bytes());
            hand.bytes(&[0x48 | hash >> 3, 0xc1, modrm(3, 5, hash), 20]);
            hand.bytes(&[0x40 | hash >> 3, 0x81, modrm(3, 4, hash)]);
            hand.bytes(&1023_u32.to_le_bytes());
            let rex = 0x40 | hash >> 3 << 2 | hash >> 3 << 1 | table >> 3;
            hand.bytes(&[
                rex,
                0x8b,
                modrm(0, hash, 4),
                2 << 6 | (hash & 7) << 3 | table & 7,
            ]);
            hand.bytes(&[
                0x40 | field >> 3 << 2 | hash >> 3,
                0x39,
                modrm(3, field, hash),
            ]);
            hand.bytes(&[
                0x48 | winner >> 3 << 2 | len >> 3,
                0x0f,
                0x44,
                modrm(3, winner, len),
            ]);
            hand.bytes(&[0xb8]);
            hand.bytes(&filter.to_le_bytes());
            hand.bytes(&[0xc3]);
            hand.bind();
        }
        hand.bytes(&[0x31, 0xc0, 0xc3]);
        hand.len
    }
}

struct Hand<'a> {
    code: &'a mut [u8],
    len: usize,
    forward: [usize; 8],
    branches: usize,
}

impl Hand<'_> {
    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.code[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    #[inline(always)]
    fn load(&mut self, opcode: &[u8], d: u8, base: u8, offset: u8) {
        self.bytes(&[0x40 | d >> 3 << 2 | base >> 3]);
        self.bytes(opcode);
        self.bytes(&[modrm(1, d, base), offset]);
    }

    #[inline(always)]
    fn compare(&mut self, a: u8, value: u32) {
        if value < 128 {
            self.bytes(&[0x40 | a >> 3, 0x83, modrm(3, 7, a), value as u8]);
        } else {
            self.bytes(&[0x40 | a >> 3, 0x81, modrm(3, 7, a)]);
            self.bytes(&value.to_le_bytes());
        }
    }

    #[inline(always)]
    fn branch(&mut self, opcode: u8) {
        self.bytes(&[0x0f, opcode, 0, 0, 0, 0]);
        self.forward[self.branches % 8] = self.len;
        self.branches += 1;
    }

    #[inline(always)]
    fn bind(&mut self) {
        for &end in &self.forward[..self.branches.min(8)] {
            let distance = (self.len - end) as u32;
            self.code[end - 4..end].copy_from_slice(&distance.to_le_bytes());
        }
        self.branches = 0;
    }
}

/// A ModRM byte.
fn modrm(mode: u8, reg: u8, rm: u8) -> u8 {
    mode << 6 | (reg & 7) << 3 | rm & 7
}
