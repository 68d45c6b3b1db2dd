//! MIPS-I instructions, one line each: encoder, decoder, printer and parser expand from it.
//!
//! Problem: an encoder and a disassembler written apart drift apart. Method: a line is a name, the bits that
//! never change, and the operands as they are written; each letter of the operands names a field
//! ([`Field`]), so that the mask of the fixed bits, the text and its parser follow from it. Encoders
//! are `const` functions named after the instructions, their parameters in the order of the text. Left out:
//! floating point and the coprocessors 1 to 3.
//!
//! Source: Kane and Heinrich, *MIPS RISC Architecture*, appendix A (R2000, R3000).

/// Calls the macro `$m` with the list of instructions.
macro_rules! for_each_instruction {
    ($m:ident) => {
        $m! {
            sll     0x0000_0000 "d,t,h" "d = t shifted left by h";
            srl     0x0000_0002 "d,t,h" "d = t shifted right by h, filled with zeroes";
            sra     0x0000_0003 "d,t,h" "d = t shifted right by h, filled with the sign";
            sllv    0x0000_0004 "d,t,s" "d = t shifted left by s modulo 32";
            srlv    0x0000_0006 "d,t,s" "d = t shifted right by s modulo 32, filled with zeroes";
            srav    0x0000_0007 "d,t,s" "d = t shifted right by s modulo 32, filled with the sign";
            jr      0x0000_0008 "s" "Go to s";
            jalr    0x0000_0009 "d,s" "Go to s; d = address behind the delay slot";
            syscall 0x0000_000c "c" "System call exception";
            break_  0x0000_000d "k,q" "Breakpoint exception";
            mfhi    0x0000_0010 "d" "d = HI";
            mthi    0x0000_0011 "s" "HI = s";
            mflo    0x0000_0012 "d" "d = LO";
            mtlo    0x0000_0013 "s" "LO = s";
            mult    0x0000_0018 "s,t" "HI:LO = s × t, signed";
            multu   0x0000_0019 "s,t" "HI:LO = s × t, unsigned";
            div     0x0000_001a "$0,s,t" "LO = s ÷ t, HI = remainder, signed";
            divu    0x0000_001b "$0,s,t" "LO = s ÷ t, HI = remainder, unsigned";
            add     0x0000_0020 "d,s,t" "d = s + t; exception on overflow";
            addu    0x0000_0021 "d,s,t" "d = s + t";
            sub     0x0000_0022 "d,s,t" "d = s - t; exception on overflow";
            subu    0x0000_0023 "d,s,t" "d = s - t";
            and     0x0000_0024 "d,s,t" "d = s and t";
            or      0x0000_0025 "d,s,t" "d = s or t";
            xor     0x0000_0026 "d,s,t" "d = s exclusive-or t";
            nor     0x0000_0027 "d,s,t" "d = complement of (s or t)";
            slt     0x0000_002a "d,s,t" "d = 1 if s < t, signed, else 0";
            sltu    0x0000_002b "d,s,t" "d = 1 if s < t, unsigned, else 0";
            bltz    0x0400_0000 "s,b" "Branch if s < 0";
            bgez    0x0401_0000 "s,b" "Branch if s ≥ 0";
            bltzal  0x0410_0000 "s,b" "Branch if s < 0; register 31 = address behind the delay slot";
            bgezal  0x0411_0000 "s,b" "Branch if s ≥ 0; register 31 = address behind the delay slot";
            j       0x0800_0000 "j" "Go to j in the same 256 MB";
            jal     0x0c00_0000 "j" "Go to j in the same 256 MB; register 31 = address behind the delay slot";
            beq     0x1000_0000 "s,t,b" "Branch if s = t";
            bne     0x1400_0000 "s,t,b" "Branch if s ≠ t";
            blez    0x1800_0000 "s,b" "Branch if s ≤ 0";
            bgtz    0x1c00_0000 "s,b" "Branch if s > 0";
            addi    0x2000_0000 "t,s,i" "t = s + i; exception on overflow";
            addiu   0x2400_0000 "t,s,i" "t = s + i";
            slti    0x2800_0000 "t,s,i" "t = 1 if s < i, signed, else 0";
            sltiu   0x2c00_0000 "t,s,i" "t = 1 if s < i sign-extended, unsigned, else 0";
            andi    0x3000_0000 "t,s,u" "t = s and u";
            ori     0x3400_0000 "t,s,u" "t = s or u";
            xori    0x3800_0000 "t,s,u" "t = s exclusive-or u";
            lui     0x3c00_0000 "t,u" "t = u in the upper half";
            mfc0    0x4000_0000 "t,d" "t = system register d";
            mtc0    0x4080_0000 "t,d" "System register d = t";
            tlbr    0x4200_0001 "" "EntryHi, EntryLo = TLB entry Index";
            tlbwi   0x4200_0002 "" "TLB entry Index = EntryHi, EntryLo";
            tlbwr   0x4200_0006 "" "TLB entry Random = EntryHi, EntryLo";
            tlbp    0x4200_0008 "" "Index = TLB entry that matches EntryHi";
            rfe     0x4200_0010 "" "Restore mode and interrupt enable from the Status stack";
            lb      0x8000_0000 "t,i(s)" "t = byte at s + i, sign-extended";
            lh      0x8400_0000 "t,i(s)" "t = halfword at s + i, sign-extended";
            lwl     0x8800_0000 "t,i(s)" "Upper bytes of t = word that ends at s + i";
            lw      0x8c00_0000 "t,i(s)" "t = word at s + i";
            lbu     0x9000_0000 "t,i(s)" "t = byte at s + i";
            lhu     0x9400_0000 "t,i(s)" "t = halfword at s + i";
            lwr     0x9800_0000 "t,i(s)" "Lower bytes of t = word that starts at s + i";
            sb      0xa000_0000 "t,i(s)" "Byte at s + i = t";
            sh      0xa400_0000 "t,i(s)" "Halfword at s + i = t";
            swl     0xa800_0000 "t,i(s)" "Word that ends at s + i = upper bytes of t";
            sw      0xac00_0000 "t,i(s)" "Word at s + i = t";
            swr     0xb800_0000 "t,i(s)" "Word that starts at s + i = lower bytes of t";
        }
    };
}

/// A line of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    name: &'static str,
    /// The bits that never change, in their places.
    pub bits: u32,
    /// The operands as they are written: fields and punctuation.
    pub operands: &'static str,
    /// What it does, in a line.
    pub meaning: &'static str,
}

impl Row {
    /// The name that assemblers know.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name.trim_end_matches('_')
    }

    /// Which bits of an instruction never change.
    #[must_use]
    pub fn mask(&self) -> u32 {
        let fields = self.operands.chars().filter_map(Field::of);
        !fields.fold(0, |mask, field| mask | field.mask())
    }

    /// The line of the instruction, if it is one of MIPS-I.
    #[must_use]
    pub fn of(word: u32) -> Option<&'static Self> {
        LIST.iter().find(|row| word & row.mask() == row.bits)
    }
}

/// A variable part of an instruction: a number of `width` bits from bit `low` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// How it is written.
    pub kind: Kind,
    low: u32,
    width: u32,
}

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A register.
    Register,
    /// A number without sign.
    Unsigned,
    /// A number with sign.
    Signed,
    /// The distance of a branch, in words from its delay slot.
    Branch,
    /// A jump, as a word of its 256 MB.
    Jump,
}

impl Field {
    /// The field that a letter of the operands names.
    #[must_use]
    pub const fn of(letter: char) -> Option<Self> {
        let (kind, low, width) = match letter {
            's' => (Kind::Register, 21, 5),
            't' => (Kind::Register, 16, 5),
            'd' => (Kind::Register, 11, 5),
            'h' => (Kind::Unsigned, 6, 5),
            'i' => (Kind::Signed, 0, 16),
            'u' => (Kind::Unsigned, 0, 16),
            'b' => (Kind::Branch, 0, 16),
            'j' => (Kind::Jump, 0, 26),
            'c' => (Kind::Unsigned, 6, 20),
            'k' => (Kind::Unsigned, 16, 10),
            'q' => (Kind::Unsigned, 6, 10),
            _ => return None,
        };
        Some(Self { kind, low, width })
    }

    /// Its bits in the instruction.
    #[must_use]
    pub const fn mask(self) -> u32 {
        ((1 << self.width) - 1) << self.low
    }

    /// What it holds in the instruction, without sign.
    #[must_use]
    pub const fn get(self, word: u32) -> u32 {
        (word & self.mask()) >> self.low
    }

    /// The value in its place, cut to its width.
    #[inline(always)]
    #[must_use]
    pub const fn put(self, value: u32) -> u32 {
        value << self.low & self.mask()
    }
}

#[inline(always)]
const fn s(register: u8) -> u32 {
    (register as u32) << 21
}

#[inline(always)]
const fn t(register: u8) -> u32 {
    (register as u32) << 16
}

#[inline(always)]
const fn d(register: u8) -> u32 {
    (register as u32) << 11
}

/// Encoders of one instruction, by the form of its operands.
macro_rules! encoder {
    ($name:ident $bits:literal "d,t,h" $doc:literal) => {
        encoder! { @ $name $bits $doc (d: u8, t: u8, h: u32) (self::d(d) | self::t(t) | h << 6) }
    };
    ($name:ident $bits:literal "d,t,s" $doc:literal) => {
        encoder! { @ $name $bits $doc (d: u8, t: u8, s: u8) (self::d(d) | self::t(t) | self::s(s)) }
    };
    ($name:ident $bits:literal "d,s,t" $doc:literal) => {
        encoder! { @ $name $bits $doc (d: u8, s: u8, t: u8) (self::d(d) | self::s(s) | self::t(t)) }
    };
    ($name:ident $bits:literal "d,s" $doc:literal) => {
        encoder! { @ $name $bits $doc (d: u8, s: u8) (self::d(d) | self::s(s)) }
    };
    ($name:ident $bits:literal "s,t" $doc:literal) => {
        encoder! { @ $name $bits $doc (s: u8, t: u8) (self::s(s) | self::t(t)) }
    };
    ($name:ident $bits:literal "$0,s,t" $doc:literal) => {
        encoder! { @ $name $bits $doc (s: u8, t: u8) (self::s(s) | self::t(t)) }
    };
    ($name:ident $bits:literal "t,d" $doc:literal) => {
        encoder! { @ $name $bits $doc (t: u8, d: u8) (self::t(t) | self::d(d)) }
    };
    ($name:ident $bits:literal "s" $doc:literal) => {
        encoder! { @ $name $bits $doc (s: u8) (self::s(s)) }
    };
    ($name:ident $bits:literal "d" $doc:literal) => {
        encoder! { @ $name $bits $doc (d: u8) (self::d(d)) }
    };
    ($name:ident $bits:literal "c" $doc:literal) => {
        encoder! { @ $name $bits $doc (c: u32) (c << 6) }
    };
    ($name:ident $bits:literal "k,q" $doc:literal) => {
        encoder! { @ $name $bits $doc (k: u32, q: u32) (k << 16 | q << 6) }
    };
    ($name:ident $bits:literal "j" $doc:literal) => {
        encoder! { @ $name $bits $doc (j: u32) (j) }
    };
    ($name:ident $bits:literal "s,t,b" $doc:literal) => {
        encoder! { @ $name $bits $doc (s: u8, t: u8, b: u16) (self::s(s) | self::t(t) | b as u32) }
    };
    ($name:ident $bits:literal "s,b" $doc:literal) => {
        encoder! { @ $name $bits $doc (s: u8, b: u16) (self::s(s) | b as u32) }
    };
    ($name:ident $bits:literal "t,s,i" $doc:literal) => {
        encoder! { @ $name $bits $doc (t: u8, s: u8, i: i16) (self::t(t) | self::s(s) | i as u16 as u32) }
    };
    ($name:ident $bits:literal "t,s,u" $doc:literal) => {
        encoder! { @ $name $bits $doc (t: u8, s: u8, u: u16) (self::t(t) | self::s(s) | u as u32) }
    };
    ($name:ident $bits:literal "t,u" $doc:literal) => {
        encoder! { @ $name $bits $doc (t: u8, u: u16) (self::t(t) | u as u32) }
    };
    ($name:ident $bits:literal "t,i(s)" $doc:literal) => {
        encoder! { @ $name $bits $doc (t: u8, i: i16, s: u8) (self::t(t) | i as u16 as u32 | self::s(s)) }
    };
    ($name:ident $bits:literal "" $doc:literal) => {
        encoder! { @ $name $bits $doc () (0) }
    };
    (@ $name:ident $bits:literal $doc:literal ($($field:ident : $int:ty),*) ($fields:expr)) => {
        #[doc = concat!($doc, ".")]
        #[inline(always)]
        #[must_use]
        pub const fn $name($($field: $int),*) -> u32 {
            $bits | $fields
        }
    };
}

macro_rules! expand {
    ($( $name:ident $bits:literal $operands:tt $meaning:literal; )+) => {
        /// Every instruction of MIPS-I but those of coprocessors 1 to 3.
        pub const LIST: &[Row] = &[ $( Row {
            name: stringify!($name),
            bits: $bits,
            operands: $operands,
            meaning: $meaning,
        }, )+ ];

        $( encoder! { $name $bits $operands $meaning } )+
    };
}
for_each_instruction!(expand);

/// The instruction that does nothing: `sll $0,$0,0`.
pub const NOP: u32 = sll(0, 0, 0);

/// The registers whose fields are used as sources by any instruction with this word, and perhaps one more: a set
/// of bits by number, without register 0.
#[must_use]
pub const fn may_read(word: u32) -> u32 {
    (1 << (word >> 21 & 31) | 1 << (word >> 16 & 31)) & !1
}
