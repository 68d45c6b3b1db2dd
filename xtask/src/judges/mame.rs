//! MAME's ds3100: faithful in protection, and its time is repeatable.
//!
//! It needs ROM images that are not ours to ship, but only their names and sizes. The boot ROM
//! made here waits for a word in memory and jumps to it; a script in MAME's Lua puts the monitor
//! and the cases into memory, writes that word, watches the address where the monitor tells of
//! its end, and saves the records. Nothing is checked of the firmware that it thinks is wrong.

use super::{Monitor, folder, wait};
use anyhow::{Context as _, Result};
use core::time::Duration;
use decstation::elf::Image;
use decstation::judge::{CASES, Case, RECORD, RECORDS, Record, list};
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAM: &str = "/usr/games/mame";
/// Seconds of the host, and of the emulated machine.
const MOST_SECONDS: u64 = 120;
const EMULATED_SECONDS: &str = "60";
/// The file that the script leaves.
const OUT: &str = "records.bin";

/// The boot ROM: waits for 0x600D_0000 at 0xa070_0010, then jumps to what stands behind it.
const BOOT: [u32; 10] = [
    0x3c08_a070, // lui   t0, 0xa070
    0x8d09_0010, // lw    t1, 0x10(t0)
    0x3c0a_600d, // lui   t2, 0x600d
    0x152a_fffd, // bne   t1, t2, back to the lw
    0x0000_0000, // nop
    0x8d0b_0014, // lw    t3, 0x14(t0)
    0x0000_3021, // move  a2, zero: no ROM calls
    0x4080_6000, // mtc0  zero, Status
    0x0160_0008, // jr    t3
    0x0000_0000, // nop
];
/// A jump to itself and its slot, at the exception vectors.
const HANG: [u32; 2] = [0x1000_ffff, 0];

/// The records of `cases`.
///
/// # Errors
///
/// When MAME does not run to the end.
pub(super) fn run(monitor: &Monitor, cases: &[&Case]) -> Result<Vec<Record>> {
    let folder = folder("mame")?;
    roms(&folder.join("roms/ds3100"), &BOOT)?;
    let mut script = place(&folder, &monitor.image)?;
    std::fs::write(folder.join("cases.bin"), list(cases))?;
    script += &format!("load('cases.bin', {CASES})\n");
    script += &format!(
        "tap = mem:install_write_tap(0x1f000004, 0x1f000007, 'end', function(o, v, m)\n\
         local f = assert(io.open('{OUT}', 'wb'))\n\
         for i = 0, v * {RECORD} - 1 do f:write(string.pack('<I4', mem:read_u32({RECORDS} + 4 * i))) end\n\
         f:close(); os.exit(0)\n\
         end)\n\
         mem:write_u32(0x00700014, {})\n\
         mem:write_u32(0x00700010, 0x600d0000)\n",
        monitor.image.entry()
    );
    let mut child = command(&folder, &script, EMULATED_SECONDS)?
        .spawn()
        .context("cannot start MAME")?;
    wait(&mut child, Duration::from_secs(MOST_SECONDS)).context("MAME")?;
    let bytes = std::fs::read(folder.join(OUT)).context("MAME left no records")?;
    let words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    Ok(words.chunks_exact(RECORD).filter_map(Record::new).collect())
}

/// Lua that puts an image into memory, its segments in files of the folder. It leaves `mem`, and
/// `load(file, address)`.
///
/// # Errors
///
/// When the files cannot be written.
pub(crate) fn place(folder: &Path, image: &Image) -> Result<String> {
    let mut script = String::from(
        "local mem = manager.machine.devices[':cpu'].spaces['program']\n\
         local function load(name, base)\n\
         local f = assert(io.open(name, 'rb')); local d = f:read('a'); f:close()\n\
         for i = 1, #d - 3, 4 do mem:write_u32(base + i - 1, (string.unpack('<I4', d, i))) end\n\
         end\n",
    );
    for (number, segment) in image.segments().iter().enumerate() {
        let mut bytes = segment.bytes.clone();
        bytes.resize(
            (segment.length as usize)
                .max(bytes.len())
                .next_multiple_of(4),
            0,
        );
        let name = format!("segment{number}.bin");
        std::fs::write(folder.join(&name), bytes)?;
        script += &format!("load('{name}', {})\n", segment.physical);
    }
    Ok(script)
}

/// MAME without a display, in a folder with ROMs, to run a script for so many emulated seconds.
///
/// # Errors
///
/// When the script cannot be written.
pub(crate) fn command(folder: &Path, script: &str, seconds: &str) -> Result<Command> {
    std::fs::write(folder.join("host.lua"), script)?;
    let mut command = Command::new(PROGRAM);
    command
        .args(["ds3100", "-rompath", "roms", "-cfg_directory", "cfg"])
        .args(["-nvram_directory", "nvram", "-homepath", "."])
        .args([
            "-video",
            "none",
            "-sound",
            "none",
            "-nothrottle",
            "-skip_gameinfo",
        ])
        .args(["-seconds_to_run", seconds])
        .args(["-autoboot_script", "host.lua", "-autoboot_delay", "0"])
        .current_dir(folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("HOME", folder)
        .env("SDL_VIDEODRIVER", "dummy")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// ROM images that MAME accepts, the boot ROM made of these words.
///
/// # Errors
///
/// When they cannot be written.
pub(crate) fn roms(folder: &Path, code: &[u32]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut boot = vec![0; 256 << 10];
    for (at, words) in [(0, code), (0x100, &HANG), (0x180, &HANG)] {
        for (place, word) in boot[at..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }
    // The keyboard's controller must find instructions that go round: it stops MAME otherwise.
    let mut keyboard = [0x20, 0xfe].repeat(4096);
    let end = keyboard.len() - 32;
    for vector in keyboard[end..].chunks_exact_mut(2) {
        vector.copy_from_slice(&[0x01, 0x00]);
    }
    for (name, bytes) in [
        ("kn01-aa.v7.01.img", boot),
        ("esar.bin", vec![0; 32]),
        ("23-001s9-00.bin", keyboard),
        ("23-004m2.8051h.e1", vec![0; 4096]),
    ] {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
