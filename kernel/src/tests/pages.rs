//! Ownership of pages, capabilities and grants.

use super::*;

const READ: u32 = 1;
const BOTH: u32 = 3;

/// A capability of one of the caller's pages.
fn capability(kernel: &mut Kernel<Fake>, page: u32, rights: u32) -> [u32; 3] {
    let (high, low) =
        both(kernel, Syscall::page_capability, &[page, rights]).expect("it is the caller's");
    [rights << 24 | page, high, low]
}

#[test]
fn any_page_is_the_first_free_one_and_a_named_page_is_that_page() {
    let mut kernel = booted(64);
    let first = page(&mut kernel);
    assert_eq!(page(&mut kernel), first + 1);
    assert_eq!(call(&mut kernel, Syscall::page_alloc, &[50]), Ok(50));
    let taken = Err(Error::Taken);
    assert_eq!(call(&mut kernel, Syscall::page_alloc, &[50]), taken);
    assert_eq!(call(&mut kernel, Syscall::page_alloc, &[3]), taken);
    for none in [64, 0xffff, 0x1_0000] {
        assert_eq!(
            call(&mut kernel, Syscall::page_alloc, &[none]),
            Err(Error::BadName)
        );
    }
    call(&mut kernel, Syscall::page_free, &[first]).expect("it is the caller's");
    assert_eq!(page(&mut kernel), first);
}

#[test]
fn a_page_is_clear_and_no_stale_code_of_it_is_left_when_it_is_allocated() {
    let mut kernel = booted(64);
    let number = page(&mut kernel);
    kernel.machine.store(number << 12, 7);
    let flushes = kernel.machine.flushes[number as usize];
    call(&mut kernel, Syscall::page_free, &[number]).expect("it is the caller's");
    assert_eq!(page(&mut kernel), number);
    assert_eq!(kernel.machine.load(number << 12), 0);
    assert_eq!(kernel.machine.flushes[number as usize], flushes + 1);
    call(&mut kernel, Syscall::page_code, &[number]).expect("it is the caller's");
    assert_eq!(kernel.machine.flushes[number as usize], flushes + 2);
}

#[test]
fn all_pages_can_be_had_and_then_none() {
    let mut kernel = booted(64);
    let free = kernel.machine.public().free_pages;
    for _ in 0..free {
        page(&mut kernel);
    }
    let exhausted = Err(Error::Exhausted);
    assert_eq!(call(&mut kernel, Syscall::page_alloc, &[ANY]), exhausted);
    assert_eq!(
        call(&mut kernel, Syscall::page_alloc, &[63]),
        Err(Error::Taken)
    );
}

#[test]
fn a_capability_gives_the_right_it_names_until_the_page_is_revoked_for_it() {
    let mut kernel = booted(64);
    let env = child(&mut kernel);
    let shared = page(&mut kernel);
    let read = capability(&mut kernel, shared, READ);
    let write = capability(&mut kernel, shared, BOTH);
    let (map, map_dirty) = (shared << 12 | 0x200, shared << 12 | 0x600);

    yield_to(&mut kernel, env);
    let at = 0x50_0000;
    let refused = primitive(&mut kernel, Syscall::tlb_write, at, map);
    assert_eq!(refused, Err(Error::NotOwner));
    call(&mut kernel, Syscall::page_bind, &read).expect("it was made");
    assert_eq!(primitive(&mut kernel, Syscall::tlb_write, at, map), Ok(()));
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, at, map_dirty),
        Err(Error::Rights)
    );
    call(&mut kernel, Syscall::page_bind, &write).expect("it was made");
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, at, map_dirty),
        Ok(())
    );
    let tag = at | kernel.machine.asid_installed() << 6;
    assert_eq!(kernel.machine.in_tlb(tag), Some(map_dirty));

    yield_to(&mut kernel, 0);
    call(&mut kernel, Syscall::page_revoke, &[shared, 2]).expect("it is the caller's");
    assert_eq!(kernel.machine.in_stlb(tag), None);
    assert_eq!(kernel.machine.in_tlb(tag), None);

    yield_to(&mut kernel, env);
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, at, map_dirty),
        Err(Error::Rights),
        "the right to write is gone"
    );
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, at, map),
        Ok(()),
        "the right to read is not"
    );
    assert_eq!(
        call(&mut kernel, Syscall::page_bind, &write),
        Err(Error::Forged)
    );
    call(&mut kernel, Syscall::page_bind, &read).expect("it is still good");
    call(&mut kernel, Syscall::page_unbind, &[shared]).expect("there is a grant");
    assert_eq!(kernel.machine.in_stlb(tag), None);
    assert_eq!(
        call(&mut kernel, Syscall::page_unbind, &[shared]),
        Err(Error::NotOwner)
    );
}

#[test]
fn forged_reduced_and_replayed_capabilities_are_refused_and_counted() {
    let mut kernel = booted(64);
    let shared = page(&mut kernel);
    let words = capability(&mut kernel, shared, READ);
    let mut forgeries = 0;
    let mut forge = |kernel: &mut Kernel<Fake>, words: [u32; 3]| {
        assert_eq!(
            call(kernel, Syscall::page_bind, &words),
            Err(Error::Forged),
            "{words:x?}"
        );
        forgeries += 1;
        assert_eq!(kernel.machine.public().envs[0].forgeries, forgeries);
    };
    for bit in 0..96 {
        let mut forged = words;
        forged[bit / 32] ^= 1 << (bit % 32);
        forge(&mut kernel, forged);
    }
    // The page was somebody's and is somebody's again.
    call(&mut kernel, Syscall::page_free, &[shared]).expect("it is the caller's");
    forge(&mut kernel, words);
    call(&mut kernel, Syscall::page_alloc, &[shared]).expect("it is free");
    forge(&mut kernel, words);
}

#[test]
fn epochs_at_their_end_make_no_capability_and_take_none() {
    let mut kernel = booted(64);
    let number = page(&mut kernel);
    let at = usize::try_from(number).expect("a number");
    kernel.machine.page_states()[at].read_epoch = u32::MAX - 1;
    let last = capability(&mut kernel, number, READ);
    call(&mut kernel, Syscall::page_bind, &last).expect("it was made");
    for _ in 0..2 {
        call(&mut kernel, Syscall::page_revoke, &[number, READ]).expect("it is the caller's");
        assert_eq!(
            call(&mut kernel, Syscall::page_bind, &last),
            Err(Error::Forged)
        );
        assert_eq!(
            call(&mut kernel, Syscall::page_capability, &[number, READ]),
            Err(Error::Exhausted)
        );
    }
}

#[test]
fn a_grant_ends_with_the_ownership_it_came_from_and_its_place_is_free() {
    let mut kernel = booted(128);
    let env = child(&mut kernel);
    let grants = crate::layout::MOST_GRANTS as u32;
    let first = page(&mut kernel);
    let mut capabilities = vec![capability(&mut kernel, first, READ)];
    for _ in 0..grants {
        let next = page(&mut kernel);
        capabilities.push(capability(&mut kernel, next, READ));
    }
    let last = capabilities.pop().expect("there are many");
    yield_to(&mut kernel, env);
    for (place, words) in (0..).zip(&capabilities) {
        assert_eq!(call(&mut kernel, Syscall::page_bind, words), Ok(place));
    }
    assert_eq!(
        call(&mut kernel, Syscall::page_bind, &last),
        Err(Error::Exhausted)
    );
    yield_to(&mut kernel, 0);
    call(&mut kernel, Syscall::page_give, &[first, 0]).expect("it is the caller's");
    yield_to(&mut kernel, env);
    let map = first << 12 | 0x200;
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_write, 0x50_0000, map),
        Err(Error::NotOwner)
    );
    assert_eq!(call(&mut kernel, Syscall::page_bind, &last), Ok(0));
}

#[test]
fn tables_can_be_mapped_by_anybody_to_read_only() {
    let mut kernel = booted(64);
    let env = child(&mut kernel);
    yield_to(&mut kernel, env);
    for table in 0..5 {
        let (first, count) = both(&mut kernel, Syscall::bookkeeping, &[table]).expect("a table");
        for page in first..first + count {
            let map = page << 12 | 0x200;
            assert_eq!(
                primitive(&mut kernel, Syscall::tlb_write, 0x50_0000, map),
                Ok(())
            );
            assert_eq!(
                primitive(&mut kernel, Syscall::tlb_write, 0x50_0000, map | 0x400),
                Err(Error::Rights)
            );
        }
    }
    assert_eq!(
        call(&mut kernel, Syscall::bookkeeping, &[5]),
        Err(Error::BadName)
    );
}

#[test]
fn the_console_is_for_those_who_hold_it() {
    let mut kernel = booted(64);
    let env = child(&mut kernel);
    let (high, low) = both(&mut kernel, Syscall::console_capability, &[]).expect("it is held");
    kernel.machine.typed.push_back(b'x');
    yield_to(&mut kernel, env);
    let own = pages_of(&mut kernel, env)[0] << 12;
    let not_held = Err(Error::NotOwner);
    assert_eq!(
        call(&mut kernel, Syscall::console_write, &[own, 1]),
        not_held
    );
    assert_eq!(call(&mut kernel, Syscall::console_read, &[]), not_held);
    assert_eq!(
        call(&mut kernel, Syscall::console_capability, &[]),
        not_held
    );
    let name = aegis_abi::Capability::console_name();
    call(&mut kernel, Syscall::console_bind, &[name, high, low]).expect("it was made");
    assert_eq!(call(&mut kernel, Syscall::console_read, &[]), Ok(120));
    assert_eq!(call(&mut kernel, Syscall::console_read, &[]), Ok(256));
    // What is printed lies in one page of the caller's.
    for (at, bytes, error) in [
        (own + 4095, 2, Error::BadAddress),
        (0x1000, 1, Error::NotOwner),
        (0xffff_f000, 1, Error::BadAddress),
        (own, 4097, Error::BadValue),
    ] {
        assert_eq!(
            call(&mut kernel, Syscall::console_write, &[at, bytes]),
            Err(error)
        );
    }
}
