//! What everything costs: one table of cycle costs for each machine.
//!
//! A figure in cycles means something only if the costs behind it are written down and were fixed
//! before anything was measured. Each number below names its source; *derived* means by arithmetic
//! from published measurements, *analogy* that a sister machine's number was taken because none was
//! found. Short names of the sources:
//!
//! - CB93: Chen and Bershad, "The impact of operating system structure on memory system
//!   performance", SOSP'93, table 2-1 and section 2.1 (5000/200).
//! - BDF: Bershad, Draves and Forin, "Using microbenchmarks to evaluate system performance",
//!   sections 3.1 and 3.2 (3100).
//! - DTJ: Digital Technical Journal on the DECstation 3100's processor.
//! - GCC: `gcc/config/mips/3000.md`, latencies of the R3000.
//! - ROZ: M. Rozycki on the linux-mips list, 2002-02-15, 2014-03-24 and 2018-10-08.
//! - ATM: the Mach ATM protocol paper, section 2.1 and footnote 2 (TURBOchannel of the 5000/200).
//! - MB93: Maeda and Bershad, SOSP'93, table 4 (5000/200).
//! - IDT: IDT79R3000A data sheet.
//! - EXO: the exokernel paper, SOSP'95.
//!
//! Calibration: the paper's null procedure call takes 0.57, 0.42 and 0.28 µs on the 2100, 3100 and
//! 5000/125 (EXO, table 2), which is 7.1, 7.0 and 7.0 cycles: the seven instructions of the call, the
//! return, their delay slots and the loop at one cycle each. A test holds every table to it.
//!
//! Left out: DRAM refresh, contention with DMA, concurrent refill and execution (the R3000 can; CB93
//! does not model it), and write-buffer conflicts by address.

/// The costs of a machine, in cycles of its clock unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// The machine.
    pub name: &'static str,
    /// The length of a cycle in nanoseconds.
    pub cycle_ns: u32,
    /// The processor's PRId: implementation and revision.
    pub processor: u32,
    /// From the issue of `mult` or `multu` to its result.
    pub multiply: u64,
    /// From the issue of `div` or `divu` to its result.
    pub divide: u64,
    /// Cycles lost when an exception is taken, besides the instruction that caused it.
    pub exception_entry: u64,
    /// Bytes of the instruction cache, a power of two.
    pub instruction_cache: u32,
    /// Bytes of the data cache, a power of two.
    pub data_cache: u32,
    /// Words brought in by a miss, aligned; a power of two.
    pub refill_words: u32,
    /// Cycles that a miss stalls, for the whole refill.
    pub miss: u64,
    /// Writes that the write buffer holds.
    pub write_buffer: usize,
    /// Cycles from one retired write to the next within [`Costs::PAGE_BYTES`].
    pub write_same_page: u64,
    /// The same for any other write.
    pub write: u64,
    /// Whether a write to the word last buffered joins it.
    pub write_merges: bool,
    /// Extra cycles of a store of less than a word that hits the data cache.
    pub partial_store: u64,
    /// Cycles that an uncached read of memory stalls.
    pub uncached_read: u64,
    /// Cycles that a read of a device stalls.
    pub device_read: u64,
    /// Cycles for the write buffer to retire a write to a device.
    pub device_write: u64,
    /// Devices slower than that: first and last physical address, and the cycles of a read.
    pub slow_devices: &'static [(u32, u32, u64)],
}

impl Costs {
    /// The page within which a write can be cheaper (CB93: 4 KB).
    pub const PAGE_BYTES: u32 = 4096;

    /// Every machine.
    pub const ALL: [&'static Costs; 4] = [&DEC2100, &DEC3100, &DEC5000_125, &DEC5000_200];

    /// The table of the machine called `name`.
    pub fn named(name: &str) -> Option<&'static Costs> {
        Costs::ALL.into_iter().find(|costs| costs.name == name)
    }

    /// Microseconds that `cycles` take.
    pub fn microseconds(&self, cycles: u64) -> f64 {
        cycles as f64 * f64::from(self.cycle_ns) / 1000.0
    }
}

/// DECstation 3100: board KN01, R2000A at 16.67 MHz.
pub const DEC3100: Costs = Costs {
    name: "dec3100",
    cycle_ns: 60,                // 16.67 MHz: EXO table 1
    processor: 0x0100,           // implementation 1, R2000; the board's revision was not found
    multiply: 12,                // GCC
    divide: 35,                  // GCC
    exception_entry: 2, // derived: 18 instructions of dispatch in 35 cycles (EXO table 5) leave 1 to 3
    instruction_cache: 64 << 10, // DTJ, ROZ
    data_cache: 64 << 10, // DTJ, ROZ
    refill_words: 1,    // DTJ: lines of 4 bytes
    miss: 5,            // BDF: a miss is resolved in 5 cycles
    write_buffer: 4,    // DTJ, BDF: four R2020
    write_same_page: 6, // BDF: no page mode
    write: 6,           // BDF
    write_merges: true, // BDF; ROZ citing the LR3020
    partial_store: 1,   // IDT: partial stores are read-modify-write; analogy
    uncached_read: 6,   // derived: Ousterhout 1990, uncached bcopy of 11.8 to 13.1 cycles a word
    device_read: 6,     // analogy: one word over the same bus
    device_write: 6,    // analogy: as a write to memory
    slow_devices: &[],  // none found
};

/// DECstation 2100: board KN01, R2000A at 12.5 MHz. The same board, by DTJ and by the paper's rows,
/// which agree in cycles between the two within 3 %; only the clock differs.
pub const DEC2100: Costs = Costs {
    name: "dec2100",
    cycle_ns: 80, // 12.5 MHz: EXO table 1
    ..DEC3100
};

/// DECstation 5000/200: board KN02, R3000 at 25 MHz.
pub const DEC5000_200: Costs = Costs {
    name: "dec5000/200",
    cycle_ns: 40,                // 25 MHz: CB93
    processor: 0x0220,           // implementation 2, R3000, revision 2.0: GXemul's 3max
    multiply: 12,                // GCC
    divide: 35,                  // GCC
    exception_entry: 2,          // as above
    instruction_cache: 64 << 10, // CB93, ROZ
    data_cache: 64 << 10,        // CB93, ROZ
    refill_words: 4,             // CB93: 16 bytes, aligned, for both caches
    miss: 15,                    // CB93: for the whole block
    write_buffer: 6,             // CB93: R3220
    write_same_page: 1,          // CB93
    write: 5,                    // CB93
    write_merges: false,         // not in CB93's model
    partial_store: 1,            // IDT: partial stores are read-modify-write
    uncached_read: 15,           // derived: no source; at most a block's refill, and that is taken
    device_read: 8,              // ATM: TURBOchannel programmed read
    device_write: 3,             // ATM: TURBOchannel programmed write
    // derived from MB93: 27 to 28 cycles a word copied out of the LANCE's memory, store and loop included
    slow_devices: &[(0x1f80_0000, 0x1f8f_ffff, 25)],
};

/// DECstation 5000/125: R3000A at 25 MHz, board KN02-BA. It is modelled on the KN02 board with its
/// own costs; docs/deviations.md lists that.
pub const DEC5000_125: Costs = Costs {
    name: "dec5000/125",
    cycle_ns: 40,                // 25 MHz: EXO table 1
    processor: 0x0230,           // implementation 2, revision 3.0: R3000A
    multiply: 12,                // GCC
    divide: 35,                  // GCC
    exception_entry: 2,          // as above
    instruction_cache: 64 << 10, // ROZ: boot log of a /133, and that smaller data caches exist
    data_cache: 64 << 10,        // ROZ, by elimination
    refill_words: 4,             // analogy: the KN03 fills four words (ROZ 2000-06-20)
    miss: 28, // calibrated against EXO's matrix multiplication: 27.4 cycles an iteration; 24 to 33 fit
    write_buffer: 4, // analogy: KN01; no source for the depth
    write_same_page: 2, // calibrated against EXO's trap row, 50 cycles below the KN01 machines; 2 to 3 fit
    write: 6,           // analogy: KN01
    write_merges: false, // analogy: KN02
    partial_store: 1,   // IDT: partial stores are read-modify-write
    uncached_read: 28,  // derived: at most a block's refill, and that is taken
    device_read: 16,    // derived: the KN02's TURBOchannel cycles at 12.5 MHz
    device_write: 6,    // derived: the same
    slow_devices: &[],  // the LANCE's buffers are in main memory
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_and_refills_are_powers_of_two() {
        for costs in Costs::ALL {
            assert!(costs.instruction_cache.is_power_of_two(), "{}", costs.name);
            assert!(costs.data_cache.is_power_of_two(), "{}", costs.name);
            assert!(costs.refill_words.is_power_of_two(), "{}", costs.name);
            assert_eq!(Costs::named(costs.name), Some(costs));
        }
    }

    #[test]
    fn the_null_call_of_seven_cycles_is_the_papers() {
        for (costs, paper) in [(&DEC2100, 0.57), (&DEC3100, 0.42), (&DEC5000_125, 0.28)] {
            assert!(
                (costs.microseconds(7) - paper).abs() < 0.015,
                "{}",
                costs.name
            );
        }
    }
}
