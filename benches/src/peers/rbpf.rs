#![expect(
    unsafe_code,
    reason = "rbpf offers its compiled programs as unsafe functions only"
)]
//! rbpf's x86-64 compiler: one eBPF program per filter, run in turn.
//!
//! Each program is what a C compiler would make of the comparisons: one bounds check per header,
//! then loads compared with constants in host byte order. rbpf's compiler trusts its programs and
//! checks no load, which is in its favour here. A packet is handed over as what rbpf calls the
//! metadata buffer, for only of that do compiled programs learn the length.

use super::{NONE, Peer, SEQUENTIAL_LIMIT};
use crate::{
    filter::{Cell, Conjunction, Length},
    flows::Family,
};
use rbpf::{EbpfVmMbuff, ebpf};

/// A compiled program for each filter; the first to return 1 wins.
///
/// # Errors
///
/// When rbpf refuses a program, or there are more than the sequential engines take.
pub fn in_turn(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    if count > SEQUENTIAL_LIMIT {
        return Err(format!(
            "{count} filters, and {SEQUENTIAL_LIMIT} programs at most"
        ));
    }
    let mut programs = Vec::new();
    for index in 0..count {
        // The machine borrows its program; both live as long as the comparison, some 200 bytes.
        let program: &'static [u8] = program(&family.filter(index)).leak();
        let mut machine = EbpfVmMbuff::new(Some(program)).map_err(|error| error.to_string())?;
        machine.jit_compile().map_err(|error| error.to_string())?;
        programs.push(machine);
    }
    Ok(Box::new(InTurn {
        programs,
        packets: Vec::new(),
    }))
}

struct InTurn {
    programs: Vec<EbpfVmMbuff<'static>>,
    /// The packets, copied because rbpf wants to borrow them mutably.
    packets: Vec<Vec<u8>>,
}

impl Peer for InTurn {
    fn prepare(&mut self, packets: &[&[u8]]) {
        self.packets.resize(packets.len(), Vec::new());
        for (own, packet) in self.packets.iter_mut().zip(packets) {
            own.clear();
            own.extend_from_slice(packet);
        }
    }

    fn each(&mut self, _: &[&[u8]], answers: &mut [u32]) {
        for (packet, answer) in self.packets.iter_mut().zip(answers) {
            let accepts = |program: &EbpfVmMbuff<'static>| run(program, packet) == 1;
            *answer = self
                .programs
                .iter()
                .position(accepts)
                .map_or(NONE, |index| index as u32);
        }
    }
}

fn run(program: &EbpfVmMbuff<'_>, packet: &mut [u8]) -> u64 {
    // SAFETY: the caller has to know that the compiled program loads nothing outside the packet
    // and ends. `program` compares the packet's length with the end of each header's last cell
    // before it loads one of them, stores nothing, and jumps forward only.
    unsafe { program.execute_program_jit(&mut [], packet) }.unwrap_or(0)
}

/// The filter in eBPF. Registers: r1 packet, r2 its length, r3 the current header, r4 scratch, r5
/// offset of the header.
fn program(filter: &Conjunction) -> Vec<u8> {
    let mut code = vec![op(ebpf::MOV64_REG, 3, 1, 0), op(ebpf::MOV64_IMM, 5, 0, 0)];
    let mut rejects = Vec::new();
    for header in &filter.headers {
        let end = |cell: &Cell| i32::from(cell.field.offset) + i32::from(cell.field.bytes);
        // The header's first byte at least: its length may be in it.
        let captured = header.cells.iter().map(end).fold(1, i32::max);
        code.extend([
            op(ebpf::MOV64_REG, 4, 5, 0),
            op(ebpf::ADD64_IMM, 4, 0, captured),
        ]);
        rejects.push(code.len());
        code.push(op(ebpf::JGT_REG, 4, 2, 0));
        for cell in &header.cells {
            compare(&mut code, &mut rejects, cell);
        }
        match header.length {
            Length::Fixed(length) => {
                code.extend([3, 5].map(|register| op(ebpf::ADD64_IMM, register, 0, length.into())));
            }
            Length::InternetHeader => code.extend([
                op(ebpf::LD_B_REG, 4, 3, 0),
                op(ebpf::AND64_IMM, 4, 0, 0xf),
                op(ebpf::LSH64_IMM, 4, 0, 2),
                op(ebpf::ADD64_REG, 3, 4, 0),
                op(ebpf::ADD64_REG, 5, 4, 0),
            ]),
        }
    }
    code.extend([op(ebpf::MOV64_IMM, 0, 0, 1), op(ebpf::EXIT, 0, 0, 0)]);
    let reject = code.len();
    code.extend([op(ebpf::MOV64_IMM, 0, 0, 0), op(ebpf::EXIT, 0, 0, 0)]);
    for index in rejects {
        code[index].off = (reject - index - 1) as i16;
    }
    code.iter().flat_map(ebpf::Insn::to_array).collect()
}

/// Loads the cell and compares it, in host byte order.
fn compare(code: &mut Vec<ebpf::Insn>, rejects: &mut Vec<usize>, cell: &Cell) {
    let value = cell.value;
    let (load, value) = match cell.field.bytes {
        1 => (ebpf::LD_B_REG, value),
        2 => (ebpf::LD_H_REG, u32::from((value as u16).to_be())),
        _ => (ebpf::LD_W_REG, value.to_be()),
    };
    let mut load = op(load, 4, 3, 0);
    load.off = cell.field.offset as i16;
    code.push(load);
    rejects.push(code.len());
    code.push(op(ebpf::JNE_IMM32, 4, 0, value as i32));
}

fn op(opc: u8, dst: u8, src: u8, imm: i32) -> ebpf::Insn {
    ebpf::Insn {
        opc,
        dst,
        src,
        off: 0,
        imm,
    }
}
