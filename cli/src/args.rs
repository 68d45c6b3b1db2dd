//! What the user can say: the commands, their options, and the help with its examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const EXIT_CODES: &str = "\
Exit codes:
  0    done (also when the reader of a pipe went away)
  1    the command line, a filter, or a file could not be used
  2    a capture is damaged: what came before the damage was done
  130  interrupted while reading captures: what came before was done";

const EXAMPLES: &str = "\
Examples:
  dpf classify -e 'tcp.dport == 22' -e dns='udp.dport == 53' trace.pcap
  dpf classify -f filters.dpf --json trace.pcapng
  zcat trace.pcap.gz | dpf split -f filters.dpf -o parts --rest -
  dpf explain -f filters.dpf --as svg > trie.svg
  dpf check -f filters.dpf
  sudo dpf capture -i eth0 -f filters.dpf";

/// Run many packet filters over captures and live traffic, in one pass, as native code.
///
/// Filters are written in a language of their own: `filter ssh = tcp.dport == 22;`. All of them are
/// merged into one trie, which is compiled to machine code and proved safe before it runs.
#[derive(Debug, Parser)]
#[command(name = "dpf", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count the packets and bytes of captures that each filter matches.
    #[command(after_help = "\
Examples:
  dpf classify -f filters.dpf trace.pcap
  dpf classify -e web='tcp.dport in { 80, 443 }' --csv a.pcap b.pcapng
  dpf classify -f filters.dpf --per-packet --mode one - < trace.pcap")]
    Classify(Classify),
    /// Write the packets that each filter matches to a capture of its own, in one pass.
    #[command(after_help = "\
Examples:
  dpf split -f filters.dpf -o parts trace.pcap
  dpf split -e ssh='tcp.dport == 22' -o parts --rest trace.pcapng

Captures that are there already are written over only with --force, the input never.")]
    Split(Split),
    /// Show what the filters are compiled to.
    #[command(after_help = "\
Examples:
  dpf explain -f filters.dpf
  dpf explain -f filters.dpf --as svg > trie.svg
  dpf explain -e 'tcp.dport == 22' --as asm")]
    Explain(Explain),
    /// Look for filters that overlap, each pair with a packet both match, and for dead ones.
    #[command(after_help = "\
Examples:
  dpf check -f filters.dpf
  dpf check -f filters.dpf --mode one   # exit code 1 if `--mode one` would refuse them")]
    Check(Check),
    /// Count the packets of a network interface that each filter matches, live.
    #[command(after_help = "\
Examples:
  sudo dpf capture -i eth0 -f filters.dpf
  sudo dpf capture -i eth0 -e 'tcp.dport == 22' -c 100 -w ssh.pcap
  sudo dpf capture -i lo -f filters.dpf --duration 10 --json")]
    Capture(Capture),
    /// Measure: the paper's Table 7, and today's peers.
    #[command(after_help = "\
Examples:
  dpf bench table7
  dpf bench table7 --json > table7.json
  dpf bench table7 --plot table7.svg")]
    Bench(Bench),
    /// Print filter files in the usual form.
    #[command(after_help = "\
Examples:
  dpf fmt filters.dpf
  dpf fmt --write *.dpf
  dpf fmt --check *.dpf   # exit code 1 if one is not in that form")]
    Fmt(Fmt),
    /// Write a capture of made-up mixed traffic, the same every time.
    #[command(hide = true)]
    DemoCapture(DemoCapture),
    /// Write the man pages and the completions of all shells to a folder.
    #[command(hide = true)]
    Manual(Manual),
}

/// Where the filters come from.
#[derive(Clone, Debug, Args)]
pub struct FilterArgs {
    /// Read filters from FILE; may be given several times.
    #[arg(short = 'f', long = "file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Add the filter EXPR; may be given several times. NAME=EXPR names it, else it is `exprN`.
    #[arg(short = 'e', long = "expr", value_name = "EXPR")]
    pub expressions: Vec<String>,
    /// Do not load the headers of the standard protocols.
    #[arg(long)]
    pub no_protocols: bool,
}

/// Which of several matching filters count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Every filter that matches.
    #[default]
    All,
    /// The one of highest priority, then the most specific. Filters must not overlap otherwise, and
    /// those of different owners not at all.
    One,
    /// The first in the order of the files.
    First,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Args)]
pub struct FormatArgs {
    /// Print JSON.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values.
    #[arg(long)]
    pub csv: bool,
}

/// `dpf classify`.
#[derive(Debug, Args)]
pub struct Classify {
    /// The filters.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Which of several matching filters count.
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// How results are printed.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Print a line for each packet instead: its number, time, captured length and filters.
    #[arg(long)]
    pub per_packet: bool,
    /// The captures, pcap or pcapng; `-` is the standard input.
    #[arg(required = true, value_name = "CAPTURE", value_hint = ValueHint::FilePath)]
    pub captures: Vec<PathBuf>,
}

/// `dpf split`.
#[derive(Debug, Args)]
pub struct Split {
    /// The filters.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Which of several matching filters get the packet.
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// How the counts are printed.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Write to this folder, which is made if need be: NAME.pcap (or .pcapng) for each filter.
    #[arg(short = 'o', long = "output", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Write over captures that are there already.
    #[arg(long)]
    pub force: bool,
    /// Write the packets that no filter matches to rest.pcap (or .pcapng).
    #[arg(long)]
    pub rest: bool,
    /// The capture, pcap or pcapng; `-` is the standard input.
    #[arg(value_name = "CAPTURE", value_hint = ValueHint::FilePath)]
    pub capture: PathBuf,
}

/// How `dpf explain` shows the compiled filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum View {
    /// The merged trie, as text.
    #[default]
    Trie,
    /// The merged trie, as a graph for Graphviz.
    Dot,
    /// The merged trie, as a picture.
    Svg,
    /// The portable instructions.
    Ops,
    /// The machine code.
    Asm,
}

/// `dpf explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The filters.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// What to show.
    #[arg(long = "as", value_enum, default_value_t, value_name = "VIEW")]
    pub view: View,
    /// Take only this filter; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

/// `dpf check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The filters.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// With `one`, filters that cannot be installed together are an error.
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
}

/// `dpf capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// The network interface.
    #[arg(short = 'i', long, value_name = "IFACE")]
    pub interface: String,
    /// The filters.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Which of several matching filters count.
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// How results are printed.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Print a line for each packet that a filter matches.
    #[arg(long)]
    pub per_packet: bool,
    /// Write the packets that a filter matches to FILE, as pcap with nanoseconds.
    #[arg(short = 'w', long = "write", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write: Option<PathBuf>,
    /// Write over FILE if it is there already.
    #[arg(long)]
    pub force: bool,
    /// Stop after COUNT packets that a filter matches.
    #[arg(short = 'c', long, value_name = "COUNT")]
    pub count: Option<u64>,
    /// Stop after SECONDS.
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// Keep the first BYTES of each packet.
    #[arg(short = 's', long, value_name = "BYTES", default_value_t = 65_535, value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub snaplen: u32,
    /// Do not ask the interface for packets that are for others.
    #[arg(short = 'p', long)]
    pub no_promiscuous: bool,
}

/// `dpf bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure.
    #[command(subcommand)]
    pub what: Measurement,
}

/// The measurements.
#[derive(Debug, Subcommand)]
pub enum Measurement {
    /// Nanoseconds per packet for 1 to 100,000 filters: DPF, the paper's baselines, today's peers.
    Table7 {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Draw nanoseconds against the number of filters.
        #[arg(long, value_name = "FILE.svg", value_hint = ValueHint::FilePath)]
        plot: Option<PathBuf>,
    },
}

/// `dpf fmt`.
#[derive(Debug, Args)]
pub struct Fmt {
    /// Write the result to the files instead of the standard output.
    #[arg(short = 'w', long, conflicts_with = "check")]
    pub write: bool,
    /// Print nothing but the names of files that are not in the usual form; exit code 1 if any.
    #[arg(long)]
    pub check: bool,
    /// The filter files; `-` is the standard input.
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// `dpf demo-capture`.
#[derive(Debug, Args)]
pub struct DemoCapture {
    /// How many packets to make.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    pub packets: u64,
    /// Write over FILE if it is there already.
    #[arg(long)]
    pub force: bool,
    /// The capture to write, its folder made if need be; `-` is the standard output.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// `dpf manual`.
#[derive(Debug, Args)]
pub struct Manual {
    /// The folder, which is made if need be.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
}
