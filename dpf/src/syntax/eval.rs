//! The meaning of the language, carried out literally: the judge of lowering.
//!
//! A packet is walked header by header from the root, each name of a filter by its own walk, and
//! conditions are evaluated with three values, exactly as [`Program`]'s documentation says. It is
//! slow and means to be obvious. It works on the checked tree and shares no code with the
//! canonical form or anything made from it.

use alloc::{vec, vec::Vec};

use super::program::{
    ArithmeticOp, CompareOp, Cond, Edge, Expr, FieldUse, Filter, Header, HeaderId, Place, PlaceId,
    Program, Step, WideRelation,
};

/// A value of Kleene's logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// No.
    False,
    /// The packet is too short to tell.
    Short,
    /// Yes: only this accepts.
    True,
}

/// Where a header was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is at this byte.
    At(u64),
    /// It is not there.
    Absent,
    /// The packet is too short to tell.
    Short,
}

/// Evaluates filters of one program.
#[derive(Debug)]
pub struct Evaluator<'p> {
    program: &'p Program,
    /// `[tunnels][from][to]`: whether `from` is `to`, or leads to it, through exactly so many
    /// tunnels.
    leads: [Vec<Vec<bool>>; 2],
}

impl<'p> Evaluator<'p> {
    /// Prepares for `program`.
    pub fn new(program: &'p Program) -> Evaluator<'p> {
        let count = program.headers.len();
        let lead = |tunnels| {
            (0..count)
                .map(|from| led_to(program, from, tunnels))
                .collect()
        };
        Evaluator {
            program,
            leads: [lead(0), lead(1)],
        }
    }

    /// The value of `filter`, one of this program's, for a packet of which `bytes` were captured
    /// out of `wirelen`.
    pub fn evaluate(&self, filter: &Filter, bytes: &[u8], wirelen: u32) -> Truth {
        let packet = Packet { bytes, wirelen };
        let places: Vec<Found> = filter
            .places
            .iter()
            .map(|place| self.find(place, packet))
            .collect();
        Frame {
            evaluator: self,
            packet,
            places: &places,
            base: Found::At(0),
        }
        .truth(&filter.condition)
    }

    /// The headers of a packet from the outside in, through every tunnel, with the byte each
    /// starts at: for showing a packet to a reader.
    pub fn headers(&self, bytes: &[u8], wirelen: u32) -> Vec<(HeaderId, u64)> {
        let packet = Packet { bytes, wirelen };
        let mut walk = Walk::new(self, packet);
        let mut found = Vec::new();
        let mut at = walk.start();
        while let Found::At(base) = at {
            found.push((walk.header, base));
            at = walk.next(|_| true);
        }
        found
    }

    fn find(&self, place: &Place, packet: Packet<'_>) -> Found {
        let mut walk = Walk::new(self, packet);
        let mut at = walk.start();
        for (index, step) in place.steps.iter().enumerate() {
            if index > 0 || self.program.root != step.header {
                at = self.follow(&mut walk, *step, at);
            }
            let Found::At(_) = at else { return at };
        }
        at
    }

    /// From where `walk` is to the header of `step` behind it.
    fn follow(&self, walk: &mut Walk<'_, 'p>, step: Step, start: Found) -> Found {
        let mut tunnels = usize::from(step.tunnel);
        let target = usize::from(step.header.0);
        let mut at = start;
        while let Found::At(_) = at {
            at = walk.next(|edge| match (edge.tunnel, tunnels) {
                (true, 0) => false,
                (true, left) => self.leads[left - 1][usize::from(edge.child.0)][target],
                (false, left) => self.leads[left][usize::from(edge.child.0)][target],
            });
            tunnels -= usize::from(walk.tunnelled && matches!(at, Found::At(_)));
            if walk.header == step.header && tunnels == 0 {
                break;
            }
        }
        at
    }
}

/// Which headers `from` is or leads to, through exactly `tunnels` tunnels.
fn led_to(program: &Program, from: usize, tunnels: usize) -> Vec<bool> {
    let count = program.headers.len();
    let mut seen = vec![vec![false; count]; tunnels + 1];
    let mut waiting = vec![(from, 0)];
    seen[0][from] = true;
    while let Some((header, crossed)) = waiting.pop() {
        for edge in &program.headers[header].edges {
            let (child, crossed) = (
                usize::from(edge.child.0),
                crossed + usize::from(edge.tunnel),
            );
            if crossed <= tunnels && !seen[crossed][child] {
                seen[crossed][child] = true;
                waiting.push((child, crossed));
            }
        }
    }
    seen.swap_remove(tunnels)
}

#[derive(Clone, Copy)]
struct Packet<'b> {
    bytes: &'b [u8],
    wirelen: u32,
}

impl<'b> Packet<'b> {
    fn len(self) -> u64 {
        self.bytes.len() as u64
    }

    /// The bytes `start..end`, if they lie wholly inside.
    fn load(self, start: u64, end: u64) -> Option<&'b [u8]> {
        self.bytes
            .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

/// A walk over a packet's headers.
struct Walk<'w, 'p> {
    evaluator: &'w Evaluator<'p>,
    packet: Packet<'w>,
    header: HeaderId,
    base: u64,
    /// How often each header occurred since the last tunnel.
    counts: Vec<u8>,
    /// Whether the last edge taken was a tunnel.
    tunnelled: bool,
}

impl<'w, 'p> Walk<'w, 'p> {
    fn new(evaluator: &'w Evaluator<'p>, packet: Packet<'w>) -> Walk<'w, 'p> {
        let counts = vec![0; evaluator.program.headers.len()];
        Walk {
            evaluator,
            packet,
            header: evaluator.program.root,
            base: 0,
            counts,
            tunnelled: false,
        }
    }

    /// Whether the root is there.
    fn start(&mut self) -> Found {
        let root = self.evaluator.program.root;
        self.enter(root, 0)
    }

    /// To the header that follows, by an edge that `candidate` admits.
    fn next(&mut self, candidate: impl Fn(&Edge) -> bool) -> Found {
        let program = self.evaluator.program;
        let header = &program[self.header];
        let mut short = false;
        for edge in &header.edges {
            let child = usize::from(edge.child.0);
            let exhausted = !edge.tunnel && self.counts[child] >= program.headers[child].max;
            if exhausted || !candidate(edge) {
                continue;
            }
            match self.at(self.base, |frame| frame.truth(&edge.on)) {
                Truth::True => return self.take(edge, header),
                Truth::Short => short = true,
                Truth::False => {}
            }
        }
        if short { Found::Short } else { Found::Absent }
    }

    fn take(&mut self, edge: &Edge, header: &Header) -> Found {
        let Some(size) = self.size(header, self.base) else {
            return Found::Short;
        };
        let base = self.base + u64::from(size);
        if base > self.packet.len() {
            return Found::Short;
        }
        self.tunnelled = edge.tunnel;
        if edge.tunnel {
            self.counts.fill(0);
        }
        self.enter(edge.child, base)
    }

    /// Stands at `header`, if it is there.
    fn enter(&mut self, header: HeaderId, base: u64) -> Found {
        let declared = &self.evaluator.program[header];
        let holds = match &declared.condition {
            Some(condition) => self.at(base, |frame| frame.truth(condition)),
            None => Truth::True,
        };
        let long_enough = match self.size(declared, base) {
            Some(size) if size >= declared.minimum => Truth::True,
            Some(_) => Truth::False,
            None => Truth::Short,
        };
        self.header = header;
        self.base = base;
        self.counts[usize::from(header.0)] += 1;
        match holds.min(long_enough) {
            Truth::True => Found::At(base),
            Truth::Short => Found::Short,
            Truth::False => Found::Absent,
        }
    }

    /// The length in bytes of a header at `base`, `None` if the packet is too short to tell.
    fn size(&self, header: &Header, base: u64) -> Option<u32> {
        let Some(size) = &header.size else {
            return Some(header.minimum);
        };
        match self.at(base, |frame| frame.value(size)) {
            Value::Number(size) => Some(size),
            Value::Absent | Value::Short => None,
        }
    }

    /// Evaluates a header's own expression, with the header at `base`.
    fn at<T>(&self, base: u64, evaluate: impl FnOnce(Frame<'_, 'p>) -> T) -> T {
        let places = [Found::At(base)];
        evaluate(Frame {
            evaluator: self.evaluator,
            packet: self.packet,
            places: &places,
            base: Found::At(base),
        })
    }
}

/// The value of an expression. What is absent prevails over what is short.
#[derive(Clone, Copy)]
enum Value<T = u32> {
    Number(T),
    Short,
    Absent,
}

/// What an expression is evaluated against.
#[derive(Clone, Copy)]
struct Frame<'f, 'p> {
    evaluator: &'f Evaluator<'p>,
    packet: Packet<'f>,
    /// By `PlaceId`.
    places: &'f [Found],
    /// The base of raw loads.
    base: Found,
}

impl Frame<'_, '_> {
    fn truth(self, cond: &Cond) -> Truth {
        match cond {
            Cond::Present(place) => match self.place(*place) {
                Found::At(_) => Truth::True,
                Found::Absent => Truth::False,
                Found::Short => Truth::Short,
            },
            Cond::Compare { op, left, right } => self
                .value(left)
                .both(self.value(right))
                .truth(|(left, right)| compare(*op, left, right)),
            Cond::In {
                value,
                set,
                negated,
            } => {
                let set = self.evaluator.program.set(*set);
                self.value(value)
                    .truth(|value| set.contains(u128::from(value)) != *negated)
            }
            Cond::Wide { field, relation } => self.wide(*field, relation),
            Cond::Not(inner) => match self.truth(inner) {
                Truth::True => Truth::False,
                Truth::Short => Truth::Short,
                Truth::False => Truth::True,
            },
            Cond::And(list) => list
                .iter()
                .map(|cond| self.truth(cond))
                .min()
                .unwrap_or(Truth::True),
            Cond::Or(list) => list
                .iter()
                .map(|cond| self.truth(cond))
                .max()
                .unwrap_or(Truth::False),
            Cond::Shift { by, then } => Frame {
                base: self.shifted(by),
                ..self
            }
            .truth(then),
        }
    }

    fn place(self, place: PlaceId) -> Found {
        self.places[usize::from(place.0)]
    }

    fn wide(self, field: FieldUse, relation: &WideRelation) -> Truth {
        let value = self.field(field);
        match relation {
            WideRelation::Value(op, other) => value.truth(|value| compare(*op, value, *other)),
            WideRelation::Field(op, other) => value
                .both(self.field(*other))
                .truth(|(value, other)| compare(*op, value, other)),
            WideRelation::In { set, negated } => {
                let set = self.evaluator.program.set(*set);
                value.truth(|value| set.contains(value) != *negated)
            }
        }
    }

    /// The base moved forward, if it stays in the packet.
    fn shifted(self, by: &Expr) -> Found {
        let base = match self.base {
            Found::At(base) => Value::Number(base),
            Found::Absent => Value::Absent,
            Found::Short => Value::Short,
        };
        match base.both(self.value(by)) {
            Value::Number((base, by)) if base + u64::from(by) <= self.packet.len() => {
                Found::At(base + u64::from(by))
            }
            Value::Number(_) | Value::Short => Found::Short,
            Value::Absent => Found::Absent,
        }
    }

    fn value(self, expr: &Expr) -> Value {
        match expr {
            Expr::Number(number) => Value::Number(*number),
            Expr::Field(field) => self.field(*field).map(|value| value as u32),
            Expr::Load {
                offset,
                bytes,
                little,
            } => self.raw(self.value(offset), *bytes, *little),
            Expr::Len => Value::Number(u32::try_from(self.packet.len()).unwrap_or(u32::MAX)),
            Expr::WireLen => Value::Number(self.packet.wirelen),
            Expr::Binary(op, left, right) => self
                .value(left)
                .both(self.value(right))
                .map(|(left, right)| arithmetic(*op, left, right)),
        }
    }

    /// The paper's load.
    fn raw(self, offset: Value, bytes: u8, little: bool) -> Value {
        let base = match self.base {
            Found::At(base) => Value::Number(base),
            Found::Absent => Value::Absent,
            Found::Short => Value::Short,
        };
        let (base, offset) = match base.both(offset) {
            Value::Number(both) => both,
            Value::Short => return Value::Short,
            Value::Absent => return Value::Absent,
        };
        let start = base + u64::from(offset);
        let Some(loaded) = self.packet.load(start, start + u64::from(bytes)) else {
            return Value::Short;
        };
        let join = |value: u32, &byte: &u8| value << 8 | u32::from(byte);
        Value::Number(if little {
            loaded.iter().rev().fold(0, join)
        } else {
            loaded.iter().fold(0, join)
        })
    }

    /// A field, bit by bit.
    fn field(self, field: FieldUse) -> Value<u128> {
        let base = match self.place(field.place) {
            Found::At(base) => base,
            Found::Absent => return Value::Absent,
            Found::Short => return Value::Short,
        };
        let (first, end) = (
            u64::from(field.bit),
            u64::from(field.bit) + u64::from(field.width),
        );
        let Some(bytes) = self.packet.load(base + first / 8, base + end.div_ceil(8)) else {
            return Value::Short;
        };
        let mut value = 0;
        for bit in first..end {
            let byte = bytes[(bit / 8 - first / 8) as usize];
            value = value << 1 | u128::from(byte >> (7 - bit % 8) & 1);
        }
        Value::Number(value)
    }
}

impl<T> Value<T> {
    fn map<U>(self, function: impl FnOnce(T) -> U) -> Value<U> {
        match self {
            Value::Number(number) => Value::Number(function(number)),
            Value::Short => Value::Short,
            Value::Absent => Value::Absent,
        }
    }

    fn both<U>(self, other: Value<U>) -> Value<(T, U)> {
        match (self, other) {
            (Value::Absent, _) | (_, Value::Absent) => Value::Absent,
            (Value::Short, _) | (_, Value::Short) => Value::Short,
            (Value::Number(left), Value::Number(right)) => Value::Number((left, right)),
        }
    }

    fn truth(self, holds: impl FnOnce(T) -> bool) -> Truth {
        match self {
            Value::Number(number) => {
                if holds(number) {
                    Truth::True
                } else {
                    Truth::False
                }
            }
            Value::Absent => Truth::False,
            Value::Short => Truth::Short,
        }
    }
}

fn compare<T: Ord>(op: CompareOp, left: T, right: T) -> bool {
    match op {
        CompareOp::Eq => left == right,
        CompareOp::Ne => left != right,
        CompareOp::Lt => left < right,
        CompareOp::Le => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::Ge => left >= right,
    }
}

fn arithmetic(op: ArithmeticOp, left: u32, right: u32) -> u32 {
    match op {
        ArithmeticOp::Add => left.wrapping_add(right),
        ArithmeticOp::Sub => left.wrapping_sub(right),
        ArithmeticOp::Mul => left.wrapping_mul(right),
        ArithmeticOp::And => left & right,
        ArithmeticOp::Or => left | right,
        ArithmeticOp::Xor => left ^ right,
        ArithmeticOp::Shl => left.checked_shl(right).unwrap_or(0),
        ArithmeticOp::Shr => left.checked_shr(right).unwrap_or(0),
    }
}
