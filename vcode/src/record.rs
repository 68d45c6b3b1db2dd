//! A target that keeps the instructions and hands the whole function on at its end.
//!
//! Problem: the oracle runs a function after it is written, and Cranelift builds one through a single
//! borrow; neither can take instructions as they come. Method: [`Recorder`] is the [`Target`] of both; what
//! becomes of the instructions is its [`Engine`]'s. Labels become positions in the list. Left out: any
//! use of this for a backend that encodes in place.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::op::{Align, Binary, Branch, Callee, Compare, Form, Offset, Op, Src, Unary};
use crate::{Error, ErrorKind, Frame, Label, Reg, Signature, Target, Ty};

/// The most instructions of a recorded function.
pub const MAX_STEPS: usize = 1 << 22;
/// Temporary registers of a recorded function; they are numbered from 0.
pub(crate) const TEMPORARIES: usize = 16;
/// All registers of a recorded function: temporary, persistent, frame.
pub(crate) const REGISTERS: usize = 33;

/// What becomes of a recorded function.
pub trait Engine {
    /// Width of a register in bits: 32 or 64.
    const WORD_BITS: u32;
    /// What comes out.
    type Output;

    /// Makes the output of a function whose labels are bound and whose control cannot fall off its end.
    ///
    /// # Errors
    /// Whatever the engine cannot do.
    fn finish(&mut self, function: &Recorded, frame: &Frame) -> Result<Self::Output, Error>;
}

/// The target in front of an engine, which makes something of the whole function.
#[derive(Debug, Default)]
pub struct Recorder<E> {
    engine: E,
    function: Recorded,
    fault: Option<Error>,
}

/// A function as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    pub(crate) steps: Vec<Step>,
    /// Where each label is bound, as an index of a step.
    pub(crate) positions: Vec<Option<usize>>,
    pub(crate) params: Vec<Reg>,
    pub(crate) returns_value: bool,
}

/// One instruction of a recorded function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Op(Op),
    Branch { branch: Branch, slot: Option<Op> },
    Table(Reg, Box<[Label]>),
    Call(Callee, Box<[Src]>, Option<Reg>),
    Return(Option<(Ty, Src)>),
}

impl<E> Recorder<E> {
    /// A recorder in front of the engine.
    pub(crate) fn with(engine: E) -> Self {
        Self {
            engine,
            function: Recorded::default(),
            fault: None,
        }
    }

    fn step(&mut self, step: Step) {
        if self.function.steps.len() < MAX_STEPS {
            self.function.steps.push(step);
        } else {
            self.fail(Error::new(
                ErrorKind::BufferLimit,
                MAX_STEPS as u64 + 1,
                MAX_STEPS as u64,
            ));
        }
    }

    fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }
}

impl Recorded {
    /// Where a label is that [`Recorded::check`] has seen.
    pub(crate) fn position(&self, label: Label) -> usize {
        self.positions
            .get(label.index())
            .copied()
            .flatten()
            .unwrap_or(self.steps.len())
    }

    fn check(&self) -> Result<(), Error> {
        self.steps
            .iter()
            .flat_map(Step::labels)
            .try_for_each(|&label| self.check_label(label))?;
        let len = self.steps.len();
        if self.steps.last().is_some_and(Step::is_last) && !self.positions.contains(&Some(len)) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NoReturn, len as u64, len as u64))
    }

    fn check_label(&self, label: Label) -> Result<(), Error> {
        let index = label.index() as u64;
        match self.positions.get(label.index()) {
            Some(Some(_)) => Ok(()),
            Some(None) => {
                let bound = self.positions.iter().flatten().count() as u64;
                Err(Error::new(ErrorKind::UnboundLabel, index, bound))
            }
            None => Err(Error::new(
                ErrorKind::ForeignLabel,
                index,
                self.positions.len() as u64,
            )),
        }
    }
}

impl Step {
    /// The formats of the instruction and of what is in its delay slot.
    pub(crate) fn forms(&self) -> impl Iterator<Item = Form> + use<> {
        let (form, slot) = match self {
            Self::Op(op) => (op.form(), None),
            Self::Branch { branch, slot } => (branch.form(), slot.map(|op| op.form())),
            Self::Return(Some((ty, _))) => (Form::Return(*ty), None),
            Self::Return(None) | Self::Table(..) | Self::Call(..) => (Form::Control, None),
        };
        core::iter::once(form).chain(slot)
    }

    /// The labels that it may go to.
    pub(crate) fn labels(&self) -> &[Label] {
        match self {
            Self::Branch {
                branch: Branch::Jump(label) | Branch::Compare(.., label),
                ..
            } => core::slice::from_ref(label),
            Self::Table(_, labels) => labels,
            _ => &[],
        }
    }

    /// Whether control never goes on to the next step.
    const fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Return(_)
                | Self::Branch {
                    branch: Branch::Jump(_),
                    ..
                }
        )
    }
}

impl<E: Engine> Target for Recorder<E> {
    const WORD_BITS: u32 = E::WORD_BITS;
    const TEMPORARIES: &'static [Reg] = &numbered::<TEMPORARIES>(0);
    const PERSISTENTS: &'static [Reg] =
        &numbered::<{ REGISTERS - TEMPORARIES - 1 }>(TEMPORARIES as u8);
    const FRAME: Reg = Reg::new(REGISTERS as u8 - 1);
    const MAX_ARGUMENTS: usize = 6;
    const BRANCH_DELAY: u32 = 0;
    const LOAD_DELAY: u32 = 0;

    type Output<'a>
        = E::Output
    where
        E: 'a;

    fn begin(&mut self, signature: &Signature<'_>, params: &[Reg]) {
        self.function.steps.clear();
        self.function.positions.clear();
        self.function.params = params.to_vec();
        self.function.returns_value = signature.result.is_some();
        self.fault = None;
    }

    fn place_param(_: usize) -> Option<Reg> {
        None
    }

    fn binary(&mut self, op: Binary, ty: Ty, d: Reg, a: Reg, b: Src) {
        self.step(Step::Op(Op::Binary(op, ty, d, a, b)));
    }

    fn unary(&mut self, op: Unary, ty: Ty, d: Reg, a: Reg) {
        self.step(Step::Op(Op::Unary(op, ty, d, a)));
    }

    fn convert(&mut self, from: Ty, to: Ty, d: Reg, a: Reg) {
        self.step(Step::Op(Op::Convert(from, to, d, a)));
    }

    fn set(&mut self, ty: Ty, d: Reg, value: i64) {
        self.step(Step::Op(Op::Set(ty, d, value)));
    }

    fn load(&mut self, ty: Ty, align: Align, d: Reg, base: Reg, offset: Offset) {
        self.step(Step::Op(Op::Load(ty, align, d, base, offset)));
    }

    fn store(&mut self, ty: Ty, align: Align, a: Reg, base: Reg, offset: Offset) {
        self.step(Step::Op(Op::Store(ty, align, a, base, offset)));
    }

    fn cond_move(&mut self, compare: Compare, ty: Ty, d: Reg, s: Reg, a: Reg, b: Src) {
        self.step(Step::Op(Op::CondMove(compare, ty, d, s, a, b)));
    }

    fn label(&mut self) -> Label {
        let positions = &mut self.function.positions;
        positions.push(None);
        Label::new(positions.len() as u32 - 1)
    }

    fn bind(&mut self, label: Label) {
        let here = self.function.steps.len();
        let count = self.function.positions.len() as u64;
        match self.function.positions.get_mut(label.index()) {
            Some(position @ None) => *position = Some(here),
            Some(Some(_)) => self.fail(Error::new(
                ErrorKind::LabelBoundTwice,
                label.index() as u64,
                1,
            )),
            None => self.fail(Error::new(
                ErrorKind::ForeignLabel,
                label.index() as u64,
                count,
            )),
        }
    }

    fn jump(&mut self, label: Label) {
        self.step(Step::Branch {
            branch: Branch::Jump(label),
            slot: None,
        });
    }

    fn branch(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src, label: Label) {
        self.step(Step::Branch {
            branch: Branch::Compare(compare, ty, a, b, label),
            slot: None,
        });
    }

    fn delayed(&mut self, branch: Branch, slot: Op) {
        self.step(Step::Branch {
            branch,
            slot: Some(slot),
        });
    }

    fn jump_table(&mut self, index: Reg, labels: &[Label]) {
        self.step(Step::Table(index, labels.into()));
    }

    fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>) {
        self.step(Step::Call(callee, arguments.into(), result));
    }

    fn ret(&mut self, value: Option<(Ty, Src)>) {
        self.step(Step::Return(value));
    }

    fn end(&mut self, frame: &Frame) -> Result<E::Output, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.function.check()?;
        self.engine.finish(&self.function, frame)
    }
}

const fn numbered<const N: usize>(first: u8) -> [Reg; N] {
    let mut regs = [Reg::new(0); N];
    let mut at = 0;
    while at < N {
        regs[at] = Reg::new(first + at as u8);
        at += 1;
    }
    regs
}
