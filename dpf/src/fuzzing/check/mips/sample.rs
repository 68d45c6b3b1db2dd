//! MIPS code as it is really emitted, with tables and packets to run it on.

use alloc::boxed::Box;
use alloc::{vec, vec::Vec};

use vcode::mips::Mips;
use vcode::op::{Align, Op, Scale};
use vcode::{Assembler, Class, Error, Reg, Signature, Ty};

use crate::check::{Alignment, Policy, Table};

/// Words of the buffer to emit into.
const BUFFER: usize = 1 << 11;
type Asm<'b> = Assembler<Mips<'b, BUFFER>>;

/// A function, and what it may see.
#[derive(Clone, Debug)]
pub struct Sample {
    /// For reports.
    pub name: &'static str,
    /// The code.
    pub code: Vec<u32>,
    /// What it is proved against.
    pub policy: Policy,
    /// Contents of the policy's tables, in order.
    pub contents: Vec<Vec<u8>>,
    /// Packets with their original lengths.
    pub packets: Vec<(Vec<u8>, u32)>,
}

impl Sample {
    pub(super) fn tables(&self) -> Vec<(u32, &[u8])> {
        let addresses = self.policy.tables.iter().map(|table| table.address as u32);
        addresses
            .zip(self.contents.iter().map(Vec::as_slice))
            .collect()
    }
}

/// Where the table of a function stands: its lower half is negative as an offset.
const TABLE: u32 = 0x8012_9000;

type Form = fn(&mut Asm<'_>, [Reg; 3]) -> Result<(), Error>;

/// All samples.
pub fn samples() -> Vec<Sample> {
    // Ports as the packets have them behind the shortest header, found by every probe.
    let ports = u32::from_le_bytes(core::array::from_fn(|at| scrambled(34 + at as u8)));
    let slots = [ports, 7].repeat(64);
    // Words that grow, so that searches find something, and are too large for an index.
    let words = |count: u32| (0..count).map(|at| at << 27 | 0xfff).collect();
    let forms: [(&'static str, Alignment, Vec<u32>, Form); 9] = [
        ("aligned", Alignment::WordPlusTwo, slots.clone(), aligned),
        ("anywhere", Alignment::Unknown, slots.clone(), anywhere),
        ("slots", Alignment::Word, Vec::new(), slots_of_branches),
        ("hashed", Alignment::Unknown, slots, hashed),
        ("search", Alignment::Word, words(16), search),
        ("locals", Alignment::WordPlusTwo, words(64), locals),
        ("pointers", Alignment::Unknown, Vec::new(), pointers),
        ("saved", Alignment::Unknown, Vec::new(), saved),
        ("divided", Alignment::Word, words(16), divided),
    ];
    forms
        .into_iter()
        .filter_map(|(name, packet, table, form)| sample(name, packet, &table, form).ok())
        .collect()
}

fn sample(
    name: &'static str,
    packet: Alignment,
    table: &[u32],
    form: Form,
) -> Result<Sample, Error> {
    let mut buffer = Box::new([0; BUFFER]);
    let mut assembler = Assembler::new(Mips::new(&mut buffer));
    let signature = Signature {
        params: &[Ty::P, Ty::U, Ty::U],
        result: Some(Ty::U),
        leaf: true,
    };
    let parameters = assembler.begin(&signature)?;
    form(&mut assembler, parameters)?;
    let code = assembler.end()?.words().collect();
    let content: Vec<u8> = table.iter().flat_map(|word| word.to_le_bytes()).collect();
    let policy = Policy {
        entries: vec![0],
        tables: vec![Table {
            name: "table".into(),
            address: TABLE.into(),
            length: content.len() as u64,
        }],
        frame: 128,
        longest_path: 300,
        packet,
    };
    Ok(Sample {
        name,
        code,
        policy,
        contents: vec![content],
        packets: packets(),
    })
}

/// The byte at `at` of a packet, before its headers are made.
const fn scrambled(at: u8) -> u8 {
    at.wrapping_mul(37)
}

/// TCP over IPv4 with header lengths 5, 15 and 0; cut off here and there; all ones; empty.
fn packets() -> Vec<(Vec<u8>, u32)> {
    let mut packets = Vec::new();
    for ihl in [5, 15, 0] {
        let mut packet: Vec<u8> = (0..120).map(scrambled).collect();
        packet[12..15].copy_from_slice(&[8, 0, 0x40 | ihl]);
        packet[23] = 6;
        packet[20..22].fill(0);
        for len in [120, 78, 54, 38, 37, 34, 33, 14, 3] {
            packets.push((packet[..len].to_vec(), len as u32));
        }
    }
    packets.push((vec![0xff; 90], 1500));
    packets.push((vec![0; 64], 64));
    packets.push((Vec::new(), 0));
    packets.push((vec![0xff; 1], u32::MAX));
    packets
}

fn temporaries<const N: usize>(a: &mut Asm<'_>) -> Result<[Reg; N], Error> {
    let mut registers = [Reg::new(0); N];
    for register in &mut registers {
        *register = a.getreg(Class::Temporary)?;
    }
    Ok(registers)
}

/// Ports behind a variable header that stands aligned, looked up by a few of their bits.
fn aligned(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [base, end, key, slot] = temporaries(a)?;
    let (miss, short) = (a.label(), a.label());
    a.bltu(len, 34, short);
    a.ldus(base, packet, 12);
    a.lduc(end, packet, 23);
    a.bneu(base, 0x0008, miss);
    a.lduc(base, packet, 14);
    a.bneu(end, 6, miss);
    a.andu(base, base, 15);
    a.lshu(base, base, 2);
    a.addu(end, base, 18);
    a.bgtu(end, len, short);
    a.addp(base, base, packet);
    a.ldu(key, base, 14);
    a.rshu(slot, key, 5);
    a.andu(slot, slot, 63 << 3);
    a.setp(end, 0x8013_0000);
    a.addp(slot, slot, end);
    a.ldu(end, slot, TABLE.wrapping_sub(0x8013_0000).cast_signed());
    a.bneu(end, key, miss);
    a.ldu(end, slot, TABLE.wrapping_sub(0x8013_0000).cast_signed() + 4);
    a.retu(end);
    a.bind(short);
    a.bind(miss);
    a.retu(0);
    Ok(())
}

/// The same where nothing is known of addresses: `lwl`, `lwr`, and bytes.
fn anywhere(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [base, end, key, slot] = temporaries(a)?;
    let (miss, short) = (a.label(), a.label());
    a.bltu(len, 34, short);
    a.uldus(base, packet, 12);
    a.bneu(base, 0x0008, miss);
    a.uldu(key, packet, 30);
    a.lduc(base, packet, 14);
    a.andu(base, base, 15);
    a.bltu(base, 5, miss);
    a.lshu(base, base, 2);
    a.addu(end, base, 18);
    a.bgtu(end, len, short);
    a.addp(base, base, packet);
    a.uldu(key, base, 14);
    a.xoru(slot, key, len);
    a.andu(slot, slot, 63 << 3);
    a.setp(end, TABLE.into());
    a.addp(slot, slot, end);
    a.ldu(base, slot, 4);
    a.ldu(end, slot, 0);
    a.setu(slot, 0);
    a.cmovequ(slot, base, end, key);
    a.retu(slot);
    a.bind(short);
    a.bind(miss);
    a.retu(0);
    Ok(())
}

/// Loads in the slots of branches that guard others, and right before their use.
fn slots_of_branches(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [first, second, third] = temporaries(a)?;
    let (miss, short) = (a.label(), a.label());
    let word = |d, offset: i32| Op::Load(Ty::U, Align::Natural, d, packet, offset.into());
    a.bltu(len, 16, short);
    a.raw_load(word(first, 12), 1);
    a.bltu(len, 24, short);
    a.ldu(second, packet, 20);
    a.bltu(len, 40, miss);
    a.ldus(third, packet, 38);
    a.xoru(first, first, second);
    a.bequ(first, third, miss);
    a.ldu(first, packet, 36);
    a.oru(first, first, 1);
    a.retu(first);
    a.bind(miss);
    a.oru(first, first, 1);
    a.retu(first);
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// A hash by a multiplication, and a displacement of two bytes.
fn hashed(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [key, hash, part, table] = temporaries(a)?;
    let miss = a.label();
    a.bltu(len, 38, miss);
    a.uldu(key, packet, 34);
    a.foldul(hash, key, 0x9e37_79b1_i64);
    a.setp(table, TABLE.into());
    a.andu(part, hash, 31 << 1);
    a.ldus(part, table, (part, 448));
    a.rshu(hash, hash, 20);
    a.xoru(hash, hash, part);
    a.andu(hash, hash, 31 << 3);
    a.ldu(part, table, (hash, 4));
    a.ldu(hash, table, (hash, 0));
    a.bneu(hash, key, miss);
    a.retu(part);
    a.bind(miss);
    a.retu(0);
    Ok(())
}

/// A binary search by moves behind short branches.
fn search(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [key, at, probe, value] = temporaries(a)?;
    let table = a.getreg(Class::Temporary)?;
    let short = a.label();
    a.bltu(len, 34, short);
    a.ldu(key, packet, 28);
    a.bswapu(key, key);
    a.setp(table, TABLE.into());
    a.setu(at, 0);
    for step in [8, 4, 2, 1] {
        a.ldu(value, table, (at, Scale::X4, 4 * (step - 1)));
        a.addu(probe, at, step);
        a.cmovltu(at, probe, value, key);
    }
    a.addu(at, at, 1);
    a.retu(at);
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// Saved registers and locals, two bases, a bit map.
fn locals(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let (kept, base) = (a.getreg(Class::Persistent)?, a.getreg(Class::Persistent)?);
    let [value, bit] = temporaries(a)?;
    let (slot, narrow, pointer) = (a.local(Ty::U)?, a.local(Ty::Us)?, a.local(Ty::P)?);
    let (other, join, short) = (a.label(), a.label(), a.label());
    a.bltu(len, 18, short);
    a.ldus(value, packet, 12);
    a.bequ(value, 0x0081, other);
    a.movp(base, packet);
    a.setu(kept, 14);
    a.jump(join);
    a.bind(other);
    a.addp(base, packet, 4);
    a.setu(kept, 18);
    a.bind(join);
    a.store_local(Ty::U, kept, slot);
    a.store_local(Ty::P, base, pointer);
    a.store_local(Ty::Us, value, narrow);
    a.addu(value, kept, 2);
    a.bgtu(value, len, short);
    a.load_local(Ty::U, kept, slot);
    a.addp(value, packet, kept);
    a.ldus(value, value, 0);
    a.andu(value, value, 0x7ff);
    a.movu(bit, value);
    a.rshu(value, value, 5);
    a.setp(kept, TABLE.into());
    a.ldu(value, kept, (value, Scale::X4, 0));
    a.load_local(Ty::P, base, pointer);
    a.lduc(base, base, 12);
    a.rshu(value, value, bit);
    a.andu(value, value, 1);
    a.load_local(Ty::Us, kept, narrow);
    a.addu(value, value, kept);
    a.xoru(value, value, base);
    a.retu(value);
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// Bytes, halves and unaligned words of the frame, and every saved register.
fn saved(a: &mut Asm<'_>, [packet, len, wirelen]: [Reg; 3]) -> Result<(), Error> {
    let mut kept = Vec::new();
    while let Ok(register) = a.getreg(Class::Persistent) {
        kept.push(register);
    }
    let [value, at] = temporaries(a)?;
    let block = a.local_block(16, 8)?;
    let short = a.label();
    a.bltu(len, 16, short);
    a.local_address(at, block);
    a.uldu(value, packet, 3);
    a.ustu(value, at, 1);
    a.stuc(len, at, 0);
    a.stus(wirelen, at, 6);
    a.stuc(value, at, 5);
    for (&register, offset) in kept.iter().zip(0..) {
        a.lduc(register, packet, offset);
        a.addu(value, value, register);
    }
    a.uldu(wirelen, at, 3);
    a.ldu(len, at, 0);
    a.ldu(at, at, 4);
    a.xoru(value, value, len);
    a.xoru(value, value, wirelen);
    a.xoru(value, value, at);
    a.retu(value);
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// What remains of the packet, compared with a size found in it; and its end as a pointer.
fn pointers(a: &mut Asm<'_>, [packet, len, wirelen]: [Reg; 3]) -> Result<(), Error> {
    let [base, left, size, end] = temporaries(a)?;
    let miss = a.label();
    a.bltu(len, 22, miss);
    a.addp(end, packet, len);
    a.lduc(base, packet, 14);
    a.andu(base, base, 0x3c);
    a.addu(base, base, 14);
    a.bgtu(base, len, miss);
    a.subu(left, len, base);
    a.bltu(left, 8, miss);
    a.addp(base, base, packet);
    a.lduc(size, base, 4);
    a.bgtu(size, left, miss);
    a.addp(base, base, size);
    a.addp(left, base, 4);
    a.bgtp(left, end, miss);
    a.uldu(size, base, 0);
    a.addu(size, size, wirelen);
    a.retu(size);
    a.bind(miss);
    a.retu(0);
    Ok(())
}

/// Products and quotients as indices.
fn divided(a: &mut Asm<'_>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [value, divisor, table] = temporaries(a)?;
    let miss = a.label();
    a.bltu(len, 20, miss);
    a.ldu(value, packet, 16);
    a.lduc(divisor, packet, 15);
    a.bequ(divisor, 0, miss);
    a.modu(value, value, 15);
    a.setp(table, TABLE.into());
    a.ldu(value, table, (value, Scale::X4, 4));
    a.mulhiu(value, value, 14);
    a.ldu(value, table, (value, Scale::X4, 8));
    a.divu(value, value, divisor);
    a.retu(value);
    a.bind(miss);
    a.retu(0);
    Ok(())
}
