//! Code against the oracle.

use alloc::vec::Vec;

use vcode::Assembler;
use vcode::exec::{Arena, Executable};
use vcode::x64::X64;

use super::{Entry, emit, tables};
use crate::check::{Policy, x64::prove};
use crate::fuzzing::Packet;
use crate::fuzzing::engines::{Engine, Tally, script};
use crate::trie::{GroupId, Set};

/// Native code, proved before it runs.
struct Native {
    asm: Assembler<X64>,
    arena: Arena,
    best: Option<Executable>,
    each: Vec<Executable>,
    refused: u64,
}

impl Native {
    fn new() -> Self {
        let arena = Arena::reserve(64 << 20).unwrap();
        Native {
            asm: Assembler::new(X64::new()),
            arena,
            best: None,
            each: Vec::new(),
            refused: 0,
        }
    }

    fn compile(&mut self, set: &Set, entry: Entry) -> Option<Executable> {
        let trie = set.trie();
        let code = match emit(trie, entry, &mut self.asm) {
            Ok(code) => code,
            Err(_) => {
                self.refused += 1;
                return None;
            }
        };
        let policy = Policy::filter(&tables(trie));
        let proved =
            prove(code.bytes(), &policy).unwrap_or_else(|refusal| panic!("{refusal}\n{trie}"));
        Some(self.arena.publish(proved.code()).unwrap())
    }

    #[expect(unsafe_code, reason = "the test runs the code it made")]
    fn call(code: &Executable, packet: &Packet) -> Option<u32> {
        let exact: Vec<u8> = packet.bytes.clone();
        let arguments = [
            exact.as_ptr() as u64,
            exact.len() as u64 | 0xdead << 32,
            u64::from(packet.wirelen) | 0xbeef << 32,
        ];
        // SAFETY: the code is a C function of a packet and two lengths, whose tables the set keeps.
        let found = unsafe { code.call(&arguments) } as u32;
        found.checked_sub(1)
    }
}

impl Engine for Native {
    fn load(&mut self, set: &Set) -> bool {
        self.each.clear();
        self.best = self.compile(set, Entry::Best);
        for group in 0..set.trie().groups().len() as u32 {
            let Some(code) = self.compile(set, Entry::Group(GroupId(group))) else {
                return false;
            };
            self.each.push(code);
        }
        self.best.is_some()
    }

    fn classify(&mut self, packet: &Packet) -> Option<u32> {
        Self::call(self.best.as_ref()?, packet)
    }

    fn classify_all(&mut self, packet: &Packet) -> Vec<u32> {
        let mut all: Vec<u32> = self
            .each
            .iter()
            .filter_map(|code| Self::call(code, packet))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[test]
fn code_agrees_with_the_oracle() {
    let (mut native, mut tally) = (Native::new(), Tally::default());
    for seed in 0..200 {
        script(seed, &mut [&mut native], &mut tally);
    }
    assert!(
        native.refused * 20 < tally.installed,
        "{} refused",
        native.refused
    );
}
