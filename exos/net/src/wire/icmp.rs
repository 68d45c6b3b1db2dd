//! The Internet Control Message Protocol (RFC 792): echo, and the errors that hosts send.
//!
//! Every message has a type, a code, a checksum over all of it, and four bytes whose meaning the
//! type decides. An error carries the IP header of what it complains of and the first eight bytes
//! behind it: for UDP, its header.

use super::{Malformed, bytes, checksum::Sum, ip};

/// Bytes of the header.
pub const HEADER: usize = 8;
/// Bytes that an error quotes behind the IP header.
pub const QUOTED: usize = 8;

/// A view of a message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: &'a [u8; HEADER],
}

impl<'a> Message<'a> {
    /// A view of `bytes`, all of which are the message.
    ///
    /// # Errors
    ///
    /// [`Malformed::IcmpShort`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk().ok_or(Malformed::IcmpShort)?;
        Ok(Self { bytes, header })
    }

    /// What follows the header: an echo's data, an error's quotation.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.split_at(HEADER).1
    }
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr {
    /// Asks for the same data back.
    EchoRequest {
        /// Who asks, of those on one host.
        identifier: u16,
        /// Which of its requests.
        sequence: u16,
    },
    /// Gives them.
    EchoReply {
        /// The request's.
        identifier: u16,
        /// The request's.
        sequence: u16,
    },
    /// A datagram was not delivered.
    Error(Error),
    /// Anything else: its type.
    Other(u8),
}

/// Why a datagram was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Destination unreachable, and the code.
    Unreachable(Unreachable),
    /// Source quench.
    SourceQuench,
    /// Redirect, and the code.
    Redirect(u8),
    /// Time exceeded, and the code: 0 in transit, 1 in reassembly.
    TimeExceeded(u8),
    /// Parameter problem, and the code.
    Parameter(u8),
}

/// The code of a message that says that a destination cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable(pub u8);

impl Unreachable {
    /// Nobody there speaks the protocol.
    pub const PROTOCOL: Self = Self(2);
    /// Nobody there has the port.
    pub const PORT: Self = Self(3);
}

impl Error {
    /// The code of [`Error::TimeExceeded`] when fragments did not all come.
    pub const REASSEMBLY: u8 = 1;
}

impl Repr {
    /// What `message` means.
    ///
    /// # Errors
    ///
    /// [`Malformed::IcmpChecksum`].
    pub fn parse(message: &Message<'_>) -> Result<Self, Malformed> {
        if Sum::new().with(message.bytes).finish() != 0 {
            return Err(Malformed::IcmpChecksum);
        }
        let header = message.header;
        let code = header[1];
        let identifier = u16::from_be_bytes(bytes!(header, 4, 5));
        let sequence = u16::from_be_bytes(bytes!(header, 6, 7));
        Ok(match header[0] {
            ECHO_REPLY if code == 0 => Self::EchoReply {
                identifier,
                sequence,
            },
            ECHO_REQUEST if code == 0 => Self::EchoRequest {
                identifier,
                sequence,
            },
            UNREACHABLE => Self::Error(Error::Unreachable(Unreachable(code))),
            SOURCE_QUENCH => Self::Error(Error::SourceQuench),
            REDIRECT => Self::Error(Error::Redirect(code)),
            TIME_EXCEEDED => Self::Error(Error::TimeExceeded(code)),
            PARAMETER => Self::Error(Error::Parameter(code)),
            other => Self::Other(other),
        })
    }

    /// The header's bytes, in front of `payload`.
    #[must_use]
    pub fn emit(&self, payload: &[u8]) -> [u8; HEADER] {
        let (kind, code, identifier, sequence) = match *self {
            Self::EchoReply {
                identifier,
                sequence,
            } => (ECHO_REPLY, 0, identifier, sequence),
            Self::EchoRequest {
                identifier,
                sequence,
            } => (ECHO_REQUEST, 0, identifier, sequence),
            Self::Error(error) => {
                let (kind, code) = error.number();
                (kind, code, 0, 0)
            }
            Self::Other(kind) => (kind, 0, 0, 0),
        };
        let mut header = [0; HEADER];
        header[0] = kind;
        header[1] = code;
        header[4..6].copy_from_slice(&identifier.to_be_bytes());
        header[6..].copy_from_slice(&sequence.to_be_bytes());
        let checksum = Sum::new().with(&header).with(payload).finish();
        header[2..4].copy_from_slice(&checksum.to_be_bytes());
        header
    }
}

impl Error {
    fn number(self) -> (u8, u8) {
        match self {
            Self::Unreachable(Unreachable(code)) => (UNREACHABLE, code),
            Self::SourceQuench => (SOURCE_QUENCH, 0),
            Self::Redirect(code) => (REDIRECT, code),
            Self::TimeExceeded(code) => (TIME_EXCEEDED, code),
            Self::Parameter(code) => (PARAMETER, code),
        }
    }
}

/// Whether the message that begins with these bytes may be answered with an error: only a query
/// may, and what is known to be one (RFC 1122 §3.2.2: never an error about an error).
#[must_use]
pub fn is_query(message: &[u8]) -> bool {
    matches!(message.first(), Some(8 | 10 | 13 | 15 | 17))
}

/// What an error quotes: the sender's datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotation {
    /// Its header.
    pub ip: ip::Repr,
    /// The first bytes behind that.
    pub first: [u8; QUOTED],
}

impl Quotation {
    /// Reads what an error carries. Its checksum may be spoilt by whoever forwarded it, and it is cut
    /// off, so neither is checked; `None` if the header or the eight bytes are not there.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let header: &[u8; ip::HEADER] = payload.first_chunk()?;
        let header_length = usize::from(header[0] & 0xf) * 4;
        if header[0] >> 4 != 4 || header_length < ip::HEADER {
            return None;
        }
        let first = payload.get(header_length..)?.first_chunk()?;
        let fragment = u16::from_be_bytes(bytes!(header, 6, 7));
        let length = u16::from_be_bytes(bytes!(header, 2, 3));
        Some(Self {
            ip: ip::Repr {
                service: header[1],
                payload_length: length.saturating_sub(header_length as u16),
                identification: u16::from_be_bytes(bytes!(header, 4, 5)),
                dont_fragment: fragment & 0x4000 != 0,
                more_fragments: fragment & 0x2000 != 0,
                offset: fragment << 3,
                time_to_live: header[8],
                protocol: ip::Protocol(header[9]),
                source: bytes!(header, 12, 13, 14, 15).into(),
                destination: bytes!(header, 16, 17, 18, 19).into(),
            },
            first: *first,
        })
    }
}

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER: u8 = 12;
