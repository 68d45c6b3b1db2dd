//! Messages between environments: protected control transfer (paper, §5.5) as calls and requests.
//!
//! Problem: the kernel moves the processor from one environment's registers to another's entry point and does
//! nothing else. Method: twelve registers are the message. [`call`] is a synchronous transfer: the callee has
//! this time slice until it replies. [`send`] is an asynchronous one: the callee has the rest of it. Who
//! called is what the kernel says, not the message. `trap/transfer.S` has the two ends.
//!
//! Left out: queues (a callee that is busy refuses) and access control, which is a server's own.

use crate::layout::{REFUSED, REPLY};
use crate::sys::{self, Global, save_page};
use crate::vm;
use aegis_abi::layout::{acall_selector, scall_selector};
use aegis_abi::{EnvId, Error};

/// What travels in `a0` to `a3` and `t0` to `t7`.
pub type Message = [u32; 12];

/// Handles a request from an environment, and leaves the reply in its place.
pub type Server = fn(EnvId, &mut Message);

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The callee serves nobody, or somebody else just now: try again later.
    Busy,
    /// The callee does not live, or died before it replied.
    Kernel(Error),
}

/// Sends a request and waits for the reply, which takes its place.
///
/// # Errors
///
/// See [`Failure`]. Then the message is undefined.
pub fn call(to: EnvId, message: &mut Message) -> Result<(), Failure> {
    let number = u32::from(to.0);
    let word = sys::call_message(message, scall_selector(number), number | REPLY);
    match sys::answer(word) {
        Ok(REFUSED) => Err(Failure::Busy),
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Kernel(error)),
    }
}

/// Sends a message with the rest of the time slice, and goes on in the next. Whether it was taken is not
/// told.
///
/// # Errors
///
/// If the receiver does not live.
pub fn send(to: EnvId, message: &Message) -> Result<(), Error> {
    sys::answer(sys::send_message(message, acall_selector(u32::from(to.0)))).map(|_| ())
}

/// From now on requests and messages of others are handled, one at a time, whatever the program does
/// meanwhile; or refused, without a server.
///
/// # Errors
///
/// If there is no memory for the stack that they are handled on.
pub fn serve(server: Option<Server>) -> Result<(), Error> {
    if server.is_some() {
        vm::guarantee_transfer_stack()?;
    }
    SERVER.set(server);
    save_page().serving.set(u32::from(server.is_some()));
    Ok(())
}

/// What the assembly calls with a message.
#[cfg_attr(
    not(target_arch = "mips"),
    expect(dead_code, reason = "assembly calls it")
)]
pub(crate) fn handle(message: &mut Message, from: u32) {
    if let Some(server) = SERVER.get() {
        server(EnvId(from as u8), message);
    }
}

static SERVER: Global<Option<Server>> = Global::new(None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_answers_without_a_kernel() {
        let mut message = [0; 12];
        let failure = Failure::Kernel(Error::NoSuchCall);
        assert_eq!(call(EnvId(3), &mut message), Err(failure));
        assert_eq!(send(EnvId(3), &message), Err(Error::NoSuchCall));
        fn server(_: EnvId, _: &mut Message) {}
        assert_eq!(serve(Some(server)), Err(Error::NoSuchCall));
        assert_eq!(save_page().serving.get(), 0);
        assert_eq!(serve(None), Ok(()));
    }
}
