//! Scheduling by the client: what stands in a branch's delay slot, where the machine has one.
//!
//! On a machine without delay slots the instruction is executed before the branch, which is the same, since it
//! may not write what the branch reads; a client that breaks that rule is told so.
//! `cargo run -p vcode --example delay_slot`

use vcode::op::{Align, Branch, Compare, Offset, Op, Src};
use vcode::x64::X64;
use vcode::{Assembler, Class, Error, Signature, Ty};

fn main() -> Result<(), Error> {
    let mut asm = Assembler::new(X64::new());
    let signature = Signature {
        params: &[Ty::P],
        result: Some(Ty::U),
        leaf: true,
    };
    let [packet] = asm.begin(&signature)?;
    let (kind, protocol) = (asm.getreg(Class::Temporary)?, asm.getreg(Class::Temporary)?);
    let reject = asm.label();
    // The next field is loaded while the branch on this one is under way.
    asm.uldus(kind, packet, 12);
    let load = Op::Load(Ty::Uc, Align::Any, protocol, packet, Offset::Imm(23));
    let branch = Branch::Compare(Compare::Ne, Ty::U, kind, Src::Imm(8), reject);
    let natural = Op::Load(Ty::Uc, Align::Natural, protocol, packet, Offset::Imm(23));
    asm.schedule_delay(branch, natural);
    asm.bneu(protocol, 6, reject);
    asm.retu(1);
    asm.bind(reject);
    asm.retu(0);
    println!("{:02x?}", asm.end()?.bytes());

    // A byte is aligned anywhere, so the list has no unaligned load of one: this is not an instruction.
    let [_] = asm.begin(&signature)?;
    let label = asm.label();
    asm.bind(label);
    asm.schedule_delay(Branch::Jump(label), load);
    println!("{}", asm.end().expect_err("not in the list"));

    // The slot would change what the branch decides on.
    let [_] = asm.begin(&signature)?;
    let label = asm.label();
    asm.bind(label);
    asm.schedule_delay(
        Branch::Compare(Compare::Eq, Ty::U, protocol, Src::Imm(6), label),
        natural,
    );
    println!("{}", asm.end().expect_err("a hazard"));
    Ok(())
}
