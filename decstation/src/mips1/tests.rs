//! The checker before GNU `objdump`, and on code with one fault each.
//!
//! `testdata/mips1check/objdump.txt` holds what `mipsel-linux-gnu-objdump` calls words of every kind;
//! blessing (`cargo xtask golden`) asks it again.

use super::{
    Image,
    check::{Code, Kind, check},
    decode::decode,
};
use core::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Words of every primary opcode, function, branch and coprocessor code, with the other bits zero,
/// mixed, and as a program would have them.
fn words() -> Vec<u32> {
    let mut words = Vec::new();
    for code in 0..64 {
        let low = [0, 0x0109_0004, 0x0100_fffc, 0x0009_4821];
        words.extend(low.map(|bits| code << 26 | bits));
        let special = [
            0,
            0x0109_5000,
            0x0100_0000,
            0x0000_4800,
            0x0109_0000,
            0x0009_48c0,
        ];
        words.extend(special.map(|bits| code | bits));
    }
    for code in 0..32 {
        words.extend([1 << 26 | code << 16 | 3, 1 << 26 | 8 << 21 | code << 16 | 3]);
        for unit in 16..20 {
            let bits = [0x0009_4000, 0x0000_0003, 0x0001_0003, 0x0009_4008];
            words.extend(bits.map(|bits| unit << 26 | code << 21 | bits));
        }
    }
    words.extend((0..64).map(|function| 0x4200_0000 | function));
    // And words of no kind, the same every time.
    let mut state = 0x5eed_u32;
    words.extend((0..2000).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    }));
    words
}

/// What objdump calls each word.
fn objdump(words: &[u32]) -> Vec<String> {
    let file = std::env::temp_dir().join(format!("mips1check-{}.bin", std::process::id()));
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(&file, bytes).expect("a file");
    let flags = [
        "-b",
        "binary",
        "-m",
        "mips:3000",
        "-EL",
        "-D",
        "-z",
        "-M",
        "no-aliases",
    ];
    let output = Command::new("mipsel-linux-gnu-objdump")
        .args(flags)
        .arg(&file)
        .output();
    std::fs::remove_file(&file).expect("our own file");
    let output = output.expect("binutils for mipsel-linux-gnu").stdout;
    let lines = String::from_utf8(output).expect("text");
    let names = lines.lines().filter_map(|line| line.split('\t').nth(2));
    names.map(|name| name.trim().to_owned()).collect()
}

/// What the checker should say where objdump says `name`: nothing of what it leaves out and of what the R3000
/// has not, though objdump knows it for `mips:3000`; no second name, which `no-aliases` leaves in.
fn name_wanted(name: &str) -> &str {
    match name {
        "c0" | "c1" | "c2" | "c3" => "-",
        "jalx" | "lwc0" | "swc0" | "cfc0" | "ctc0" => "-",
        "neg" => "sub",
        "negu" => "subu",
        name if name.contains('.') => "-",
        name => name,
    }
}

#[test]
fn it_decodes_what_objdump_does_and_calls_it_the_same() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/mips1check/objdump.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut lines = String::new();
        for (word, name) in words().iter().zip(objdump(&words())) {
            let _ = writeln!(lines, "{word:08x} {}", name_wanted(&name));
        }
        std::fs::write(&golden, lines).expect("a file of this repository");
    }
    let golden = std::fs::read_to_string(&golden).expect("a file of this repository");
    assert_eq!(golden.lines().count(), words().len());
    let mut wrong = Vec::new();
    for (word, line) in words().into_iter().zip(golden.lines()) {
        let ours = decode(word).map_or("-", |instruction| instruction.name);
        if line != format!("{word:08x} {ours}") {
            wrong.push(format!("{line}, not {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const RETURN: [u32; 2] = [0x03e0_0008, 0];

fn faults(body: &[u32]) -> Vec<(Kind, u32)> {
    let code = Code {
        address: 0x8000_0000,
        words: body.iter().chain(&RETURN).copied().collect(),
    };
    let faults = check(&code).into_iter();
    faults
        .map(|fault| (fault.kind, fault.address & 0xffff))
        .collect()
}

#[test]
fn a_load_used_at_once_is_found_on_every_path() {
    // lw $8,0($4); addu $9,$8,$0
    assert_eq!(faults(&[0x8c88_0000, 0x0100_4821]), [(Kind::LoadDelay, 0)]);
    assert_eq!(faults(&[0x8c88_0000, 0, 0x0100_4821]), []);
    // Stored, as a base, by a branch; written only.
    assert_eq!(faults(&[0x8c88_0000, 0xac88_0004]), [(Kind::LoadDelay, 0)]);
    assert_eq!(faults(&[0x8c88_0000, 0x8d09_0004]), [(Kind::LoadDelay, 0)]);
    assert_eq!(
        faults(&[0x8c88_0000, 0x1500_0002, 0, 0]),
        [(Kind::LoadDelay, 0)]
    );
    assert_eq!(faults(&[0x8c88_0000, 0x2408_0001]), []);
    // In the slot of beq $4,$0: used where it lands, behind it, and not at all.
    assert_eq!(
        faults(&[0x1080_0002, 0x8c88_0000, 0, 0x0100_4821]),
        [(Kind::LoadDelay, 4)]
    );
    assert_eq!(
        faults(&[0x1080_0002, 0x8c88_0000, 0x0100_4821, 0]),
        [(Kind::LoadDelay, 4)]
    );
    assert_eq!(faults(&[0x1080_0003, 0x8c88_0000, 0, 0x0100_4821, 0]), []);
    // In the slot of j to word 3; of b, which does not go on.
    assert_eq!(
        faults(&[0x0800_0003, 0x8c88_0000, 0, 0x0100_4821]),
        [(Kind::LoadDelay, 4)]
    );
    assert_eq!(faults(&[0x1000_0002, 0x8c88_0000, 0x0100_4821, 0]), []);
    // mfc0 $8,$12.
    assert_eq!(faults(&[0x4008_6000, 0x0100_4821]), [(Kind::LoadDelay, 0)]);
    // lwr $8,0($4); lwl $8,3($4), then used; lwl into its own base.
    assert_eq!(faults(&[0x9888_0000, 0x8888_0003]), []);
    assert_eq!(
        faults(&[0x9888_0000, 0x8888_0003, 0x0100_4821]),
        [(Kind::LoadDelay, 4)]
    );
    assert_eq!(faults(&[0x9888_0000, 0x8908_0003]), [(Kind::LoadDelay, 0)]);
    // lw $8; lwl $8 reads what is loaded.
    assert_eq!(faults(&[0x8c88_0000, 0x8888_0003]), [(Kind::LoadDelay, 0)]);
}

#[test]
fn hi_and_lo_branches_in_slots_and_strange_words_are_found() {
    // mflo $8; mult $8,$9
    assert_eq!(faults(&[0x0000_4012, 0x0109_0018]), [(Kind::HiLo, 0)]);
    assert_eq!(faults(&[0x0000_4012, 0, 0x0109_0018]), [(Kind::HiLo, 0)]);
    assert_eq!(faults(&[0x0000_4012, 0, 0, 0x0109_0018]), []);
    // Through a branch: its slot is one of the two.
    assert_eq!(
        faults(&[0x1000_0002, 0x0000_4012, 0, 0x0109_0018]),
        [(Kind::HiLo, 4)]
    );
    assert_eq!(
        faults(&[0x1080_0002, 0x1080_0001, 0]),
        [(Kind::BranchInSlot, 0)]
    );
    // movz, ll, a filled gap behind a return, and one that is reached.
    assert_eq!(faults(&[0x0109_500a]), [(Kind::NotMips1, 0)]);
    assert_eq!(faults(&[0xc088_0000]), [(Kind::NotMips1, 0)]);
    assert_eq!(faults(&[0x03e0_0008, 0, 0x0417_0001, 0x0417_0001]), []);
    assert_eq!(faults(&[0, 0x0417_0001]), [(Kind::NotMips1, 4)]);
}

#[test]
fn raw_words_are_an_image_and_what_is_no_image_is_an_error() {
    let image = Image::read(&0x0109_500a_u32.to_le_bytes()).expect("one word");
    assert_eq!(check(&image.sections[0]).len(), 1);
    assert!(Image::read(&[1, 2, 3]).is_err());
    let own = std::fs::read(std::env::current_exe().expect("this test")).expect("a file");
    assert!(Image::read(&own).is_err(), "not a MIPS image");
    for len in 4..own.len().min(200) {
        let _ = Image::read(&own[..len]);
    }
}
