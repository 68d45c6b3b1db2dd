//! A packet, header by header and field by field, as the program's own headers see it.

use core::{
    fmt::Write,
    net::{Ipv4Addr, Ipv6Addr},
};

use dpf::syntax::{Field, FieldKind, Header, Program, eval::Evaluator};

/// How many bytes of what no header covers are shown.
const MOST_PAYLOAD_BYTES: usize = 64;

/// Describes a packet, a header per line, each line indented by `indent`.
pub fn decode(program: &Program, bytes: &[u8], wirelen: u32, indent: &str) -> String {
    let mut text = String::new();
    let mut end = 0;
    for (id, base) in Evaluator::new(program).headers(bytes, wirelen) {
        let header = &program[id];
        let base = usize::try_from(base).unwrap_or(usize::MAX);
        let _ = writeln!(text, "{indent}{}", line(header, bytes, base));
        end = base.saturating_add(header.minimum as usize);
    }
    let rest = bytes.get(end..).unwrap_or_default();
    if !rest.is_empty() {
        let shown = &rest[..rest.len().min(MOST_PAYLOAD_BYTES)];
        let more = if shown.len() < rest.len() { " …" } else { "" };
        let _ = writeln!(
            text,
            "{indent}and {} bytes: {}{more}",
            rest.len(),
            hex(shown)
        );
    }
    let lengths = match bytes.len() {
        captured if captured == wirelen as usize => format!("{captured} bytes"),
        captured => format!("{captured} bytes captured of {wirelen}"),
    };
    let _ = writeln!(text, "{indent}{lengths}");
    text
}

fn line(header: &Header, bytes: &[u8], base: usize) -> String {
    let mut line = format!("{}:", header.name);
    for field in &header.fields {
        match value(field, bytes, base) {
            Some(value) => {
                let _ = write!(line, " {}={}", field.name, print(field, value));
            }
            None => {
                let _ = write!(line, " ({} and what follows was not captured)", field.name);
                break;
            }
        }
    }
    line
}

/// The field's value; nothing where it was not captured.
fn value(field: &Field, bytes: &[u8], base: usize) -> Option<u128> {
    let first = base.checked_add(field.bit as usize / 8)?;
    let bits = field.bit as usize % 8 + usize::from(field.width);
    let covered = bytes.get(first..first.checked_add(bits.div_ceil(8))?)?;
    let mut value = 0;
    for bit in field.bit as usize % 8..bits {
        value = value << 1 | u128::from(covered[bit / 8] >> (7 - bit % 8) & 1);
    }
    Some(value)
}

fn print(field: &Field, value: u128) -> String {
    match field.kind {
        FieldKind::Mac => {
            let bytes = &value.to_be_bytes()[10..];
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(":")
        }
        FieldKind::Ipv4 => Ipv4Addr::from_bits(value as u32).to_string(),
        FieldKind::Ipv6 => Ipv6Addr::from_bits(value).to_string(),
        FieldKind::Number if hexadecimal(&field.name) => {
            format!(
                "{value:#0width$x}",
                width = 2 + usize::from(field.width).div_ceil(4)
            )
        }
        FieldKind::Number => value.to_string(),
    }
}

/// Fields that people write in hexadecimal.
fn hexadecimal(name: &str) -> bool {
    matches!(
        name,
        "type" | "flags" | "checksum" | "flow" | "id" | "family" | "hardware"
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Traffic;

    #[test]
    fn a_packet_prints_field_by_field() {
        let program = Program::parse("", "none", true).unwrap();
        let made = Traffic::new().nth(2).unwrap();
        assert_eq!(
            decode(&program, &made.frame, 60, "  "),
            "  ether: dst=02:00:00:00:00:3d src=02:00:00:00:00:01 type=0x0800\n\
            \x20 ip: version=4 ihl=5 tos=0 length=40 id=0xcb4f df=0 mf=0 frag=0 ttl=64 proto=6 \
             checksum=0x9e35 src=192.12.69.1 dst=10.1.2.61\n\
            \x20 tcp: sport=1234 dport=4321 seq=3412789598 ack=0 offset=5 flags=0x02 \
             window=65535 checksum=0xb41a urgent=0\n\
            \x20 and 6 bytes: 000000000000\n\
            \x20 60 bytes\n"
        );
        let short = decode(&program, &made.frame[..30], 60, "");
        assert!(
            short.contains("src=192.12.69.1 (dst and what follows was not captured)\n"),
            "{short}"
        );
        assert!(short.ends_with("30 bytes captured of 60\n"), "{short}");
    }
}
