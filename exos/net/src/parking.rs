//! Frames that wait until ARP says where they go (RFC 1122 §2.3.2.2).
//!
//! Memory of the caller, in which frames lie one behind another with a small header each. All that
//! wait for an address leave together, in order, so that a datagram in fragments survives its first
//! resolution. When memory is full the new frame is dropped: its datagram would be incomplete
//! either way.

use core::net::Ipv4Addr;

/// Bytes before each frame: the next hop and the frame's length.
const HEADER: usize = 6;

/// Frames that wait.
#[derive(Debug)]
pub(crate) struct Parking<'a> {
    memory: &'a mut [u8],
    used: usize,
}

impl<'a> Parking<'a> {
    pub(crate) fn new(memory: &'a mut [u8]) -> Self {
        Self { memory, used: 0 }
    }

    /// Keeps `frame` until `next_hop` is resolved; tells whether there was room.
    pub(crate) fn park(&mut self, next_hop: Ipv4Addr, frame: &[u8]) -> bool {
        let Ok(length) = u16::try_from(frame.len()) else {
            return false;
        };
        let end = self.used + HEADER + frame.len();
        let Some(place) = self.memory.get_mut(self.used..end) else {
            return false;
        };
        let (header, body) = place.split_at_mut(HEADER);
        let (address, size) = header.split_at_mut(4);
        address.copy_from_slice(&next_hop.octets());
        size.copy_from_slice(&length.to_be_bytes());
        body.copy_from_slice(frame);
        self.used = end;
        true
    }

    /// Gives the frames that wait for `next_hop` to `each`, in order, and forgets them.
    pub(crate) fn release(&mut self, next_hop: Ipv4Addr, each: impl FnMut(&mut [u8])) {
        self.take(|hop| hop == next_hop, each);
    }

    /// Drops the frames that wait for a hop which is not `awaited`; tells how many.
    pub(crate) fn sweep(&mut self, mut awaited: impl FnMut(Ipv4Addr) -> bool) -> u32 {
        self.take(|hop| !awaited(hop), |_| {})
    }

    fn take(
        &mut self,
        mut goes: impl FnMut(Ipv4Addr) -> bool,
        mut each: impl FnMut(&mut [u8]),
    ) -> u32 {
        let (mut from, mut to, mut taken) = (0, 0, 0);
        while let Some(record) = self.memory.get_mut(from..self.used) {
            let [a, b, c, d, high, low, frame @ ..] = record else {
                break;
            };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let goes = goes(Ipv4Addr::new(*a, *b, *c, *d));
            let whole = HEADER + length;
            if goes {
                if let Some(frame) = frame.get_mut(..length) {
                    each(frame);
                }
                taken += 1;
            } else {
                self.memory.copy_within(from..from + whole, to);
                to += whole;
            }
            from += whole;
        }
        self.used = to;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn taken(parking: &mut Parking<'_>, hop: Ipv4Addr) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        parking.release(hop, |frame| frames.push(frame.to_vec()));
        frames
    }

    #[test]
    fn frames_leave_together_and_in_order() {
        let mut memory = [0; 100];
        let mut parking = Parking::new(&mut memory);
        for (hop, fill) in [(A, 1), (B, 2), (A, 3), (B, 4)] {
            assert!(parking.park(hop, &[fill; 10]));
        }
        assert_eq!(taken(&mut parking, A), [[1; 10], [3; 10]]);
        assert!(parking.park(A, &[5; 60]), "room is reused");
        assert_eq!(taken(&mut parking, B), [[2; 10], [4; 10]]);
        assert_eq!(taken(&mut parking, B).len(), 0);
        assert_eq!(taken(&mut parking, A), [[5; 60]]);
    }

    #[test]
    fn a_full_park_refuses() {
        let mut memory = [0; 40];
        let mut parking = Parking::new(&mut memory);
        assert!(parking.park(A, &[1; 34]));
        assert!(!parking.park(A, &[]));
        assert_eq!(parking.sweep(|hop| hop == A), 0);
        assert_eq!(parking.sweep(|hop| hop == B), 1);
        assert!(parking.park(B, &[]));
        assert!(!Parking::new(&mut []).park(A, &[]));
    }
}
