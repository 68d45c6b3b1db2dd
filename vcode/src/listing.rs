//! A function as text: one portable instruction per line.
//!
//! Problem: whoever wants to know what a client wrote should not have to read machine code. Method:
//! [`Recorded`] displays itself, with the names of [`LIST`](crate::op::LIST); [`Lister`] is the target that
//! only keeps that text. Temporary registers are `t0` and on, persistent ones `s0` and on. Left out:
//! parsing it back.

use alloc::string::{String, ToString};
use core::fmt;

use crate::op::{Branch, Callee, Form, LIST, Offset, Op, Scale, Src};
use crate::record::{Engine, REGISTERS, Recorded, Recorder, Step, TEMPORARIES};
use crate::{Error, Frame, Label, Reg};

/// A target whose output is the function's text, for machines with 64-bit words.
pub type Lister = Recorder<Listing>;

/// Makes text of a recorded function.
#[derive(Debug, Default)]
pub struct Listing(());

impl Lister {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Listing(()))
    }
}

impl Engine for Listing {
    const WORD_BITS: u32 = 64;
    type Output = String;

    fn finish(&mut self, function: &Recorded, _: &Frame) -> Result<String, Error> {
        Ok(function.to_string())
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        write!(out, "function(")?;
        for param in &self.params {
            write!(out, "{separator}{}", Name(*param))?;
            separator = ", ";
        }
        writeln!(out, ")")?;
        for (at, step) in self.steps.iter().enumerate() {
            self.labels_at(at, out)?;
            writeln!(out, "    {step}")?;
        }
        self.labels_at(self.steps.len(), out)
    }
}

impl Recorded {
    fn labels_at(&self, at: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, position) in self.positions.iter().enumerate() {
            if *position == Some(at) {
                writeln!(out, "L{label}:")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Op(op) => op.fmt(out),
            Self::Branch { branch, slot: None } => branch.fmt(out),
            Self::Branch {
                branch,
                slot: Some(op),
            } => write!(out, "{branch}  ; first {op}"),
            Self::Table(index, labels) => {
                write!(out, "{:<9}{}", "jump_table", Name(*index))?;
                labels
                    .iter()
                    .try_for_each(|label| write!(out, ", {}", Place(*label)))
            }
            Self::Call(callee, arguments, result) => {
                write!(out, "{:<9}", "call")?;
                if let Some(result) = result {
                    write!(out, "{} = ", Name(*result))?;
                }
                match callee {
                    Callee::Address(address) => write!(out, "{address:#x}")?,
                    Callee::Reg(reg) => write!(out, "{}", Name(*reg))?,
                }
                arguments
                    .iter()
                    .try_for_each(|argument| write!(out, ", {argument}"))
            }
            Self::Return(None) => out.write_str("ret"),
            Self::Return(Some((ty, value))) => write!(out, "{:<9}{value}", name(Form::Return(*ty))),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<9}", name(self.form()))?;
        match *self {
            Self::Binary(_, _, d, a, b) => write!(out, "{}, {}, {b}", Name(d), Name(a)),
            Self::Unary(_, _, d, a) | Self::Convert(_, _, d, a) => {
                write!(out, "{}, {}", Name(d), Name(a))
            }
            Self::Set(_, d, value) => write!(out, "{}, {}", Name(d), Src::Imm(value)),
            Self::Load(_, _, reg, base, offset) | Self::Store(_, _, reg, base, offset) => {
                write!(out, "{}, [{}{offset}]", Name(reg), Name(base))
            }
            Self::CondMove(_, _, d, s, a, b) => {
                write!(out, "{}, {}, {}, {b}", Name(d), Name(s), Name(a))
            }
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Jump(label) => write!(out, "{:<9}{}", "jump", Place(label)),
            Self::Compare(compare, ty, a, b, label) => {
                write!(
                    out,
                    "{:<9}{}, {b}, {}",
                    name(Form::Branch(compare, ty)),
                    Name(a),
                    Place(label)
                )
            }
        }
    }
}

impl fmt::Display for Src {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Reg(reg) => Name(reg).fmt(out),
            Self::Imm(value) if value.unsigned_abs() < 256 => value.fmt(out),
            Self::Imm(value) => write!(out, "{value:#x}"),
        }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let constant = match *self {
            Self::Imm(constant) => constant,
            Self::Index(reg, scale, constant) => {
                write!(out, " + {}", Name(reg))?;
                match scale {
                    Scale::X1 => {}
                    Scale::X2 => out.write_str(" * 2")?,
                    Scale::X4 => out.write_str(" * 4")?,
                    Scale::X8 => out.write_str(" * 8")?,
                }
                constant
            }
        };
        match constant {
            0 => Ok(()),
            ..0 => write!(out, " - {}", constant.unsigned_abs()),
            _ => write!(out, " + {constant}"),
        }
    }
}

/// A register as it prints.
struct Name(Reg);

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::from(self.0.number()) {
            frame if frame == REGISTERS - 1 => out.write_str("frame"),
            temporary if temporary < TEMPORARIES => write!(out, "t{temporary}"),
            persistent => write!(out, "s{}", persistent - TEMPORARIES),
        }
    }
}

/// A label as it prints.
struct Place(Label);

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "L{}", self.0.index())
    }
}

/// The name of an instruction of this form and type.
fn name(form: Form) -> &'static str {
    LIST.iter()
        .find(|entry| entry.form == form)
        .map_or("?", |entry| entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Assembler, Class, Signature, Ty};

    #[test]
    fn a_function_lists_itself() -> Result<(), Error> {
        let mut asm = Assembler::new(Lister::new());
        let signature = Signature {
            params: &[Ty::P, Ty::U],
            result: Some(Ty::U),
            leaf: true,
        };
        let [frame, len] = asm.begin(&signature)?;
        let kind = asm.getreg(Class::Temporary)?;
        let kept = asm.getreg(Class::Persistent)?;
        let reject = asm.label();
        asm.bltu(len, 14, reject);
        asm.uldus(kind, frame, 12);
        asm.lduc(kept, frame, (kind, -3));
        asm.cmovequ(kept, kind, len, 300);
        asm.addu(kept, kept, -1i32);
        asm.bneu(kind, 0x0008, reject);
        asm.retu(kept);
        asm.bind(reject);
        asm.retu(0);
        assert_eq!(
            asm.end()?,
            "function(t0, t1)\n\
            \x20   bltu     t1, 14, L0\n\
            \x20   uldus    t2, [t0 + 12]\n\
            \x20   lduc     s0, [t0 + t2 - 3]\n\
            \x20   cmovequ  s0, t2, t1, 0x12c\n\
            \x20   addu     s0, s0, -1\n\
            \x20   bneu     t2, 8, L0\n\
            \x20   retu     s0\n\
             L0:\n\
            \x20   retu     0\n"
        );
        Ok(())
    }
}
