//! Any host that Cranelift knows: the second opinion.
//!
//! Problem: hosts without a backend of their own need code, and the x86-64 backend needs a judge that also
//! runs natively. Method: instructions arrive as operations, not bytes; each register is a Cranelift
//! `Variable`, each label a block, each call an indirect call of a constant, so that the finished
//! code refers to nothing outside itself: relocations must be empty, else it is an error. Cranelift
//! builds a function through one borrow, so operations are recorded first. Left out: 32-bit hosts, speed.
//!
//! Errors of Cranelift itself become [`ErrorKind::Backend`].

mod abi;
mod select;

use alloc::vec::Vec;
use core::fmt;

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CodegenError, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use crate::record::{Engine, Recorded, Recorder};
use crate::{Error, ErrorKind, Frame};

/// The Cranelift backend: gives the bytes of a position-independent function, entry at byte 0.
pub type Clif = Recorder<Compiler>;

/// The engine behind [`Clif`]; its memory is reused from function to function.
pub struct Compiler {
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
}

/// How hard Cranelift tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Fast compilation.
    None,
    /// Fast code.
    Speed,
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler")
            .field("isa", &self.isa.name())
            .finish_non_exhaustive()
    }
}

impl Clif {
    /// The backend for this machine, with little effort.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] if Cranelift does not know the machine or its words are not of 64 bits.
    pub fn host() -> Result<Self, Error> {
        Self::host_with(Effort::None)
    }

    /// The backend for this machine.
    ///
    /// # Errors
    /// As [`Clif::host`].
    pub fn host_with(effort: Effort) -> Result<Self, Error> {
        let mut flags = settings::builder();
        let level = match effort {
            Effort::None => "none",
            Effort::Speed => "speed",
        };
        for (name, value) in [
            ("opt_level", level),
            ("is_pic", "false"),
            ("unwind_info", "false"),
        ] {
            flags.set(name, value).map_err(|_| refused())?;
        }
        let isa = cranelift_native::builder().map_err(|_| refused())?;
        let isa = isa
            .finish(settings::Flags::new(flags))
            .map_err(|_| refused())?;
        if isa.pointer_bits() != 64 {
            return Err(refused());
        }
        Ok(Self::with(Compiler {
            isa,
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
        }))
    }
}

impl Engine for Compiler {
    const WORD_BITS: u32 = 64;
    type Output = Vec<u8>;

    fn finish(&mut self, function: &Recorded, frame: &Frame) -> Result<Vec<u8>, Error> {
        self.context.clear();
        let host = self.isa.frontend_config();
        self.context.func.signature = abi::signature(
            host.default_call_conv,
            function.params.len(),
            function.returns_value,
        );
        let builder = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
        select::translate(builder, function, frame, host);
        let compiled = self
            .context
            .compile(&*self.isa, &mut ControlPlane::default());
        let code = &compiled.map_err(|error| failure(&error.inner))?.buffer;
        match code.relocs().len() {
            0 => Ok(code.data().to_vec()),
            given => Err(Error::new(ErrorKind::Relocations, given as u64, 0)),
        }
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Backend, 0, 0)
}

fn failure(error: &CodegenError) -> Error {
    match error {
        CodegenError::CodeTooLarge => Error::new(
            ErrorKind::BufferLimit,
            u64::from(u32::MAX) + 1,
            u64::from(u32::MAX),
        ),
        _ => refused(),
    }
}
