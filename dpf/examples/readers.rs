//! Readers on other threads while filters come and go: no reader ever waits.
//!
//! `cargo run --release --example readers`

use core::sync::atomic::{AtomicBool, Ordering};
use dpf::{filter::lower, runtime::Demux, syntax::Program};
use std::thread;

/// How many filters the writer installs while the readers read.
const FLOWS: u16 = 2_000;

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut demux = Demux::monitoring()?;
    let done = AtomicBool::new(false);
    let counts = thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (mut reader, done) = (demux.reader(), &done);
                scope.spawn(move || {
                    let (mut classified, mut matched) = (0_u64, 0_u64);
                    while !done.load(Ordering::Relaxed) {
                        let packet = udp_to(classified as u16 % FLOWS);
                        matched += u64::from(reader.classify(&packet).is_some());
                        classified += 1;
                    }
                    (classified, matched)
                })
            })
            .collect();
        let installed = (0..FLOWS).try_for_each(|port| install(&mut demux, port));
        done.store(true, Ordering::Relaxed);
        let counts: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        installed.map(|()| counts)
    })?;
    for count in counts.into_iter().flatten() {
        println!(
            "a reader classified {} packets, {} of them somebody's",
            count.0, count.1
        );
    }
    println!("{} filters, {} shape", demux.len(), demux.groups());
    Ok(())
}

fn install(demux: &mut Demux, port: u16) -> Result<(), Box<dyn core::error::Error>> {
    let text = format!("filter flow = ip.dst == 10.0.0.2 && udp.dport == {port};");
    let program = Program::parse(&text, "flow", true).map_err(|errors| errors.render(false))?;
    for filter in lower(&program).map_err(|error| error.title().to_owned())? {
        demux.install(filter.filter)?;
    }
    Ok(())
}

/// A UDP datagram from 10.0.0.1 to 10.0.0.2, in IPv4, in Ethernet.
fn udp_to(port: u16) -> [u8; 42] {
    let mut packet = [0; 42];
    packet[12..14].copy_from_slice(&[0x08, 0x00]);
    packet[14] = 0x45;
    packet[23] = 17;
    packet[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    packet[36..38].copy_from_slice(&port.to_be_bytes());
    packet
}
