//! `dpf capture`: the packets of a network interface, live.
//!
//! Runs until Ctrl-C, or for as long or as many packets as the user said; then prints the counts,
//! and what the kernel received and had to drop. On a terminal a line with the counts so far is
//! renewed meanwhile.

use core::time::Duration;
use std::{
    fs::File,
    io::{BufWriter, Stdout, stdout},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use super::print_results;
use crate::{
    args::Capture,
    capture::{Format, Interface, LinkType, Packet, Resolution, Timestamp, Writer},
    classifier::Classifier,
    exit::Exit,
    interrupt,
    outputs::create_file,
    packet_line::PacketLines,
    progress::spinner,
    ring::{Block, Frame, RETIRE_MILLISECONDS, Ring, Statistics},
    tally::{Style, Tally},
};

/// How long to wait for packets before looking at the clock and the user.
const WAIT_MILLISECONDS: i32 = 100;
/// Raw IP, of mobile modems (`linux/if_arp.h`).
const ARPHRD_RAWIP: u16 = 519;
/// Bytes of a tag, and of the two addresses before it.
const TAG_BYTES: usize = 4;
const ADDRESSES_BYTES: usize = 12;

/// Runs the command.
///
/// # Errors
///
/// When the filters or the interface cannot be used.
pub(super) fn run(args: &Capture) -> Result<Exit> {
    let classifier = Classifier::load(&args.filters, args.mode)?;
    let deadline = deadline(args.duration)?;
    interrupt::catch()?;
    let name = &args.interface;
    let mut ring = Ring::open(name, !args.no_promiscuous).map_err(|error| explain(name, error))?;
    let interfaces = [interface(name, ring.hardware(), args.snaplen)?];
    let mut session = Session::new(args, classifier, &interfaces)?;
    eprintln!(
        "dpf: listening on {name}, link type {}; Ctrl-C ends it",
        interfaces[0].link
    );
    let mut kernel = Counts::default();
    let live = spinner();
    while !session.done()
        && !interrupt::pending()
        && deadline.is_none_or(|deadline| Instant::now() < deadline)
    {
        ring.wait(WAIT_MILLISECONDS)
            .with_context(|| format!("cannot read from {name}"))?;
        while !session.done()
            && !interrupt::pending()
            && let Some(block) = ring.next_block()
        {
            session.take_all(block)?;
        }
        session.flush()?;
        kernel.add(ring.statistics()?);
        live.set_message(format!(
            "{} matched, {} dropped by the kernel",
            session.tally.matched(),
            kernel.drops
        ));
    }
    live.finish_and_clear();
    if !session.done() {
        drain(&mut ring, &mut session).with_context(|| format!("cannot read from {name}"))?;
    }
    kernel.add(ring.statistics()?);
    session.finish()?;
    eprintln!(
        "dpf: the kernel received {} packets and dropped {}",
        kernel.packets, kernel.drops
    );
    Ok(Exit::Done)
}

/// Takes what was received before the end: so what the kernel counted is what was taken or dropped.
fn drain(ring: &mut Ring, session: &mut Session<'_>) -> Result<()> {
    ring.close()?;
    let end = Instant::now() + 2 * Duration::from_millis(RETIRE_MILLISECONDS.into());
    loop {
        while !session.done()
            && let Some(block) = ring.next_block()
        {
            session.take_all(block)?;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || session.done() {
            return Ok(());
        }
        ring.wait(left.as_millis() as i32 + 1)?;
    }
}

/// What is done with the packets.
struct Session<'a> {
    args: &'a Capture,
    classifier: Classifier,
    interfaces: &'a [Interface],
    tally: Tally,
    lines: Option<PacketLines<BufWriter<Stdout>>>,
    writer: Option<Writer<BufWriter<File>>>,
    untagged: Vec<u8>,
}

impl<'a> Session<'a> {
    fn new(args: &'a Capture, classifier: Classifier, interfaces: &'a [Interface]) -> Result<Self> {
        let tally = Tally::new(classifier.names());
        let lines = args.per_packet.then(|| {
            PacketLines::new(
                BufWriter::new(stdout()),
                args.format.into(),
                classifier.names(),
            )
        });
        let writer = match &args.write {
            None => None,
            Some(path) => {
                let file = create_file(path, args.force)?;
                Some(Writer::new(
                    BufWriter::new(file),
                    Format::Pcap(interfaces[0].clone()),
                )?)
            }
        };
        Ok(Self {
            args,
            classifier,
            interfaces,
            tally,
            lines,
            writer,
            untagged: Vec::new(),
        })
    }

    /// Whether as many packets as the user wants were matched.
    fn done(&self) -> bool {
        self.args
            .count
            .is_some_and(|count| self.tally.matched() >= count)
    }

    /// Takes the packets of a block, or as many as are still wanted.
    fn take_all(&mut self, mut block: Block<'_>) -> Result<()> {
        while !self.done()
            && let Some(frame) = block.next_frame()
        {
            self.take(&frame)?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<()> {
        let whole = put_back_tag(frame, &mut self.untagged);
        let data = &whole[..whole.len().min(self.args.snaplen as usize)];
        let wire_len = frame.wire_len + (whole.len() - frame.data.len()) as u32;
        let time = Timestamp {
            seconds: i64::from(frame.seconds),
            nanoseconds: u64::from(frame.nanoseconds),
        };
        let packet = Packet {
            interfaces: self.interfaces,
            index: 0,
            time,
            wire_len,
            data,
        };
        let matched = self.classifier.classify(&packet)?;
        self.tally.add(data.len(), matched);
        if matched.is_empty() {
            return Ok(());
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&packet).context("cannot write the capture")?;
        }
        if let Some(lines) = &mut self.lines {
            lines.print(&packet, matched)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.flush().context("cannot write the capture")?;
        }
        if let Some(lines) = &mut self.lines {
            lines.flush()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        let style = Style::from(self.args.format);
        if self.lines.is_none() {
            print_results(|out| self.tally.print(style, out))?;
        }
        Ok(())
    }
}

/// What the kernel counted in all.
#[derive(Default)]
struct Counts {
    packets: u64,
    drops: u64,
}

impl Counts {
    fn add(&mut self, since: Statistics) {
        self.packets += u64::from(since.packets);
        self.drops += u64::from(since.drops);
    }
}

/// The frame as it was on the wire: the kernel takes the outermost VLAN tag out.
fn put_back_tag<'a>(frame: &Frame<'a>, buffer: &'a mut Vec<u8>) -> &'a [u8] {
    let (Some((protocol, control)), true) = (frame.tag, frame.data.len() >= ADDRESSES_BYTES) else {
        return frame.data;
    };
    let (addresses, rest) = frame.data.split_at(ADDRESSES_BYTES);
    buffer.clear();
    buffer.reserve(frame.data.len() + TAG_BYTES);
    buffer.extend_from_slice(addresses);
    buffer.extend_from_slice(&protocol.to_be_bytes());
    buffer.extend_from_slice(&control.to_be_bytes());
    buffer.extend_from_slice(rest);
    buffer
}

fn interface(name: &str, hardware: u16, snaplen: u32) -> Result<Interface> {
    // Loopback has Ethernet headers too.
    let link = match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::ETHERNET,
        libc::ARPHRD_NONE | ARPHRD_RAWIP | libc::ARPHRD_TUNNEL | libc::ARPHRD_SIT => {
            LinkType::RAW_IP
        }
        other => bail!(
            "{name} has the hardware type {other}, which is not supported: only Ethernet and raw IP are"
        ),
    };
    let link_field = u32::from(link.0);
    Ok(Interface {
        link,
        link_field,
        snaplen,
        resolution: Resolution::Nano,
        name: Some(name.to_owned()),
    })
}

fn explain(interface: &str, error: std::io::Error) -> anyhow::Error {
    let advice = match error.kind() {
        std::io::ErrorKind::PermissionDenied => " (it takes root, or the capability CAP_NET_RAW)",
        _ => "",
    };
    anyhow::Error::new(error).context(format!("cannot capture from {interface}{advice}"))
}

fn deadline(seconds: Option<f64>) -> Result<Option<Instant>> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let duration = Duration::try_from_secs_f64(seconds).ok();
    match duration.and_then(|duration| Instant::now().checked_add(duration)) {
        Some(deadline) => Ok(Some(deadline)),
        None => bail!("{seconds} is not a number of seconds to wait"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_goes_back_behind_the_addresses() {
        let data: Vec<u8> = (0..60).collect();
        let mut frame = Frame {
            seconds: 0,
            nanoseconds: 0,
            wire_len: 60,
            data: &data,
            tag: None,
        };
        let mut buffer = Vec::new();
        assert_eq!(put_back_tag(&frame, &mut buffer), data);
        frame.tag = Some((0x88a8, 0x2007));
        let tagged = [&data[..12], &[0x88, 0xa8, 0x20, 0x07], &data[12..]].concat();
        assert_eq!(put_back_tag(&frame, &mut buffer), tagged);
        frame.data = &data[..11];
        assert_eq!(
            put_back_tag(&frame, &mut buffer),
            &data[..11],
            "too short to have had one"
        );
    }
}
