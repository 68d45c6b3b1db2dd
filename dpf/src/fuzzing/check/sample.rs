//! Code as it is really emitted, with tables and packets to run it on.

use alloc::{vec, vec::Vec};

use vcode::x64::X64;
use vcode::{Assembler, Class, Error, Reg, Signature, Ty};

use crate::check::{Policy, Table};

/// A function, and what it may see.
#[derive(Clone, Debug)]
pub struct Sample {
    /// For reports.
    pub name: &'static str,
    /// The code.
    pub code: Vec<u8>,
    /// What it is proved against.
    pub policy: Policy,
    /// Contents of the policy's tables, in order.
    pub contents: Vec<Vec<u8>>,
    /// Packets with their original lengths.
    pub packets: Vec<(Vec<u8>, u32)>,
}

impl Sample {
    pub(super) fn tables(&self) -> Vec<(u64, &[u8])> {
        let addresses = self.policy.tables.iter().map(|table| table.address);
        addresses
            .zip(self.contents.iter().map(Vec::as_slice))
            .collect()
    }
}

/// Where the table of a function stands.
const TABLE: u64 = 0x3000_0000_0000;

/// All samples.
pub fn samples() -> Vec<Sample> {
    // Ports as the packets have them behind the shortest header, found by every probe.
    let slot = [
        u64::from(u32::from_le_bytes(core::array::from_fn(|at| {
            scrambled(34 + at as u8)
        }))),
        7,
    ];
    // Words that grow, so that searches find something, and are too large for an index.
    let words = |count: u64| (0..count).map(|at| at << 24 | 0xfff).collect();
    let forms: [(&'static str, Vec<u64>, Form); 5] = [
        ("flow", slot.repeat(64), flow),
        ("switch", Vec::new(), switch),
        ("search", words(16), search),
        ("locals", words(32), locals),
        ("pointers", Vec::new(), pointers),
    ];
    forms
        .into_iter()
        .filter_map(|(name, table, form)| sample(name, &table, form).ok())
        .collect()
}

type Form = fn(&mut Assembler<X64>, [Reg; 3]) -> Result<(), Error>;

fn sample(name: &'static str, table: &[u64], form: Form) -> Result<Sample, Error> {
    let mut assembler = Assembler::new(X64::new());
    let signature = Signature {
        params: &[Ty::P, Ty::U, Ty::U],
        result: Some(Ty::U),
        leaf: true,
    };
    let parameters = assembler.begin(&signature)?;
    form(&mut assembler, parameters)?;
    let code = assembler.end()?.bytes().to_vec();
    let content: Vec<u8> = table.iter().flat_map(|word| word.to_le_bytes()).collect();
    let tables = vec![Table {
        name: "table".into(),
        address: TABLE,
        length: content.len() as u64,
    }];
    let policy = Policy {
        entries: vec![0],
        tables,
        frame: 128,
        longest_path: 200,
        ..Policy::default()
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
        for len in [120, 78, 54, 37, 34, 33, 14, 3] {
            packets.push((packet[..len].to_vec(), len as u32));
        }
    }
    packets.push((vec![0xff; 90], 1500));
    packets.push((vec![0; 64], 64));
    packets.push((Vec::new(), 0));
    packets.push((vec![0xff; 1], u32::MAX));
    packets
}

/// Ports behind a variable header, hashed, looked up, verified and selected without a branch.
fn flow(a: &mut Assembler<X64>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [base, end, key, entry] = temporaries(a)?;
    let (miss, short) = (a.label(), a.label());
    a.bltu(len, 34, short);
    a.uldus(base, packet, 12);
    a.bneu(base, 0x0008, miss);
    a.lduc(base, packet, 23);
    a.bneu(base, 6, miss);
    a.lduc(base, packet, 14);
    a.andu(base, base, 15);
    a.bltu(base, 5, miss);
    a.lshu(base, base, 2);
    a.addu(end, base, 18);
    a.bgtu(end, len, short);
    a.addp(base, base, packet);
    a.uldu(key, base, 14);
    a.foldul(end, key, 0x9e37_79b9_7f4a_7c15_u64);
    a.andu(end, end, 63 << 4);
    a.setp(entry, TABLE.cast_signed());
    a.addp(entry, entry, end);
    a.ldul(base, entry, 0);
    a.ldu(end, entry, 8);
    a.setu(entry, 0);
    a.cmovequl(entry, end, base, key);
    a.retu(entry);
    a.bind(short);
    a.bind(miss);
    a.retu(0);
    Ok(())
}

/// A jump table on a byte, with arms that load at different depths.
fn switch(a: &mut Assembler<X64>, [packet, len, wirelen]: [Reg; 3]) -> Result<(), Error> {
    let index = a.getreg(Class::Temporary)?;
    let arms: Vec<_> = (0..6).map(|_| a.label()).collect();
    let short = a.label();
    a.bltu(len, 24, short);
    a.lduc(index, packet, 14);
    a.andu(index, index, 7);
    a.jump_table(index, &arms);
    a.retu(wirelen);
    for (depth, &arm) in (1..).zip(&arms) {
        a.bind(arm);
        a.bltu(len, 20 * depth + 4, short);
        a.uldu(index, packet, 20 * depth);
        a.retu(index);
    }
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// A binary search without branches.
fn search(a: &mut Assembler<X64>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [key, at, probe, value] = temporaries(a)?;
    let short = a.label();
    a.bltu(len, 34, short);
    a.uldu(key, packet, 30);
    a.bswapu(key, key);
    a.setp(at, TABLE.cast_signed());
    for step in [64, 32, 16, 8] {
        a.ldul(value, at, step - 8);
        a.addp(probe, at, step);
        a.cmovleul(at, probe, value, key);
    }
    a.subul(at, at, TABLE);
    a.rshul(at, at, 3);
    a.retu(at);
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// Persistent registers and locals, two bases, a bit map.
fn locals(a: &mut Assembler<X64>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let (kept, base) = (a.getreg(Class::Persistent)?, a.getreg(Class::Persistent)?);
    let [value, bit] = temporaries(a)?;
    let (slot, wide) = (a.local(Ty::U)?, a.local(Ty::Ul)?);
    let (other, join, short) = (a.label(), a.label(), a.label());
    a.bltu(len, 18, short);
    a.uldus(value, packet, 12);
    a.bequ(value, 0x0081, other);
    a.movp(base, packet);
    a.setu(kept, 14);
    a.jump(join);
    a.bind(other);
    a.addp(base, packet, 4);
    a.setu(kept, 18);
    a.bind(join);
    a.store_local(Ty::U, kept, slot);
    a.store_local(Ty::Ul, base, wide);
    a.addu(value, kept, 2);
    a.bgtu(value, len, short);
    a.load_local(Ty::U, kept, slot);
    a.uldus(value, packet, kept);
    a.andu(value, value, 0x7ff);
    a.movu(bit, value);
    a.rshu(value, value, 5);
    a.setp(kept, TABLE.cast_signed());
    a.ldu(value, kept, (value, vcode::op::Scale::X4, 0));
    a.rshu(value, value, bit);
    a.andu(value, value, 1);
    a.retu(value);
    a.bind(short);
    a.retu(0);
    Ok(())
}

/// What remains of the packet, compared with a size found in it, twice.
fn pointers(a: &mut Assembler<X64>, [packet, len, _]: [Reg; 3]) -> Result<(), Error> {
    let [base, left, size] = temporaries(a)?;
    let (miss, full) = (a.label(), a.getreg(Class::Temporary)?);
    a.bltu(len, 22, miss);
    a.cvu2ul(full, len);
    a.lduc(base, packet, 14);
    a.andul(base, base, 0x3c);
    a.addul(base, base, 14);
    a.bgtul(base, full, miss);
    a.subul(left, full, base);
    a.bltul(left, 8, miss);
    a.addp(base, base, packet);
    a.lduc(size, base, 4);
    a.bgtul(size, left, miss);
    a.subul(left, left, size);
    a.addp(base, base, size);
    a.subp(base, base, 4);
    a.bltul(left, 0, miss);
    a.uldu(size, base, 0);
    a.retu(size);
    a.bind(miss);
    a.retu(0);
    Ok(())
}

fn temporaries<const N: usize>(a: &mut Assembler<X64>) -> Result<[Reg; N], Error> {
    let mut registers = [Reg::new(0); N];
    for register in &mut registers {
        *register = a.getreg(Class::Temporary)?;
    }
    Ok(registers)
}
