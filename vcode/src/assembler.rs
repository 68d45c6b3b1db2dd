//! What clients write code with.
//!
//! Problem: one pass, in place, no intermediate form, on any target. Method: a method per portable
//! instruction, expanded from [`for_each_op!`], each handing its operands straight to the [`Target`];
//! the assembler itself keeps only the free registers, the size of the frame and the first error. Since
//! methods are inlined and operation and type are constants, a call costs about what encoding costs.
//! Left out: optimisation of any kind; VCODE, PLDI'96 §3.

use crate::op::{Align, Binary, Branch, Callee, Compare, Offset, Op, Src, Unary};
use crate::pool::RegPool;
use crate::{Class, Error, ErrorKind, Frame, Label, Reg, Signature, Target, Ty, for_each_op};

/// The most bytes of locals that a function may have.
pub const MAX_LOCALS: u32 = 1 << 15;
/// The most parameters of any target.
const MAX_PARAMS: usize = 8;

/// Emits functions for the target `T`, one after the other, in memory that it reuses.
///
/// What is called per instruction is inlined, and what is not inlined gets no reference to the assembler: so a
/// compiler can keep it in registers across instructions.
///
/// Instructions return nothing. The first mistake is kept, and [`Assembler::end`] returns it.
#[derive(Debug)]
pub struct Assembler<T> {
    target: T,
    pool: RegPool,
    locals: u32,
    leaf: bool,
    open: bool,
    error: Option<Error>,
}

/// A place in the frame of the function; made by [`Assembler::local`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local(i32);

impl<T: Target> Assembler<T> {
    /// An assembler for the target.
    #[must_use]
    pub fn new(target: T) -> Self {
        Self {
            target,
            pool: RegPool::default(),
            locals: 0,
            leaf: true,
            open: false,
            error: None,
        }
    }

    /// Begins a function and says in which registers its parameters are (VCODE's `v_lambda`): temporary
    /// ones in a leaf, else persistent ones.
    ///
    /// # Errors
    /// [`ErrorKind::TooManyArguments`], or the number `N` is not that of the signature's parameters
    /// (same kind). An unfinished function is forgotten.
    #[inline]
    pub fn begin<const N: usize>(&mut self, signature: &Signature<'_>) -> Result<[Reg; N], Error> {
        self.open = false;
        let given = signature.params.len();
        let limit = T::MAX_ARGUMENTS.min(MAX_PARAMS);
        if given > limit || given != N {
            return Err(Error::new(
                ErrorKind::TooManyArguments,
                given as u64,
                limit.min(N) as u64,
            ));
        }
        let (pool, params) = place_params::<T, N>(signature.leaf)?;
        (self.pool, self.locals, self.leaf, self.error) = (pool, 0, signature.leaf, None);
        self.open = true;
        self.target.begin(signature, &params);
        Ok(params)
    }

    /// Ends the function and gives its code (VCODE's `v_end`).
    ///
    /// # Errors
    /// The first thing that went wrong since [`Assembler::begin`]; no code was made then.
    #[inline]
    pub fn end(&mut self) -> Result<T::Output<'_>, Error> {
        if !core::mem::replace(&mut self.open, false) {
            return Err(Error::new(ErrorKind::NotInFunction, 0, 0));
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        let frame = Frame {
            locals: self.locals,
            persistents: self.pool.used_persistent(),
            leaf: self.leaf,
        };
        self.target.end(&frame)
    }

    /// The first error of this function so far that the assembler itself saw.
    #[must_use]
    pub const fn error(&self) -> Option<Error> {
        self.error
    }

    /// The target, for what only it offers.
    #[must_use]
    pub const fn target(&self) -> &T {
        &self.target
    }

    /// A free register of the class, now taken.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRegisters`] with the size of the class; ask for the other class or put one back.
    #[inline]
    pub fn getreg(&mut self, class: Class) -> Result<Reg, Error> {
        self.pool.take::<T>(class)
    }

    /// Gives the register back.
    ///
    /// # Errors
    /// [`ErrorKind::RegisterNotInUse`]
    #[inline]
    pub fn putreg(&mut self, reg: Reg) -> Result<(), Error> {
        self.pool.put::<T>(reg)
    }

    /// Room in the frame for a value of the type.
    ///
    /// # Errors
    /// [`ErrorKind::FrameLimit`]
    #[inline]
    pub fn local(&mut self, ty: Ty) -> Result<Local, Error> {
        let bytes = ty.bytes(T::WORD_BITS);
        self.local_block(bytes, bytes)
    }

    /// Room in the frame for `bytes` bytes at a multiple of `align`, a power of two up to 8.
    ///
    /// # Errors
    /// [`ErrorKind::FrameLimit`]
    #[inline]
    pub fn local_block(&mut self, bytes: u32, align: u32) -> Result<Local, Error> {
        let at = self.locals.next_multiple_of(align.clamp(1, 8));
        let end = u64::from(at) + u64::from(bytes);
        if end > u64::from(MAX_LOCALS) {
            return Err(Error::new(
                ErrorKind::FrameLimit,
                end,
                u64::from(MAX_LOCALS),
            ));
        }
        self.locals = at + bytes;
        Ok(Local(at as i32))
    }

    /// `d = local`, of the type.
    #[inline]
    pub fn load_local(&mut self, ty: Ty, d: Reg, local: Local) {
        self.target
            .load(ty, Align::Natural, d, T::FRAME, Self::place(local));
    }

    /// `local = a`, of the type.
    #[inline]
    pub fn store_local(&mut self, ty: Ty, a: Reg, local: Local) {
        self.target
            .store(ty, Align::Natural, a, T::FRAME, Self::place(local));
    }

    /// `d = address of local`.
    #[inline]
    pub fn local_address(&mut self, d: Reg, local: Local) {
        self.target.binary(
            Binary::Add,
            Ty::P,
            d,
            T::FRAME,
            Src::Imm(i64::from(T::LOCALS + local.0)),
        );
    }

    /// A new label.
    #[inline]
    pub fn label(&mut self) -> Label {
        self.target.label()
    }

    /// The label is here.
    #[inline]
    pub fn bind(&mut self, label: Label) {
        self.target.bind(label);
    }

    /// Go to the label.
    #[inline]
    pub fn jump(&mut self, label: Label) {
        self.target.jump(label);
    }

    /// Go to `labels[index]`; go on with the next instruction if there is none. `index` is of type `u`.
    #[inline]
    pub fn jump_table(&mut self, index: Reg, labels: &[Label]) {
        self.target.jump_table(index, labels);
    }

    /// Call a function of the host's C calling convention. Temporary registers are lost. Arguments and
    /// result are words; the upper half of a result of a 32-bit type is unspecified.
    #[inline]
    pub fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>) {
        if self.leaf {
            self.fail(Error::new(ErrorKind::CallInLeaf, 1, 0));
        } else if arguments.len() > T::MAX_ARGUMENTS {
            let limit = T::MAX_ARGUMENTS as u64;
            self.fail(Error::new(
                ErrorKind::TooManyArguments,
                arguments.len() as u64,
                limit,
            ));
        } else {
            self.target.call(callee, arguments, result);
        }
    }

    /// Return nothing.
    #[inline]
    pub fn ret(&mut self) {
        self.target.ret(None);
    }

    /// Nothing. Where a delay must be filled by hand it takes an instruction; elsewhere none.
    #[inline]
    pub fn nop(&mut self) {}

    /// `branch` with `slot` executed between its decision and its effect, whether taken or not (VCODE's
    /// `v_schedule_delay`). A machine without delay slots executes the slot first; so that this is the
    /// same, the slot may not write what the branch reads.
    #[inline]
    pub fn schedule_delay(&mut self, branch: Branch, slot: Op) {
        match slot.writes() {
            Some(d) if branch.reads(d) => {
                self.fail(Error::new(ErrorKind::DelayHazard, u64::from(d.number()), 0));
            }
            _ if !(slot.form().is_listed() && branch.form().is_listed()) => {
                self.fail(Error::new(ErrorKind::NotInList, 0, 0))
            }
            _ => self.target.delayed(branch, slot),
        }
    }

    /// `load` whose result the next `distance` instructions do not use (VCODE's `v_raw_load`): where loads
    /// have delays, nothing is inserted if `distance` covers them.
    #[inline]
    pub fn raw_load(&mut self, load: Op, distance: u32) {
        match load {
            Op::Load(ty, align, d, base, offset) if load.form().is_listed() => {
                self.target.raw_load(ty, align, d, base, offset, distance);
            }
            _ => self.fail(Error::new(ErrorKind::NotDelayable, 0, 0)),
        }
    }

    /// The instruction given as data.
    #[inline]
    pub fn op(&mut self, op: Op) {
        if op.form().is_listed() {
            self.target.op(op);
        } else {
            self.fail(Error::new(ErrorKind::NotInList, 0, 0));
        }
    }

    /// The branch given as data.
    #[inline]
    pub fn branch(&mut self, branch: Branch) {
        if branch.form().is_listed() {
            self.target.plain_branch(branch);
        } else {
            self.fail(Error::new(ErrorKind::NotInList, 0, 0));
        }
    }

    #[inline]
    const fn place(local: Local) -> Offset {
        Offset::Imm(T::LOCALS + local.0)
    }

    #[inline(always)]
    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

/// Where the parameters of a function are, and the registers left.
fn place_params<T: Target, const N: usize>(leaf: bool) -> Result<(RegPool, [Reg; N]), Error> {
    let mut pool = RegPool::full::<T>();
    let mut params = [T::FRAME; N];
    let mut pending = [false; N];
    for (index, param) in params.iter_mut().enumerate() {
        match T::place_param(index).filter(|_| leaf) {
            Some(reg) if pool.take_exact::<T>(reg) => *param = reg,
            _ => pending[index] = true,
        }
    }
    let class = if leaf {
        Class::Temporary
    } else {
        Class::Persistent
    };
    for (param, _) in params
        .iter_mut()
        .zip(pending)
        .filter(|(_, pending)| *pending)
    {
        *param = pool.take::<T>(class)?;
    }
    Ok((pool, params))
}

macro_rules! methods {
    (
        binary { $( $Bin:ident $bin_doc:literal : $( $bin:ident $BinTy:ident ),+ ; )+ }
        unary { $( $Un:ident $un_doc:literal : $( $un:ident $UnTy:ident ),+ ; )+ }
        convert { $( $cv:ident $From:ident $To:ident, )+ }
        set { $( $set:ident $SetTy:ident, )+ }
        load { $( $ld:ident $LdTy:ident $LdAlign:ident, )+ }
        store { $( $st:ident $StTy:ident $StAlign:ident, )+ }
        compare { $( $Cmp:ident $cmp_doc:literal : $( $branch:ident $cmov:ident $CmpTy:ident ),+ ; )+ }
        ret { $( $ret:ident $RetTy:ident, )+ }
    ) => {
        /// The portable instructions; their meaning is defined in [`op`](crate::op).
        impl<T: Target> Assembler<T> {
            $( $(
                #[doc = concat!($bin_doc, "; type ", stringify!($BinTy), ".")]
                #[inline(always)]
                pub fn $bin(&mut self, d: Reg, a: Reg, b: impl Into<Src>) {
                    self.target.binary(Binary::$Bin, Ty::$BinTy, d, a, b.into());
                }
            )+ )+
            $( $(
                #[doc = concat!($un_doc, "; type ", stringify!($UnTy), ".")]
                #[inline(always)]
                pub fn $un(&mut self, d: Reg, a: Reg) {
                    self.target.unary(Unary::$Un, Ty::$UnTy, d, a);
                }
            )+ )+
            $(
                #[doc = concat!("d = a, from type ", stringify!($From), " to ", stringify!($To), ".")]
                #[inline(always)]
                pub fn $cv(&mut self, d: Reg, a: Reg) {
                    self.target.convert(Ty::$From, Ty::$To, d, a);
                }
            )+
            $(
                #[doc = concat!("d = constant; type ", stringify!($SetTy), ".")]
                #[inline(always)]
                pub fn $set(&mut self, d: Reg, value: i64) {
                    self.target.set(Ty::$SetTy, d, value);
                }
            )+
            $(
                #[doc = concat!("d = memory at base + offset; type ", stringify!($LdTy), ", alignment ", stringify!($LdAlign), ".")]
                #[inline(always)]
                pub fn $ld(&mut self, d: Reg, base: Reg, offset: impl Into<Offset>) {
                    self.target.load(Ty::$LdTy, Align::$LdAlign, d, base, offset.into());
                }
            )+
            $(
                #[doc = concat!("memory at base + offset = a; type ", stringify!($StTy), ", alignment ", stringify!($StAlign), ".")]
                #[inline(always)]
                pub fn $st(&mut self, a: Reg, base: Reg, offset: impl Into<Offset>) {
                    self.target.store(Ty::$StTy, Align::$StAlign, a, base, offset.into());
                }
            )+
            $( $(
                #[doc = concat!("Go to label if ", $cmp_doc, "; type ", stringify!($CmpTy), ".")]
                #[inline(always)]
                pub fn $branch(&mut self, a: Reg, b: impl Into<Src>, label: Label) {
                    self.target.branch(Compare::$Cmp, Ty::$CmpTy, a, b.into(), label);
                }
                #[doc = concat!("d = s, the whole word, if ", $cmp_doc, "; the comparison of type ", stringify!($CmpTy), ".")]
                #[inline(always)]
                pub fn $cmov(&mut self, d: Reg, s: Reg, a: Reg, b: impl Into<Src>) {
                    self.target.cond_move(Compare::$Cmp, Ty::$CmpTy, d, s, a, b.into());
                }
            )+ )+
            $(
                #[doc = concat!("Return a; type ", stringify!($RetTy), ".")]
                #[inline(always)]
                pub fn $ret(&mut self, a: impl Into<Src>) {
                    self.target.ret(Some((Ty::$RetTy, a.into())));
                }
            )+
        }
    };
}
for_each_op!(methods);
