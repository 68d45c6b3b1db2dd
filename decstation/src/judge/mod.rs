//! Cases on which the simulator and two emulators of the same machines must agree.
//!
//! A case is a short program with all that it starts from; it ends in an exception. The monitor
//! image in `decstation/judge` runs a list of cases from memory and leaves a record of each, on
//! any machine that can load the two. Here are the cases ([`table`] for exceptions and the TLB,
//! [`devices`], [`program`] for random user programs), the layout of both lists, the run on the simulator, and
//! what two records must have in common ([`compare`]).
//!
//! The emulators are wrong in known places, found by running such programs on them. A case that
//! meets one is marked with the judges that can be asked ([`Judge`]); where all are wrong the
//! processor's own tests go by the manual.

pub mod compare;
pub mod devices;
pub mod program;
pub mod table;
mod word;

use crate::machine::{Machine, Stop};

/// Physical addresses: the list of cases, and the records.
pub const CASES: u32 = 0x0020_0000;
/// Where the records begin.
pub const RECORDS: u32 = 0x0040_0000;
/// Words of a case.
const CASE: usize = 256;
/// Words of a record.
pub const RECORD: usize = 128;
/// The most cases that fit before the code page.
pub const MOST_CASES: usize = 1000;
/// The most words of code.
pub const MOST_CODE: usize = 128;
/// Words of data.
pub const DATA: usize = 64;

/// Where kernel mode sees the code and the data.
pub const KERNEL_CODE: u32 = 0x8030_0000;
/// Where kernel mode sees the data.
pub const KERNEL_DATA: u32 = 0x8030_2000;
/// Where user mode sees the code.
pub const USER_CODE: u32 = 0x0040_0000;
/// Where user mode sees the data.
pub const USER_DATA: u32 = 0x0050_0000;
/// A page that user mode may read and not write.
pub const READ_ONLY: u32 = 0x0050_1000;
/// A page whose translation is not valid.
pub const INVALID: u32 = 0x0050_2000;
/// A page without a translation.
pub const MISSING: u32 = 0x0060_0000;

/// The address space of a case that names none.
const SPACE: u32 = 5 << 6;

/// Who is asked besides the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// MAME's ds3100.
    Mame,
    /// GXemul's 3max.
    Gxemul,
}

/// A TLB entry: index, EntryHi, EntryLo.
pub type Entry = (u32, u32, u32);

/// A program and what it starts from.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Whether it runs in user mode.
    pub user: bool,
    /// Its instructions, which are at most [`MOST_CODE`].
    pub code: Vec<u32>,
    /// General registers; those of `at`, which is
    /// 0x10000, `k0` and `k1` are not the case's to choose.
    pub registers: [u32; 32],
    /// HI and LO.
    pub hi_lo: (u32, u32),
    /// EntryHi.
    pub space: u32,
    /// Further TLB entries, at most seven.
    pub entries: Vec<Entry>,
    /// The data.
    pub data: [u32; DATA],
    /// Whether GXemul can be asked.
    pub gxemul: bool,
    /// Whether MAME can be asked.
    pub mame: bool,
    /// Whether time may pass differently: instructions and the exception's place are not compared.
    pub loose: bool,
}

impl Case {
    /// A case of `code` with zeros for all else.
    pub fn new(name: &str, user: bool, code: Vec<u32>) -> Case {
        Case {
            name: name.to_owned(),
            user,
            code,
            registers: [0; 32],
            hi_lo: (0, 0),
            space: SPACE,
            entries: Vec::new(),
            data: [0; DATA],
            gxemul: true,
            mame: true,
            loose: false,
        }
    }

    /// Whether `judge` can be asked.
    pub fn suits(&self, judge: Judge) -> bool {
        match judge {
            Judge::Mame => self.mame,
            Judge::Gxemul => self.gxemul,
        }
    }

    fn words(&self) -> [u32; CASE] {
        let mut words = [0; CASE];
        // KUp, which becomes KUc on the way in.
        words[0] = if self.user { 8 } else { 0 };
        words[1] = if self.user { USER_CODE } else { KERNEL_CODE };
        words[2] = self.space;
        words[3] = self.code.len() as u32;
        words[8..40].copy_from_slice(&self.registers);
        (words[40], words[41]) = self.hi_lo;
        words[42] = self.entries.len() as u32;
        for (place, entry) in words[43..64].chunks_exact_mut(3).zip(&self.entries) {
            place.copy_from_slice(&[entry.0, entry.1, entry.2]);
        }
        for (place, word) in words[64..192].iter_mut().zip(&self.code) {
            *place = *word;
        }
        words[192..].copy_from_slice(&self.data);
        words
    }
}

/// The list of cases as the monitor finds it at [`CASES`].
pub fn list(cases: &[&Case]) -> Vec<u8> {
    let mut words = vec![0; CASE];
    words[0] = cases.len() as u32;
    for case in cases {
        words.extend(case.words());
    }
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    words: Vec<u32>,
}

impl Record {
    /// A record of [`RECORD`] words, or `None` of another number.
    pub fn new(words: &[u32]) -> Option<Record> {
        (words.len() == RECORD).then(|| Record {
            words: words.to_vec(),
        })
    }

    /// The general register of this number.
    pub fn register(&self, number: usize) -> u32 {
        self.words[number & 31]
    }

    /// HI and LO.
    pub fn hi_lo(&self) -> (u32, u32) {
        (self.words[32], self.words[33])
    }

    /// Status.
    pub fn status(&self) -> u32 {
        self.words[34]
    }

    /// Cause.
    pub fn cause(&self) -> u32 {
        self.words[35]
    }

    /// The exception's number in Cause.
    pub fn exception(&self) -> u32 {
        self.cause() >> 2 & 31
    }

    /// EPC.
    pub fn epc(&self) -> u32 {
        self.words[36]
    }

    /// BadVAddr.
    pub fn bad_address(&self) -> u32 {
        self.words[37]
    }

    /// EntryHi.
    pub fn entry_high(&self) -> u32 {
        self.words[38]
    }

    /// Context.
    pub fn context(&self) -> u32 {
        self.words[39]
    }

    /// The vector: 1 is the UTLB miss's, 2 the general one.
    pub fn vector(&self) -> u32 {
        self.words[40]
    }

    /// The data.
    pub fn data(&self) -> &[u32] {
        &self.words[64..64 + DATA]
    }
}

/// What a run on the simulator left.
#[derive(Debug)]
pub struct Run {
    /// A record of each case.
    pub records: Vec<Record>,
    /// Instructions of each case from `leave` to `trap`.
    pub instructions: Vec<u64>,
    /// What the console printed.
    pub console: Vec<u8>,
}

/// Runs cases on a machine in whose memory the monitor has been loaded and started. `leave` and
/// `trap` are the addresses of those labels of the monitor.
///
/// # Errors
///
/// What stopped the machine before the monitor halted it.
pub fn simulate(
    machine: &mut Machine,
    cases: &[&Case],
    leave: u32,
    trap: u32,
    limit: u64,
) -> Result<Run, Stop> {
    for (word, at) in list(cases).chunks_exact(4).zip((CASES..).step_by(4)) {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        machine.memory_mut().set_word(at, word);
    }
    machine.set_breakpoint(leave);
    machine.set_breakpoint(trap);
    let mut begun = 0;
    let mut instructions = Vec::new();
    loop {
        let left = limit.saturating_sub(machine.counts().instructions);
        match machine.run(left) {
            Stop::Breakpoint(at) if at == leave => begun = machine.counts().instructions,
            Stop::Breakpoint(_) => instructions.push(machine.counts().instructions - begun),
            Stop::Board(crate::board::Stop::Halt(_)) => break,
            stop => return Err(stop),
        }
    }
    let words: Vec<u32> = (RECORDS..)
        .step_by(4)
        .map_while(|at| machine.memory().word(at))
        .take(RECORD * cases.len())
        .collect();
    Ok(Run {
        records: words.chunks_exact(RECORD).filter_map(Record::new).collect(),
        instructions,
        console: machine.board_mut().take_console(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_fits_the_monitor() {
        let mut cases = table::cases();
        cases.extend(devices::cases());
        cases.extend(program::programs(1, 300));
        assert!(cases.len() <= MOST_CASES);
        for case in &cases {
            assert!(
                !case.code.is_empty() && case.code.len() <= MOST_CODE,
                "{}",
                case.name
            );
            assert!(case.entries.len() <= 7, "{}", case.name);
        }
        let all: Vec<&Case> = cases.iter().collect();
        assert_eq!(list(&all).len(), 4 * CASE * (1 + cases.len()));
        assert!(CASES as usize + list(&all).len() <= (KERNEL_CODE & 0x1fff_ffff) as usize);
    }
}
