//! No path of the kernel's logic panics: what could is not in its source (docs/kernel-expects.md).

use std::{fs, path::Path};

/// What a source of the kernel does not contain.
const WORDS: [&str; 8] = [
    ".expect(",
    ".unwrap(",
    "panic!(",
    "unreachable!(",
    "assert!(",
    "assert_eq!(",
    ".split_at(",
    ".copy_within(",
];

#[test]
fn the_kernels_logic_has_nothing_that_panics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("a source").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        // The fake machine is a test's; folders are others' or tests.
        if !name.ends_with(".rs") || name == "fake.rs" {
            continue;
        }
        files += 1;
        let text = fs::read_to_string(&path).expect("a source");
        for (number, line) in (1..).zip(text.lines()) {
            let constant = line.starts_with("const _: () =");
            let found = WORDS.iter().find(|word| line.contains(**word));
            assert!(
                constant || found.is_none(),
                "{name}:{number}: {}",
                found.unwrap_or(&"")
            );
        }
    }
    assert!(files > 10, "only {files} sources");
}
