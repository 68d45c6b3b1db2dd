//! Filters compiled on the simulated machine, and run there.
//!
//! Problem: the core must do without a standard library, atomic words and 64-bit registers, and
//! what it makes there must be right. Method: the image `dpf/image` is loaded into a bare machine,
//! the paper's ten filters are given to it as text, and the code that it makes is called on packets
//! of each filter, of none, and cut short. Left out: caches; the figures are printed, not held.

use crate::image;
use anyhow::{Context as _, Result, bail, ensure};
use core::fmt::Write as _;
use decstation::bare::{BASE, Bare};
use decstation::cpu::Register;
use decstation::elf::Image;

/// Where the host puts text, and where packets.
const TEXT: u32 = BASE + 0x30_0000;
const PACKET: u32 = BASE + 0xf0_0000;
/// The most instructions of a stage.
const FUEL: u64 = 1 << 28;
const FILTERS: u32 = 10;

/// Builds the image, and has it compile.
///
/// # Errors
///
/// When it cannot be built, does not compile, or made wrong code.
pub(crate) fn run() -> Result<()> {
    let bytes = std::fs::read(image::build("dpf/image", "compile")?)?;
    let image = Image::parse(&bytes)?;
    for (modulus, remainder) in [(4, 2), (4, 0), (1, 0)] {
        let mut machine = Bare::new();
        image.load(machine.machine_mut().memory_mut())?;
        // rustc's code multiplies right after it has read HI or LO; the filters' does not.
        machine.machine_mut().strict_mut().hilo = false;
        let text = text();
        machine.load_bytes(TEXT, text.as_bytes());
        let mut stage = |name: &str, arguments: &[u32]| -> Result<(u32, u64)> {
            let entry = image.symbols().address(name);
            let entry = entry.with_context(|| format!("the image has no `{name}`"))?;
            let counts = machine.call(entry, arguments, FUEL);
            let counts = counts.map_err(|stop| anyhow::anyhow!("{name}: {stop}"))?;
            Ok((machine.register(Register::V0), counts.instructions))
        };
        let (filters, reading) = stage("read", &[TEXT, text.len() as u32])?;
        ensure!(filters == FILTERS, "{filters} filters were read");
        let (merged, merging) = stage("merge", &[modulus, remainder, FILTERS])?;
        ensure!(merged == 1, "the filters were not merged");
        let (code, emitting) = stage("generate", &[])?;
        ensure!(code != 0, "no code was made");
        let (words, _) = stage("length", &[])?;
        eprintln!(
            "onboard: packet {remainder} mod {modulus}: {words} words of code; instructions: {reading} to read, \
             {merging} to merge, {emitting} to generate"
        );
        machine.machine_mut().strict_mut().hilo = true;
        judge(&mut machine, code, remainder)?;
    }
    Ok(())
}

/// Asks the code about packets of each filter and of none.
fn judge(machine: &mut Bare, code: u32, remainder: u32) -> Result<()> {
    let mut ask = |packet: &[u8]| -> Result<u32> {
        let at = PACKET + remainder;
        machine.load_bytes(at, packet);
        let length = packet.len() as u32;
        match machine.call(code, &[at, length, length], FUEL) {
            Ok(_) => Ok(machine.register(Register::V0)),
            Err(stop) => bail!("{stop}"),
        }
    };
    for filter in 0..FILTERS {
        let packet = packet(port(filter));
        let found = ask(&packet)?;
        ensure!(found == filter + 1, "filter {filter}: {found}");
        ensure!(
            ask(&packet[..37])? == 0,
            "filter {filter} takes a short packet"
        );
        for byte in [12, 13, 23, 26, 27, 28, 29, 34, 35, 36, 37] {
            let mut missed = packet;
            missed[byte] ^= 0x20;
            let found = ask(&missed)?;
            let port = u16::from_be_bytes([missed[36], missed[37]]);
            let owner = (0..FILTERS).find(|&filter| self::port(filter) == port);
            let expected = owner.filter(|_| byte >= 36).map_or(0, |owner| owner + 1);
            ensure!(found == expected, "byte {byte} of filter {filter}: {found}");
        }
    }
    Ok(())
}

fn port(filter: u32) -> u16 {
    (4321 + 1237 * filter) as u16
}

fn text() -> String {
    let mut text = String::new();
    for filter in 0..FILTERS {
        let _ = writeln!(
            text,
            "filter f{filter} = 12:16 == 0x0800 && shift(14) && 9:8 == 6 && 12:32 == 192.12.69.1 \
             && shift(20) && 0:16 == 1234 && 2:16 == {};",
            port(filter)
        );
    }
    text
}

fn packet(port: u16) -> [u8; 60] {
    let mut packet = [0; 60];
    packet[12] = 8;
    packet[14] = 0x45;
    packet[23] = 6;
    packet[26..30].copy_from_slice(&[192, 12, 69, 1]);
    packet[34..36].copy_from_slice(&1234_u16.to_be_bytes());
    packet[36..38].copy_from_slice(&port.to_be_bytes());
    packet
}
