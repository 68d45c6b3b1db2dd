//! The datagrams between the name server and its clients.
//!
//! ```text
//! 0          1        2        4             5              6
//! operation  status   number   name length   value length   name, value
//! ```
//!
//! Operation 1 gets, 2 sets, 3 removes. Status 0 is a request; a reply has another. The number is the client's, and
//! comes back. The datagram ends with the value. A name has at least one byte.

/// Bytes of the header.
pub const HEADER: usize = 6;
/// Bytes of the longest name.
pub const LONGEST_NAME: usize = 32;
/// Bytes of the longest value.
pub const LONGEST_VALUE: usize = 64;
/// Bytes of the longest message.
pub const LONGEST: usize = HEADER + LONGEST_NAME + LONGEST_VALUE;

/// A message that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The value of a name.
    Get,
    /// That a name has a value from now on.
    Set,
    /// That a name has no value.
    Remove,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing yet: it is a request.
    Request,
    /// It is done.
    Done,
    /// The name has no value.
    Unknown,
    /// There is no room for another name.
    Full,
}

/// A view of a message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    header: &'a [u8; HEADER],
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Message<'a> {
    /// A view of `bytes`, all of which are the message.
    ///
    /// # Errors
    ///
    /// When lengths are not what they can be.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Malformed)?;
        let (name, value) = (usize::from(header[4]), usize::from(header[5]));
        let fits = (1..=LONGEST_NAME).contains(&name) && value <= LONGEST_VALUE;
        if !fits || rest.len() != name + value {
            return Err(Malformed);
        }
        let (name, value) = rest.split_at_checked(name).ok_or(Malformed)?;
        Ok(Self {
            header,
            name,
            value,
        })
    }
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr<'a> {
    /// What is asked for.
    pub operation: Operation,
    /// What came of it.
    pub status: Status,
    /// The client's number.
    pub number: u16,
    /// The name.
    pub name: &'a [u8],
    /// The value, where there is one.
    pub value: &'a [u8],
}

impl<'a> Repr<'a> {
    /// What `message` means.
    ///
    /// # Errors
    ///
    /// When operation or status is none.
    pub fn parse(message: &Message<'a>) -> Result<Self, Malformed> {
        let [operation, status, high, low, _, _] = *message.header;
        let operations = [Operation::Get, Operation::Set, Operation::Remove];
        let statuses = [Status::Request, Status::Done, Status::Unknown, Status::Full];
        let find = |number: u8, first: u8| usize::from(number).checked_sub(usize::from(first));
        let operation = find(operation, 1).and_then(|at| operations.get(at));
        let status = find(status, 0).and_then(|at| statuses.get(at));
        Ok(Self {
            operation: *operation.ok_or(Malformed)?,
            status: *status.ok_or(Malformed)?,
            number: u16::from_be_bytes([high, low]),
            name: message.name,
            value: message.value,
        })
    }

    /// Writes the message to `out` and tells its length; `None` if name or value are not as long
    /// as they may be.
    pub fn emit(&self, out: &mut [u8; LONGEST]) -> Option<usize> {
        let (name, value) = (self.name.len(), self.value.len());
        if !(1..=LONGEST_NAME).contains(&name) || value > LONGEST_VALUE {
            return None;
        }
        let [high, low] = self.number.to_be_bytes();
        let (header, rest) = out.split_at_mut(HEADER);
        header.copy_from_slice(&[
            self.operation as u8 + 1,
            self.status as u8,
            high,
            low,
            name as u8,
            value as u8,
        ]);
        let (for_name, rest) = rest.split_at_mut(name);
        for_name.copy_from_slice(self.name);
        rest.split_at_mut(value).0.copy_from_slice(self.value);
        Some(HEADER + name + value)
    }
}
