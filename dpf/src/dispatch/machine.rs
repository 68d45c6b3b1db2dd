//! The machine that keys, tables and code are laid out for.
//!
//! Problem: a compiler on one machine may make code for another, whose words, order of bytes and
//! costs differ. Method: a [`Machine`] is given to whoever lays keys and tables out; nothing below
//! asks the host. What the packet's address is known to be a multiple of is part of it: where a
//! load must be aligned, that decides how it is done. Left out: big-endian code.

/// What is known of an address: its remainder when divided by a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alignment {
    /// 1, 2 or 4.
    modulus: u32,
    remainder: u32,
}

impl Alignment {
    /// Nothing.
    pub const UNKNOWN: Self = Self::of(1, 0);
    /// A multiple of four.
    pub const WORD: Self = Self::of(4, 0);
    /// Two more than a multiple of four: so the IP header of an Ethernet frame is aligned.
    pub const HALFWORD: Self = Self::of(4, 2);

    /// The address is `remainder` more than a multiple of `modulus`: a power of two, of which only
    /// up to 4 counts.
    pub const fn of(modulus: u32, remainder: u32) -> Self {
        let modulus = match modulus.trailing_zeros() {
            0 => 1,
            1 => 2,
            _ => 4,
        };
        Alignment {
            modulus,
            remainder: remainder & (modulus - 1),
        }
    }

    /// Whether an address is one.
    pub const fn holds(self, address: u32) -> bool {
        address & (self.modulus - 1) == self.remainder
    }

    /// That of the sum of two numbers.
    pub const fn plus(self, other: Self) -> Self {
        let modulus = if self.modulus < other.modulus {
            self.modulus
        } else {
            other.modulus
        };
        Self::of(modulus, self.remainder + other.remainder)
    }

    /// What is known if it is one or the other.
    pub const fn or(self, other: Self) -> Self {
        let mut modulus = if self.modulus < other.modulus {
            self.modulus
        } else {
            other.modulus
        };
        while modulus > 1 && (self.remainder ^ other.remainder) & (modulus - 1) != 0 {
            modulus /= 2;
        }
        Self::of(modulus, self.remainder)
    }

    /// Whether it is a multiple of `bytes`.
    pub const fn is_multiple(self, bytes: u32) -> bool {
        self.modulus >= bytes && self.remainder & (bytes - 1) == 0
    }
}

/// What keys, tables and code must know of the machine they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    word_bytes: u32,
    little: bool,
    unaligned: bool,
    packet: Alignment,
}

impl Machine {
    /// This one.
    pub const HOST: Self = Machine {
        word_bytes: size_of::<usize>() as u32,
        little: cfg!(target_endian = "little"),
        unaligned: cfg!(not(any(target_arch = "mips", target_arch = "mips32r6"))),
        packet: Alignment::UNKNOWN,
    };

    /// A little-endian R2000 or R3000, packets being where `packet` says.
    pub const fn r3000(packet: Alignment) -> Self {
        Machine {
            word_bytes: 4,
            little: true,
            unaligned: false,
            packet,
        }
    }

    /// Bytes of a register and of a word of a key: 4 or 8.
    pub const fn word_bytes(&self) -> u32 {
        self.word_bytes
    }

    /// Bits of a register.
    pub const fn word_bits(&self) -> u32 {
        8 * self.word_bytes
    }

    /// The largest number of a word.
    pub const fn greatest(&self) -> u64 {
        u64::MAX >> (64 - self.word_bits())
    }

    /// Whether registers have 32 bits. Such a machine has neither a fast multiplication nor a
    /// conditional move, but branches that always cost the same.
    pub const fn is_narrow(&self) -> bool {
        self.word_bytes == 4
    }

    /// Whether rules may stand in blocks, whose vectors are intersected by words of 64 bits and
    /// whose searches select by conditional moves.
    pub const fn has_blocks(&self) -> bool {
        !self.is_narrow()
    }

    /// Whether the first byte of a word in memory is its lowest.
    pub const fn is_little(&self) -> bool {
        self.little
    }

    /// What is known of the packet's address.
    pub const fn packet(&self) -> Alignment {
        self.packet
    }

    /// Whether `bytes` bytes at such an address are best loaded as at any address.
    pub const fn loads_anywhere(&self, at: Alignment, bytes: u32) -> bool {
        self.unaligned || !at.is_multiple(bytes)
    }

    /// A big-endian number of `bytes` bytes as this machine loads it.
    pub const fn native(&self, value: u64, bytes: u32) -> u64 {
        if self.little {
            value.swap_bytes() >> (64 - 8 * bytes)
        } else {
            value
        }
    }
}
