//! Environments: how they are made, set up, controlled and destroyed; how the machine boots.

use super::*;
use crate::fake::{KERNEL_PAGES, MODULE_PAGES};
use aegis_abi::{
    Cause, EnvId,
    bookkeeping::{EnvPublic, NOBODY},
    layout::{DEATH_CALL, MOST_ENVS},
};

#[test]
fn the_image_is_mapped_and_what_is_behind_it_is_clear() {
    let mut kernel = booted(64);
    let first = u32::from(KERNEL_PAGES) + 1;
    assert_eq!(pages_of(&mut kernel, 0), [first, first + 1]);
    let image = kernel.machine.load((first << 12) + 64);
    assert_eq!(image, 0x5a5a_5a5a, "the image has 128 bytes");
    for at in (first << 12) + 128..(first + MODULE_PAGES) << 12 {
        assert_eq!(kernel.machine.load(at & !3), 0);
    }
    assert!(kernel.guaranteed_miss(LOAD) && kernel.guaranteed_miss(LOAD + 0x1ffc));
    assert!(!kernel.guaranteed_miss(LOAD + 0x2000));
    assert_eq!(kernel.machine.flushes[first as usize], 2);
}

#[test]
fn what_is_no_image_stops_the_machine() {
    for (offset, word) in [
        (0, 0),
        (4, 0x1004),
        (8, 0x80),
        (8, 0x1042),
        (12, u32::MAX),
        (16, 1 << 20),
    ] {
        let mut fake = Fake::new(64);
        fake.store(MODULE.physical() + offset, word);
        let boot = fake.boot_info();
        let mut kernel = Kernel::new(fake, &boot);
        assert_eq!(
            halts(|| kernel.start(MODULE)),
            Some(1),
            "{offset}: {word:x}"
        );
        assert!(!kernel.machine.printed.is_empty());
    }
}

#[test]
fn destruction_returns_everything_and_breaks_every_binding() {
    let mut kernel = booted(128);
    let free = kernel.machine.public().free_pages;
    let reserve = kernel.machine.public().envs[0].reserve;
    let env = child(&mut kernel);
    call(&mut kernel, Syscall::env_reserve, &[env, 7]).expect("there is as much");
    call(&mut kernel, Syscall::slice_alloc, &[9]).expect("it is free");
    call(&mut kernel, Syscall::slice_give, &[9, env]).expect("it is the caller's");
    let (high, low) = both(&mut kernel, Syscall::env_capability, &[env]).expect("it is controlled");
    yield_to(&mut kernel, env);
    let shared = page(&mut kernel);
    let (page_high, page_low) =
        both(&mut kernel, Syscall::page_capability, &[shared, 1]).expect("it is the caller's");
    let map = shared << 12 | 0x200;
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, 0x50_0000, map),
        Ok(())
    );
    let grandchild = child(&mut kernel);
    yield_to(&mut kernel, 0);
    let words = [1 << 24 | shared, page_high, page_low];
    call(&mut kernel, Syscall::page_bind, &words).expect("it was made");
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, 0x50_0000, map),
        Ok(())
    );

    call(&mut kernel, Syscall::env_destroy, &[env, 5]).expect("it is controlled");
    assert_eq!(kernel.machine.bindings().count(), 0);
    let public = kernel.machine.public();
    assert_eq!(public.envs[grandchild as usize].parent, 0);
    let EnvPublic {
        page, death, epoch, ..
    } = public.envs[env as usize];
    assert_eq!(
        (page, death.cause, death.status, epoch),
        (u16::MAX, DEATH_CALL, 5, 1)
    );
    assert_eq!(public.slices[9].owner, NOBODY);
    assert_eq!(transfer(&mut kernel, env, true), None);
    call(&mut kernel, Syscall::env_destroy, &[grandchild, 0]).expect("it is the caller's now");
    let public = kernel.machine.public();
    assert_eq!((public.free_pages, public.envs[0].reserve), (free, reserve));

    // The next of this number is another.
    loop {
        let next = child(&mut kernel);
        if next == env {
            break;
        }
        call(&mut kernel, Syscall::env_destroy, &[next, 0]).expect("it is controlled");
    }
    let name = aegis_abi::Capability::env_name(EnvId(env as u8));
    let replayed = call(&mut kernel, Syscall::env_adopt, &[name, high, low]);
    assert_eq!(replayed, Err(Error::Forged));
}

#[test]
fn only_who_controls_an_environment_changes_it() {
    let mut kernel = booted(128);
    let [one, two] = [child(&mut kernel), child(&mut kernel)];
    let name = aegis_abi::Capability::env_name(EnvId(two as u8));
    let (high, low) = both(&mut kernel, Syscall::env_capability, &[two]).expect("it is controlled");
    yield_to(&mut kernel, one);
    for (refused, words) in [
        (Syscall::env_destroy, vec![two, 0]),
        (Syscall::env_capability, vec![two]),
        (Syscall::env_handler, vec![two, 2, 0]),
        (Syscall::env_save_area, vec![two, 2, 0]),
        (Syscall::env_entry, vec![two, 0, 0]),
        (Syscall::env_guarantee, vec![two, HOME, 0]),
        (Syscall::env_backing, vec![two, 20]),
        (Syscall::env_repossession, vec![two, 0]),
        (Syscall::env_reserve, vec![two, 0]),
        (Syscall::revoke, vec![two, 0, 1, 1]),
        (Syscall::env_destroy, vec![0, 0]),
    ] {
        assert_eq!(
            call(&mut kernel, refused, &words),
            Err(Error::NotOwner),
            "{refused:?}"
        );
    }
    call(&mut kernel, Syscall::env_adopt, &[name, high, low]).expect("it was made");
    call(&mut kernel, Syscall::env_destroy, &[two, 0]).expect("it is controlled now");
}

#[test]
fn handlers_and_save_areas_are_where_they_cannot_fail() {
    let mut kernel = booted(64);
    let own = page(&mut kernel);
    let miss = u32::from(Cause::MISS_LOAD.0);
    let set = |kernel: &mut Kernel<Fake>, cause: u32, at: u32| {
        call(kernel, Syscall::env_handler, &[0, cause, at])
    };
    let save = |kernel: &mut Kernel<Fake>, cause: u32, at: u32| {
        call(kernel, Syscall::env_save_area, &[0, cause, at])
    };
    assert_eq!(
        set(&mut kernel, miss, LOAD),
        Err(Error::BadAddress),
        "nowhere to save"
    );
    for (at, error) in [
        (own << 12 | 8, Error::BadAddress),
        (0x1000, Error::NotOwner),
        (0x8000_0000 | own << 12, Error::BadAddress),
        (0x0fff_fff0, Error::BadName),
    ] {
        assert_eq!(save(&mut kernel, miss, at), Err(error));
    }
    assert_eq!(save(&mut kernel, miss, own << 12 | 0xff0), Ok(0));
    for at in [
        LOAD + 2,
        0x8000_0000,
        0xffff_f000,
        LOAD + 0x2000,
        0x50_0000,
        0x8000_1000,
    ] {
        assert_eq!(set(&mut kernel, miss, at), Err(Error::BadAddress), "{at:x}");
    }
    for cause in [0, 8, 16, 255] {
        assert_eq!(set(&mut kernel, cause, LOAD), Err(Error::BadName));
    }
    assert_eq!(set(&mut kernel, miss, LOAD + 0x1000), Ok(0));
    // What a handler rests on stays while there is one.
    assert_eq!(save(&mut kernel, miss, 0), Err(Error::Pinned));
    assert_eq!(
        call(&mut kernel, Syscall::page_free, &[own]),
        Err(Error::Pinned)
    );
    let take_away = [0, LOAD + 0x1000, 0];
    assert_eq!(
        call(&mut kernel, Syscall::env_guarantee, &take_away),
        Err(Error::Pinned)
    );
    assert_eq!(set(&mut kernel, miss, 0), Ok(0));
    assert_eq!(call(&mut kernel, Syscall::env_guarantee, &take_away), Ok(0));
    assert_eq!(save(&mut kernel, miss, 0), Ok(0));
    assert_eq!(call(&mut kernel, Syscall::page_free, &[own]), Ok(0));
}

#[test]
fn environments_are_as_many_as_there_are_and_one_that_is_full_exhausts_none() {
    let mut kernel = booted(256);
    for _ in 1..MOST_ENVS {
        let home = page(&mut kernel);
        call(&mut kernel, Syscall::env_create, &[home]).expect("there is room");
    }
    let home = page(&mut kernel);
    assert_eq!(
        call(&mut kernel, Syscall::env_create, &[home]),
        Err(Error::Exhausted)
    );
    let owner = kernel.machine.page_states()[home as usize].owner;
    assert_eq!(owner, 0, "a refused call changes nothing");
}

#[test]
fn an_exception_without_a_handler_destroys_its_environment_alone() {
    let mut kernel = booted(64);
    let env = child(&mut kernel);
    yield_to(&mut kernel, env);
    kernel.unhandled(Cause::OVERFLOW, 0x2468, 0x1357);
    assert!(begin(&mut kernel));
    check(&mut kernel);
    assert_eq!(running(&mut kernel), 0);
    let death = kernel.machine.public().envs[env as usize].death;
    assert_eq!(
        (death.cause, death.epc, death.bad_address),
        (12, 0x2468, 0x1357)
    );
}

#[test]
fn two_that_adopt_each_other_can_be_destroyed() {
    let mut kernel = booted(128);
    let env = child(&mut kernel);
    let name = |env: u32| aegis_abi::Capability::env_name(EnvId(env as u8));
    let (high, low) = both(&mut kernel, Syscall::env_capability, &[0]).expect("it is the caller");
    yield_to(&mut kernel, env);
    call(&mut kernel, Syscall::env_adopt, &[name(0), high, low]).expect("it was made");
    call(&mut kernel, Syscall::env_destroy, &[0, 3]).expect("it is controlled");
    assert_eq!(kernel.machine.public().envs[env as usize].parent, NOBODY);
    let halted = halts(|| {
        let _ = call(&mut kernel, Syscall::env_destroy, &[env, 4]);
    });
    assert_eq!(halted, Some(3), "the first environment's status");
}
