//! Every mistake a client can make is an error that says what was given and what is allowed, on every
//! backend; and the assembler is as good as new afterwards.

use vcode::buffer::CodeBuffer;
use vcode::interp::Interp;
use vcode::op::{Binary, Branch, Callee, Compare, Op, Src};
use vcode::x64::{MAX_TABLE, X64};
use vcode::{Assembler, Class, Error, ErrorKind, MAX_LOCALS, Signature, Target, Ty};

const LEAF: Signature<'_> = Signature {
    params: &[],
    result: None,
    leaf: true,
};
const CALLER: Signature<'_> = Signature {
    params: &[],
    result: None,
    leaf: false,
};

/// What `end` says after a function with this body, which is followed by a return.
fn error_of<T: Target>(
    asm: &mut Assembler<T>,
    signature: &Signature<'_>,
    body: impl FnOnce(&mut Assembler<T>),
) -> (ErrorKind, u64, u64) {
    let [] = asm.begin(signature).expect("no parameters");
    body(asm);
    asm.ret();
    let error = asm.end().map(|_| ()).expect_err("a mistake was made");
    let [] = asm.begin(&LEAF).expect("no parameters");
    asm.ret();
    assert!(
        asm.end().is_ok(),
        "the next function is not affected by {error}"
    );
    assert!(error.to_string().len() > 10);
    (error.kind(), error.given(), error.limit())
}

/// The mistakes that every target reports alike.
fn mistakes<T: Target>(target: T) {
    let asm = &mut Assembler::new(target);
    let [d, a, b] = [T::TEMPORARIES[0], T::TEMPORARIES[1], T::TEMPORARIES[2]];
    let unbound = error_of(asm, &LEAF, |asm| {
        let (bound, unbound) = (asm.label(), asm.label());
        asm.bind(bound);
        asm.beqi(a, 0, unbound);
    });
    assert_eq!(unbound, (ErrorKind::UnboundLabel, 1, 1));
    let unbound = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        asm.jump_table(a, &[label]);
    });
    assert_eq!((unbound.0, unbound.1), (ErrorKind::UnboundLabel, 0));
    let twice = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        asm.bind(label);
        asm.bind(label);
    });
    assert_eq!(twice, (ErrorKind::LabelBoundTwice, 0, 1));
    let foreign = {
        let [] = asm.begin(&LEAF).expect("no parameters");
        asm.label();
        asm.label()
    };
    assert_eq!(
        error_of(asm, &LEAF, |asm| asm.jump(foreign)),
        (ErrorKind::ForeignLabel, 1, 0)
    );
    assert_eq!(
        error_of(asm, &LEAF, |asm| asm.bind(foreign)),
        (ErrorKind::ForeignLabel, 1, 0)
    );
    let call = |asm: &mut Assembler<T>| asm.call(Callee::Address(16), &[], None);
    assert_eq!(error_of(asm, &LEAF, call), (ErrorKind::CallInLeaf, 1, 0));
    let many = vec![Src::Imm(0); T::MAX_ARGUMENTS + 1];
    let call = error_of(asm, &CALLER, |asm| {
        asm.call(Callee::Address(16), &many, None)
    });
    assert_eq!(
        call,
        (
            ErrorKind::TooManyArguments,
            many.len() as u64,
            T::MAX_ARGUMENTS as u64
        )
    );
    let slot = Op::Binary(Binary::Add, Ty::U, d, a, Src::Imm(1));
    let hazard = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        asm.schedule_delay(
            Branch::Compare(Compare::Eq, Ty::U, a, Src::Reg(d), label),
            slot,
        );
        asm.bind(label);
    });
    assert_eq!(hazard, (ErrorKind::DelayHazard, u64::from(d.number()), 0));
    let raw = error_of(asm, &LEAF, |asm| asm.raw_load(slot, 1));
    assert_eq!(raw.0, ErrorKind::NotDelayable);
    let unlisted = error_of(asm, &LEAF, |asm| {
        asm.op(Op::Binary(Binary::Div, Ty::P, d, a, Src::Reg(b)))
    });
    assert_eq!(unlisted.0, ErrorKind::NotInList);
    let unlisted = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        asm.bind(label);
        asm.branch(Branch::Compare(Compare::Eq, Ty::C, a, Src::Imm(0), label));
    });
    assert_eq!(unlisted.0, ErrorKind::NotInList);
    first_error_counts(asm);
    falling_off_the_end(asm);
    requests(asm);
}

fn first_error_counts<T: Target>(asm: &mut Assembler<T>) {
    let first = error_of(asm, &LEAF, |asm| {
        asm.raw_load(Op::Set(Ty::U, T::TEMPORARIES[0], 1), 1);
        asm.call(Callee::Address(16), &[], None);
    });
    assert_eq!(first.0, ErrorKind::NotDelayable);
}

fn falling_off_the_end<T: Target>(asm: &mut Assembler<T>) {
    let fall = |asm: &mut Assembler<T>, body: &dyn Fn(&mut Assembler<T>)| {
        let [] = asm.begin(&LEAF).expect("no parameters");
        body(asm);
        asm.end().map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(fall(asm, &|_| {}), Err(ErrorKind::NoReturn));
    assert_eq!(
        fall(asm, &|asm| asm.setu(T::TEMPORARIES[0], 1)),
        Err(ErrorKind::NoReturn)
    );
    let label_at_end = |asm: &mut Assembler<T>| {
        let end = asm.label();
        asm.jump(end);
        asm.bind(end);
    };
    assert_eq!(fall(asm, &label_at_end), Err(ErrorKind::NoReturn));
}

/// Mistakes that are reported at once.
fn requests<T: Target>(asm: &mut Assembler<T>) {
    assert_eq!(
        asm.end().map(|_| ()).map_err(|error| error.kind()),
        Err(ErrorKind::NotInFunction)
    );
    let params = vec![Ty::U; T::MAX_ARGUMENTS + 1];
    let many = asm
        .begin::<9>(&Signature {
            params: &params,
            ..LEAF
        })
        .expect_err("too many");
    assert_eq!(
        (many.kind(), many.given()),
        (ErrorKind::TooManyArguments, params.len() as u64)
    );
    assert!(asm.begin::<2>(&LEAF).is_err(), "two parameters of none");
    let [] = asm.begin(&LEAF).expect("no parameters");
    for (class, list) in [
        (Class::Temporary, T::TEMPORARIES),
        (Class::Persistent, T::PERSISTENTS),
    ] {
        let taken: Vec<_> = list
            .iter()
            .map(|_| asm.getreg(class).expect("as many as there are"))
            .collect();
        assert_eq!(taken, list);
        let error = asm.getreg(class).expect_err("none left");
        let count = list.len() as u64;
        assert_eq!(
            (error.kind(), error.given(), error.limit()),
            (ErrorKind::OutOfRegisters, count + 1, count)
        );
        asm.putreg(list[1]).expect("in use");
        assert_eq!(
            asm.putreg(list[1]).map_err(|error| error.kind()),
            Err(ErrorKind::RegisterNotInUse)
        );
        assert_eq!(asm.getreg(class), Ok(list[1]));
    }
    assert_eq!(
        asm.putreg(T::FRAME).map_err(|error| error.kind()),
        Err(ErrorKind::RegisterNotInUse)
    );
    asm.local(Ty::C).expect("room");
    let frame = asm
        .local_block(MAX_LOCALS, 8)
        .expect_err("one byte is taken");
    let limits = (u64::from(MAX_LOCALS) + 8, u64::from(MAX_LOCALS));
    assert_eq!(
        (frame.kind(), (frame.given(), frame.limit())),
        (ErrorKind::FrameLimit, limits)
    );
    assert!(asm.local_block(u32::MAX, 8).is_err());
}

#[test]
fn x64_reports_every_mistake() {
    mistakes(X64::new());
}

#[test]
fn the_oracle_reports_every_mistake() {
    mistakes(Interp::<64>::new());
    mistakes(Interp::<32>::new());
}

#[cfg(feature = "mips")]
#[test]
fn mips_reports_every_mistake() {
    mistakes(vcode::mips::Mips::new(&mut [0; 1024]));
}

#[cfg(feature = "mips")]
#[test]
fn a_buffer_for_mips_that_is_full_is_an_error_and_its_table_has_a_limit() {
    use vcode::mips::{MAX_TABLE, Mips};
    let mut buffer = [0; 1024];
    let asm = &mut Assembler::new(Mips::new(&mut buffer));
    let a = <Mips<1024> as Target>::TEMPORARIES[0];
    // Labels on both sides of many branches, far past the end of the buffer.
    let (kind, given, limit) = error_of(asm, &LEAF, |asm| {
        let labels = [asm.label(), asm.label()];
        asm.bind(labels[0]);
        for _ in 0..10_000 {
            asm.addu(a, a, 1);
            asm.beqi(a, 0, labels[1]);
            asm.bnei(a, 0, labels[0]);
        }
        asm.bind(labels[1]);
    });
    assert_eq!(kind, ErrorKind::BufferLimit);
    assert!(given > limit);
    let table = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        asm.jump_table(a, &vec![label; MAX_TABLE + 1]);
        asm.bind(label);
    });
    let limit = MAX_TABLE as u64;
    assert_eq!(table, (ErrorKind::TableLimit, limit + 1, limit));
}

#[cfg(feature = "clif")]
#[test]
fn cranelift_reports_every_mistake() {
    mistakes(vcode::clif::Clif::host().expect("Cranelift knows this host"));
}

#[test]
fn a_function_larger_than_the_buffer_may_be_is_an_error_and_stays_bounded() {
    let limit = 10_000;
    let asm = &mut Assembler::new(X64::with_limit(limit));
    let a = X64::TEMPORARIES[0];
    let (kind, given, allowed) = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        for _ in 0..100_000 {
            asm.addu(a, a, 1);
            asm.beqi(a, 0, label);
        }
        asm.bind(label);
    });
    assert_eq!((kind, allowed), (ErrorKind::BufferLimit, limit as u64));
    assert!(given > allowed);
    let [] = asm.begin(&LEAF).expect("no parameters");
    (0..2000).for_each(|_| asm.addu(a, a, 1));
    asm.ret();
    assert!(asm.end().is_ok_and(|code| code.bytes().len() < limit));
}

#[test]
fn a_table_of_too_many_labels_is_an_error() {
    let asm = &mut Assembler::new(X64::new());
    let table = error_of(asm, &LEAF, |asm| {
        let label = asm.label();
        asm.jump_table(X64::TEMPORARIES[0], &vec![label; MAX_TABLE + 1]);
        asm.bind(label);
    });
    assert_eq!(
        table,
        (
            ErrorKind::TableLimit,
            MAX_TABLE as u64 + 1,
            MAX_TABLE as u64
        )
    );
}

#[test]
fn a_field_too_narrow_for_its_distance_is_an_error() {
    // As a target with 18-bit branches would patch them.
    let reach = 1 << 17;
    let patch = |_: &mut [u8], at: usize, position: u32| {
        let distance = u64::from(position) - at as u64;
        if distance < reach {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::DisplacementRange, distance, reach))
        }
    };
    let mut buffer = CodeBuffer::new(1 << 20);
    for (bytes, expected) in [
        (reach - 1, Ok(())),
        (reach, Err((ErrorKind::DisplacementRange, reach, reach))),
    ] {
        buffer.begin(0);
        let label = buffer.label();
        buffer.refer(0, label);
        for _ in 0..bytes {
            let mut window = buffer.window();
            window.byte(0);
            window.commit();
        }
        buffer.bind(label);
        let result = buffer
            .resolve(patch)
            .map_err(|error| (error.kind(), error.given(), error.limit()));
        assert_eq!(result, expected);
    }
}
