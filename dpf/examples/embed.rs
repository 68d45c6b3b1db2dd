//! Embedding the demultiplexer: filters from text, packets to the filter that wins.
//!
//! `cargo run --example embed`

use dpf::{filter::lower, runtime::Demux, syntax::Program};

const FILTERS: &str = "
    filter dns  = udp.dport == 53 || udp.sport == 53;
    filter ssh  = tcp.dport == 22;
    filter flow = ip.src == 192.12.69.1 && tcp.sport == 1234 && tcp.dport == 4321;
";

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let program =
        Program::parse(FILTERS, "embed.rs", true).map_err(|errors| errors.render(false))?;
    let lowered = lower(&program).map_err(|error| error.title().to_owned())?;

    let mut demux = Demux::monitoring()?;
    let mut names = Vec::new();
    for filter in &lowered {
        let installed = demux.install(filter.filter.clone())?;
        println!(
            "{} is {}: at most {} instructions a packet",
            filter.name, installed.id, installed.longest_path
        );
        names.push(&filter.name);
    }

    for port in [22_u16, 25] {
        let packet = tcp_to(port);
        match demux.classify(&packet) {
            Some(id) => println!("port {port}: {}", names[id.entry() as usize]),
            None => println!("port {port}: nobody's"),
        }
    }
    Ok(())
}

/// A TCP segment from 10.0.0.1 to 10.0.0.2, in IPv4, in Ethernet.
fn tcp_to(port: u16) -> [u8; 54] {
    let mut packet = [0; 54];
    packet[12..14].copy_from_slice(&[0x08, 0x00]);
    packet[14] = 0x45;
    packet[23] = 6;
    packet[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    packet[36..38].copy_from_slice(&port.to_be_bytes());
    packet[46] = 0x50;
    packet
}
