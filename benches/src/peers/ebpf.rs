#![expect(
    unsafe_code,
    reason = "bpf(2) takes pointers, and its maps are memory shared with the kernel"
)]
//! The kernel's eBPF: a native program that looks flows up in a BPF hash map.
//!
//! Linux offers this to whoever wants to classify in the kernel (XDP, socket filters). The program
//! parses a packet, looks its flow up with `bpf_map_lookup_elem` and stores the answer. So that
//! the system call is not what is measured, one `BPF_PROG_TEST_RUN` takes a whole run: packets and
//! answers lie in an array map that this process has mapped, and the program loops over them.
//!
//! Needs `CAP_BPF` or root; without them [`map`] says so and the comparison goes on without it.

use super::{NONE, Peer, RUN};
use crate::{
    changes::{CHANGES, Changing},
    flows::{Family, Flow, PACKET_BYTES, SERVER},
};
use core::ptr::NonNull;
use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// Bytes of a packet's slot in the shared area: the packet, then its length in four bytes.
const SLOT: usize = 64;
/// Where the answers are in the shared area; the number of packets is at its start.
const ANSWERS: usize = 64;
/// Where the packets are.
const PACKETS: usize = ANSWERS + RUN * 4;
/// All of it, with a slot behind the last packet for headers that claim to be longer.
const AREA: usize = (PACKETS + (RUN + 2) * SLOT).next_multiple_of(4096);

/// A hash map in the kernel, from addresses and ports to the filter's number.
///
/// # Errors
///
/// When the kernel or this process's rights do not allow it.
pub fn map(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    let refused = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
    let flows =
        create_map(MapType::Hash, 12, 4, count.max(1)).map_err(refused("BPF_MAP_CREATE"))?;
    for index in 0..count {
        update(&flows, &key(family, family.flow(index)), index)
            .map_err(refused("BPF_MAP_UPDATE_ELEM"))?;
    }
    let area = create_map(MapType::Array, 4, AREA as u32, 1).map_err(refused("BPF_MAP_CREATE"))?;
    let memory = Memory::map(&area).map_err(refused("mmap of a BPF array"))?;
    let program =
        load(&program(family, &area, &flows)).map_err(|error| format!("BPF_PROG_LOAD: {error}"))?;
    let peer = Kernel {
        program,
        memory,
        _flows: flows,
        _area: area,
    };
    peer.run().map_err(refused("BPF_PROG_TEST_RUN"))?;
    Ok(Box::new(peer))
}

struct Kernel {
    program: OwnedFd,
    memory: Memory,
    _flows: OwnedFd,
    _area: OwnedFd,
}

impl Peer for Kernel {
    fn prepare(&mut self, packets: &[&[u8]]) {
        self.memory.write(0, &(packets.len() as u32).to_ne_bytes());
        for (index, packet) in packets.iter().enumerate() {
            let mut slot = [0; SLOT];
            slot[..packet.len()].copy_from_slice(packet);
            slot[PACKET_BYTES..].copy_from_slice(&(packet.len() as u32).to_ne_bytes());
            self.memory.write(PACKETS + index * SLOT, &slot);
        }
    }

    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        if self.run().is_err() {
            // It ran when it was built; a wrong answer stops the comparison.
            answers.fill(NONE - 1);
            return;
        }
        for (index, answer) in answers[..packets.len()].iter_mut().enumerate() {
            *answer = u32::from_ne_bytes(self.memory.read(ANSWERS + index * 4));
        }
    }
}

impl Kernel {
    /// Runs the program once, over all packets in the area.
    fn run(&self) -> io::Result<()> {
        let frame = [0_u8; PACKET_BYTES];
        let mut attributes = Attributes::default();
        attributes.u32(0, self.program.as_raw_fd() as u32);
        attributes.u32(8, frame.len() as u32);
        attributes.u64(16, frame.as_ptr() as u64);
        attributes.u32(32, 1);
        attributes.call(Command::TestRun).map(drop)
    }
}

/// The key of a flow as the program builds it: source, destination, ports, in network order.
fn key(family: Family, flow: Flow) -> [u8; 12] {
    let destination = if family == Family::Paper { 0 } else { SERVER };
    let mut key = [0; 12];
    key[..4].copy_from_slice(&flow.source.to_be_bytes());
    key[4..8].copy_from_slice(&destination.to_be_bytes());
    key[8..10].copy_from_slice(&flow.source_port.to_be_bytes());
    key[10..].copy_from_slice(&flow.destination_port.to_be_bytes());
    key
}

/// The array map's memory, shared with the kernel.
struct Memory(NonNull<u8>);

impl Memory {
    fn map(area: &OwnedFd) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe {
            let start = core::ptr::null_mut();
            libc::mmap(
                start,
                AREA,
                protection,
                libc::MAP_SHARED,
                area.as_raw_fd(),
                0,
            )
        };
        match NonNull::new(start.cast::<u8>()) {
            Some(bytes) if start != libc::MAP_FAILED => Ok(Self(bytes)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        assert!(
            offset + bytes.len() <= AREA,
            "{} bytes at {offset} of {AREA}",
            bytes.len()
        );
        // SAFETY: the assertion keeps the range inside the mapping, which lives as long as `self`;
        // no Rust reference to it exists, and the kernel's program does not run now, since it runs
        // only inside the system call of `Kernel::run`.
        unsafe {
            self.0
                .add(offset)
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
    }

    fn read(&self, offset: usize) -> [u8; 4] {
        assert!(offset + 4 <= AREA, "4 bytes at {offset} of {AREA}");
        // SAFETY: as for `write`.
        unsafe { self.0.add(offset).cast::<[u8; 4]>().read() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, of this size, and nothing refers to it any more. A failure
        // leaves it mapped, which harms nobody.
        unsafe { libc::munmap(self.0.as_ptr().cast(), AREA) };
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MapType {
    Hash = 1,
    Array = 2,
}

#[derive(Clone, Copy)]
enum Command {
    MapCreate = 0,
    MapUpdate = 2,
    MapDelete = 3,
    ProgramLoad = 5,
    TestRun = 10,
}

/// The argument block of bpf(2), filled by offset as `union bpf_attr` has it.
#[repr(align(8))]
struct Attributes([u8; 128]);

impl Default for Attributes {
    fn default() -> Self {
        Self([0; 128])
    }
}

impl Attributes {
    fn u32(&mut self, offset: usize, value: u32) {
        self.0[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn u64(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
    }

    /// The system call. Pointers written into the block must be valid for what `command` does
    /// with them; the callers, all in this module, see to it.
    fn call(&mut self, command: Command) -> io::Result<i32> {
        // SAFETY: the block is valid for reads and writes of its length, and the kernel checks
        // every field; each caller in this module keeps what it points to alive over the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                command as libc::c_long,
                self.0.as_mut_ptr(),
                self.0.len(),
            )
        };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(result as i32)
        }
    }

    /// A system call that returns a descriptor.
    fn open(&mut self, command: Command) -> io::Result<OwnedFd> {
        let descriptor = self.call(command)?;
        // SAFETY: these commands return a new descriptor, which nobody else has.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }
}

fn create_map(kind: MapType, key: u32, value: u32, entries: u32) -> io::Result<OwnedFd> {
    const MMAPABLE: u32 = 1 << 10;
    let mut attributes = Attributes::default();
    attributes.u32(0, kind as u32);
    attributes.u32(4, key);
    attributes.u32(8, value);
    attributes.u32(12, entries);
    attributes.u32(16, if kind == MapType::Array { MMAPABLE } else { 0 });
    attributes.open(Command::MapCreate)
}

fn update(map: &OwnedFd, key: &[u8; 12], value: u32) -> io::Result<()> {
    let mut attributes = Attributes::default();
    attributes.u32(0, map.as_raw_fd() as u32);
    attributes.u64(8, key.as_ptr() as u64);
    attributes.u64(16, (&raw const value) as u64);
    attributes.call(Command::MapUpdate).map(drop)
}

fn load(program: &[u64]) -> Result<OwnedFd, String> {
    const SOCKET_FILTER: u32 = 1;
    let mut log = vec![0_u8; 1 << 16];
    let mut attributes = Attributes::default();
    attributes.u32(0, SOCKET_FILTER);
    attributes.u32(4, program.len() as u32);
    attributes.u64(8, program.as_ptr() as u64);
    attributes.u64(16, c"GPL".as_ptr() as u64);
    let loaded = attributes.open(Command::ProgramLoad);
    loaded.map_err(|error| {
        // Once more, for the verifier's reason.
        attributes.u32(24, 1);
        attributes.u32(28, log.len() as u32);
        attributes.u64(32, log.as_mut_ptr() as u64);
        let _ = attributes.open(Command::ProgramLoad);
        let text = String::from_utf8_lossy(&log);
        let text = text.trim_end_matches('\0').trim_end();
        let reason: Vec<&str> = text.lines().rev().take(3).collect();
        format!("{error}: {}", reason.join(" / "))
    })
}

/// The program's instructions, eight bytes each: code, registers, offset, immediate.
#[derive(Default)]
struct Writer {
    code: Vec<u64>,
    /// Jumps to the place where no filter accepts.
    misses: Vec<usize>,
}

// Instruction codes of eBPF (the kernel's `bpf.h`).
const LOAD_U8: u8 = 0x71;
const LOAD_U16: u8 = 0x69;
const LOAD_U32: u8 = 0x61;
const STORE_U32: u8 = 0x63;
const STORE_U32_IMM: u8 = 0x62;
const ADD: u8 = 0x0f;
const ADD_IMM: u8 = 0x07;
const SUB: u8 = 0x1f;
const OR: u8 = 0x4f;
const AND_IMM: u8 = 0x57;
const XOR_IMM: u8 = 0xa7;
const XOR32_IMM: u8 = 0xa4;
const SHIFT_LEFT_IMM: u8 = 0x67;
const SHIFT_RIGHT_IMM: u8 = 0x77;
const MOVE: u8 = 0xbf;
const MOVE_IMM: u8 = 0xb7;
const MOVE32_IMM: u8 = 0xb4;
const JUMP: u8 = 0x05;
const JUMP_EQUAL_IMM: u8 = 0x15;
const JUMP_NOT_EQUAL_IMM: u8 = 0x55;
const JUMP_GREATER_EQUAL: u8 = 0x3d;
const JUMP_GREATER_EQUAL_IMM: u8 = 0x35;
const LOAD_ADDRESS: u8 = 0x18;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// `LOAD_ADDRESS` of a map, and of an array map's value.
const MAP: u8 = 1;
const MAP_VALUE: u8 = 2;
const LOOKUP: i32 = 1;

impl Writer {
    fn op(&mut self, code: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        let [low, high] = offset.to_le_bytes();
        let [a, b, c, d] = immediate.to_le_bytes();
        self.code.push(u64::from_le_bytes([
            code,
            from << 4 | to,
            low,
            high,
            a,
            b,
            c,
            d,
        ]));
    }

    fn address(&mut self, to: u8, kind: u8, map: &OwnedFd) {
        self.op(LOAD_ADDRESS, to, kind, 0, map.as_raw_fd());
        self.op(0, 0, 0, 0, 0);
    }

    /// A jump to the place where no filter accepts.
    fn miss(&mut self, code: u8, left: u8, right: u8, immediate: i32) {
        self.misses.push(self.code.len());
        self.op(code, left, right, 0, immediate);
    }

    /// Collects in r3 how the packet (r9) differs from a constant.
    fn differs(&mut self, load: u8, offset: i16, value: i32) {
        self.op(load, 4, 9, offset, 0);
        self.op(XOR32_IMM, 4, 0, 0, value);
        self.op(OR, 3, 4, 0, 0);
    }

    /// Copies four bytes from the packet (r9) to the key on the stack.
    fn key_word(&mut self, offset: i16, stack: i16) {
        self.op(LOAD_U32, 1, 9, offset, 0);
        self.op(STORE_U32, 10, 1, stack, 0);
    }

    /// Points the jump at `index` to the next instruction.
    fn land(&mut self, index: usize) {
        let distance = (self.code.len() - index - 1) as u64;
        self.code[index] |= (distance & 0xffff) << 16;
    }
}

/// Registers: r6 index, r7 shared area, r8 number of packets, r9 the packet.
fn program(family: Family, area: &OwnedFd, flows: &OwnedFd) -> Vec<u64> {
    let mut writer = Writer::default();
    writer.address(7, MAP_VALUE, area);
    writer.op(LOAD_U32, 8, 7, 0, 0);
    writer.op(MOVE_IMM, 6, 0, 0, 0);
    let head = writer.code.len();
    let ends = [head, head + 1];
    writer.op(JUMP_GREATER_EQUAL_IMM, 6, 0, 0, RUN as i32);
    writer.op(JUMP_GREATER_EQUAL, 6, 8, 0, 0);
    writer.op(MOVE, 9, 6, 0, 0);
    writer.op(SHIFT_LEFT_IMM, 9, 0, 0, SLOT.ilog2() as i32);
    writer.op(ADD_IMM, 9, 0, 0, PACKETS as i32);
    writer.op(ADD, 9, 7, 0, 0);
    parse(&mut writer, family);
    writer.address(1, MAP, flows);
    writer.op(MOVE, 2, 10, 0, 0);
    writer.op(ADD_IMM, 2, 0, 0, -16);
    writer.op(CALL, 0, 0, 0, LOOKUP);
    writer.miss(JUMP_EQUAL_IMM, 0, 0, 0);
    writer.op(LOAD_U32, 1, 0, 0, 0);
    let found = writer.code.len();
    writer.op(JUMP, 0, 0, 0, 0);
    for miss in core::mem::take(&mut writer.misses) {
        writer.land(miss);
    }
    writer.op(MOVE32_IMM, 1, 0, 0, NONE as i32);
    writer.land(found);
    writer.op(MOVE, 2, 6, 0, 0);
    writer.op(SHIFT_LEFT_IMM, 2, 0, 0, 2);
    writer.op(ADD, 2, 7, 0, 0);
    writer.op(STORE_U32, 2, 1, ANSWERS as i16, 0);
    writer.op(ADD_IMM, 6, 0, 0, 1);
    let back = head as i64 - writer.code.len() as i64 - 1;
    writer.op(JUMP, 0, 0, back as i16, 0);
    for end in ends {
        writer.land(end);
    }
    writer.op(MOVE_IMM, 0, 0, 0, 0);
    writer.op(EXIT, 0, 0, 0, 0);
    writer.code
}

/// Tests what all flows share and leaves the key on the stack, at -16.
///
/// The differences are collected in r3 and tested once: the verifier follows every branch of
/// every turn of the loop, and 8,192 of them are its limit.
fn parse(writer: &mut Writer, family: Family) {
    writer.op(LOAD_U16, 3, 9, 12, 0);
    writer.op(XOR_IMM, 3, 0, 0, i32::from(0x0800_u16.to_be()));
    writer.differs(LOAD_U8, 23, 6);
    writer.op(LOAD_U32, 5, 9, PACKET_BYTES as i16, 0);
    writer.key_word(26, -16);
    if family == Family::FiveTuple {
        writer.differs(LOAD_U8, 14, 0x45);
        writer.differs(LOAD_U32, 30, SERVER.to_be() as i32);
        writer.op(ADD_IMM, 5, 0, 0, -38);
        writer.key_word(30, -12);
        writer.key_word(34, -8);
    } else {
        writer.op(STORE_U32_IMM, 10, 0, -12, 0);
        writer.op(LOAD_U8, 1, 9, 14, 0);
        writer.op(AND_IMM, 1, 0, 0, 0xf);
        writer.op(SHIFT_LEFT_IMM, 1, 0, 0, 2);
        writer.op(SUB, 5, 1, 0, 0);
        writer.op(ADD_IMM, 5, 0, 0, -18);
        writer.op(ADD, 9, 1, 0, 0);
        writer.key_word(14, -8);
    }
    // r5 is the captured length less what is needed: its sign says whether that is too short.
    writer.op(SHIFT_RIGHT_IMM, 5, 0, 0, 63);
    writer.op(OR, 3, 5, 0, 0);
    writer.miss(JUMP_NOT_EQUAL_IMM, 3, 0, 0);
}

/// The hash map alone, for changing it: a system call each.
///
/// # Errors
///
/// When the kernel or this process's rights do not allow it.
pub fn changing(family: Family, count: u32) -> Result<Box<dyn Changing>, String> {
    let flows =
        create_map(MapType::Hash, 12, 4, count + CHANGES).map_err(|error| error.to_string())?;
    for index in 0..count {
        update(&flows, &key(family, family.flow(index)), index)
            .map_err(|error| error.to_string())?;
    }
    Ok(Box::new(Flows {
        family,
        flows,
        prepared: Vec::new(),
    }))
}

struct Flows {
    family: Family,
    flows: OwnedFd,
    prepared: Vec<[u8; 12]>,
}

impl Changing for Flows {
    fn prepare(&mut self, first: u32, count: u32) -> Result<(), String> {
        let flow = |index| key(self.family, self.family.flow(index));
        self.prepared = (first..first + count).map(flow).collect();
        Ok(())
    }

    fn install(&mut self, which: usize) -> bool {
        update(&self.flows, &self.prepared[which], which as u32).is_ok()
    }

    fn remove(&mut self, which: usize) -> bool {
        let mut attributes = Attributes::default();
        attributes.u32(0, self.flows.as_raw_fd() as u32);
        attributes.u64(8, self.prepared[which].as_ptr() as u64);
        attributes.call(Command::MapDelete).is_ok()
    }
}
