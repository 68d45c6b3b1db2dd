//! The image on MAME's ds3100.
//!
//! A script of the host puts it into memory with a block that tells the boot ROM made here where to go
//! and what to hand over; another address, when it is stored to, ends the run with that status. The
//! console comes over the emulated serial line into a file.

use super::Built;
use super::screen::Screen;
use crate::judges::mame::{command, place, roms};
use crate::shell::root;
use anyhow::{Context as _, Result, bail};
use core::time::Duration;
use std::io::Read as _;
use std::time::Instant;

/// Bytes of memory of MAME's ds3100.
const MEMORY: u32 = 24 << 20;
/// The block, in memory that the image does not use: a word that says it is there, where to go, `a0`, `a1`;
/// behind it the arguments.
const BLOCK: u32 = 0x1000;
const READY: u32 = 0x600d_0000;
const TEXT: u32 = 0x1100;
/// Waits for the block, then goes where it says.
const BOOT: [u32; 12] = [
    0x3c08_a000, // lui   t0, 0xa000
    0x8d09_1000, // lw    t1, 0x1000(t0)
    0x3c0a_600d, // lui   t2, 0x600d
    0x152a_fffd, // bne   t1, t2, back to the lw
    0x0000_0000, // nop
    0x8d0b_1004, // lw    t3, 0x1004(t0)
    0x8d04_1008, // lw    a0, 0x1008(t0)
    0x8d05_100c, // lw    a1, 0x100c(t0)
    0x0000_3021, // move  a2, zero: no ROM calls
    0x4080_6000, // mtc0  zero, Status
    0x0160_0008, // jr    t3
    0x0000_0000, // nop
];
/// The file that the serial line goes to.
const CONSOLE: &str = "console.txt";

/// Runs the image to its end; its status.
///
/// # Errors
///
/// When it does not end by itself in time.
pub(super) fn run(
    built: &Built,
    arguments: &[String],
    seconds: u64,
    most: Duration,
    screen: &mut Screen<'_>,
) -> Result<u32> {
    let folder = root().join("target/aegis/mame");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    roms(&folder.join("roms/ds3100"), &BOOT)?;
    std::fs::write(folder.join(CONSOLE), [])?;
    let mut text = arguments.join(" ").into_bytes();
    text.push(0);
    text.resize(text.len().next_multiple_of(4), 0);
    std::fs::write(folder.join("arguments.bin"), text)?;
    let mut script = place(&folder, &built.image)?;
    script += &format!("load('arguments.bin', {TEXT})\n");
    for (at, word) in [
        (4, built.image.entry()),
        (8, MEMORY),
        (12, 0x8000_0000 + TEXT),
        (0, READY),
    ] {
        script += &format!("mem:write_u32({}, {word})\n", BLOCK + at);
    }
    script += "tap = mem:install_write_tap(0x1f000004, 0x1f000007, 'end', function(o, v, m)\n\
               local f = io.open('status', 'w'); f:write(v); f:close(); manager.machine:exit()\n\
               end)\n";
    let mut child = command(&folder, &script, &seconds.to_string())?
        .args(["-prt_port", "null_modem", "-bitb", CONSOLE])
        .spawn()
        .context("cannot start MAME")?;
    let mut console = std::fs::File::open(folder.join(CONSOLE))?;
    let start = Instant::now();
    let mut done = false;
    while !done {
        done = child.try_wait()?.is_some();
        let mut bytes = Vec::new();
        console.read_to_end(&mut bytes)?;
        screen.take(&bytes);
        if start.elapsed() > most {
            child.kill()?;
            child.wait()?;
            bail!("MAME is not done after {} s", most.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    screen.finish();
    let status = std::fs::read_to_string(folder.join("status"));
    let status = status.with_context(|| format!("not done after {seconds} emulated seconds"))?;
    status.trim().parse().context("MAME left no status")
}
