//! The `dpf` command.
fn main() {}
