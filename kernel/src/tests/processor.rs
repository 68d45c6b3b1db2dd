//! Time slices and protected control transfer.

use super::*;
use aegis_abi::layout::{DEATH_EXCESS, MOST_EXCESS};

/// A tick with these registers; what became of them.
fn ticked(kernel: &mut Kernel<Fake>) -> Frame {
    let mut frame = before();
    tick(kernel, &mut frame);
    frame
}

fn before() -> Frame {
    Frame {
        t: [11, 12, 13],
        epc: 0x40_1234,
        cause: 0x2000,
        ..Frame::default()
    }
}

/// Gives an environment a slice.
fn slice(kernel: &mut Kernel<Fake>, position: u32, env: u32) {
    assert_eq!(
        call(kernel, Syscall::slice_alloc, &[position]),
        Ok(position)
    );
    call(kernel, Syscall::slice_give, &[position, env]).expect("it is the caller's");
}

/// Environment 0 with what it needs to be told of slices.
fn ready(pages: u16) -> (Kernel<Fake>, u32) {
    let mut kernel = booted(pages);
    let saves = page(&mut kernel) << 12;
    for entry in 0..5 {
        call(
            &mut kernel,
            Syscall::env_entry,
            &[0, entry, LOAD + 64 + 16 * entry],
        )
        .expect("inside");
    }
    call(&mut kernel, Syscall::env_save_area, &[0, 0, saves]).expect("it has the page");
    (kernel, saves)
}

fn holder(kernel: &mut Kernel<Fake>, position: usize) -> u32 {
    kernel.machine.public().slices[position].holder.into()
}

#[test]
fn the_first_environment_runs_prints_and_halts() {
    let mut kernel = booted(64);
    check(&mut kernel);
    let page = page(&mut kernel);
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
    // No call takes long, and none waits.
    let most = aegis_abi::layout::MOST_PRINTED;
    kernel.machine.capacity = 9 + most as usize;
    for (bytes, taken) in [(most + 1, most), (3, 0), (2, 2), (1, 0), (0, 0)] {
        let print = call(&mut kernel, Syscall::console_write, &[page << 12, bytes]);
        assert_eq!(print, Ok(taken));
    }
    let halted = halts(|| {
        let _ = call(&mut kernel, Syscall::halt, &[42]);
    });
    assert_eq!(halted, Some(42));
}

#[test]
fn the_end_of_a_slice_is_an_exception_and_the_beginning_an_entry() {
    let (mut kernel, saves) = ready(64);
    let env = child(&mut kernel);
    slice(&mut kernel, 5, env);
    let frame = ticked(&mut kernel);
    let saved = [0, 4, 8].map(|offset| kernel.machine.load(saves + offset));
    assert_eq!(saved, [11, 12, 13]);
    assert_eq!(frame.t, [0x40_1234, 0, 0x2000]);
    assert_eq!(frame.epc, LOAD + 64 + 48);
    yield_to(&mut kernel, ANY);
    assert_eq!(
        (running(&mut kernel), kernel.machine.public().position),
        (env, 5)
    );
    assert_eq!(kernel.machine.scratch().epc, HOME + 32);
    assert_eq!(ticked(&mut kernel).epc, HOME + 48);
    yield_to(&mut kernel, ANY);
    assert_eq!(running(&mut kernel), 0);
    assert_eq!(call(&mut kernel, Syscall::ticks, &[]), Ok(2));
}

#[test]
fn what_one_leaves_of_its_slice_is_the_next_ones_beside_its_own() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    slice(&mut kernel, 1, env);
    yield_to(&mut kernel, ANY);
    assert_eq!(running(&mut kernel), env);
    assert_eq!(
        ticked(&mut kernel),
        before(),
        "its own slice begins only now"
    );
    assert_eq!(ticked(&mut kernel).epc, HOME + 48);
}

#[test]
fn excess_is_paid_for_with_slices_and_then_with_life() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    slice(&mut kernel, 1, env);
    ticked(&mut kernel);
    // Two ticks late: two forfeited slices.
    for _ in 0..2 {
        assert_eq!(ticked(&mut kernel), before());
    }
    assert_eq!(kernel.machine.public().envs[0].excess, 2);
    yield_to(&mut kernel, ANY);
    for left in [1, 0] {
        assert_eq!(running(&mut kernel), env);
        ticked(&mut kernel);
        yield_to(&mut kernel, ANY);
        assert_eq!(running(&mut kernel), env, "environment 0 forfeits");
        assert_eq!(kernel.machine.public().envs[0].excess, left);
    }
    ticked(&mut kernel);
    yield_to(&mut kernel, ANY);
    assert_eq!(running(&mut kernel), 0);
    yield_to(&mut kernel, env);
    let mut ticks = 0;
    while running(&mut kernel) == env {
        ticked(&mut kernel);
        ticks += 1;
    }
    assert_eq!(
        ticks,
        MOST_EXCESS + 2,
        "the end, what is tolerated, and one more"
    );
    let death = kernel.machine.public().envs[env as usize].death;
    assert_eq!(death.cause, DEATH_EXCESS);
}

#[test]
fn excess_is_charged_to_whose_turn_it_is_whoever_was_told() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    ticked(&mut kernel);
    assert_eq!(transfer(&mut kernel, env, true), Some(HOME));
    assert_eq!(ticked(&mut kernel).epc, HOME + 48, "the callee is told too");
    let public = kernel.machine.public();
    assert_eq!(
        (public.envs[0].excess, public.envs[env as usize].excess),
        (1, 0)
    );
    // Nobody is killed by being called without end: the caller pays.
    for excess in 2..=MOST_EXCESS {
        assert!(transfer(&mut kernel, 0, true).is_some());
        assert_eq!(transfer(&mut kernel, env, true), Some(HOME));
        ticked(&mut kernel);
        let public = kernel.machine.public();
        let charged = [0, env as usize].map(|env| u32::from(public.envs[env].excess));
        assert_eq!(charged, [excess, 0]);
    }
}

#[test]
fn synchronous_transfers_donate_the_slice_for_good_and_asynchronous_ones_the_rest() {
    let (mut kernel, _) = ready(96);
    let [one, two] = [child(&mut kernel), child(&mut kernel)];
    assert_eq!(transfer(&mut kernel, one, false), Some(HOME + 16));
    assert_eq!(transfer(&mut kernel, two, true), Some(HOME));
    ticked(&mut kernel);
    assert_eq!(
        holder(&mut kernel, 0),
        0,
        "an asynchronous transfer keeps it"
    );
    yield_to(&mut kernel, ANY);
    assert_eq!(holder(&mut kernel, 0), 0, "whoever had the rest yields it");
    while running(&mut kernel) != 0 {
        yield_to(&mut kernel, ANY);
    }
    assert_eq!(transfer(&mut kernel, one, true), Some(HOME));
    ticked(&mut kernel);
    assert_eq!(holder(&mut kernel, 0), one, "a synchronous one does not");
    yield_to(&mut kernel, ANY);
    assert_eq!(running(&mut kernel), one);
    assert_eq!(transfer(&mut kernel, 0, true), Some(LOAD + 64));
    ticked(&mut kernel);
    assert_eq!(holder(&mut kernel, 0), 0, "it can be given back");
}

#[test]
fn a_slice_given_while_it_runs_is_the_new_owners() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    call(&mut kernel, Syscall::slice_give, &[0, env]).expect("it is the caller's");
    ticked(&mut kernel);
    assert_eq!(holder(&mut kernel, 0), env);
    assert_eq!(
        call(&mut kernel, Syscall::slice_free, &[0]),
        Err(Error::NotOwner)
    );
    assert_eq!(
        call(&mut kernel, Syscall::slice_alloc, &[0]),
        Err(Error::Taken)
    );
    assert_eq!(
        call(&mut kernel, Syscall::slice_alloc, &[64]),
        Err(Error::BadName)
    );
    assert_eq!(
        call(&mut kernel, Syscall::slice_free, &[64]),
        Err(Error::BadName)
    );
}

#[test]
fn a_slice_allocated_while_it_runs_is_not_its_last_owners() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    slice(&mut kernel, 9, 0);
    call(&mut kernel, Syscall::slice_free, &[0]).expect("it is the caller's");
    assert_eq!(transfer(&mut kernel, env, false), Some(HOME + 16));
    assert_eq!(call(&mut kernel, Syscall::slice_alloc, &[0]), Ok(0));
    assert_eq!(transfer(&mut kernel, 0, true), Some(LOAD + 64));
    ticked(&mut kernel);
    assert_eq!(holder(&mut kernel, 0), env);
}

#[test]
fn who_died_holds_no_slice_and_who_lent_it_has_it_back() {
    let (mut kernel, _) = ready(96);
    let [one, two] = [child(&mut kernel), child(&mut kernel)];
    slice(&mut kernel, 7, one);
    yield_to(&mut kernel, ANY);
    assert_eq!(running(&mut kernel), one);
    assert_eq!(transfer(&mut kernel, two, true), Some(HOME));
    ticked(&mut kernel);
    ticked(&mut kernel);
    assert_eq!(holder(&mut kernel, 7), two);
    call(&mut kernel, Syscall::env_destroy, &[two, 0]).expect("it is the caller");
    assert_eq!(holder(&mut kernel, 7), one);
    assert_eq!(running(&mut kernel), 0, "the next slice has begun");
    // An asynchronous caller that dies does not leave its slice to the callee.
    let two = child(&mut kernel);
    yield_to(&mut kernel, ANY);
    assert_eq!(transfer(&mut kernel, two, false), Some(HOME + 16));
    call(&mut kernel, Syscall::env_destroy, &[two, 0]).expect("it is the caller");
    assert_eq!(holder(&mut kernel, 7), one);
}

#[test]
fn one_that_has_not_said_where_cannot_be_entered() {
    let (mut kernel, _) = ready(64);
    let home = page(&mut kernel);
    let env = call(&mut kernel, Syscall::env_create, &[home]).expect("an environment");
    slice(&mut kernel, 3, env);
    for synchronous in [true, false] {
        assert_eq!(transfer(&mut kernel, env, synchronous), None);
    }
    for (target, error) in [
        (env, Error::NoSuchCall),
        (95, Error::NoSuchCall),
        (96, Error::BadName),
    ] {
        assert_eq!(call(&mut kernel, Syscall::yield_to, &[target]), Err(error));
    }
    ticked(&mut kernel);
    yield_to(&mut kernel, ANY);
    assert_eq!(running(&mut kernel), 0, "its slice is passed over");
}

#[test]
fn without_a_slice_that_can_begin_the_machine_stops() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    yield_to(&mut kernel, env);
    let halted = halts(|| {
        let _ = call(&mut kernel, Syscall::env_destroy, &[0, 0]);
    });
    assert_eq!(halted, None, "it is not the child's to destroy");
    assert_eq!(call(&mut kernel, Syscall::halt, &[1]), Err(Error::NotOwner));
    yield_to(&mut kernel, 0);
    call(&mut kernel, Syscall::slice_free, &[0]).expect("it is the caller's");
    let halted = halts(|| {
        let _ = call(&mut kernel, Syscall::env_destroy, &[0, 9]);
    });
    assert_eq!(halted, Some(9));
}

#[test]
fn status_goes_with_the_environment() {
    let (mut kernel, _) = ready(64);
    let env = child(&mut kernel);
    assert_eq!(primitive(&mut kernel, Syscall::fpu_modify, 1, 0), Ok(()));
    assert_eq!(
        primitive(&mut kernel, Syscall::fpu_modify, 2, 0),
        Err(Error::BadValue)
    );
    let user = crate::fake::USER_STATUS;
    assert_eq!(kernel.machine.scratch().status, user | 0x2000_0000);
    assert_eq!(transfer(&mut kernel, env, true), Some(HOME));
    assert_eq!(kernel.machine.scratch().status, user);
    assert_eq!(transfer(&mut kernel, 0, false), Some(LOAD + 80));
    assert_eq!(kernel.machine.scratch().status, user | 0x2000_0000);
}
