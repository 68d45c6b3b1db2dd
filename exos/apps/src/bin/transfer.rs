//! Protected control transfer: calls and messages between two processes, with registers as buffer.
#![no_std]
#![no_main]

use apps::{ROOM, Suite};
use exos::abi::{EnvId, Error};
use exos::process::{self, Child, PublicTable, own};
use exos::sys::Global;
use exos::transfer::{self, Failure, Message};

exos::main!(run);

/// Calls of the long run.
const CALLS: u32 = 2000;
/// Messages that ask for nothing.
const MESSAGES: u32 = 20;

/// What a message asks for, in its first word.
const ADD: u32 = 1;
const COUNT: u32 = 2;
const END: u32 = 3;
const SLOW: u32 = 4;
const CALL_BACK: u32 = 5;
const NOTE: u32 = 6;

static NOTED: Global<u32> = Global::new(0);
static ENDING: Global<u32> = Global::new(0);
static CLIENT: Global<u32> = Global::new(0);

fn run() -> u32 {
    let mut room = [0; ROOM];
    if process::arguments(&mut room) == "transfer server" {
        return server();
    }
    let mut suite = Suite::new("transfer");
    let Some(child) = suite.start("transfer server") else {
        suite.check("the server", false);
        return suite.finish();
    };
    let to = child.env();
    suite.check("the server takes a call", first_call(to));
    calls(&mut suite, to);
    messages(&mut suite, to);
    across_slices(&mut suite, to);
    back_and_forth(&mut suite, to);
    endings(&mut suite, child);
    suite.finish()
}

/// Calls until the server is ready.
fn first_call(to: EnvId) -> bool {
    for _ in 0..100 {
        match transfer::call(to, &mut request(ADD)) {
            Ok(()) => return true,
            Err(Failure::Busy) if process::sleep().is_ok() => {}
            Err(_) => return false,
        }
    }
    false
}

fn request(what: u32) -> Message {
    let mut message = core::array::from_fn(|word| 0x1111_1111_u32.wrapping_mul(word as u32));
    message[0] = what;
    message
}

fn calls(suite: &mut Suite, to: EnvId) {
    let mut message = request(ADD);
    let called = transfer::call(to, &mut message);
    suite.equal("a call", called, Ok(()));
    let must: Message =
        core::array::from_fn(|word| request(ADD)[word].wrapping_add(word as u32 + 1));
    suite.equal("every register of the reply", message, must);
    let mut sum = 0_u32;
    for number in 0..CALLS {
        let mut message = [ADD, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, number];
        if transfer::call(to, &mut message).is_ok() {
            sum = sum.wrapping_add(message[1] ^ message[11]);
        }
    }
    let must = (0..CALLS).fold(0_u32, |sum, number| {
        sum.wrapping_add((number + 2) ^ (number + 12))
    });
    suite.equal("2000 calls", sum, must);
}

fn messages(suite: &mut Suite, to: EnvId) {
    let sent = (0..MESSAGES).filter(|number| {
        let mut message = request(NOTE);
        message[1] = *number;
        transfer::send(to, &message).is_ok()
    });
    suite.equal("messages sent", sent.count() as u32, MESSAGES);
    let mut message = request(COUNT);
    let called = transfer::call(to, &mut message);
    suite.equal(
        "all arrived",
        (called, message[1]),
        (Ok(()), MESSAGES * (MESSAGES - 1) / 2),
    );
}

/// A call that takes longer than a slice: the caller's slices are the callee's meanwhile.
fn across_slices(suite: &mut Suite, to: EnvId) {
    let ticks = || PublicTable::open().map_or(0, |table| table.ticks());
    let before = ticks();
    let mut message = request(SLOW);
    let called = transfer::call(to, &mut message);
    suite.equal(
        "a call that takes slices",
        (called, message[1]),
        (Ok(()), 5),
    );
    suite.check("took them", ticks() - before >= 5);
}

/// The server calls us back while we wait for it: refused, not mixed up; and served when we do not wait.
fn back_and_forth(suite: &mut Suite, to: EnvId) {
    fn serve(_: EnvId, message: &mut Message) {
        message[1] ^= 0xffff_ffff;
    }
    suite.equal("serving", transfer::serve(Some(serve)), Ok(()));
    let mut message = request(CALL_BACK);
    message[1] = u32::from(own().0);
    let called = transfer::call(to, &mut message);
    suite.equal(
        "a call back while we wait is refused",
        (called, message[1]),
        (Ok(()), 1),
    );
    // Told to call back later, from its own slices.
    CLIENT.set(0);
    let mut message = request(CALL_BACK);
    message[1] = u32::from(own().0) | LATER;
    suite.equal(
        "asked to call later",
        transfer::call(to, &mut message),
        Ok(()),
    );
    let mut answer = 0;
    for _ in 0..200 {
        let mut message = request(COUNT);
        if transfer::call(to, &mut message).is_ok() && message[2] != 0 {
            answer = message[2];
            break;
        }
        if process::sleep().is_err() {
            break;
        }
    }
    suite.equal("a call back is served", answer, 0x1234_5678 ^ 0xffff_ffff);
    suite.equal("not serving", transfer::serve(None), Ok(()));
}

/// Of [`CALL_BACK`]'s word: not now.
const LATER: u32 = 0x100;

fn endings(suite: &mut Suite, child: Child) {
    let to = child.env();
    let mut message = request(END);
    suite.equal("told to end", transfer::call(to, &mut message), Ok(()));
    suite.ended("the server ends", Some(child), 0);
    let gone = Failure::Kernel(Error::NoSuchCall);
    let called = transfer::call(to, &mut request(ADD));
    suite.equal("a call to nobody", called, Err(gone));
    let sent = transfer::send(to, &request(ADD));
    suite.equal("a message to nobody", sent, Err(Error::NoSuchCall));
    // A server that ends while it is called.
    let Some(child) = suite.start("transfer server") else {
        suite.check("another server", false);
        return;
    };
    suite.check("another server", first_call(child.env()));
    let mut message = request(END);
    message[1] = 1;
    let called = transfer::call(child.env(), &mut message);
    suite.check(
        "a server that ends in a call",
        matches!(called, Err(Failure::Kernel(_))),
    );
    suite.ended("with its own status", Some(child), 7);
}

fn server() -> u32 {
    if transfer::serve(Some(handle)).is_err() {
        return 1;
    }
    while ENDING.get() == 0 {
        if process::sleep().is_err() {
            return 2;
        }
        let client = CLIENT.get();
        if client & LATER != 0 {
            let mut message = request(ADD);
            message[1] = 0x1234_5678;
            // Busy as long as the client waits for us itself.
            if transfer::call(EnvId(client as u8), &mut message).is_ok() {
                CLIENT.set(message[1]);
            }
        }
    }
    0
}

fn handle(from: EnvId, message: &mut Message) {
    match message[0] {
        ADD => {
            for (word, number) in message.iter_mut().zip(1..) {
                *word = word.wrapping_add(number);
            }
        }
        NOTE => NOTED.set(NOTED.get() + message[1]),
        COUNT => {
            message[1] = NOTED.get();
            let client = CLIENT.get();
            message[2] = if client & LATER != 0 && client < 0x200 {
                0
            } else {
                client
            };
        }
        SLOW => {
            let ticks = || exos::sys::ticks().map_or(0, |words| words.0);
            let first = ticks();
            while ticks() < first + 5 {}
            message[1] = 5;
        }
        CALL_BACK if message[1] & LATER != 0 => CLIENT.set(u32::from(from.0) | LATER),
        CALL_BACK => {
            let called = transfer::call(EnvId(message[1] as u8), &mut request(ADD));
            message[1] = u32::from(called == Err(Failure::Busy));
        }
        END if message[1] == 1 => process::exit(7),
        END => ENDING.set(1),
        _ => {}
    }
}
