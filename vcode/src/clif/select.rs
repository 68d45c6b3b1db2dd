//! Which Cranelift instructions a portable instruction becomes.
//!
//! A variable holds the whole word. A 32-bit operation reduces its operands and extends its result with
//! zeroes. Division is kept from trapping by replacing the divisor where the machine would.

use alloc::vec::Vec;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{
    Block, InstBuilder, JumpTableData, MemFlagsData, StackSlotData, StackSlotKind, Type, Value,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, Variable};

use super::abi;
use crate::op::{Binary, Branch, Callee, Compare, Offset, Op, Scale, Src, Unary};
use crate::record::{REGISTERS, Recorded, Step};
use crate::{Frame, Label, Reg, Target, Ty};

/// Translates the function and finishes the builder.
pub(super) fn translate(
    builder: FunctionBuilder<'_>,
    function: &Recorded,
    frame: &Frame,
    host: TargetFrontendConfig,
) {
    let mut translation = Translation::open(builder, function, frame, host.default_call_conv);
    for (at, step) in function.steps.iter().enumerate() {
        translation.arrive(at);
        translation.step(step);
    }
    translation.builder.seal_all_blocks();
    translation.builder.finalize(host);
}

struct Translation<'a, 'f> {
    builder: FunctionBuilder<'a>,
    function: &'f Recorded,
    variables: Vec<Variable>,
    /// The block that starts at each step where a label is.
    blocks: Vec<Option<Block>>,
    /// Whether each step is gone to from itself or a later one: its block has predecessors to come.
    looped: Vec<bool>,
    /// Whether the current block has its last instruction.
    closed: bool,
    convention: CallConv,
}

impl<'a, 'f> Translation<'a, 'f> {
    fn open(
        mut builder: FunctionBuilder<'a>,
        function: &'f Recorded,
        frame: &Frame,
        convention: CallConv,
    ) -> Self {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let variables: Vec<_> = (0..REGISTERS).map(|_| builder.declare_var(I64)).collect();
        for (param, at) in function.params.iter().zip(0..) {
            let value = builder.block_params(entry)[at];
            builder.def_var(variables[param.number() as usize], value);
        }
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, frame.locals, 3);
        let slot = builder.create_sized_stack_slot(slot);
        let address = builder.ins().stack_addr(I64, slot, 0);
        builder.def_var(variables[super::Clif::FRAME.number() as usize], address);
        let mut blocks = alloc::vec![None; function.steps.len()];
        for &at in function.positions.iter().flatten() {
            blocks[at].get_or_insert_with(|| builder.create_block());
        }
        builder.seal_block(entry);
        let looped = looped(function);
        Self {
            builder,
            looped,
            function,
            variables,
            blocks,
            closed: false,
            convention,
        }
    }

    /// Enters the block of the labels at the step, or a fresh one after an instruction that closed the last.
    fn arrive(&mut self, at: usize) {
        if let Some(block) = self.blocks[at] {
            if !self.closed {
                self.builder.ins().jump(block, &[]);
            }
            self.builder.switch_to_block(block);
            // Sealing what is complete spares Cranelift a parameter per variable and block.
            if !self.looped[at] {
                self.builder.seal_block(block);
            }
        } else if self.closed {
            let unreachable = self.builder.create_block();
            self.go_on(unreachable);
        }
        self.closed = false;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Op(op) => self.op(*op),
            Step::Branch { branch, slot } => self.branch(*branch, *slot),
            Step::Table(index, labels) => self.table(*index, labels),
            Step::Call(callee, arguments, result) => self.call(*callee, arguments, *result),
            Step::Return(value) => self.ret(*value),
        }
    }

    fn op(&mut self, op: Op) {
        match op {
            Op::Binary(op, ty, d, a, b) => {
                let (a, b) = (self.read(ty, a), self.src(ty, b));
                let value = self.binary(op, ty, a, b);
                self.write(d, value);
            }
            Op::Unary(op, ty, d, a) => {
                let a = self.read(ty, a);
                let value = self.unary(op, a);
                self.write(d, value);
            }
            Op::Convert(from, to, d, a) => {
                let a = self.read(from, a);
                let value = self.convert(from, to, a);
                self.write(d, value);
            }
            Op::Set(ty, d, value) => {
                let value = self.src(ty, Src::Imm(value));
                self.write(d, value);
            }
            Op::Load(ty, _, d, base, offset) => {
                let (address, displacement) = self.address(base, offset);
                let value = self.builder.ins().load(
                    memory(ty),
                    MemFlagsData::new().with_notrap(),
                    address,
                    displacement,
                );
                let value = self.widen(ty, value);
                self.write(d, value);
            }
            Op::Store(ty, _, a, base, offset) => {
                let (address, displacement) = self.address(base, offset);
                let value = self.read(ty, a);
                self.builder.ins().store(
                    MemFlagsData::new().with_notrap(),
                    value,
                    address,
                    displacement,
                );
            }
            Op::CondMove(compare, ty, d, s, a, b) => {
                let holds = self.compare(compare, ty, a, b);
                let (s, old) = (self.word(s), self.word(d));
                let value = self.builder.ins().select(holds, s, old);
                self.write(d, value);
            }
        }
    }

    fn binary(&mut self, op: Binary, ty: Ty, a: Value, b: Value) -> Value {
        let signed = ty.is_signed();
        if matches!(op, Binary::Div | Binary::Mod) {
            return self.divide(op, signed, a, b);
        }
        let ins = self.builder.ins();
        match op {
            Binary::Add => ins.iadd(a, b),
            Binary::Sub => ins.isub(a, b),
            Binary::Mul => ins.imul(a, b),
            Binary::And => ins.band(a, b),
            Binary::Or => ins.bor(a, b),
            Binary::Xor => ins.bxor(a, b),
            Binary::Lsh => ins.ishl(a, b),
            Binary::Rsh if signed => ins.sshr(a, b),
            Binary::Rsh => ins.ushr(a, b),
            Binary::MulHi if signed => ins.smulhi(a, b),
            Binary::MulHi => ins.umulhi(a, b),
            Binary::Fold => {
                let low = ins.imul(a, b);
                let high = self.builder.ins().umulhi(a, b);
                self.builder.ins().bxor(low, high)
            }
            Binary::Cksum | Binary::Div | Binary::Mod => {
                let sum = ins.iadd(a, b);
                let carry = self.builder.ins().icmp(IntCC::UnsignedLessThan, sum, a);
                let carry = self.builder.ins().uextend(register(ty), carry);
                self.builder.ins().iadd(sum, carry)
            }
        }
    }

    fn divide(&mut self, op: Binary, signed: bool, a: Value, b: Value) -> Value {
        let ty = self.builder.func.dfg.value_type(a);
        let one = self.builder.ins().iconst(ty, 1);
        let zero = self.builder.ins().iconst(ty, 0);
        let is_zero = self.builder.ins().icmp(IntCC::Equal, b, zero);
        let mut safe = self.builder.ins().select(is_zero, one, b);
        let minus = self.builder.ins().bnot(zero);
        let is_minus = self.builder.ins().icmp(IntCC::Equal, b, minus);
        if signed {
            safe = self.builder.ins().select(is_minus, one, safe);
        }
        match (op, signed) {
            (Binary::Div, true) => {
                let quotient = self.builder.ins().sdiv(a, safe);
                let negated = self.builder.ins().ineg(a);
                let quotient = self.builder.ins().select(is_minus, negated, quotient);
                self.builder.ins().select(is_zero, zero, quotient)
            }
            (Binary::Div, false) => {
                let quotient = self.builder.ins().udiv(a, safe);
                self.builder.ins().select(is_zero, zero, quotient)
            }
            (_, signed) => {
                let ins = self.builder.ins();
                let remainder = if signed {
                    ins.srem(a, safe)
                } else {
                    ins.urem(a, safe)
                };
                self.builder.ins().select(is_zero, a, remainder)
            }
        }
    }

    fn unary(&mut self, op: Unary, a: Value) -> Value {
        let ins = self.builder.ins();
        match op {
            Unary::Com => ins.bnot(a),
            Unary::Neg => ins.ineg(a),
            Unary::Mov => a,
            Unary::Bswap => ins.bswap(a),
            Unary::Not => {
                let ty = self.builder.func.dfg.value_type(a);
                let zero = self.builder.ins().iconst(ty, 0);
                self.builder.ins().icmp(IntCC::Equal, a, zero)
            }
        }
    }

    /// A value of the first type as one of the second; narrower ones are extended to 32 bits.
    fn convert(&mut self, from: Ty, to: Ty, a: Value) -> Value {
        let (given, wanted) = (memory(from), memory(to));
        if wanted.bits() > given.bits() {
            let ins = self.builder.ins();
            return if from.is_signed() {
                ins.sextend(wanted, a)
            } else {
                ins.uextend(wanted, a)
            };
        }
        let cut = if wanted == given {
            a
        } else {
            self.builder.ins().ireduce(wanted, a)
        };
        self.widen(to, cut)
    }

    /// A value as loaded, extended to 32 bits if narrower.
    fn widen(&mut self, ty: Ty, value: Value) -> Value {
        if memory(ty).bits() >= 32 {
            return value;
        }
        let ins = self.builder.ins();
        if ty.is_signed() {
            ins.sextend(I32, value)
        } else {
            ins.uextend(I32, value)
        }
    }

    fn branch(&mut self, branch: Branch, slot: Option<Op>) {
        let holds = match branch {
            Branch::Compare(compare, ty, a, b, _) => Some(self.compare(compare, ty, a, b)),
            Branch::Jump(_) => None,
        };
        if let Some(slot) = slot {
            self.op(slot);
        }
        match (branch, holds) {
            (Branch::Compare(.., label), Some(holds)) => {
                let (then, next) = (self.block(label), self.builder.create_block());
                self.builder.ins().brif(holds, then, &[], next, &[]);
                self.go_on(next);
            }
            (Branch::Jump(label) | Branch::Compare(.., label), _) => {
                let then = self.block(label);
                self.builder.ins().jump(then, &[]);
                self.closed = true;
            }
        }
    }

    fn table(&mut self, index: Reg, labels: &[Label]) {
        let index = self.read(Ty::U, index);
        let next = self.builder.create_block();
        let blocks: Vec<Block> = labels.iter().map(|&label| self.block(label)).collect();
        let pool = &mut self.builder.func.dfg.value_lists;
        let mut call =
            |block: Block| cranelift_codegen::ir::BlockCall::new(block, core::iter::empty(), pool);
        let cases: Vec<_> = blocks.into_iter().map(&mut call).collect();
        let table = JumpTableData::new(call(next), &cases);
        let table = self.builder.create_jump_table(table);
        self.builder.ins().br_table(index, table);
        self.go_on(next);
    }

    fn call(&mut self, callee: Callee, arguments: &[Src], result: Option<Reg>) {
        let callee = match callee {
            Callee::Address(address) => self.src(Ty::Ul, Src::Imm(address as i64)),
            Callee::Reg(reg) => self.word(reg),
        };
        let arguments: Vec<Value> = arguments
            .iter()
            .map(|&argument| self.src(Ty::Ul, argument))
            .collect();
        let signature = abi::signature(self.convention, arguments.len(), result.is_some());
        let signature = self.builder.import_signature(signature);
        let call = self
            .builder
            .ins()
            .call_indirect(signature, callee, &arguments);
        if let (Some(d), Some(&value)) = (result, self.builder.inst_results(call).first()) {
            self.write(d, value);
        }
    }

    fn ret(&mut self, value: Option<(Ty, Src)>) {
        let (ty, value) = value.unwrap_or((Ty::Ul, Src::Imm(0)));
        let value = self.src(ty, value);
        let value = self.extended(value);
        let values: &[Value] = if self.function.returns_value {
            &[value]
        } else {
            &[]
        };
        self.builder.ins().return_(values);
        self.closed = true;
    }

    fn compare(&mut self, compare: Compare, ty: Ty, a: Reg, b: Src) -> Value {
        let (a, b) = (self.read(ty, a), self.src(ty, b));
        let code = match (compare, ty.is_signed()) {
            (Compare::Eq, _) => IntCC::Equal,
            (Compare::Ne, _) => IntCC::NotEqual,
            (Compare::Lt, true) => IntCC::SignedLessThan,
            (Compare::Le, true) => IntCC::SignedLessThanOrEqual,
            (Compare::Gt, true) => IntCC::SignedGreaterThan,
            (Compare::Ge, true) => IntCC::SignedGreaterThanOrEqual,
            (Compare::Lt, false) => IntCC::UnsignedLessThan,
            (Compare::Le, false) => IntCC::UnsignedLessThanOrEqual,
            (Compare::Gt, false) => IntCC::UnsignedGreaterThan,
            (Compare::Ge, false) => IntCC::UnsignedGreaterThanOrEqual,
        };
        self.builder.ins().icmp(code, a, b)
    }

    fn address(&mut self, base: Reg, offset: Offset) -> (Value, i32) {
        let base = self.word(base);
        match offset {
            Offset::Imm(displacement) => (base, displacement),
            Offset::Index(index, scale, displacement) => {
                let index = self.word(index);
                let shift = match scale {
                    Scale::X1 => 0,
                    Scale::X2 => 1,
                    Scale::X4 => 2,
                    Scale::X8 => 3,
                };
                let count = self.builder.ins().iconst(I32, shift);
                let scaled = self.builder.ins().ishl(index, count);
                (self.builder.ins().iadd(base, scaled), displacement)
            }
        }
    }

    /// Continues in a block that has all its predecessors.
    fn go_on(&mut self, block: Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
    }

    fn block(&self, label: Label) -> Block {
        // `Recorded` has been checked: every label is bound before the last step.
        let at = self.function.position(label);
        self.blocks
            .get(at)
            .copied()
            .flatten()
            .unwrap_or(Block::from_u32(0))
    }

    /// The low bits of a register, as many as the type has.
    fn read(&mut self, ty: Ty, reg: Reg) -> Value {
        let word = self.word(reg);
        match memory(ty) {
            I64 => word,
            narrow => self.builder.ins().ireduce(narrow, word),
        }
    }

    fn word(&mut self, reg: Reg) -> Value {
        let variable = self.variables[reg.number() as usize % REGISTERS];
        self.builder.use_var(variable)
    }

    fn src(&mut self, ty: Ty, src: Src) -> Value {
        match src {
            Src::Reg(reg) => self.read(ty, reg),
            Src::Imm(value) if ty.is_word() => self.builder.ins().iconst(I64, value),
            Src::Imm(value) => self
                .builder
                .ins()
                .iconst(register(ty), i64::from(value as u32)),
        }
    }

    fn write(&mut self, d: Reg, value: Value) {
        let value = self.extended(value);
        self.builder
            .def_var(self.variables[d.number() as usize % REGISTERS], value);
    }

    fn extended(&mut self, value: Value) -> Value {
        if self.builder.func.dfg.value_type(value) == I64 {
            return value;
        }
        self.builder.ins().uextend(I64, value)
    }
}

/// The steps that are gone to from themselves or later ones.
fn looped(function: &Recorded) -> Vec<bool> {
    let mut looped = alloc::vec![false; function.steps.len()];
    for (at, step) in function.steps.iter().enumerate() {
        for &label in step.labels() {
            let position = function.position(label);
            if position <= at {
                looped[position] = true;
            }
        }
    }
    looped
}

/// The Cranelift type of a value in memory.
const fn memory(ty: Ty) -> Type {
    match ty {
        Ty::C | Ty::Uc => I8,
        Ty::S | Ty::Us => I16,
        Ty::I | Ty::U => I32,
        Ty::L | Ty::Ul | Ty::P => I64,
    }
}

/// The Cranelift type of a value computed with.
const fn register(ty: Ty) -> Type {
    if ty.is_word() { I64 } else { I32 }
}
