//! The binary form of a filter: what a kernel takes from an application it does not trust.
//!
//! Compact, versioned, and one for each filter: the decoder takes only what the encoder makes, so
//! that equal filters are equal bytes. Numbers are variable-length (7 bits to a byte, low first,
//! no longer than needed); nodes come children first and name their operands by distance. The
//! form is described byte by byte in `docs/filter-encoding.md`.
//!
//! Decoding is bounded by the bytes given: nothing is reserved that they do not pay for, and
//! expressions nest no deeper than `MAX_EXPR`.

use alloc::{boxed::Box, vec::Vec};

use super::{
    Error, ErrorKind, MAX_EXPR, MAX_INTERVALS, MAX_NODES, MAX_WIDTH,
    types::{
        Address, BinaryOp, CompareOp, Expr, Field, Filter, IntervalSet, Load, Node, NodeId, Test,
    },
};

/// The first bytes: a name and the version of the form.
pub const MAGIC: [u8; 4] = *b"DPF\x01";

const FALSE: u8 = 0x00;
const TRUE: u8 = 0x01;
const CAPTURED: u8 = 0x02;
const BITS: u8 = 0x03;
const LEN: u8 = 0x04;
const WIRE_LEN: u8 = 0x05;
const COMPARE: u8 = 0x06;
const AND: u8 = 0x07;
const OR: u8 = 0x08;
const SHIFT: u8 = 0x09;

const CONST: u8 = 0x20;
const LOAD: u8 = 0x21;
const LOAD_COMPUTED: u8 = 0x22;
const EXPR_LEN: u8 = 0x23;
const EXPR_WIRE_LEN: u8 = 0x24;

/// Operators of expressions and their bytes.
const OPERATORS: [(BinaryOp, u8); 8] = [
    (BinaryOp::Add, 0x30),
    (BinaryOp::Sub, 0x31),
    (BinaryOp::Mul, 0x32),
    (BinaryOp::And, 0x33),
    (BinaryOp::Or, 0x34),
    (BinaryOp::Xor, 0x35),
    (BinaryOp::Shl, 0x36),
    (BinaryOp::Shr, 0x37),
];

/// Comparisons and their bytes.
const COMPARISONS: [(CompareOp, u8); 4] = [
    (CompareOp::Eq, 0x40),
    (CompareOp::Ne, 0x41),
    (CompareOp::Lt, 0x42),
    (CompareOp::Le, 0x43),
];

impl Filter {
    /// The binary form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        number(&mut bytes, self.nodes.len() as u32);
        for (index, node) in self.nodes.iter().enumerate() {
            write_node(&mut bytes, index as u32, node);
        }
        bytes
    }

    /// The filter that `bytes` are the binary form of.
    ///
    /// # Errors
    ///
    /// When they are not exactly what [`encode`](Filter::encode) makes of some filter, or a limit
    /// is passed.
    pub fn decode(bytes: &[u8]) -> Result<Filter, Error> {
        let mut reader = Reader { bytes, at: 0 };
        if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
            return Err(reader.error("the bytes `DPF` and version 1"));
        }
        reader.at = MAGIC.len();
        let count = reader.count("nodes in a filter", MAX_NODES)?;
        let mut nodes = Vec::with_capacity(count);
        for index in 0..count {
            nodes.push(reader.node(index as u32)?);
        }
        if reader.at < bytes.len() {
            return Err(reader.error("the end"));
        }
        Filter::from_nodes(nodes)
    }
}

fn write_node(bytes: &mut Vec<u8>, index: u32, node: &Node) {
    match node {
        Node::False => bytes.push(FALSE),
        Node::True => bytes.push(TRUE),
        Node::Test(test) => write_test(bytes, test),
        Node::And(operands) => write_operands(bytes, AND, index, operands),
        Node::Or(operands) => write_operands(bytes, OR, index, operands),
        Node::Shift { by, then } => {
            bytes.push(SHIFT);
            write_expr(bytes, by);
            number(bytes, index - then.0);
        }
    }
}

fn write_operands(bytes: &mut Vec<u8>, tag: u8, index: u32, operands: &[NodeId]) {
    bytes.push(tag);
    number(bytes, operands.len() as u32);
    // From the last, which is nearest, to the first.
    let mut before = index;
    for operand in operands.iter().rev() {
        number(bytes, before - operand.0);
        before = operand.0;
    }
}

fn write_test(bytes: &mut Vec<u8>, test: &Test) {
    match test {
        Test::Captured { depth, end } => {
            bytes.extend([CAPTURED, *depth]);
            number(bytes, *end);
        }
        Test::Bits { field, set } => {
            bytes.extend([BITS, field.depth, field.bytes]);
            number(bytes, field.offset);
            number(bytes, field.mask);
            write_set(bytes, set);
        }
        Test::Len(set) => {
            bytes.push(LEN);
            write_set(bytes, set);
        }
        Test::WireLen(set) => {
            bytes.push(WIRE_LEN);
            write_set(bytes, set);
        }
        Test::Compare { op, left, right } => {
            bytes.push(COMPARE);
            let code = COMPARISONS.iter().find(|(other, _)| other == op);
            bytes.extend(code.map(|(_, code)| *code));
            write_expr(bytes, left);
            write_expr(bytes, right);
        }
    }
}

/// The number of intervals, then for each the values left out before it and how many follow its
/// first.
fn write_set(bytes: &mut Vec<u8>, set: &IntervalSet) {
    number(bytes, set.intervals.len() as u32);
    let mut next = 0;
    for (low, high) in &set.intervals {
        number(bytes, low - next);
        number(bytes, high - low);
        next = high.wrapping_add(1);
    }
}

fn write_expr(bytes: &mut Vec<u8>, expr: &Expr) {
    match expr {
        Expr::Const(value) => {
            bytes.push(CONST);
            number(bytes, *value);
        }
        Expr::Load(Load {
            depth,
            at,
            bytes: width,
            little,
        }) => {
            let shape = width | u8::from(*little) << 3;
            match at {
                Address::Fixed(offset) => {
                    bytes.extend([LOAD, shape, *depth]);
                    number(bytes, *offset);
                }
                Address::Computed(at) => {
                    bytes.extend([LOAD_COMPUTED, shape, *depth]);
                    write_expr(bytes, at);
                }
            }
        }
        Expr::Len => bytes.push(EXPR_LEN),
        Expr::WireLen => bytes.push(EXPR_WIRE_LEN),
        Expr::Binary(op, left, right) => {
            let code = OPERATORS.iter().find(|(other, _)| other == op);
            bytes.extend(code.map(|(_, code)| *code));
            write_expr(bytes, left);
            write_expr(bytes, right);
        }
    }
}

fn number(bytes: &mut Vec<u8>, value: u32) {
    let mut rest = value;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Reads from the front, and says where it stopped.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn error(&self, expected: &'static str) -> Error {
        Error::new(ErrorKind::Encoding {
            at: self.at,
            expected,
        })
    }

    fn byte(&mut self, expected: &'static str) -> Result<u8, Error> {
        let byte = *self.bytes.get(self.at).ok_or(self.error(expected))?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u32, Error> {
        let start = self.at;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte("a number")?;
            let (bits, more) = (u32::from(byte & 0x7f), byte & 0x80 != 0);
            if shift == 28 && (bits > 0xf || more) {
                break;
            }
            value |= bits << shift;
            if !more {
                if bits == 0 && shift > 0 {
                    break;
                }
                return Ok(value);
            }
        }
        self.at = start;
        Err(self.error("a number of 32 bits in as few bytes as it needs"))
    }

    /// A count of things of at least one byte each.
    fn count(&mut self, what: &'static str, limit: usize) -> Result<usize, Error> {
        let count = self.number()? as usize;
        if count > limit {
            return Err(Error::limit(what, count, limit));
        }
        if count > self.bytes.len() - self.at {
            return Err(self.error("as many bytes as things are announced"));
        }
        Ok(count)
    }

    fn node(&mut self, index: u32) -> Result<Node, Error> {
        Ok(match self.byte("a node")? {
            FALSE => Node::False,
            TRUE => Node::True,
            CAPTURED => {
                let depth = self.byte("a depth")?;
                Node::Test(Test::Captured {
                    depth,
                    end: self.number()?,
                })
            }
            BITS => {
                let (depth, bytes) = (self.byte("a depth")?, self.byte("a width in bytes")?);
                let (offset, mask) = (self.number()?, self.number()?);
                let field = Field {
                    depth,
                    offset,
                    bytes,
                    mask,
                };
                Node::Test(Test::Bits {
                    field,
                    set: self.set()?,
                })
            }
            LEN => Node::Test(Test::Len(self.set()?)),
            WIRE_LEN => Node::Test(Test::WireLen(self.set()?)),
            COMPARE => {
                let code = self.byte("a comparison")?;
                let op = COMPARISONS.iter().find(|(_, other)| *other == code);
                let (op, _) = *op.ok_or(self.error_before("a comparison"))?;
                let mut budget = MAX_EXPR;
                let left = self.expr(&mut budget)?;
                budget = MAX_EXPR;
                Node::Test(Test::Compare {
                    op,
                    left,
                    right: self.expr(&mut budget)?,
                })
            }
            AND => Node::And(self.operands(index)?),
            OR => Node::Or(self.operands(index)?),
            SHIFT => {
                let by = self.expr(&mut { MAX_EXPR })?;
                Node::Shift {
                    by,
                    then: self.operand(index)?,
                }
            }
            _ => return Err(self.error_before("a node")),
        })
    }

    /// An error at the byte just read.
    fn error_before(&self, expected: &'static str) -> Error {
        Error::new(ErrorKind::Encoding {
            at: self.at - 1,
            expected,
        })
    }

    fn operands(&mut self, index: u32) -> Result<Box<[NodeId]>, Error> {
        let count = self.count("operands of one condition", MAX_WIDTH)?;
        let mut operands = Vec::with_capacity(count);
        let mut before = index;
        for _ in 0..count {
            let operand = self.operand(before)?;
            before = operand.0;
            operands.push(operand);
        }
        operands.reverse();
        Ok(operands.into_boxed_slice())
    }

    /// A node before the node `before`, by distance.
    fn operand(&mut self, before: u32) -> Result<NodeId, Error> {
        let start = self.at;
        let distance = self.number()?;
        match before.checked_sub(distance) {
            Some(operand) if distance > 0 => Ok(NodeId(operand)),
            _ => {
                self.at = start;
                Err(self.error("the distance to an earlier node"))
            }
        }
    }

    fn set(&mut self) -> Result<IntervalSet, Error> {
        let count = self.count("intervals in one set", MAX_INTERVALS)?;
        let mut intervals = Vec::with_capacity(count);
        let mut next = Some(0u32);
        for index in 0..count {
            let start = self.at;
            let (gap, more) = (self.number()?, self.number()?);
            let apart = index == 0 || gap > 0;
            let low = next.and_then(|next| next.checked_add(gap));
            match low.and_then(|low| Some((low, low.checked_add(more)?))) {
                Some((low, high)) if apart => {
                    intervals.push((low, high));
                    next = high.checked_add(1);
                }
                _ => {
                    self.at = start;
                    return Err(self.error("an interval behind the one before"));
                }
            }
        }
        Ok(IntervalSet { intervals })
    }

    /// An expression of at most `budget` operators and operands, which it uses up.
    fn expr(&mut self, budget: &mut usize) -> Result<Expr, Error> {
        let Some(left) = budget.checked_sub(1) else {
            return Err(Error::limit(
                "operators in one expression",
                MAX_EXPR + 1,
                MAX_EXPR,
            ));
        };
        *budget = left;
        Ok(match self.byte("an expression")? {
            CONST => Expr::Const(self.number()?),
            tag @ (LOAD | LOAD_COMPUTED) => {
                let (shape, depth) = (self.byte("a load's width")?, self.byte("a depth")?);
                let at = if tag == LOAD {
                    Address::Fixed(self.number()?)
                } else {
                    Address::Computed(Box::new(self.expr(budget)?))
                };
                if shape & !0xf != 0 {
                    return Err(self.error_before("a load's width"));
                }
                Expr::Load(Load {
                    depth,
                    at,
                    bytes: shape & 7,
                    little: shape & 8 != 0,
                })
            }
            EXPR_LEN => Expr::Len,
            EXPR_WIRE_LEN => Expr::WireLen,
            code => {
                let op = OPERATORS.iter().find(|(_, other)| *other == code);
                let (op, _) = *op.ok_or(self.error_before("an expression"))?;
                let left = self.expr(budget)?;
                Expr::Binary(op, Box::new(left), Box::new(self.expr(budget)?))
            }
        })
    }
}
