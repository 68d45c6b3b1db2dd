//! `dpf check`: which filters overlap, with a packet that both match, and which are dead.
//!
//! Every pair of filters is compared as sets of packets, exactly. In the modes `all` and `first`
//! overlaps are allowed and only shown. With `--mode one`, filters of equal priority may overlap
//! only when one contains the other, and those of different owners not at all: anything else is
//! what that mode refuses, and exit code 1.

use std::io::{self, BufWriter, Write, stdout};

use anyhow::{Result, anyhow};
use dpf::{
    filter::{self, Lowered},
    overlap::{self, Budget, DEFAULT_STEPS, Relation, Verdict, Witness},
    syntax::Program,
};

use crate::{
    args::{Check, Mode},
    decode::decode,
    engine::owner,
    exit::Exit,
    filters::{self, Refused},
    interrupt,
    progress::spinner,
};

/// Runs the command.
///
/// # Errors
///
/// When the filters cannot be used.
pub(super) fn run(args: &Check) -> Result<Exit> {
    let program = filters::load(&args.filters)?;
    let lowered =
        filter::lower(&program).map_err(|error| Refused(program.sources.render(&error)))?;
    interrupt::catch()?;
    let mut report = Report::new(&program, args.mode);
    let progress = spinner();
    for second in 0..lowered.len() {
        progress.set_message(format!("{second} of {} filters", lowered.len()));
        for first in 0..second {
            report.pair(&lowered[first], &lowered[second])?;
        }
        if interrupt::pending() {
            return report.finish(second).map(|_| Exit::Interrupted);
        }
    }
    for (index, filter) in lowered.iter().enumerate() {
        report.alone(filter, &report.winners_over(&lowered, index)?)?;
    }
    progress.finish_and_clear();
    report.finish(lowered.len())
}

/// What was found, printed as it is found.
struct Report<'a> {
    program: &'a Program,
    mode: Mode,
    out: BufWriter<io::StdoutLock<'a>>,
    overlapping: u64,
    refused: u64,
    dead: u64,
}

impl<'a> Report<'a> {
    fn new(program: &'a Program, mode: Mode) -> Self {
        Self {
            program,
            mode,
            out: BufWriter::new(stdout().lock()),
            overlapping: 0,
            refused: 0,
            dead: 0,
        }
    }

    /// Compares two filters.
    fn pair(&mut self, a: &Lowered, b: &Lowered) -> io::Result<()> {
        let relation = overlap::relate(&a.filter, &b.filter, &mut Budget::new(DEFAULT_STEPS));
        let (a_name, b_name) = (&a.name, &b.name);
        let (text, packets) = match &relation {
            Relation::Disjoint => return Ok(()),
            Relation::Equal { both } => (
                format!("{a_name} and {b_name} match the same packets"),
                vec![("both match".to_owned(), both)],
            ),
            Relation::AInB { both, only_b } => contained(a_name, b_name, both, only_b),
            Relation::BInA { both, only_a } => contained(b_name, a_name, both, only_a),
            Relation::Crossing { both, .. } => (
                format!("{a_name} and {b_name} overlap"),
                vec![("both match".to_owned(), both)],
            ),
            Relation::CannotTell(why) => (format!("{a_name} and {b_name}: {why}"), Vec::new()),
        };
        self.overlapping += 1;
        let nested = matches!(relation, Relation::AInB { .. } | Relation::BInA { .. });
        let refused = match self.mode {
            Mode::All | Mode::First => "",
            Mode::One if owner(a) != owner(b) => ": refused, for their owners are different",
            Mode::One if !nested && a.priority == b.priority => {
                ": refused, for their priorities are equal"
            }
            Mode::One => "",
        };
        self.refused += u64::from(!refused.is_empty());
        writeln!(self.out, "{text}{refused}")?;
        packets
            .iter()
            .try_for_each(|(what, witness)| self.packet(what, witness))
    }

    /// The filters that get a packet before the one at `index` does.
    fn winners_over<'l>(
        &self,
        all: &'l [Lowered],
        index: usize,
    ) -> Result<Vec<&'l filter::Filter>> {
        let this = &all[index];
        let wins = |(other, lowered): (usize, &Lowered)| match self.mode {
            Mode::All => false,
            Mode::First => other < index,
            Mode::One if other == index || owner(lowered) != owner(this) => false,
            Mode::One if lowered.priority < this.priority => false,
            Mode::One if lowered.priority > this.priority => true,
            Mode::One => {
                let mut budget = Budget::new(DEFAULT_STEPS);
                matches!(
                    overlap::relate(&lowered.filter, &this.filter, &mut budget),
                    Relation::AInB { .. }
                )
            }
        };
        Ok(all
            .iter()
            .enumerate()
            .filter(|&pair| wins(pair))
            .map(|(_, lowered)| &lowered.filter)
            .collect())
    }

    /// Says if a filter never gets a packet.
    fn alone(&mut self, lowered: &Lowered, winners: &[&filter::Filter]) -> Result<()> {
        let name = &lowered.name;
        let mut budget = Budget::new(DEFAULT_STEPS);
        let why = match overlap::satisfiable(&lowered.filter, &mut budget)
            .map_err(|why| anyhow!("{name}: {why}"))?
        {
            None => "no packet can match it",
            Some(_) => {
                match overlap::covered_by(&lowered.filter, winners, &mut Budget::new(DEFAULT_STEPS))
                {
                    Ok(Verdict::Holds) => "other filters win all its packets",
                    Ok(Verdict::Fails(_)) => return Ok(()),
                    Err(why) => {
                        writeln!(
                            self.out,
                            "{name}, whether other filters win all its packets: {why}"
                        )?;
                        return Ok(());
                    }
                }
            }
        };
        self.dead += 1;
        writeln!(self.out, "{name} is dead: {why}")?;
        Ok(())
    }

    fn packet(&mut self, what: &str, witness: &Witness) -> io::Result<()> {
        writeln!(self.out, "  {what}:")?;
        write!(
            self.out,
            "{}",
            decode(self.program, &witness.bytes, witness.wirelen, "    ")
        )
    }

    fn finish(mut self, filters: usize) -> Result<Exit> {
        let Self {
            overlapping,
            dead,
            refused,
            ..
        } = self;
        let plural =
            |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (filters, pairs) = (
            plural(filters as u64, "filter"),
            plural(overlapping, "overlapping pair"),
        );
        write!(self.out, "{filters}, {dead} dead; {pairs}")?;
        if self.mode == Mode::One {
            write!(self.out, ", {refused} refused")?;
        }
        writeln!(self.out)?;
        self.out.flush()?;
        Ok(if refused > 0 { Exit::Found } else { Exit::Done })
    }
}

fn contained<'w>(
    inner: &str,
    outer: &str,
    both: &'w Witness,
    only_outer: &'w Witness,
) -> (String, Vec<(String, &'w Witness)>) {
    let packets = vec![
        ("both match".to_owned(), both),
        (format!("only {outer} matches"), only_outer),
    ];
    (format!("{inner} is contained in {outer}"), packets)
}
