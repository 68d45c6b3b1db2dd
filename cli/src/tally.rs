//! Counts of packets and bytes, per filter and in all, and their three printed forms.

use std::io::{self, Write};

use serde::Serialize;

use crate::args::FormatArgs;

/// What the counts of packets that no filter matches are called, and of all packets. No filter's
/// name has parentheses.
const UNMATCHED: &str = "(unmatched)";
const TOTAL: &str = "(total)";

/// The counts. Bytes are captured bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    packets: u64,
    bytes: u64,
    unmatched: u64,
    #[serde(skip)]
    unmatched_bytes: u64,
    filters: Vec<Count>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Count {
    name: String,
    packets: u64,
    bytes: u64,
}

/// How counts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Columns for people.
    Table,
    /// One JSON object on one line.
    Json,
    /// A header line and a line per filter.
    Csv,
}

impl From<FormatArgs> for Style {
    fn from(format: FormatArgs) -> Self {
        match (format.json, format.csv) {
            (true, _) => Self::Json,
            (false, true) => Self::Csv,
            (false, false) => Self::Table,
        }
    }
}

impl Tally {
    /// All zero, for filters of these names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let count = |name: &str| Count {
            name: name.to_owned(),
            packets: 0,
            bytes: 0,
        };
        let filters = names.into_iter().map(count).collect();
        Self {
            packets: 0,
            bytes: 0,
            unmatched: 0,
            unmatched_bytes: 0,
            filters,
        }
    }

    /// Counts a packet of `length` captured bytes for the filters with the indices `matched`.
    pub fn add(&mut self, length: usize, matched: &[u32]) {
        let length = length as u64;
        self.packets += 1;
        self.bytes += length;
        if matched.is_empty() {
            self.unmatched += 1;
            self.unmatched_bytes += length;
        }
        for &filter in matched {
            let count = &mut self.filters[filter as usize];
            count.packets += 1;
            count.bytes += length;
        }
    }

    /// How many packets at least one filter matched.
    pub fn matched(&self) -> u64 {
        self.packets - self.unmatched
    }

    /// Prints all counts.
    ///
    /// # Errors
    ///
    /// When the output refuses it.
    pub fn print(&self, style: Style, out: &mut dyn Write) -> io::Result<()> {
        match style {
            Style::Table => self.print_table(out),
            Style::Json => {
                serde_json::to_writer(&mut *out, self)?;
                writeln!(out)
            }
            Style::Csv => self.print_csv(out),
        }
    }

    fn print_table(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows = || self.rows().chain([(TOTAL, self.packets, self.bytes)]);
        let name_width = rows()
            .map(|(name, ..)| name.len())
            .max()
            .unwrap_or(0)
            .max("filter".len());
        let packets_width = self.packets.to_string().len().max("packets".len());
        let bytes_width = self.bytes.to_string().len().max("bytes".len());
        writeln!(
            out,
            "{:name_width$}  {:>packets_width$}  {:>bytes_width$}",
            "filter", "packets", "bytes"
        )?;
        for (name, packets, bytes) in rows() {
            writeln!(
                out,
                "{name:name_width$}  {packets:>packets_width$}  {bytes:>bytes_width$}"
            )?;
        }
        Ok(())
    }

    fn print_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "name,packets,bytes")?;
        for (name, packets, bytes) in self.rows() {
            writeln!(out, "{name},{packets},{bytes}")?;
        }
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        let filters = self
            .filters
            .iter()
            .map(|count| (count.name.as_str(), count.packets, count.bytes));
        filters.chain([(UNMATCHED, self.unmatched, self.unmatched_bytes)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(style: Style) -> String {
        let mut tally = Tally::new(["ssh", "a_longer_name"]);
        tally.add(60, &[0, 1]);
        tally.add(1500, &[1]);
        tally.add(40, &[]);
        let mut out = Vec::new();
        tally.print(style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_packet_counts_for_every_filter_that_matches_and_once_in_all() {
        assert_eq!(
            printed(Style::Table),
            "filter         packets  bytes\n\
             ssh                  1     60\n\
             a_longer_name        2   1560\n\
             (unmatched)          1     40\n\
             (total)              3   1600\n"
        );
        assert_eq!(
            printed(Style::Json),
            "{\"packets\":3,\"bytes\":1600,\"unmatched\":1,\"filters\":\
             [{\"name\":\"ssh\",\"packets\":1,\"bytes\":60},{\"name\":\"a_longer_name\",\"packets\":2,\"bytes\":1560}]}\n"
        );
        assert_eq!(
            printed(Style::Csv),
            "name,packets,bytes\nssh,1,60\na_longer_name,2,1560\n(unmatched),1,40\n"
        );
    }
}
