//! `cargo xtask COMMAND`: every developer command of the project, in Rust, so that they are the
//! same on every machine.
//!
//! The two that a newcomer needs, `demo` and `test`, first make sure of what they rest on
//! ([`setup`]) and say what they do. `ci` is the gate; it calls `test` as README gives it.

mod aegis;
mod ci;
mod demo;
mod fuzz;
mod image;
mod judges;
mod mips1;
mod onboard;
mod readme;
mod setup;
mod shell;
mod sim;
mod tables;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  demo            make a capture, classify it, show the trie, the code and Table 7
  test            run every test
  setup           install what the other commands need, and nothing else
  tidy            check the rules that no compiler checks
  judges          compare the simulator with emulators of the same machines
  fuzz [SECONDS]  build every fuzz target and run each for so long (default 20)
  sim IMAGE       run an image on a simulated DECstation; without IMAGE, the options
  image           build the kernel with its applications; says where the image is
  boot [--on sim|mame|gxemul] [--board kn01|kn02] APP...
                  run applications on a DECstation; ends with their status
  probe [--on sim|mame|gxemul]
                  count the kernel's hot paths on the simulator, or go through them elsewhere
  latency         run the suite of applications on the simulator, and tell for how long
                  interrupts were off
  hostile [--on sim|mame|gxemul] [NAME...]
                  run programs that mean harm, all or those named, and see that they do none
  storm [CALLS]   make system calls with any registers on the simulated machine (default
                  1000000), and see that the kernel keeps its invariants and promises
  tables 4|5|6|7... [--json] [--million] [--profile]
                  count the paper's Tables 4 to 7 on the simulated DECstations; of Table 7, --million
                  confirms each classifier on a million packets, --profile shows where it spends them
  readme          run the commands of README.md as they stand there
  onboard         compile filters on the simulated machine, and run them there
  mips1check FILE [--allow-hilo]
                  look through a MIPS image for what a R3000 must not be given
  golden          bless the recorded listings and outputs again
  ci              the gate: format, tidy, clippy, docs, test, miri, judges, demo, readme, fuzz
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test", rest @ ..] => test::run(rest),
        ["setup"] => setup::everything(),
        ["tidy"] => tidy::run(),
        ["fuzz"] => fuzz::run(fuzz::DEFAULT_SECONDS),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::run(seconds),
            Err(_) => return usage(&format!("`{seconds}` is not a number of seconds")),
        },
        ["judges"] => judges::run(),
        ["readme"] => readme::run(),
        ["mips1check", path] => mips1::run(path, false),
        ["mips1check", path, "--allow-hilo"] => mips1::run(path, true),
        ["onboard"] => onboard::run(),
        ["golden"] => test::bless(),
        ["sim", rest @ ..] => sim::run(rest),
        ["tables", rest @ ..] => tables::run(rest),
        ["image"] => aegis::run(),
        ["probe"] => aegis::probe::run(),
        ["latency"] => aegis::latency::run(),
        ["boot", rest @ ..] => return ends(aegis::boot::run(rest)),
        ["hostile", rest @ ..] => aegis::hostile::run(rest),
        ["storm"] => aegis::storm::run(aegis::storm::DEFAULT_CALLS),
        ["storm", calls] => match calls.parse() {
            Ok(calls) => aegis::storm::run(calls),
            Err(_) => return usage(&format!("`{calls}` is not a number of calls")),
        },
        ["probe", rest @ ..] => return ends(aegis::boot::run_probe(rest)),
        ["ci"] => ci::run(),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [] => return usage("a command is missing"),
        [other, ..] => {
            return usage(&format!(
                "there is no command `{other}`, or not with these words"
            ));
        }
    };
    ends(result.map(|()| 0))
}

fn ends(result: anyhow::Result<u8>) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage(reason: &str) -> ExitCode {
    eprintln!("xtask: {reason}\n\n{HELP}");
    ExitCode::from(2)
}
