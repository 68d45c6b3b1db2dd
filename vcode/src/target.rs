//! What a backend is: something that receives portable instructions one by one.
//!
//! Problem: one client interface over an encoder that patches bytes, a compiler that wants blocks, and
//! an interpreter. Method: a [`Target`] receives *operations, not bytes*, and owns the positions of
//! labels. Methods do not fail one by one; the first failure is kept and [`Target::end`] returns it.
//! Left out: everything the [`Assembler`](crate::Assembler) decides alone: which registers are free,
//! leaf rules, delay-slot rules.

use crate::op::{Align, Binary, Branch, Callee, Compare, Offset, Op, Src, Unary};
use crate::{Error, Label, Reg, Ty};

/// A backend. Clients use [`Assembler`](crate::Assembler), not this.
pub trait Target {
    /// Width of a register in bits: 32 or 64.
    const WORD_BITS: u32;
    /// Registers lost at calls, best first; at most 32.
    const TEMPORARIES: &'static [Reg];
    /// Registers kept across calls, best first; at most 32.
    const PERSISTENTS: &'static [Reg];
    /// The register through which locals are addressed.
    const FRAME: Reg;
    /// Bytes from where that register points up to the locals.
    const LOCALS: i32 = 0;
    /// The most parameters a function has, and arguments a call.
    const MAX_ARGUMENTS: usize;
    /// Instructions after a branch that execute before it takes effect.
    const BRANCH_DELAY: u32;
    /// Instructions after a load that must not use its result.
    const LOAD_DELAY: u32;

    /// What comes out of a finished function.
    type Output<'a>
    where
        Self: 'a;

    /// Starts a function, forgetting the last. `params[i]` is where its parameter `i` must be after the
    /// prologue, chosen by [`Target::place_param`].
    fn begin(&mut self, signature: &Signature<'_>, params: &[Reg]);
    /// The register where parameter `index` arrives, if a client may keep it there.
    fn place_param(index: usize) -> Option<Reg>;

    /// `d = a op b`.
    fn binary(&mut self, op: Binary, ty: Ty, d: Reg, a: Reg, b: Src);
    /// `d = op a`.
    fn unary(&mut self, op: Unary, ty: Ty, d: Reg, a: Reg);
    /// `d = a`, from one type to another.
    fn convert(&mut self, from: Ty, to: Ty, d: Reg, a: Reg);
    /// `d = value`.
    fn set(&mut self, ty: Ty, d: Reg, value: i64);
    /// `d = memory at base + offset`.
    fn load(&mut self, ty: Ty, align: Align, d: Reg, base: Reg, offset: Offset);
    /// `memory at base + offset = a`.
    fn store(&mut self, ty: Ty, align: Align, a: Reg, base: Reg, offset: Offset);
    /// `d = s if a compare b`.
    fn cond_move(&mut self, compare: Compare, ty: Ty, d: Reg, s: Reg, a: Reg, b: Src);

    /// A new label.
    fn label(&mut self) -> Label;
    /// The label is here.
    fn bind(&mut self, label: Label);
    /// Go to the label.
    fn jump(&mut self, label: Label);
    /// Go to the label if `a compare b`.
    fn branch(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src, label: Label);
    /// Go to `labels[index]`, of type `u`; go on if there is none.
    fn jump_table(&mut self, index: Reg, labels: &[Label]);
    /// Call with arguments; the result, if wanted, in `result`.
    fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>);
    /// Return, with a value of the type.
    fn ret(&mut self, value: Option<(Ty, Src)>);

    /// A branch with `slot` executed between its decision and its effect. The slot does not write what
    /// the branch reads, so a machine without delay slots executes it first.
    #[inline]
    fn delayed(&mut self, branch: Branch, slot: Op) {
        self.op(slot);
        self.plain_branch(branch);
    }

    /// A load whose result is not used by the next `distance` instructions; at least
    /// [`Target::LOAD_DELAY`] of them means that nothing need be inserted.
    #[inline]
    fn raw_load(&mut self, ty: Ty, align: Align, d: Reg, base: Reg, offset: Offset, distance: u32) {
        let _ = distance;
        self.load(ty, align, d, base, offset);
    }

    /// Ends the function.
    ///
    /// # Errors
    /// The first thing that went wrong since [`Target::begin`]; no function was made then.
    fn end(&mut self, frame: &Frame) -> Result<Self::Output<'_>, Error>;

    /// The instruction given as data.
    #[inline]
    fn op(&mut self, op: Op) {
        match op {
            Op::Binary(op, ty, d, a, b) => self.binary(op, ty, d, a, b),
            Op::Unary(op, ty, d, a) => self.unary(op, ty, d, a),
            Op::Convert(from, to, d, a) => self.convert(from, to, d, a),
            Op::Set(ty, d, value) => self.set(ty, d, value),
            Op::Load(ty, align, d, base, offset) => self.load(ty, align, d, base, offset),
            Op::Store(ty, align, a, base, offset) => self.store(ty, align, a, base, offset),
            Op::CondMove(compare, ty, d, s, a, b) => self.cond_move(compare, ty, d, s, a, b),
        }
    }

    /// The branch given as data, its delay slot empty.
    #[inline]
    fn plain_branch(&mut self, branch: Branch) {
        match branch {
            Branch::Jump(label) => self.jump(label),
            Branch::Compare(compare, ty, a, b, label) => self.branch(compare, ty, a, b, label),
        }
    }
}

/// What a function looks like from outside (the arguments of VCODE's `v_lambda`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature<'a> {
    /// Types of the parameters. A parameter of a 32-bit type arrives with its upper half unspecified;
    /// `movu` clears it.
    pub params: &'a [Ty],
    /// Type of the result, if there is one.
    pub result: Option<Ty>,
    /// Whether the function makes no calls.
    pub leaf: bool,
}

/// What the body of a function turned out to need; known at its end, patched into its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of locals, from [`Target::LOCALS`] bytes above the frame register up.
    pub locals: u32,
    /// Persistent registers used: bit `i` for `Target::PERSISTENTS[i]`.
    pub persistents: u32,
    /// Whether the function makes no calls.
    pub leaf: bool,
}
