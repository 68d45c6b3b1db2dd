//! `cargo xtask sim IMAGE`: an image on the simulated machine, from a terminal.
//!
//! It prints what the console prints, and at the end why the machine stopped and what it counted.
//! Breakpoints, meters and the trace name addresses by symbol, by symbol plus offset, or by
//! number. Nothing here changes what is counted: the same words give the same cycles every time.

use anyhow::{Context as _, Result, bail};
use decstation::board;
use decstation::count::Counts;
use decstation::cpu::Disassembly;
use decstation::cpu::strict::{Past, Strict};
use decstation::cycles::{Costs, DEC5000_200};
use decstation::elf::{Image, Symbols};
use decstation::machine::{Config, Machine, Stop};
use std::io::Write as _;

/// What `cargo xtask sim` prints when it does not understand.
pub(crate) const USAGE: &str = "\
cargo xtask sim IMAGE [OPTION]... [-- ARGUMENT...]

  --machine NAME      dec2100, dec3100, dec5000/125 or dec5000/200 (the default)
  --memory MEGABYTES  memory, if not what the machine usually has
  --perfect           caches and the write buffer cost no time
  --relax CHECK       switch a strict check off: load-delay, control, hilo, stale-code,
                      double-match, reserved, slot, or all
  --unwritten         stop at a read of memory that nothing wrote
  --limit COUNT       stop after so many instructions (default one billion)
  --type TEXT         type on the console
  --break ADDRESS     stop there and print the registers
  --count FROM..TO    count passes from one address to another
  --trace COUNT       print the first so many instructions
  --trace-from ADDRESS  begin the trace there";

/// Instructions between two looks at the console.
const CHUNK: u64 = 100_000;

/// What the words of the command say.
struct Options {
    image: String,
    costs: &'static Costs,
    memory: Option<u32>,
    perfect: bool,
    strict: Strict,
    limit: u64,
    typed: String,
    breakpoints: Vec<String>,
    meters: Vec<(String, String)>,
    trace: u64,
    trace_from: Option<String>,
    arguments: Vec<String>,
}

/// Runs an image.
///
/// # Errors
///
/// When the words or the image are wrong, or the machine stops for any reason but the program's
/// own halt with 0, a breakpoint or the limit.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    let file = std::fs::read(&options.image)
        .with_context(|| format!("cannot read the image {}", options.image))?;
    let image = Image::parse(&file)?;
    let mut machine = machine(&options, &image)?;
    let stop = execute(&mut machine, &options, image.symbols())?;
    eprintln!("{}", machine.counts());
    for (meter, (from, to)) in machine.meters().iter().zip(&options.meters) {
        eprintln!("{from}..{to}: {} passes", meter.passes);
        let row = |name: &str, counts: Option<Counts>| {
            if let Some(counts) = counts {
                eprintln!("  {name}: {counts}");
            }
        };
        row("least", meter.least);
        row("most", meter.most);
        row("last", (meter.passes > 0).then_some(meter.last));
    }
    match stop {
        Stop::Board(board::Stop::Halt(0)) | Stop::Limit | Stop::Breakpoint(_) => Ok(()),
        other => bail!("{other}"),
    }
}

fn machine(options: &Options, image: &Image) -> Result<Machine> {
    let mut board = match options.costs.name {
        "dec2100" => board::Config::DEC2100,
        "dec3100" => board::Config::DEC3100,
        "dec5000/125" => board::Config::DEC5000_125,
        _ => board::Config::DEC5000_200,
    };
    if let Some(bytes) = options.memory {
        board.memory = bytes;
    }
    let config = Config {
        caches: !options.perfect,
        endian: image.endian(),
        strict: options.strict,
        ..Config::new(board, options.costs)
    };
    let mut machine = Machine::new(&config)?;
    let mut arguments = vec!["boot", options.image.as_str()];
    arguments.extend(options.arguments.iter().map(String::as_str));
    machine.boot(image, &arguments)?;
    machine.board_mut().type_in(options.typed.as_bytes(), 0);
    Ok(machine)
}

fn execute(machine: &mut Machine, options: &Options, symbols: &Symbols) -> Result<Stop> {
    for text in &options.breakpoints {
        machine.set_breakpoint(address(text, symbols)?);
    }
    for (from, to) in &options.meters {
        machine.add_meter(address(from, symbols)?, address(to, symbols)?);
    }
    let end = options.limit;
    if options.trace > 0 {
        if let Some(text) = &options.trace_from {
            let start = address(text, symbols)?;
            machine.set_breakpoint(start);
            let stop = advance(machine, end)?;
            if stop != Stop::Breakpoint(start) {
                return Ok(stop);
            }
            machine.clear_breakpoint(start);
        }
        let names = symbols.clone();
        machine.set_trace(Some(Box::new(move |_, past| print_line(past, &names))));
        let last = machine.counts().instructions.saturating_add(options.trace);
        let stop = advance(machine, last.min(end))?;
        machine.set_trace(None);
        if stop != Stop::Limit {
            return Ok(stop);
        }
    }
    let stop = advance(machine, end)?;
    if let Stop::Breakpoint(at) = stop {
        eprintln!(
            "breakpoint at {}\n{}",
            name(at, symbols),
            machine.core().report()
        );
    }
    Ok(stop)
}

/// Runs until instruction number `end`, printing what the console prints.
fn advance(machine: &mut Machine, end: u64) -> Result<Stop> {
    loop {
        let left = end.saturating_sub(machine.counts().instructions);
        let stop = machine.run(left.min(CHUNK));
        let printed = machine.board_mut().take_console();
        let mut out = std::io::stdout().lock();
        out.write_all(&printed)?;
        out.flush()?;
        if stop != Stop::Limit || left <= CHUNK {
            return Ok(stop);
        }
    }
}

fn print_line(past: Past, symbols: &Symbols) {
    let Past { pc, word } = past;
    let line = Disassembly { word, address: pc };
    eprintln!("{pc:08x}  {word:08x}  {line:<32}  {}", name(pc, symbols));
}

/// An address as a symbol and what is past it.
fn name(address: u32, symbols: &Symbols) -> String {
    match symbols.nearest(address) {
        Some((name, 0)) => name.to_owned(),
        Some((name, past)) => format!("{name}+{past:#x}"),
        None => format!("{address:#010x}"),
    }
}

/// The address that `text` names: `symbol`, `symbol+offset`, or a number.
fn address(text: &str, symbols: &Symbols) -> Result<u32> {
    if let Some(address) = symbols.address(text).or_else(|| number(text)) {
        return Ok(address);
    }
    let sum = text.split_once('+').and_then(|(name, offset)| {
        let base = symbols.address(name)?;
        Some(base.wrapping_add(number(offset)?))
    });
    sum.with_context(|| format!("the image has no symbol `{text}`"))
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

impl Options {
    fn parse(words: &[&str]) -> Result<Options> {
        let mut options = Options {
            image: String::new(),
            costs: &DEC5000_200,
            memory: None,
            perfect: false,
            strict: Strict::ON,
            limit: 1_000_000_000,
            typed: String::new(),
            breakpoints: Vec::new(),
            meters: Vec::new(),
            trace: 0,
            trace_from: None,
            arguments: Vec::new(),
        };
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "--" => options.arguments.extend(words.by_ref().map(str::to_owned)),
                "--perfect" => options.perfect = true,
                "--unwritten" => options.strict.unwritten = true,
                _ if word.starts_with("--") => {
                    let value = words
                        .next()
                        .with_context(|| format!("{word} of what?\n{USAGE}"))?;
                    options.set(word, value)?;
                }
                _ if options.image.is_empty() => options.image = word.to_owned(),
                _ => bail!("`{word}` is one image too many\n{USAGE}"),
            }
        }
        if options.image.is_empty() {
            bail!("an image is missing\n{USAGE}");
        }
        Ok(options)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<()> {
        let text = value.to_owned();
        match option {
            "--machine" => {
                self.costs = Costs::named(value)
                    .with_context(|| format!("there is no machine `{value}`\n{USAGE}"))?;
            }
            "--memory" => {
                let megabytes: u32 = value.parse().context("--memory is in megabytes")?;
                let bytes = megabytes.checked_mul(1 << 20);
                self.memory = Some(bytes.context("that is too much memory")?);
            }
            "--relax" => relax(&mut self.strict, value)?,
            "--limit" => self.limit = value.parse().context("--limit is a number")?,
            "--type" => self.typed = text,
            "--break" => self.breakpoints.push(text),
            "--count" => {
                let (from, to) = value.split_once("..").context("--count is FROM..TO")?;
                self.meters.push((from.to_owned(), to.to_owned()));
            }
            "--trace" => self.trace = value.parse().context("--trace is a number")?,
            "--trace-from" => self.trace_from = Some(text),
            _ => bail!("there is no option `{option}`\n{USAGE}"),
        }
        Ok(())
    }
}

fn relax(strict: &mut Strict, check: &str) -> Result<()> {
    match check {
        "load-delay" => strict.load_delay = false,
        "control" => strict.control = false,
        "hilo" => strict.hilo = false,
        "stale-code" => strict.stale_code = false,
        "double-match" => strict.double_match = false,
        "reserved" => strict.reserved_in_kernel = false,
        "slot" => strict.branch_in_slot = false,
        "all" => {
            *strict = Strict {
                unwritten: strict.unwritten,
                ..Strict::OFF
            }
        }
        _ => bail!("there is no check `{check}`\n{USAGE}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_options() {
        let options = Options::parse(&[
            "kernel",
            "--machine",
            "dec3100",
            "--relax",
            "hilo",
            "--count",
            "a..b+8",
            "--",
            "x",
        ])
        .unwrap();
        assert_eq!(options.image, "kernel");
        assert_eq!(options.costs.name, "dec3100");
        assert!(!options.strict.hilo && options.strict.load_delay);
        assert_eq!(options.meters, [("a".to_owned(), "b+8".to_owned())]);
        assert_eq!(options.arguments, ["x"]);
    }

    /// An executable of these words at 0x80030000, without symbols.
    fn image(words: &[u32]) -> Vec<u8> {
        let base = 0x8003_0000u32;
        let length = words.len() as u32 * 4;
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        // Executable, MIPS; header of 52 bytes, one program header of 32.
        file.extend([2, 0, 8, 0]);
        for word in [1, base, 52, 0, 0x1000] {
            file.extend(word.to_le_bytes());
        }
        for half in [52u16, 32, 1, 40, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        for word in [1, 84, base, base, length, length, 5, 4] {
            file.extend(word.to_le_bytes());
        }
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        file
    }

    fn simulate(name: &str, words: &[u32], options: &[&str]) -> Result<()> {
        let path = std::env::temp_dir().join(format!("sim-{}-{name}", std::process::id()));
        std::fs::write(&path, image(words))?;
        let text = path.to_string_lossy().into_owned();
        let result = run(&[&[text.as_str()], options].concat());
        std::fs::remove_file(&path)?;
        result
    }

    #[test]
    fn an_image_halts_through_the_rom() {
        let halt = |code: u32| {
            [
                0x8cf9_009c,        // lw t9, 0x9c(a3)
                0x2404_0000 | code, // li a0, code
                0x0320_f809,        // jalr t9
                0x0000_0000,        // nop
                0x1000_ffff,        // b .
                0x0000_0000,        // nop
            ]
        };
        simulate("halt", &halt(0), &["--count", "0x80030000..0x80030008"]).unwrap();
        simulate("perfect", &halt(0), &["--perfect", "--trace", "5"]).unwrap();
        simulate("old", &halt(0), &["--machine", "dec2100", "--memory", "8"]).unwrap();
        let error = simulate("fail", &halt(7), &[]).unwrap_err().to_string();
        assert!(error.contains("Halt(7)"), "{error}");
    }

    #[test]
    fn a_hazard_is_an_error_with_its_report() {
        let words = [
            0x8ce8_0000, // lw t0, 0(a3)
            0x0108_4821, // addu t1, t0, t0
            0x1000_ffff, // b .
            0x0000_0000, // nop
        ];
        let error = simulate("hazard", &words, &[]).unwrap_err().to_string();
        assert!(error.contains("strict mode at 0x80030004"), "{error}");
        simulate(
            "relaxed",
            &words,
            &["--relax", "load-delay", "--limit", "100"],
        )
        .unwrap();
        simulate("before", &words, &["--break", "0x80030004"]).unwrap();
        assert!(simulate("nowhere", &words, &["--break", "main"]).is_err());
    }

    #[test]
    fn wrong_words_are_told() {
        for words in [
            &[][..],
            &["a", "b"],
            &["a", "--machine", "vax"],
            &["a", "--limit"],
            &["a", "--limit", "x"],
            &["a", "--memory", "5000"],
            &["a", "--count", "x"],
            &["a", "--relax", "x"],
            &["a", "--nothing", "x"],
        ] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
