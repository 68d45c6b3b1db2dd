//! One line per packet: `--per-packet`, in the three styles.
//!
//! The text form is `NUMBER TIME LENGTH FILTER,FILTER…`, with `-` where no filter matches.

use std::io::{self, Write};

use serde::Serialize;

use crate::{capture::Packet, tally::Style};

/// Prints packets, numbered from 1.
pub struct PacketLines<W: Write> {
    out: W,
    style: Style,
    names: Vec<String>,
    number: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    packet: u64,
    time: String,
    length: usize,
    filters: Vec<&'a str>,
}

impl<W: Write> PacketLines<W> {
    /// Prints to `out`; the filters are called `names`.
    pub fn new<'a>(out: W, style: Style, names: impl Iterator<Item = &'a str>) -> Self {
        Self {
            out,
            style,
            names: names.map(str::to_owned).collect(),
            number: 0,
        }
    }

    /// Prints the next packet, and the filters that match it.
    ///
    /// # Errors
    ///
    /// When the output refuses it.
    pub fn print(&mut self, packet: &Packet<'_>, matched: &[u32]) -> io::Result<()> {
        self.number += 1;
        let filters = matched
            .iter()
            .map(|&filter| self.names[filter as usize].as_str());
        let time = packet.time.print(packet.interface().resolution);
        let line = Line {
            packet: self.number,
            time,
            length: packet.data.len(),
            filters: filters.collect(),
        };
        match self.style {
            Style::Table => line.print_text(&mut self.out),
            Style::Csv => line.print_csv(&mut self.out),
            Style::Json => {
                serde_json::to_writer(&mut self.out, &line)?;
                writeln!(self.out)
            }
        }
    }

    /// Hands everything to the output.
    ///
    /// # Errors
    ///
    /// When the output refuses it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Line<'_> {
    fn print_text(&self, out: &mut impl Write) -> io::Result<()> {
        let filters = if self.filters.is_empty() {
            "-".to_owned()
        } else {
            self.filters.join(",")
        };
        writeln!(
            out,
            "{} {} {} {filters}",
            self.packet, self.time, self.length
        )
    }

    fn print_csv(&self, out: &mut impl Write) -> io::Result<()> {
        if self.packet == 1 {
            writeln!(out, "packet,time,length,filters")?;
        }
        writeln!(
            out,
            "{},{},{},{}",
            self.packet,
            self.time,
            self.length,
            self.filters.join(" ")
        )
    }
}
