//! Tells the linker where each program's memory is: the first program's is another than the others'.

use std::env;
use std::path::Path;

fn main() {
    let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let scripts = Path::new(&folder).join("../link");
    for (programs, script) in [
        (&["init"][..], "first.ld"),
        (
            &["hello", "faults", "pages", "transfer", "slices", "hostile"],
            "program.ld",
        ),
    ] {
        let script = scripts.join(script);
        println!("cargo::rerun-if-changed={}", script.display());
        for program in programs {
            println!("cargo::rustc-link-arg-bin={program}=-T{}", script.display());
        }
    }
}
