//! The list of portable instructions, and an instruction as data.
//!
//! Problem: assembler methods, the oracle, random programs and the reference must name the same
//! instructions. Method: [`for_each_op!`](crate::for_each_op) lists each once; all of them expand from it. `n` is the width
//! of the type: 32 for `i` and `u`, the machine word for `l`, `ul` and `p`.
//!
//! **Meaning, the same on every target.** A register holds a word. An instruction of a 32-bit type reads
//! the low 32 bits of its operands and clears the rest of its result. Arithmetic wraps. A shift count is
//! taken modulo `n`. A quotient by zero is 0 and its remainder the dividend; the smallest number divided
//! by −1 is itself, remainder 0. `ld` and `st` want natural alignment, `uld` and `ust` do not. An
//! immediate stands wherever the last operand does; it is cut to the type's width.
//!
//! Left out: floating point, and anything that traps.

use crate::{Label, Reg, Ty};

/// Calls the macro `$m` with the whole list of portable instructions.
///
/// Sections give the format. A row is an operation, its meaning, and the names of its instructions, one
/// per type.
#[macro_export]
macro_rules! for_each_op {
    ($m:ident) => {
        $m! {
            binary {
                Add "d = a + b": addi I, addu U, addl L, addul Ul, addp P;
                Sub "d = a - b": subi I, subu U, subl L, subul Ul, subp P;
                Mul "d = low half of a × b": muli I, mulu U, mull L, mulul Ul;
                Div "d = a ÷ b towards zero; 0 if b = 0": divi I, divu U, divl L, divul Ul;
                Mod "d = remainder of a ÷ b, with the sign of a; a if b = 0": modi I, modu U, modl L, modul Ul;
                And "d = a and b, bit by bit": andi I, andu U, andl L, andul Ul;
                Or "d = a or b, bit by bit": ori I, oru U, orl L, orul Ul;
                Xor "d = a exclusive-or b, bit by bit": xori I, xoru U, xorl L, xorul Ul;
                Lsh "d = a shifted left by b modulo n": lshi I, lshu U, lshl L, lshul Ul;
                Rsh "d = a shifted right by b modulo n, filled with the sign if signed": rshi I, rshu U, rshl L, rshul Ul;
                MulHi "d = high half of the 2n-bit product a × b": mulhii I, mulhiu U, mulhil L, mulhiul Ul;
                Fold "d = low half exclusive-or high half of the 2n-bit product a × b": foldu U, foldul Ul;
                Cksum "d = a + b, plus 1 if that carried: a step of a one's-complement sum": cksumu U, cksumul Ul;
            }
            unary {
                Com "d = complement of a, bit by bit": comi I, comu U, coml L, comul Ul;
                Not "d = 1 if a = 0, else 0": noti I, notu U, notl L, notul Ul;
                Mov "d = a": movi I, movu U, movl L, movul Ul, movp P;
                Neg "d = 0 - a": negi I, negu U, negl L, negul Ul;
                Bswap "d = the bytes of a (of its low half for us) in reverse order": bswapus Us, bswapu U, bswapul Ul;
            }
            convert {
                cvi2c I C, cvi2uc I Uc, cvi2s I S, cvi2us I Us, cvi2u I U, cvi2l I L, cvi2ul I Ul,
                cvu2i U I, cvu2l U L, cvu2ul U Ul,
                cvl2i L I, cvl2u L U, cvl2ul L Ul, cvul2i Ul I, cvul2u Ul U, cvul2l Ul L, cvul2p Ul P, cvp2ul P Ul,
            }
            set { seti I, setu U, setl L, setul Ul, setp P, }
            load {
                ldc C Natural, lduc Uc Natural, lds S Natural, ldus Us Natural, ldi I Natural, ldu U Natural,
                ldl L Natural, ldul Ul Natural, ldp P Natural,
                ulds S Any, uldus Us Any, uldi I Any, uldu U Any, uldl L Any, uldul Ul Any, uldp P Any,
            }
            store {
                stc C Natural, stuc Uc Natural, sts S Natural, stus Us Natural, sti I Natural, stu U Natural,
                stl L Natural, stul Ul Natural, stp P Natural,
                usts S Any, ustus Us Any, usti I Any, ustu U Any, ustl L Any, ustul Ul Any, ustp P Any,
            }
            compare {
                Lt "a < b": blti cmovlti I, bltu cmovltu U, bltl cmovltl L, bltul cmovltul Ul, bltp cmovltp P;
                Le "a ≤ b": blei cmovlei I, bleu cmovleu U, blel cmovlel L, bleul cmovleul Ul, blep cmovlep P;
                Gt "a > b": bgti cmovgti I, bgtu cmovgtu U, bgtl cmovgtl L, bgtul cmovgtul Ul, bgtp cmovgtp P;
                Ge "a ≥ b": bgei cmovgei I, bgeu cmovgeu U, bgel cmovgel L, bgeul cmovgeul Ul, bgep cmovgep P;
                Eq "a = b": beqi cmoveqi I, bequ cmovequ U, beql cmoveql L, bequl cmovequl Ul, beqp cmoveqp P;
                Ne "a ≠ b": bnei cmovnei I, bneu cmovneu U, bnel cmovnel L, bneul cmovneul Ul, bnep cmovnep P;
            }
            ret { reti I, retu U, retl L, retul Ul, retp P, }
        }
    };
}

macro_rules! declare {
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
        /// Operations `d = a op b`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Binary { $( #[doc = $bin_doc] $Bin ),+ }

        /// Operations `d = op a`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Unary { $( #[doc = $un_doc] $Un ),+ }

        /// Comparisons of branches and conditional moves.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Compare { $( #[doc = $cmp_doc] $Cmp ),+ }

        /// The names and types of all portable instructions, for random programs and for reference pages.
        pub const LIST: &[Entry] = &[
            $( $( Entry { name: stringify!($bin), meaning: $bin_doc, form: Form::Binary(Binary::$Bin, Ty::$BinTy) }, )+ )+
            $( $( Entry { name: stringify!($un), meaning: $un_doc, form: Form::Unary(Unary::$Un, Ty::$UnTy) }, )+ )+
            $( Entry {
                name: stringify!($cv),
                meaning: "d = a, cut or extended to the second type",
                form: Form::Convert(Ty::$From, Ty::$To),
            }, )+
            $( Entry { name: stringify!($set), meaning: "d = constant", form: Form::Set(Ty::$SetTy) }, )+
            $( Entry {
                name: stringify!($ld),
                meaning: "d = memory at base + offset, extended to 32 bits if narrower",
                form: Form::Load(Ty::$LdTy, Align::$LdAlign),
            }, )+
            $( Entry {
                name: stringify!($st),
                meaning: "memory at base + offset = low bits of a",
                form: Form::Store(Ty::$StTy, Align::$StAlign),
            }, )+
            $( $( Entry {
                name: stringify!($branch),
                meaning: concat!("go to label if ", $cmp_doc),
                form: Form::Branch(Compare::$Cmp, Ty::$CmpTy),
            }, )+ )+
            $( $( Entry {
                name: stringify!($cmov),
                meaning: concat!("d = s, the whole word, if ", $cmp_doc),
                form: Form::CondMove(Compare::$Cmp, Ty::$CmpTy),
            }, )+ )+
            $( Entry { name: stringify!($ret), meaning: "return a", form: Form::Return(Ty::$RetTy) }, )+
            Entry { name: "ret", meaning: "return nothing", form: Form::Control },
            Entry { name: "jump", meaning: "go to label", form: Form::Control },
            Entry {
                name: "jump_table",
                meaning: "go to the label at index a (of type u); go on if there is none",
                form: Form::Control,
            },
            Entry { name: "call", meaning: "call an address with arguments (VCODE's jal)", form: Form::Control },
            Entry { name: "nop", meaning: "nothing", form: Form::Control },
        ];

        impl Form {
            /// Whether [`LIST`] has an instruction of this form.
            #[must_use]
            pub const fn is_listed(self) -> bool {
                match self {
                    $( $( Self::Binary(Binary::$Bin, Ty::$BinTy) => true, )+ )+
                    $( $( Self::Unary(Unary::$Un, Ty::$UnTy) => true, )+ )+
                    $( Self::Convert(Ty::$From, Ty::$To) => true, )+
                    $( Self::Set(Ty::$SetTy) => true, )+
                    $( Self::Load(Ty::$LdTy, Align::$LdAlign) => true, )+
                    $( Self::Store(Ty::$StTy, Align::$StAlign) => true, )+
                    $( $( Self::Branch(Compare::$Cmp, Ty::$CmpTy) => true, )+ )+
                    $( $( Self::CondMove(Compare::$Cmp, Ty::$CmpTy) => true, )+ )+
                    $( Self::Return(Ty::$RetTy) => true, )+
                    Self::Control => true,
                    _ => false,
                }
            }
        }
    };
}
for_each_op!(declare);

/// One line of [`LIST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name of the method of [`Assembler`](crate::Assembler).
    pub name: &'static str,
    /// What it does, in a line.
    pub meaning: &'static str,
    /// Its format, operation and types.
    pub form: Form,
}

/// The format of an instruction, without its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `d = a op b`.
    Binary(Binary, Ty),
    /// `d = op a`.
    Unary(Unary, Ty),
    /// `d = a`, from the first type to the second.
    Convert(Ty, Ty),
    /// `d = constant`.
    Set(Ty),
    /// `d = memory`.
    Load(Ty, Align),
    /// `memory = a`.
    Store(Ty, Align),
    /// Conditional branch.
    Branch(Compare, Ty),
    /// Conditional move.
    CondMove(Compare, Ty),
    /// Return of a value.
    Return(Ty),
    /// Everything without a type.
    Control,
}

/// What a memory access may assume of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Align {
    /// The address is a multiple of the access's width.
    Natural,
    /// Any address.
    Any,
}

/// The last operand of an instruction: a register or an immediate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Src {
    /// The contents of a register.
    Reg(Reg),
    /// A constant, cut to the width of the instruction's type.
    Imm(i64),
}

impl From<Reg> for Src {
    #[inline(always)]
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

macro_rules! src_from {
    ($($int:ty),+) => { $(
        impl From<$int> for Src {
            #[inline(always)]
            fn from(value: $int) -> Self {
                Self::Imm(value as i64)
            }
        }
    )+ };
}
src_from!(i32, u32, i64, u64, usize);

/// What is added to the base register of a memory access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offset {
    /// A signed constant.
    Imm(i32),
    /// A register, a whole word, times 1, 2, 4 or 8, plus a signed constant.
    Index(Reg, Scale, i32),
}

/// What an index register is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Times 1.
    X1,
    /// Times 2.
    X2,
    /// Times 4.
    X4,
    /// Times 8.
    X8,
}

impl From<i32> for Offset {
    #[inline(always)]
    fn from(value: i32) -> Self {
        Self::Imm(value)
    }
}

impl From<Reg> for Offset {
    #[inline(always)]
    fn from(reg: Reg) -> Self {
        Self::Index(reg, Scale::X1, 0)
    }
}

impl From<(Reg, i32)> for Offset {
    #[inline(always)]
    fn from((reg, displacement): (Reg, i32)) -> Self {
        Self::Index(reg, Scale::X1, displacement)
    }
}

impl From<(Reg, Scale, i32)> for Offset {
    #[inline(always)]
    fn from((reg, scale, displacement): (Reg, Scale, i32)) -> Self {
        Self::Index(reg, scale, displacement)
    }
}

/// What a call calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Callee {
    /// A function of the host's C calling convention at this address.
    Address(u64),
    /// The same, with its address in a register.
    Reg(Reg),
}

/// An instruction that computes or moves and goes on to the next: what a delay slot may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `d = a op b`.
    Binary(Binary, Ty, Reg, Reg, Src),
    /// `d = op a`.
    Unary(Unary, Ty, Reg, Reg),
    /// `d = a`, from the first type to the second.
    Convert(Ty, Ty, Reg, Reg),
    /// `d = constant`.
    Set(Ty, Reg, i64),
    /// `d = memory at base + offset`.
    Load(Ty, Align, Reg, Reg, Offset),
    /// `memory at base + offset = a`.
    Store(Ty, Align, Reg, Reg, Offset),
    /// `d = s if a compare b`: the operands are `d, s, a, b`.
    CondMove(Compare, Ty, Reg, Reg, Reg, Src),
}

/// An instruction that branches and has a delay slot where the machine has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// Go to the label.
    Jump(Label),
    /// Go to the label if `a compare b`.
    Compare(Compare, Ty, Reg, Src, Label),
}

impl Op {
    /// The register it writes, if any.
    #[must_use]
    pub const fn writes(&self) -> Option<Reg> {
        match *self {
            Self::Binary(_, _, d, ..)
            | Self::Unary(_, _, d, _)
            | Self::Convert(_, _, d, _)
            | Self::Set(_, d, _)
            | Self::Load(_, _, d, ..)
            | Self::CondMove(_, _, d, ..) => Some(d),
            Self::Store(..) => None,
        }
    }

    /// Its format, to look it up in [`LIST`].
    #[must_use]
    pub const fn form(&self) -> Form {
        match *self {
            Self::Binary(op, ty, ..) => Form::Binary(op, ty),
            Self::Unary(op, ty, ..) => Form::Unary(op, ty),
            Self::Convert(from, to, ..) => Form::Convert(from, to),
            Self::Set(ty, ..) => Form::Set(ty),
            Self::Load(ty, align, ..) => Form::Load(ty, align),
            Self::Store(ty, align, ..) => Form::Store(ty, align),
            Self::CondMove(cmp, ty, ..) => Form::CondMove(cmp, ty),
        }
    }
}

impl Branch {
    /// Its format, to look it up in [`LIST`].
    #[must_use]
    pub const fn form(&self) -> Form {
        match *self {
            Self::Jump(_) => Form::Control,
            Self::Compare(compare, ty, ..) => Form::Branch(compare, ty),
        }
    }

    /// Whether it reads the register.
    #[must_use]
    pub fn reads(&self, reg: Reg) -> bool {
        match *self {
            Self::Jump(_) => false,
            Self::Compare(_, _, a, b, _) => a == reg || b == Src::Reg(reg),
        }
    }
}
