//! The filters of one program for packets that start with one header.

use anyhow::{Result, bail};
use dpf::syntax::{
    HeaderId, Program,
    eval::{Evaluator, Truth},
};

use crate::{args::Mode, capture::Packet};

/// Filters that can be asked about packets.
pub struct Engine {
    program: Program,
    mode: Mode,
}

impl Engine {
    /// Compiles the filters of `program` for packets that start with `root`.
    ///
    /// # Errors
    ///
    /// When the compiler refuses them.
    pub fn new(program: &Program, root: HeaderId, mode: Mode) -> Result<Self> {
        if mode == Mode::One {
            bail!("not yet");
        }
        let mut program = program.clone();
        program.root = root;
        Ok(Self { program, mode })
    }

    /// Appends the indices of the filters that get `packet`, ascending.
    pub fn classify(&mut self, packet: &Packet<'_>, matched: &mut Vec<u32>) {
        let evaluator = Evaluator::new(&self.program);
        for (index, filter) in self.program.filters.iter().enumerate() {
            if evaluator.evaluate(filter, packet.data, packet.wire_len) == Truth::True {
                matched.push(index as u32);
                if self.mode == Mode::First {
                    return;
                }
            }
        }
    }
}
