//! A TAP interface of Linux as a link: the kernel on the other end is a stranger's stack.
//!
//! Opening one takes one system call that the standard library does not have; reading and writing
//! it does. Frames are whole: `IFF_NO_PI` leaves nothing before them.

use exos_net::{Link, LinkError, Mac, Millis};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    time::Instant,
};

/// The station behind the interface.
pub(crate) const MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// An interface that lasts as long as it is open.
pub(crate) struct Tap {
    file: File,
    start: Instant,
    frame: Vec<u8>,
}

impl Tap {
    /// Makes an interface of this name.
    pub(crate) fn open(name: &str) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")?;
        let mut request = Request {
            name: [0; libc::IFNAMSIZ],
            flags: (libc::IFF_TAP | libc::IFF_NO_PI) as i16,
            rest: [0; 22],
        };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        attach(&file, &request)?;
        Ok(Self {
            file,
            start: Instant::now(),
            frame: vec![0; 65_536],
        })
    }
}

impl Link for Tap {
    fn mac(&self) -> Mac {
        MAC
    }

    fn now(&self) -> Millis {
        self.start.elapsed().as_millis() as Millis
    }

    fn receive<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let length = self.file.read(&mut self.frame).ok()?;
        Some(take(&self.frame[..length]))
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let written = self.file.write(frame);
        written.map(|_| ()).map_err(|_| LinkError::Full)
    }
}

/// `struct ifreq`: a name, and of its union only the flags.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: i16,
    rest: [u8; 22],
}

#[expect(unsafe_code, reason = "an interface is attached by ioctl")]
fn attach(file: &File, request: &Request) -> io::Result<()> {
    // SAFETY: the descriptor is open, and TUNSETIFF reads a `struct ifreq`, which `Request` is.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, request) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
