//! Requests, deadlines, force, and what is never taken.

use super::*;
use aegis_abi::layout::{DEATH_REVOKED, REVOKE_ALL, REVOKE_PAGES, REVOKE_SLICES, REVOKE_TICKS};

/// Lets so many ticks pass, without excess.
fn pass(kernel: &mut Kernel<Fake>, ticks: u32) {
    for _ in 0..ticks {
        tick(kernel, &mut Frame::default());
        yield_to(kernel, ANY);
    }
}

/// An environment with so many pages beside those of [`child`], a slice, a repossession vector and a backing
/// page: its number, the pages, the vector, the backing page.
fn wealthy(kernel: &mut Kernel<Fake>, pages: usize) -> (u32, Vec<u32>, u32, u32) {
    let env = child(kernel);
    let saves = pages_of(kernel, env)[1] << 12;
    let vector = saves + 1024;
    call(kernel, Syscall::env_repossession, &[env, vector]).expect("it has the page");
    let mut given = Vec::new();
    for number in 0..=pages as u32 {
        let next = page(kernel);
        kernel.machine.store(next << 12, 1000 + number);
        call(kernel, Syscall::page_give, &[next, env]).expect("it is the caller's");
        given.push(next);
    }
    let backing = given.remove(0);
    call(kernel, Syscall::env_backing, &[env, backing]).expect("it has the page");
    (env, given, vector, backing)
}

#[test]
fn a_request_is_heard_in_place_of_a_slices_beginning_and_can_be_met() {
    let mut kernel = booted(96);
    let (env, pages, vector, _) = wealthy(&mut kernel, 4);
    call(&mut kernel, Syscall::revoke, &[env, REVOKE_PAGES, 2, 5]).expect("it is controlled");
    yield_to(&mut kernel, env);
    let scratch = kernel.machine.scratch();
    assert_eq!(scratch.epc, HOME + 64);
    assert_eq!(scratch.arguments, [REVOKE_PAGES, 2, 5]);
    assert_eq!(
        call(&mut kernel, Syscall::page_alloc, &[ANY]),
        Err(Error::Exhausted)
    );
    for &page in &pages[..2] {
        call(&mut kernel, Syscall::page_free, &[page]).expect("it is the caller's");
    }
    yield_to(&mut kernel, env);
    assert_eq!(kernel.machine.scratch().epc, HOME + 32, "it is told once");
    yield_to(&mut kernel, 0);
    pass(&mut kernel, 6);
    assert_eq!(kernel.machine.load(vector), 0, "nothing was taken");
    assert_eq!(pages_of(&mut kernel, env).len(), 5);
}

#[test]
fn what_is_not_given_is_taken_saved_and_written_down() {
    let mut kernel = booted(96);
    let (env, pages, vector, backing) = wealthy(&mut kernel, 6);
    yield_to(&mut kernel, env);
    for &page in &pages {
        let at = 0x50_0000 + page * 0x1000;
        assert_eq!(
            primitive(&mut kernel, Syscall::tlb_write, at, page << 12 | 0x600),
            Ok(())
        );
    }
    yield_to(&mut kernel, 0);
    call(&mut kernel, Syscall::revoke, &[env, REVOKE_PAGES, 100, 3]).expect("it is controlled");
    pass(&mut kernel, 2);
    assert_eq!(
        kernel.machine.load(vector),
        0,
        "the deadline has not passed"
    );
    pass(&mut kernel, 1);
    assert_eq!(kernel.machine.load(vector), 2, "no more at one tick");
    pass(&mut kernel, 4);
    // All of the six, then the backing page, which nothing is left to be saved to.
    assert_eq!(kernel.machine.load(vector), 7);
    assert_eq!(pages_of(&mut kernel, env).len(), 2, "what is pinned stays");
    assert_eq!(kernel.machine.bindings().count(), 0);
    let first = kernel.machine.load(vector + 4);
    assert_eq!(first, pages[5], "the last that it got");
    assert_eq!(kernel.machine.load(vector + 8), backing);
    assert_eq!(kernel.machine.load(vector + 16), u32::MAX);
    assert_eq!(kernel.machine.load(backing << 12), 1006, "the contents");
}

#[test]
fn a_backing_page_that_holds_contents_is_kept_until_it_is_preloaded_again() {
    let mut kernel = booted(96);
    let (env, pages, vector, backing) = wealthy(&mut kernel, 3);
    let take_one = |kernel: &mut Kernel<Fake>| {
        call(kernel, Syscall::revoke, &[env, REVOKE_PAGES, 1, 1]).expect("it is controlled");
        pass(kernel, 2);
    };
    take_one(&mut kernel);
    assert_eq!(kernel.machine.load(vector + 8), backing);
    assert_eq!(
        call(&mut kernel, Syscall::env_backing, &[env, backing]),
        Ok(1)
    );
    take_one(&mut kernel);
    assert_eq!(kernel.machine.load(vector + 16), backing);
    assert_eq!(kernel.machine.load(backing << 12), 1002);
    take_one(&mut kernel);
    assert_eq!(kernel.machine.load(vector + 20), pages[0]);
    assert_eq!(kernel.machine.load(vector + 24), u32::MAX);
    assert_eq!(
        kernel.machine.load(backing << 12),
        1002,
        "it is not used twice"
    );
}

#[test]
fn the_reserve_is_never_taken_but_in_an_emergency() {
    let mut kernel = booted(96);
    let (env, ..) = wealthy(&mut kernel, 6);
    call(&mut kernel, Syscall::env_reserve, &[env, 8]).expect("there is as much");
    call(&mut kernel, Syscall::revoke, &[env, REVOKE_PAGES, 100, 1]).expect("it is controlled");
    pass(&mut kernel, 5);
    assert_eq!(pages_of(&mut kernel, env).len(), 8);
    call(&mut kernel, Syscall::revoke, &[env, REVOKE_ALL, 0, 2]).expect("it is controlled");
    yield_to(&mut kernel, env);
    assert_eq!(kernel.machine.scratch().arguments, [REVOKE_ALL, 1, 2]);
    yield_to(&mut kernel, 0);
    pass(&mut kernel, 3);
    assert_eq!(pages_of(&mut kernel, env), []);
    let death = kernel.machine.public().envs[env as usize].death;
    assert_eq!(death.cause, DEATH_REVOKED);
}

#[test]
fn reserves_are_shared_out_of_the_parents() {
    let mut kernel = booted(96);
    let all = u32::from(kernel.machine.public().envs[0].reserve);
    let env = child(&mut kernel);
    let reserve = Syscall::env_reserve;
    assert_eq!(
        call(&mut kernel, reserve, &[env, all + 1]),
        Err(Error::Exhausted)
    );
    assert_eq!(call(&mut kernel, reserve, &[env, all]), Ok(0));
    assert_eq!(kernel.machine.public().envs[0].reserve, 0);
    assert_eq!(call(&mut kernel, reserve, &[0, 1]), Err(Error::Exhausted));
    assert_eq!(call(&mut kernel, reserve, &[env, 10]), Ok(0));
    yield_to(&mut kernel, env);
    assert_eq!(
        call(&mut kernel, reserve, &[env, 11]),
        Err(Error::Exhausted)
    );
    assert_eq!(call(&mut kernel, reserve, &[env, 4]), Ok(0));
    assert_eq!(u32::from(kernel.machine.public().envs[0].reserve), all - 4);
}

#[test]
fn who_is_below_its_reserve_gets_pages_of_who_is_above() {
    let mut kernel = booted(96);
    let env = child(&mut kernel);
    let rich = child(&mut kernel);
    call(&mut kernel, Syscall::env_reserve, &[env, 8]).expect("there is as much");
    yield_to(&mut kernel, rich);
    while call(&mut kernel, Syscall::page_alloc, &[ANY]).is_ok() {}
    let most = pages_of(&mut kernel, rich).len();
    yield_to(&mut kernel, env);
    assert_eq!(
        call(&mut kernel, Syscall::page_alloc, &[ANY]),
        Err(Error::Exhausted)
    );
    let due = kernel.machine.public().envs[rich as usize].due[0];
    assert_eq!(
        (usize::from(due.target), due.deadline),
        (most - 6, REVOKE_TICKS)
    );
    // Asking again does not make it more, or sooner.
    pass_in(&mut kernel, 1);
    assert_eq!(
        call(&mut kernel, Syscall::page_alloc, &[ANY]),
        Err(Error::Exhausted)
    );
    assert_eq!(kernel.machine.public().envs[rich as usize].due[0], due);
    yield_to(&mut kernel, 0);
    pass(&mut kernel, REVOKE_TICKS + 4);
    assert_eq!(pages_of(&mut kernel, rich).len(), most - 6);
    yield_to(&mut kernel, env);
    for _ in 0..6 {
        page(&mut kernel);
    }
    assert_eq!(
        call(&mut kernel, Syscall::page_alloc, &[ANY]),
        Err(Error::Exhausted)
    );
    let public = kernel.machine.public();
    assert!(
        public.envs.iter().all(|env| env.due[0].target == u16::MAX),
        "it has its reserve"
    );
}

/// A tick in the environment that runs, which goes on.
fn pass_in(kernel: &mut Kernel<Fake>, ticks: u32) {
    for _ in 0..ticks {
        tick(kernel, &mut Frame::default());
    }
}

#[test]
fn slices_are_asked_for_and_taken_but_the_last() {
    let mut kernel = booted(96);
    let (env, _, vector, _) = wealthy(&mut kernel, 0);
    for position in [3, 20, 40] {
        call(&mut kernel, Syscall::slice_alloc, &[position]).expect("it is free");
        call(&mut kernel, Syscall::slice_give, &[position, env]).expect("it is the caller's");
    }
    call(&mut kernel, Syscall::revoke, &[env, REVOKE_SLICES, 3, 1]).expect("it is controlled");
    pass(&mut kernel, 2);
    let slices = &kernel.machine.public().slices;
    let own: Vec<_> = (0..64)
        .filter(|&at| u32::from(slices[at].owner) == env)
        .collect();
    assert_eq!(own, [3]);
    assert_eq!(kernel.machine.load(vector), 2);
    assert_eq!(kernel.machine.load(vector + 4), 0x8000_0000 | 40);
}

#[test]
fn a_vector_that_is_full_or_nonsense_only_counts() {
    let mut kernel = booted(96);
    let (env, _, vector, _) = wealthy(&mut kernel, 3);
    for (count, after) in [(127, 128), (u32::MAX, u32::MAX), (0x2000_0000, 0x2000_0001)] {
        kernel.machine.store(vector, count);
        call(&mut kernel, Syscall::revoke, &[env, REVOKE_PAGES, 1, 1]).expect("it is controlled");
        pass(&mut kernel, 2);
        assert_eq!(kernel.machine.load(vector), after);
    }
}

#[test]
fn requests_out_of_range_are_refused() {
    let mut kernel = booted(96);
    let env = child(&mut kernel);
    for (kind, ticks) in [(3, 1), (0, 0), (0, (1 << 20) + 1), (u32::MAX, 1)] {
        let answer = call(&mut kernel, Syscall::revoke, &[env, kind, 1, ticks]);
        assert_eq!(answer, Err(Error::BadValue));
    }
}
