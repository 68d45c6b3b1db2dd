//! Boards driven as the core drives them: by physical address.

use super::*;
use crate::device::Width::{Byte, Half, Word};

const BOARDS: [Config; 2] = [Config::DEC3100, Config::DEC5000_200];

fn board(config: Config) -> Board {
    Board::new(config).expect("within the limit")
}

/// Runs a stub of the ROM: the few instructions it is made of, by their encoding.
fn call(board: &mut Board, entry: u32, arguments: [u32; 4], stack: u32) -> u32 {
    let mut registers = [0_u32; 32];
    registers[4..8].copy_from_slice(&arguments);
    registers[29] = stack;
    let mut pc = entry;
    for _ in 0..100 {
        let word = board.read(pc & 0x1fff_ffff, Word, 0).expect("code");
        pc += 4;
        let (base, target) = ((word >> 21 & 31) as usize, (word >> 16 & 31) as usize);
        let immediate = word & 0xffff;
        let address = registers[base].wrapping_add(immediate) & 0x1fff_ffff;
        match word >> 26 {
            0 if word == 0 => {}
            0 => return registers[2],
            2 => pc = pc & 0xf000_0000 | (word & 0x03ff_ffff) << 2,
            0x04 => assert_ne!(registers[base], registers[target], "would wait"),
            0x0d => registers[target] = registers[base] | immediate,
            0x0f => registers[target] = immediate << 16,
            0x23 => registers[target] = board.read(address, Word, 0).expect("the port"),
            0x2b => board.write(address, Word, registers[target], 0),
            _ => panic!("{word:#010x} is no instruction of the ROM"),
        }
    }
    panic!("the ROM does not return")
}

fn vector(board: &mut Board, offset: u32, arguments: [u32; 4]) -> u32 {
    let vector = board.boot(&[]).arguments[3];
    let entry = board.read((vector + offset) & 0x1fff_ffff, Word, 0);
    call(board, entry.expect("the vector"), arguments, 0xa000_7f00)
}

#[test]
fn memory_is_little_endian_and_ends() {
    for config in BOARDS {
        let mut board = board(config);
        board.write(0x100, Word, 0x4433_2211, 0);
        assert_eq!(board.ram()[0x100..0x104], [0x11, 0x22, 0x33, 0x44]);
        assert_eq!(board.read(0x101, Byte, 0), Ok(0x22));
        assert_eq!(board.read(0x102, Half, 0), Ok(0x4433));
        board.write(0x101, Byte, 0xffff_ff55, 0);
        assert_eq!(board.read(0x100, Word, 0), Ok(0x4433_5511));
        let end = config.memory;
        assert!(board.read(end - 4, Word, 0).is_ok());
        let error = BusError {
            address: end,
            width: Word,
        };
        assert_eq!(board.read(end, Word, 0), Err(error));
    }
}

#[test]
fn too_much_memory_is_refused() {
    let config = Config {
        memory: 32 << 20,
        ..Config::DEC3100
    };
    let error = Board::new(config).expect_err("24 MB are the limit");
    assert_eq!(error.limit, 24 << 20);
}

#[test]
fn a_lost_write_pulls_the_error_line_until_it_is_acknowledged() {
    let mut kn01 = board(Config::DEC3100);
    kn01.write(0x1200_0000, Word, 1, 0);
    kn01.write(0x1100_0000, Word, 1, 0);
    assert_eq!(kn01.interrupts(), 0x4000);
    assert_eq!(
        kn01.read(0x1700_0000, Word, 0),
        Ok(0x0200_0000),
        "the first"
    );
    assert_eq!(kn01.read(0x1e00_0000, Half, 0), Ok(0x0c00));
    kn01.write(0x1e00_0000, Half, 0x0400, 0);
    assert_eq!(kn01.interrupts(), 0);

    let mut kn02 = board(Config::DEC5000_200);
    kn02.write(0x1e00_0000, Word, 1, 0);
    assert_eq!(kn02.interrupts(), 0x2000);
    assert_eq!(kn02.read(0x1fd8_0000, Word, 0), Ok(0xe780_0000));
    kn02.write(0x1fd8_0000, Word, 0, 0);
    assert_eq!(kn02.interrupts(), 0);
    assert!(kn02.read(0x1e00_0000, Word, 0).is_err());
    assert_eq!(kn02.read(0x1fd8_0000, Word, 0), Ok(0xc780_0000));
}

#[test]
fn devices_pull_the_lines_of_their_board() {
    // Clock, its line; serial controller, its line; the enable of the shared line.
    for (config, rtc, rtc_line, dz, dz_line) in [
        (Config::DEC3100, 0x1d00_0000, 0x2000, 0x1c00_0000, 0x1000),
        (
            Config::DEC5000_200,
            0x1fe8_0000,
            0x0800,
            0x1fe0_0000,
            0x0400,
        ),
    ] {
        let mut board = board(config);
        board.write(rtc + 0x28, Byte, 0x26, 0);
        board.write(rtc + 0x2c, Byte, 0x46, 0);
        let tick = board.next_event().expect("a tick");
        board.advance(tick);
        assert_eq!(board.interrupts(), rtc_line);
        assert_eq!(board.read(rtc + 0x30, Byte, tick), Ok(0xc0));
        assert_eq!(board.interrupts(), 0);
        board.write(rtc + 0x2c, Byte, 0x06, tick);

        board.write(dz, Half, 0x4020, tick);
        board.write(dz + 0x10, Half, 8, tick);
        if config.model == Model::Kn02 {
            assert_eq!(board.interrupts(), 0, "not enabled");
            assert_eq!(board.read(0x1ff0_0000, Word, 0), Ok(0x0100_0080));
            board.write(0x1ff0_0000, Word, 0x0080_0000, tick);
            assert_eq!(board.read(0x1ff0_0000, Word, 0), Ok(0x0180_0080));
        }
        assert_eq!(board.interrupts(), dz_line);
    }
}

#[test]
fn the_station_address_shares_the_words_of_the_kn01s_clock() {
    let mut board = board(Config::DEC3100);
    let rom: Vec<u32> = (0..32)
        .map(|index| {
            board
                .read(0x1d00_0001 + 4 * index, Byte, 0)
                .expect("a byte")
        })
        .collect();
    assert_eq!(rom[..6], [0x08, 0x00, 0x2b, 0x01, 0x02, 0x03]);
    for index in 0..8 {
        assert_eq!(rom[index], rom[15 - index], "backwards");
        assert_eq!(rom[index], rom[16 + index], "again");
    }
    assert_eq!(rom[24..28], [0xff, 0x00, 0x55, 0xaa]);
    // (0x0800 × 4 + 0x2b01 × 2 + 0x0203) modulo 65 535.
    assert_eq!(rom[6..8], [0x78, 0x05]);
    // Reading the station address does not acknowledge the clock.
    board.write(0x1d00_0028, Byte, 0x26, 0);
    board.write(0x1d00_002c, Byte, 0x46, 0);
    board.advance(1_000_000);
    assert!(board.read(0x1d00_0031, Byte, 1_000_000).is_ok());
    assert_eq!(board.interrupts(), 0x2000);
}

#[test]
fn an_image_finds_its_arguments() {
    for config in BOARDS {
        let mut board = board(config);
        let boot = board.boot(&["boot", "6/tftp/aegis", "-v all"]);
        assert_eq!(boot.arguments[0], 3);
        assert_eq!(boot.arguments[2], 0x3046_4354);
        assert_eq!(boot.arguments[3], 0xbfc0_4000);
        assert_eq!(boot.sp, 0xa000_7f00);
        let pointers = boot.arguments[1] & 0x1fff_ffff;
        let third = board.read(pointers + 8, Word, 0).expect("a pointer");
        let text: Vec<u8> = (0..7)
            .map(|at| {
                board
                    .read((third & 0x1fff_ffff) + at, Byte, 0)
                    .expect("text") as u8
            })
            .collect();
        assert_eq!(text, b"-v all\0");
        let long = "x".repeat(40_000);
        assert_eq!(board.boot(&["boot", &long]).arguments[0], 1, "does not fit");
    }
}

#[test]
fn the_rom_prints() {
    for config in BOARDS {
        let mut board = board(config);
        let format = b"%s: %d of %4x%% %c %05d [%3s] %u\n\0";
        board.ram_mut()[0x1000..0x1000 + format.len()].copy_from_slice(format);
        board.ram_mut()[0x2000..0x2003].copy_from_slice(b"up\0");
        for (offset, value) in [(16, 0x41), (20, 42), (24, 0xa000_2000), (28, 7)] {
            board.write(0x7f00 + offset, Word, value, 0);
        }
        let arguments = [0x8000_1000, 0xa000_2000, (-3_i32).cast_unsigned(), 0xbe];
        vector(&mut board, 0x30, arguments);
        assert_eq!(board.take_console(), b"up: -3 of   be% A 00042 [ up] 7\n");
        vector(&mut board, 0x2c, [0x8000_2000, 0, 0, 0]);
        assert_eq!(board.console(), b"up");
        // Mapped addresses are nobody's here; they read as an empty string.
        vector(&mut board, 0x2c, [0x0000_2000, 0, 0, 0]);
        assert_eq!(board.console(), b"up");
    }
}

#[test]
fn the_rom_reads_the_console() {
    let mut board = board(Config::DEC5000_200);
    assert_eq!(vector(&mut board, 0x24, [0; 4]), u32::MAX);
    board.type_in(b"q", 0);
    assert_eq!(vector(&mut board, 0x24, [0; 4]), u32::from(b'q'));
    board.type_in(b"go on\rrest", 0);
    assert_eq!(
        vector(&mut board, 0x28, [0x8000_3000, 0, 0, 0]),
        0x8000_3000
    );
    assert_eq!(board.ram()[0x3000..0x3006], *b"go on\0");
    assert_eq!(vector(&mut board, 0x24, [0; 4]), u32::from(b'r'));
}

#[test]
fn the_rom_tells_of_the_machine() {
    for (config, id, pages) in [
        (Config::DEC3100, 0x8201_0300, 6144),
        (Config::DEC5000_200, 0x8202_0300, 16_384),
    ] {
        let mut board = board(config);
        assert_eq!(vector(&mut board, 0x80, [0; 4]), id);
        assert_eq!(vector(&mut board, 0x6c, [6, 0, 0, 0]), 0x9f80_0000);
        assert_eq!(vector(&mut board, 0x84, [0x8001_0000, 0, 0, 0]), pages / 8);
        assert_eq!(board.read(0x1_0000, Word, 0), Ok(4096));
        let bits: u32 = board.ram()[0x1_0004..0x1_2000]
            .iter()
            .map(|byte| byte.count_ones())
            .sum();
        assert_eq!(bits, pages);
        board.ram_mut()[0x1000..0x100a].copy_from_slice(b"osconsole\0");
        let value = vector(&mut board, 0x64, [0x8000_1000, 0, 0, 0]);
        assert_eq!(
            board.read(value & 0x1fff_ffff, Half, 0),
            Ok(u32::from(b'2'))
        );
        board.ram_mut()[0x1000..0x1002].copy_from_slice(b"x\0");
        assert_eq!(vector(&mut board, 0x64, [0x8000_1000, 0, 0, 0]), 0);
    }
}

#[test]
fn the_rom_stops_the_machine() {
    for (offset, arguments, stop) in [
        (0x9c, [3, 0, 0, 0], Stop::Halt(3)),
        (0xac, [u32::from(b'h'), 0, 0, 0], Stop::Halt(0)),
        (0xac, [u32::from(b'b'), 0, 0, 0], Stop::Reboot),
        (0x10, [0, 0, 0, 0], Stop::MissingCall),
    ] {
        let mut board = board(Config::DEC5000_200);
        assert_eq!(board.stopped(), None);
        vector(&mut board, offset, arguments);
        assert_eq!(board.stopped(), Some(&stop));
    }
    let mut kn01 = board(Config::DEC3100);
    call(
        &mut kn01,
        0xbfc0_0000 + 8 * 13,
        [u32::from(b'k'), 0, 0, 0],
        0,
    );
    assert_eq!(kn01.console(), b"k");
    call(&mut kn01, 0xbfc0_0000 + 8 * 2, [1, 0, 0, 0], 0);
    assert_eq!(kn01.stopped(), Some(&Stop::Halt(1)));
    let mut kn02 = board(Config::DEC5000_200);
    call(&mut kn02, 0xbfc0_0180, [0; 4], 0);
    assert_eq!(kn02.stopped(), Some(&Stop::Exception));
}

#[test]
fn the_rom_is_read_only() {
    let mut board = board(Config::DEC5000_200);
    let before = board.read(0x1fc0_1000, Word, 0);
    board.write(0x1fc0_1000, Word, 0, 0);
    assert_eq!(board.read(0x1fc0_1000, Word, 0), before);
    assert_eq!(board.interrupts(), 0x2000);
}

#[test]
fn the_ethernet_controllers_memory_lies_as_on_its_board() {
    let mut kn01 = board(Config::DEC3100);
    kn01.write(0x1900_0004, Half, 0x2211, 0);
    kn01.write(0x1900_0008, Word, 0x6655_4433, 0);
    kn01.write(0x1900_000d, Byte, 0x77, 0);
    kn01.write(0x1900_0006, Half, 0xffff, 0);
    assert_eq!(
        kn01.lance().memory()[2..8],
        [0x11, 0x22, 0x33, 0x44, 0, 0x77]
    );
    assert_eq!(kn01.read(0x1900_0004, Word, 0), Ok(0x2211));
    assert_eq!(kn01.read(0x1900_0006, Half, 0), Ok(0));
    kn01.write(0x1901_fffc, Half, 0x8899, 0);
    assert_eq!(kn01.lance().memory()[0xfffe..], [0x99, 0x88]);
    assert!(kn01.read(0x1902_0000, Half, 0).is_err());

    let mut kn02 = board(Config::DEC5000_200);
    kn02.write(0x1f80_0004, Word, 0x4433_2211, 0);
    kn02.write(0x1f80_0005, Byte, 0x55, 0);
    assert_eq!(kn02.lance().memory()[4..8], [0x11, 0x55, 0x33, 0x44]);
    assert_eq!(kn02.read(0x1f80_0006, Half, 0), Ok(0x4433));
    assert!(kn02.read(0x1f82_0000, Half, 0).is_err());
    let station: Vec<u32> = (0..6)
        .map(|index| kn02.read(0x1f9c_0003 + 4 * index, Byte, 0).expect("a byte"))
        .collect();
    assert_eq!(station, [0x08, 0x00, 0x2b, 0x01, 0x02, 0x03]);
    assert_eq!(kn02.read(0x1f9c_0008, Word, 0), Ok(0x2b2b_2b2b));
}

#[test]
fn the_ethernet_controller_pulls_the_line_of_its_board() {
    for (config, registers, line) in [
        (Config::DEC3100, 0x1800_0000, 0x0800),
        (Config::DEC5000_200, 0x1f90_0000, 0x0400),
    ] {
        let mut board = board(config);
        board.write(0x1ff0_0000, Word, 0x0040_0000, 0);
        board.write(registers + 4, Half, 0, 0);
        board.write(registers, Half, 0x41, 0);
        let done = board.next_event().expect("the block is read");
        assert_eq!(config.clock.nanoseconds(done), 7_200);
        board.advance(done);
        assert_eq!(board.interrupts() & line, line);
        assert_eq!(board.read(registers, Half, done), Ok(0x01c1));
        board.write(registers, Half, 0x0140, done);
        assert_eq!(board.interrupts() & line, 0);
    }
}
