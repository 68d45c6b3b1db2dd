//! Any bytes as a binary filter: refused, or a canonical filter that encodes to the same bytes.

use alloc::{format, string::ToString};

use crate::{
    filter::{Filter, Pool},
    interp,
};

/// One execution.
///
/// # Panics
///
/// When bytes are taken that are not the canonical encoding of what they mean.
pub fn run(data: &[u8]) {
    let filter = match Filter::decode(data) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says what is wrong");
            return;
        }
    };
    assert_eq!(filter.encode(), data, "one filter, one encoding");
    assert_eq!(filter.verify(), Ok(()), "decoded filters are canonical");
    let text = format!("{filter}");
    assert_eq!(
        text.parse::<Filter>().as_ref(),
        Ok(&filter),
        "text parses back: {text}"
    );
    let mut pool = Pool::new();
    let again = pool.import(&filter).and_then(|root| pool.finish(root));
    assert_eq!(again.as_ref(), Ok(&filter), "importing changes nothing");
    for end in [0, data.len() / 2, data.len()] {
        interp::accepts(&filter, &data[..end], data.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{filter::lower, syntax::Program};

    /// Filters of every construct, to be damaged.
    const SEEDS: &str = "
        filter host = ip.src == 192.12.69.1;
        filter ports = tcp.dport in { 80, 443, 8080..8089 };
        filter negated = !(tcp.dport == 22);
        filter fields = ip.src == ip.dst && ip6.src < ip6.dst || arp.op == 1;
        filter raw = 12:16 == 0x0800 && shift(14) && 9:8 == 6 && shift((0:8 & 0xf) << 2) && 0:16 le != 1234;
        filter computed = (14 + 14:8):16 == 1 && len > 60 && wirelen < 1000;
    ";

    fn random(state: &mut u64) -> usize {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as usize
    }

    fn damage(bytes: &mut Vec<u8>, state: &mut u64) {
        let at = random(state) % bytes.len();
        match random(state) % 5 {
            0 => bytes[at] ^= 1 << (random(state) % 8),
            1 => bytes[at] = random(state) as u8,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random(state) as u8),
            _ => {
                let from = random(state) % bytes.len();
                bytes[at] = bytes[from];
            }
        }
    }

    #[test]
    fn four_thousand_damaged_filters() {
        let program = Program::parse(SEEDS, "seeds", true).unwrap();
        let seeds: Vec<Vec<u8>> = lower(&program)
            .unwrap()
            .iter()
            .map(|lowered| lowered.filter.encode())
            .collect();
        let (mut state, mut taken) = (1995, 0);
        for execution in 0..4096 {
            let mut bytes = seeds[execution % seeds.len()].clone();
            for _ in 0..random(&mut state) % 4 {
                if !bytes.is_empty() {
                    damage(&mut bytes, &mut state);
                }
            }
            taken += usize::from(Filter::decode(&bytes).is_ok());
            run(&bytes);
        }
        assert!((500..4000).contains(&taken), "{taken} were filters");
    }
}
