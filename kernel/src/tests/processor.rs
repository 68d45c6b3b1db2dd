//! Slices, transfers and the environments between them.

use super::*;

#[test]
fn the_first_environment_runs_prints_and_halts() {
    let mut kernel = booted(64);
    check(&mut kernel);
    let page = call(&mut kernel, Syscall::page_alloc, &[u32::MAX]).expect("a page");
    kernel
        .machine
        .store(page << 12, u32::from_le_bytes(*b"hell"));
    kernel
        .machine
        .store((page << 12) + 4, u32::from_le_bytes(*b"o!\n\0"));
    assert_eq!(
        call(&mut kernel, Syscall::console_write, &[page << 12, 7]),
        Ok(7)
    );
    assert_eq!(kernel.machine.printed, b"hello!\n");
    let halted = halts(|| {
        let _ = call(&mut kernel, Syscall::halt, &[42]);
    });
    assert_eq!(halted, Some(42));
}
