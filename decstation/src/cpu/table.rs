//! The instruction set of the R2000 and R3000: one line for each instruction.
//!
//! A line gives the variant of [`Op`](super::decode::Op), the name an assembler knows, the space of
//! the encoding and the code in it, the format of its operands, and what it does. The decoder, the
//! printer and the interpreter all expand from this list ([`super::decode`], [`super::disassemble`],
//! [`super::execute`]).
//!
//! What an instruction does is an expression over the core `c` and its operands `x`: `x.s` and
//! `x.t` are the values of the source registers that the format names, `x.d` is the destination's
//! number, `x.i` the immediate as the format extends it. Encodings and formats follow appendix A of
//! Kane, "MIPS RISC Architecture", which leaves unused fields unchecked, as the chip does.

/// Calls the macro `$then` with the whole list.
macro_rules! for_each_instruction {
    ($then:ident) => {
        $then! {
            Sll     "sll"     Special 0x00 Shift          |c, x| c.set(x.d, x.t << x.i);
            Srl     "srl"     Special 0x02 Shift          |c, x| c.set(x.d, x.t >> x.i);
            Sra     "sra"     Special 0x03 Shift          |c, x| c.set(x.d, ((x.t as i32) >> x.i) as u32);
            Sllv    "sllv"    Special 0x04 ShiftVariable  |c, x| c.set(x.d, x.t << (x.s & 31));
            Srlv    "srlv"    Special 0x06 ShiftVariable  |c, x| c.set(x.d, x.t >> (x.s & 31));
            Srav    "srav"    Special 0x07 ShiftVariable  |c, x| c.set(x.d, ((x.t as i32) >> (x.s & 31)) as u32);
            Jr      "jr"      Special 0x08 Source         |c, x| c.jump(x.s);
            Jalr    "jalr"    Special 0x09 LinkSource     |c, x| c.jump_and_link(x.s, x.d);
            Syscall "syscall" Special 0x0c Code           |c, _x| c.raise(Cause::Syscall);
            Break   "break"   Special 0x0d Code           |c, _x| c.raise(Cause::Breakpoint);
            Mfhi    "mfhi"    Special 0x10 Destination    |c, x| c.move_from_hi(x.d);
            Mthi    "mthi"    Special 0x11 Source         |c, x| c.move_to_hi(x.s);
            Mflo    "mflo"    Special 0x12 Destination    |c, x| c.move_from_lo(x.d);
            Mtlo    "mtlo"    Special 0x13 Source         |c, x| c.move_to_lo(x.s);
            Mult    "mult"    Special 0x18 Pair           |c, x| c.multiply(product_signed(x.s, x.t));
            Multu   "multu"   Special 0x19 Pair           |c, x| c.multiply(u64::from(x.s) * u64::from(x.t));
            Div     "div"     Special 0x1a Pair           |c, x| c.divide(quotient_signed(x.s, x.t));
            Divu    "divu"    Special 0x1b Pair           |c, x| c.divide(quotient_unsigned(x.s, x.t));
            Add     "add"     Special 0x20 Register       |c, x| c.set_unless_overflow(x.d, (x.s as i32).checked_add(x.t as i32));
            Addu    "addu"    Special 0x21 Register       |c, x| c.set(x.d, x.s.wrapping_add(x.t));
            Sub     "sub"     Special 0x22 Register       |c, x| c.set_unless_overflow(x.d, (x.s as i32).checked_sub(x.t as i32));
            Subu    "subu"    Special 0x23 Register       |c, x| c.set(x.d, x.s.wrapping_sub(x.t));
            And     "and"     Special 0x24 Register       |c, x| c.set(x.d, x.s & x.t);
            Or      "or"      Special 0x25 Register       |c, x| c.set(x.d, x.s | x.t);
            Xor     "xor"     Special 0x26 Register       |c, x| c.set(x.d, x.s ^ x.t);
            Nor     "nor"     Special 0x27 Register       |c, x| c.set(x.d, !(x.s | x.t));
            Slt     "slt"     Special 0x2a Register       |c, x| c.set(x.d, u32::from((x.s as i32) < (x.t as i32)));
            Sltu    "sltu"    Special 0x2b Register       |c, x| c.set(x.d, u32::from(x.s < x.t));

            Bltz    "bltz"    Regimm  0x00 BranchSource   |c, x| c.branch((x.s as i32) < 0, x.i);
            Bgez    "bgez"    Regimm  0x01 BranchSource   |c, x| c.branch((x.s as i32) >= 0, x.i);
            Bltzal  "bltzal"  Regimm  0x10 BranchLink     |c, x| c.branch_and_link((x.s as i32) < 0, x.i);
            Bgezal  "bgezal"  Regimm  0x11 BranchLink     |c, x| c.branch_and_link((x.s as i32) >= 0, x.i);

            J       "j"       Primary 0x02 Target         |c, x| c.jump_in_region(x.i);
            Jal     "jal"     Primary 0x03 TargetLink     |c, x| c.jump_in_region_and_link(x.i);
            Beq     "beq"     Primary 0x04 BranchPair     |c, x| c.branch(x.s == x.t, x.i);
            Bne     "bne"     Primary 0x05 BranchPair     |c, x| c.branch(x.s != x.t, x.i);
            Blez    "blez"    Primary 0x06 BranchSource   |c, x| c.branch((x.s as i32) <= 0, x.i);
            Bgtz    "bgtz"    Primary 0x07 BranchSource   |c, x| c.branch((x.s as i32) > 0, x.i);
            Addi    "addi"    Primary 0x08 Signed         |c, x| c.set_unless_overflow(x.d, (x.s as i32).checked_add(x.i as i32));
            Addiu   "addiu"   Primary 0x09 Signed         |c, x| c.set(x.d, x.s.wrapping_add(x.i));
            Slti    "slti"    Primary 0x0a Signed         |c, x| c.set(x.d, u32::from((x.s as i32) < (x.i as i32)));
            Sltiu   "sltiu"   Primary 0x0b Signed         |c, x| c.set(x.d, u32::from(x.s < x.i));
            Andi    "andi"    Primary 0x0c Unsigned       |c, x| c.set(x.d, x.s & x.i);
            Ori     "ori"     Primary 0x0d Unsigned       |c, x| c.set(x.d, x.s | x.i);
            Xori    "xori"    Primary 0x0e Unsigned       |c, x| c.set(x.d, x.s ^ x.i);
            Lui     "lui"     Primary 0x0f Upper          |c, x| c.set(x.d, x.i << 16);

            Lb      "lb"      Primary 0x20 Load           |c, x| c.load(x, Width::Byte, |value| value as u8 as i8 as u32);
            Lh      "lh"      Primary 0x21 Load           |c, x| c.load(x, Width::Half, |value| value as u16 as i16 as u32);
            Lwl     "lwl"     Primary 0x22 Load           |c, x| c.load_left(x);
            Lw      "lw"      Primary 0x23 Load           |c, x| c.load(x, Width::Word, |value| value);
            Lbu     "lbu"     Primary 0x24 Load           |c, x| c.load(x, Width::Byte, |value| value);
            Lhu     "lhu"     Primary 0x25 Load           |c, x| c.load(x, Width::Half, |value| value);
            Lwr     "lwr"     Primary 0x26 Load           |c, x| c.load_right(x);
            Sb      "sb"      Primary 0x28 Store          |c, x| c.store(x, Width::Byte);
            Sh      "sh"      Primary 0x29 Store          |c, x| c.store(x, Width::Half);
            Swl     "swl"     Primary 0x2a Store          |c, x| c.store_left(x);
            Sw      "sw"      Primary 0x2b Store          |c, x| c.store(x, Width::Word);
            Swr     "swr"     Primary 0x2e Store          |c, x| c.store_right(x);

            Mfc0    "mfc0"    Cop0    0x00 MoveFrom       |c, x| c.move_from_control(x.d, x.i);
            Mtc0    "mtc0"    Cop0    0x04 MoveTo         |c, x| c.move_to_control(x.t, x.i);
            Bc0f    "bc0f"    Cop0Branch 0x00 BranchBare  |c, x| c.branch_on_buffer(false, x.i);
            Bc0t    "bc0t"    Cop0Branch 0x01 BranchBare  |c, x| c.branch_on_buffer(true, x.i);
            Tlbr    "tlbr"    Cop0Function 0x01 Nothing   |c, _x| c.tlb_read();
            Tlbwi   "tlbwi"   Cop0Function 0x02 Nothing   |c, _x| c.tlb_write_indexed();
            Tlbwr   "tlbwr"   Cop0Function 0x06 Nothing   |c, _x| c.tlb_write_random();
            Tlbp    "tlbp"    Cop0Function 0x08 Nothing   |c, _x| c.tlb_probe();
            Rfe     "rfe"     Cop0Function 0x10 Nothing   |c, _x| c.restore_from_exception();

            Mfc1    "mfc1"    Cop1    0x00 MoveFromFloat  |c, x| c.move_from_float(x.d, x.i);
            Cfc1    "cfc1"    Cop1    0x02 MoveFromFloat  |c, x| c.move_from_float_control(x.d, x.i);
            Mtc1    "mtc1"    Cop1    0x04 MoveToFloat    |c, x| c.move_to_float(x.t, x.i);
            Ctc1    "ctc1"    Cop1    0x06 MoveToFloat    |c, x| c.move_to_float_control(x.t, x.i);
            Lwc1    "lwc1"    Primary 0x31 FloatMemory    |c, x| c.load_float(x);
            Swc1    "swc1"    Primary 0x39 FloatMemory    |c, x| c.store_float(x);

            Cop1    "cop1"    Primary 0x11 Coprocessor    |c, _x| c.coprocessor(1);
            Cop2    "cop2"    Primary 0x12 Coprocessor    |c, _x| c.coprocessor(2);
            Cop3    "cop3"    Primary 0x13 Coprocessor    |c, _x| c.coprocessor(3);
            Lwc2    "lwc2"    Primary 0x32 CoprocessorMemory |c, _x| c.coprocessor(2);
            Lwc3    "lwc3"    Primary 0x33 CoprocessorMemory |c, _x| c.coprocessor(3);
            Swc2    "swc2"    Primary 0x3a CoprocessorMemory |c, _x| c.coprocessor(2);
            Swc3    "swc3"    Primary 0x3b CoprocessorMemory |c, _x| c.coprocessor(3);
        }
    };
}
pub(crate) use for_each_instruction;
