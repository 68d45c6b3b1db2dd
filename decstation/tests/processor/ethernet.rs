//! Two machines on one Ethernet, each driving its LANCE by its own program: a frame goes there and
//! another comes back, at the speed of the wire, the same way every time.

use decstation::board;
use decstation::count::Counts;
use decstation::cpu::Register;
use decstation::cycles::DEC5000_200;
use decstation::ethernet::{Ethernet, Heard};
use decstation::machine::{Config, Machine};

const CODE: u32 = 0x8000_1000;
/// Where the image of the LANCE's memory is given, and where the frame is put that came.
const IMAGE: u32 = 0x8000_2000;
const TAKEN: u32 = 0x8000_4000;
/// Labels of the program.
const SEND: u32 = CODE + 32 * 4;
const DONE: u32 = CODE + 53 * 4;

/// `echo(first, image, length, taken)`: copies the image into the LANCE's memory, starts the LANCE,
/// sends if it is the first, receives, sends if it is not.
const PROGRAM: [u32; 55] = [
    0x3c10_bf80, // lui s0,0xbf80
    0x3c11_bf90, // lui s1,0xbf90
    0x0200_9025, // or s2,s0,zero
    0x8ca8_0000, // copy: lw t0,0(a1)
    0x24a5_0004, // addiu a1,a1,4
    0x24c6_fffc, // addiu a2,a2,-4
    0xae48_0000, // sw t0,0(s2)
    0x14c0_fffb, // bne a2,zero,c
    0x2652_0004, // addiu s2,s2,4
    0xa620_0004, // sh zero,4(s1)
    0x2408_0004, // addiu t0,zero,4
    0xa628_0000, // sh t0,0(s1)
    0x2409_0001, // addiu t1,zero,1
    0xa629_0004, // sh t1,4(s1)
    0xa620_0000, // sh zero,0(s1)
    0x2409_0002, // addiu t1,zero,2
    0xa629_0004, // sh t1,4(s1)
    0xa620_0000, // sh zero,0(s1)
    0x2409_0003, // addiu t1,zero,3
    0xa629_0004, // sh t1,4(s1)
    0xa620_0000, // sh zero,0(s1)
    0xa620_0004, // sh zero,4(s1)
    0x2408_0001, // addiu t0,zero,1
    0xa628_0000, // sh t0,0(s1)
    0x9628_0000, // init: lhu t0,0(s1)
    0x0000_0000, // sll zero,zero,0x0
    0x3108_0100, // andi t0,t0,0x100
    0x1100_fffc, // beq t0,zero,60
    0x2408_0142, // addiu t0,zero,322
    0xa628_0000, // sh t0,0(s1)
    0x1080_0006, // beq a0,zero,94
    0x0000_0000, // sll zero,zero,0x0
    0x3408_8300, // send: ori t0,zero,0x8300
    0xa608_004a, // sh t0,74(s0)
    0x2408_0048, // addiu t0,zero,72
    0xa628_0000, // sh t0,0(s1)
    0x1080_0010, // beq a0,zero,d4
    0x9608_0042, // receive: lhu t0,66(s0)
    0x0000_0000, // sll zero,zero,0x0
    0x3108_8000, // andi t0,t0,0x8000
    0x1500_fffc, // bne t0,zero,94
    0x0000_0000, // sll zero,zero,0x0
    0x9602_0046, // lhu v0,70(s0)
    0x2609_0100, // addiu t1,s0,256
    0x240a_003c, // addiu t2,zero,60
    0x8d28_0000, // take: lw t0,0(t1)
    0x2529_0004, // addiu t1,t1,4
    0x254a_fffc, // addiu t2,t2,-4
    0xace8_0000, // sw t0,0(a3)
    0x1540_fffb, // bne t2,zero,b4
    0x24e7_0004, // addiu a3,a3,4
    0x1080_ffec, // beq a0,zero,80
    0x0000_0000, // sll zero,zero,0x0
    0x1000_ffff, // done: beq zero,zero,d4
    0x2403_0001, // addiu v1,zero,1
];

/// Bytes of the LANCE's memory that are given: the initialisation block, a ring of one descriptor
/// each way, the buffers.
const RECEIVE_RING: usize = 0x40;
const SEND_RING: usize = 0x48;
const RECEIVE_BUFFER: u16 = 0x100;
const SEND_BUFFER: u16 = 0x800;
const IMAGE_BYTES: usize = 0x840;

/// The 60 bytes from one station to the other.
fn frame(to: u8, from: u8) -> Vec<u8> {
    let mut bytes = vec![
        0x08, 0, 0x2b, 0, 0, to, 0x08, 0, 0x2b, 0, 0, from, 0x90, 0x00,
    ];
    bytes.extend((14..60).map(|at| at ^ from));
    bytes
}

fn image(own: u8, other: u8) -> Vec<u8> {
    let mut image = vec![0; IMAGE_BYTES];
    let mut put = |at: usize, halves: &[u16]| {
        for (half, at) in halves.iter().zip((at..).step_by(2)) {
            image[at..at + 2].copy_from_slice(&half.to_le_bytes());
        }
    };
    // Mode, address, no multicast, the rings.
    put(0, &[0, 0x0008, 0x002b, u16::from(own) << 8, 0, 0, 0, 0]);
    put(16, &[RECEIVE_RING as u16, 0, SEND_RING as u16, 0]);
    // The receiver's descriptor is the LANCE's from the start, of a buffer of 1600 bytes.
    put(RECEIVE_RING, &[RECEIVE_BUFFER, 0x8000, 0xf9c0, 0]);
    put(SEND_RING, &[SEND_BUFFER, 0, 0xffc4, 0]);
    let at = usize::from(SEND_BUFFER);
    image[at..at + 60].copy_from_slice(&frame(other, own));
    image
}

fn machine(first: bool) -> Machine {
    let (own, other) = if first { (1, 2) } else { (2, 1) };
    let mut config = Config::new(board::Config::DEC5000_200, &DEC5000_200);
    config.board.station = [8, 0, 0x2b, 0, 0, own];
    let mut machine = Machine::new(&config).unwrap();
    for (word, at) in PROGRAM.iter().zip((CODE & 0x1fff_ffff..).step_by(4)) {
        assert!(machine.memory_mut().set_word(at, *word));
    }
    for (byte, at) in image(own, other).iter().zip(IMAGE & 0x1fff_ffff..) {
        assert!(machine.memory_mut().set_byte(at, *byte));
    }
    let core = machine.core_mut();
    core.set_register(Register::A0, u32::from(first));
    core.set_register(Register::A1, IMAGE);
    core.set_register(Register::A2, IMAGE_BYTES as u32);
    core.set_register(Register::A3, TAKEN);
    core.control_mut().status = 0;
    core.set_pc(CODE);
    machine.add_meter(SEND, DONE);
    machine
}

fn taken(machine: &Machine) -> Vec<u8> {
    let bytes = (TAKEN & 0x1fff_ffff..).take(60);
    bytes.map(|at| machine.memory().byte(at).unwrap()).collect()
}

fn exchange() -> (Counts, Counts, Counts, Vec<Heard>) {
    let (mut one, mut two) = (machine(true), machine(false));
    let mut cable = Ethernet::new();
    let flow = cable.run(&mut [&mut one, &mut two], 2_000_000);
    assert!(
        flow.is_continue(),
        "{:?} {:?}",
        one.last_stop(),
        two.last_stop()
    );
    for machine in [&one, &two] {
        assert_eq!(
            machine.core().register(Register::V1),
            1,
            "{}",
            machine.core().report()
        );
        // The check sequence counts.
        assert_eq!(machine.core().register(Register::V0), 64);
    }
    assert_eq!(taken(&one), frame(1, 2));
    assert_eq!(taken(&two), frame(2, 1));
    let trip = one.meters()[0].last;
    (trip, one.counts(), two.counts(), cable.collect())
}

#[test]
fn a_frame_goes_there_and_back() {
    let (trip, _, _, heard) = exchange();
    assert_eq!(heard.len(), 2);
    assert_eq!(
        heard.iter().map(|one| one.from).collect::<Vec<_>>(),
        [Some(0), Some(1)]
    );
    // 64 bytes and the preamble take 57.6 µs each way. Between real 5000/200s, with interrupts, a
    // round trip takes 253 µs at least (Thekkath and Levy, 1993, as the paper cites them).
    let microseconds = DEC5000_200.microseconds(trip.cycles);
    assert!((115.2..253.0).contains(&microseconds), "{microseconds}");
}

#[test]
fn an_exchange_is_the_same_every_time() {
    let (trip, one, two, heard) = exchange();
    assert_eq!((trip, one, two, heard), exchange());
}
