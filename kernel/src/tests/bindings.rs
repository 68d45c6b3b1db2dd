//! STLB and TLB, guaranteed mappings, ASIDs.

use super::*;
use crate::machine::Label;
use aegis_abi::layout::{CONTEXTS, GUARANTEED_END};

/// Where a binding of the running context is.
fn bound(kernel: &mut Kernel<Fake>, address: u32) -> Option<u32> {
    let tag = address | kernel.machine.asid_installed() << 6;
    let stlb = kernel.machine.in_stlb(tag);
    let tlb = kernel.machine.in_tlb(tag);
    assert!(tlb.is_none() || tlb == stlb);
    stlb
}

fn bind(kernel: &mut Kernel<Fake>, address: u32, entry: u32) -> Result<(), Error> {
    primitive(kernel, Syscall::tlb_write, address, entry)
}

#[test]
fn bindings_are_made_replaced_and_taken_away() {
    let mut kernel = booted(64);
    let [one, two] = [page(&mut kernel), page(&mut kernel)].map(|page| page << 12 | 0x600);
    let (here, rival) = (0x50_0000, 0x150_0000);
    assert_eq!(bind(&mut kernel, here + 0x123, one), Ok(()));
    assert_eq!(bound(&mut kernel, here), Some(one));
    for bits in [0x200, 0xa00, 0x600] {
        let protected = one & !0xfff | bits;
        assert_eq!(bind(&mut kernel, here, protected), Ok(()));
        assert_eq!(bound(&mut kernel, here), Some(protected));
    }
    assert_eq!(bind(&mut kernel, here, two | 0x800), Ok(()));
    assert_eq!(bound(&mut kernel, here), Some(two | 0x800));
    assert_eq!(bind(&mut kernel, rival, one), Ok(()));
    assert_eq!(
        bound(&mut kernel, here),
        Some(two | 0x800),
        "it had the same place, and is a victim"
    );
    assert_eq!(primitive(&mut kernel, Syscall::tlb_delete, here, 0), Ok(()));
    assert_eq!(bound(&mut kernel, here), None);
    assert_eq!(bound(&mut kernel, rival), Some(one));
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_delete, rival + 4, 0),
        Ok(())
    );
    assert_eq!(bound(&mut kernel, rival), None);
}

#[test]
fn pages_of_one_place_are_bound_together_and_broken_together() {
    let mut kernel = booted(64);
    let own = page(&mut kernel);
    let rivals = (1..=10).map(|turn| turn << 24 | 0x50_0000);
    for address in rivals.clone() {
        assert_eq!(bind(&mut kernel, address, own << 12 | 0x600), Ok(()));
        kernel.all_invariants().unwrap();
    }
    // Eight that were displaced, and the last.
    let kept: Vec<bool> = rivals
        .clone()
        .map(|address| bound(&mut kernel, address).is_some())
        .collect();
    assert_eq!(kept, [vec![false], vec![true; 9]].concat());
    // Bound again, a victim is none any more.
    let second = 2 << 24 | 0x50_0000;
    assert_eq!(bind(&mut kernel, second, own << 12 | 0x200), Ok(()));
    assert_eq!(bound(&mut kernel, second), Some(own << 12 | 0x200));
    kernel.all_invariants().unwrap();
    assert_eq!(call(&mut kernel, Syscall::page_free, &[own]), Ok(0));
    for address in rivals {
        assert_eq!(bound(&mut kernel, address), None);
    }
}

#[test]
fn entries_and_addresses_of_another_form_are_refused() {
    let mut kernel = booted(64);
    let own = page(&mut kernel) << 12;
    for (address, entry, error) in [
        (0x8000_0000, own | 0x600, Error::BadAddress),
        (u32::MAX, own | 0x600, Error::BadAddress),
        (0, own | 0x700, Error::BadValue),
        (0, own | 0x400, Error::BadValue),
        (0, own | 0x601, Error::BadValue),
        (0, 64 << 12 | 0x600, Error::BadName),
        (0, 0xffff_f600, Error::BadName),
        (0, 63 << 12 | 0x600, Error::NotOwner),
        (0, 0x600, Error::NotOwner),
    ] {
        assert_eq!(bind(&mut kernel, address, entry), Err(error));
    }
    assert_eq!(kernel.machine.bindings().count(), 0);
}

#[test]
fn freeing_a_page_breaks_its_bindings_wherever_they_are() {
    let mut kernel = booted(64);
    let env = child(&mut kernel);
    let shared = page(&mut kernel);
    let (high, low) =
        both(&mut kernel, Syscall::page_capability, &[shared, 3]).expect("it is the caller's");
    let map = shared << 12 | 0x600;
    for address in [0x50_0000, 0x60_0000] {
        assert_eq!(bind(&mut kernel, address, map), Ok(()));
    }
    yield_to(&mut kernel, env);
    call(
        &mut kernel,
        Syscall::page_bind,
        &[3 << 24 | shared, high, low],
    )
    .expect("it was made");
    assert_eq!(bind(&mut kernel, 0x70_0000, map), Ok(()));
    yield_to(&mut kernel, 0);
    assert_eq!(kernel.machine.bindings().count(), 3);
    call(&mut kernel, Syscall::page_revoke, &[shared, 3]).expect("it is the caller's");
    assert_eq!(
        kernel.machine.bindings().count(),
        2,
        "the owner keeps its own"
    );
    call(&mut kernel, Syscall::page_free, &[shared]).expect("it is the caller's");
    assert_eq!(kernel.machine.bindings().count(), 0);
}

#[test]
fn batches_stop_at_the_first_pair_that_is_refused() {
    let mut kernel = booted(64);
    let [buffer, own] = [page(&mut kernel) << 12, page(&mut kernel) << 12];
    let pairs = [
        (0x50_0000, own | 0x600),
        (0x50_1000, own | 0x200),
        (0x50_2000, 0x600),
        (0x50_3000, own | 0x600),
    ];
    for (at, (address, entry)) in (buffer..).step_by(8).zip(pairs) {
        kernel.machine.store(at, address);
        kernel.machine.store(at + 4, entry);
    }
    let many = Syscall::tlb_write_many;
    assert_eq!(primitive(&mut kernel, many, buffer, 2), Ok(()));
    assert_eq!(kernel.machine.bindings().count(), 2);
    assert_eq!(
        primitive(&mut kernel, Syscall::tlb_delete_many, 0x50_0000, 3),
        Ok(())
    );
    assert_eq!(kernel.machine.bindings().count(), 0);
    assert_eq!(
        primitive(&mut kernel, many, buffer, 4),
        Err(Error::NotOwner)
    );
    assert_eq!(kernel.machine.bindings().count(), 2);
    for (at, count, error) in [
        (buffer + 2, 1, Error::BadAddress),
        (buffer + 4092, 1, Error::BadAddress),
        (buffer, 129, Error::BadValue),
        (0x1000, 1, Error::NotOwner),
        (0xffff_fff8, 1, Error::BadAddress),
    ] {
        assert_eq!(primitive(&mut kernel, many, at, count), Err(error));
    }
    let delete = Syscall::tlb_delete_many;
    assert_eq!(primitive(&mut kernel, delete, 0x7fff_ffff, 1), Ok(()));
    assert_eq!(
        primitive(&mut kernel, delete, 0x7fff_ffff, 2),
        Err(Error::BadAddress)
    );
}

#[test]
fn many_pages_lose_the_right_to_be_written_and_get_it_where_they_may() {
    let mut kernel = booted(64);
    let env = child(&mut kernel);
    let own = page(&mut kernel);
    let rights = [1, 3].map(|rights| {
        let shared = page(&mut kernel);
        let make = Syscall::page_capability;
        let proof = both(&mut kernel, make, &[shared, rights]).expect("it is the caller's");
        (rights << 24 | shared, proof)
    });
    call(&mut kernel, Syscall::page_give, &[own, env]).expect("it is given");
    yield_to(&mut kernel, env);
    for (name, (high, low)) in rights {
        call(&mut kernel, Syscall::page_bind, &[name, high, low]).expect("it was made");
    }
    // Across a group of slots that follow each other; two are not bound.
    let first = 0x7f_e000;
    let shared = rights.map(|(name, _)| (name & 0xffff) << 12);
    let own = own << 12;
    let entries = [
        own | 0x600,
        shared[0] | 0x200,
        shared[1] | 0x600,
        own | 0xe00,
    ];
    for (at, entry) in (first..).step_by(0x1000).zip(entries) {
        assert_eq!(bind(&mut kernel, at, entry), Ok(()));
    }
    let many = |kernel: &mut Kernel<Fake>, call, at, count| {
        let answer = primitive(kernel, call, at, count);
        let now = [0, 1, 2, 3, 4].map(|page| bound(kernel, first + page * 0x1000));
        (answer, now)
    };
    let protect = many(&mut kernel, Syscall::tlb_protect, first + 0xfff, 5);
    let read = entries.map(|entry| Some(entry & !0x400));
    assert_eq!(protect.0, Ok(()));
    assert_eq!(protect.1[..4], read);
    assert_eq!(protect.1[4], None);
    let unprotect = many(&mut kernel, Syscall::tlb_unprotect, first, 4);
    assert_eq!(unprotect.0, Ok(()));
    assert_eq!(
        unprotect.1[..4],
        entries.map(Some),
        "what may be written again can be"
    );
    // Some of them, and none.
    let some = many(&mut kernel, Syscall::tlb_protect, first + 0x3000, 1).1;
    assert_eq!(some[..3], unprotect.1[..3]);
    assert_eq!(some[3], read[3]);
    for call in [Syscall::tlb_protect, Syscall::tlb_unprotect] {
        assert_eq!(many(&mut kernel, call, first, 0), (Ok(()), some));
        for (at, count, error) in [
            (0x8000_0000, 1, Error::BadAddress),
            (0x7fff_f000, 2, Error::BadAddress),
            (first, 129, Error::BadValue),
            (first, u32::MAX, Error::BadValue),
        ] {
            assert_eq!(many(&mut kernel, call, at, count), (Err(error), some));
        }
    }
    // In another context nothing of it is bound.
    assert_eq!(
        primitive(&mut kernel, Syscall::context_switch, 1, 0),
        Ok(())
    );
    let other = many(&mut kernel, Syscall::tlb_unprotect, first, 5);
    assert_eq!(other, (Ok(()), [None; 5]));
}

#[test]
fn a_miss_finds_guaranteed_mappings_in_every_context() {
    let mut kernel = booted(64);
    let own = page(&mut kernel);
    let entry = own << 12 | 0x200;
    let guarantee = Syscall::env_guarantee;
    let at = GUARANTEED_END - 0x1000;
    call(&mut kernel, guarantee, &[0, at, entry]).expect("there is a place");
    for context in 0..CONTEXTS as u32 {
        let switch = Syscall::context_switch;
        assert_eq!(primitive(&mut kernel, switch, context, 0), Ok(()));
        assert_eq!(bound(&mut kernel, at), None, "contexts are apart");
        assert!(kernel.guaranteed_miss(at + 0xffc));
        assert_eq!(bound(&mut kernel, at), Some(entry));
        assert!(!kernel.guaranteed_miss(at - 4));
    }
    assert_eq!(
        call(&mut kernel, Syscall::page_free, &[own]),
        Err(Error::Pinned)
    );
    // Changed, it is changed in all of them.
    call(&mut kernel, guarantee, &[0, at, entry | 0x400]).expect("it is there");
    assert_eq!(kernel.machine.bindings().count(), 0);
    call(&mut kernel, guarantee, &[0, at, 0]).expect("it is there");
    assert!(!kernel.guaranteed_miss(at));
    call(&mut kernel, Syscall::page_free, &[own]).expect("nothing pins it");
}

#[test]
fn guaranteed_mappings_are_few_and_of_own_pages_in_their_segment() {
    let mut kernel = booted(128);
    let guarantee = Syscall::env_guarantee;
    let own = page(&mut kernel) << 12;
    for (at, entry, error) in [
        (GUARANTEED_END, own | 0x200, Error::BadAddress),
        (0x3004, own | 0x200, Error::BadAddress),
        (0x3000, own | 0x300, Error::BadValue),
        (0x3000, 0x1200, Error::NotOwner),
        (0x3000, 0xffff_f200, Error::BadName),
    ] {
        let answer = call(&mut kernel, guarantee, &[0, at, entry]);
        assert_eq!(answer, Err(error));
    }
    let most = aegis_abi::layout::MOST_GUARANTEED as u32;
    let free = most - crate::fake::MODULE_PAGES;
    for number in 0..free {
        let at = 0x10_0000 + number * 0x1000;
        call(&mut kernel, guarantee, &[0, at, own | 0x200]).expect("there is a place");
    }
    assert_eq!(
        call(&mut kernel, guarantee, &[0, 0x9000, own | 0x200]),
        Err(Error::Exhausted)
    );
}

#[test]
fn more_contexts_than_asids_take_turns_without_noticing() {
    let mut kernel = booted(160);
    let mut envs = vec![0];
    // Of 63 ASIDs some are taken from others; under Miri once, for that is a pass over the STLB.
    let (children, rounds) = if cfg!(miri) { (15, 1) } else { (18, 2) };
    for _ in 0..children {
        envs.push(child(&mut kernel));
    }
    // Every context of every environment binds one page at one address, twice around.
    for round in 0..rounds {
        for context in 0..CONTEXTS as u32 {
            for &env in &envs {
                yield_to(&mut kernel, env);
                let switch = Syscall::context_switch;
                assert_eq!(primitive(&mut kernel, switch, context, 0), Ok(()));
                let own = pages_of(&mut kernel, env)[0] << 12 | 0x600;
                if round == 1 {
                    let there = bound(&mut kernel, 0x50_0000);
                    assert!(there.is_none() || there == Some(own), "another's binding");
                }
                assert_eq!(bind(&mut kernel, 0x50_0000, own), Ok(()));
                assert_eq!(bound(&mut kernel, 0x50_0000), Some(own));
            }
        }
    }
    let bindings = kernel.machine.bindings().count();
    assert!(bindings <= 63, "{bindings} bindings of 63 ASIDs");
    // Who sleeps can be called.
    for &env in &envs[1..] {
        assert_eq!(transfer(&mut kernel, env, true), Some(HOME));
        assert_eq!(running(&mut kernel), env);
    }
}

#[test]
fn who_lost_the_asid_of_its_current_context_sleeps_until_it_is_called() {
    let mut kernel = booted(280);
    let envs: Vec<u32> = (0..70).map(|_| child(&mut kernel)).collect();
    let asleep = kernel.machine.label(Label::Asleep);
    let sleepers = |kernel: &mut Kernel<Fake>| {
        let records = &kernel.machine.records().synchronous;
        records.iter().filter(|record| record.low == asleep).count()
    };
    assert_eq!(sleepers(&mut kernel), 70, "none has run");
    for &env in &envs {
        yield_to(&mut kernel, env);
        let own = pages_of(&mut kernel, env)[0] << 12 | 0x600;
        assert_eq!(bind(&mut kernel, 0x50_0000, own), Ok(()));
    }
    assert_eq!(sleepers(&mut kernel), 70 - 63);
    assert_eq!(kernel.machine.bindings().count(), 63);
    for (synchronous, entry) in [(true, HOME), (false, HOME + 16)] {
        for &env in &envs {
            assert_eq!(transfer(&mut kernel, env, synchronous), Some(entry));
            assert_eq!(running(&mut kernel), env);
            let own = pages_of(&mut kernel, env)[0] << 12 | 0x600;
            let there = bound(&mut kernel, 0x50_0000);
            assert!(there.is_none() || there == Some(own), "another's binding");
        }
    }
}
