//! Packets from a network interface, through memory shared with the Linux kernel.
//!
//! An `AF_PACKET` socket with a `TPACKET_V3` receive ring (`packet(7)`, and
//! `Documentation/networking/packet_mmap.rst` of the kernel): the kernel fills blocks with packets
//! and hands over a block at a time by its status word; the reader hands it back the same way. So
//! no packet costs a system call.
//!
//! This is the command's only unsafe module. What its proofs rest on:
//!
//! 1. the mapping is `BLOCKS * BLOCK_BYTES` long, readable and writable, until [`Ring`] is dropped;
//! 2. while a block's status has `TP_STATUS_USER`, read with acquire order, the kernel does not
//!    write to the block; the status is a word of its own, only ever accessed atomically;
//! 3. a block's contents are not trusted: every offset is checked against `BLOCK_BYTES`.
#![expect(
    unsafe_code,
    reason = "system calls, and memory that is shared with the kernel"
)]

use core::{
    ffi::c_int,
    marker::PhantomData,
    mem::{offset_of, size_of},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, Ordering},
};
use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// The size of a block, which bounds the size of a packet.
const BLOCK_BYTES: usize = 1 << 20;
const BLOCKS: usize = 16;
/// Of no importance to `TPACKET_V3`, but it must divide a block.
const FRAME_BYTES: usize = 2048;
/// After how long the kernel hands over a block that is not full.
pub(crate) const RETIRE_MILLISECONDS: u32 = 50;

/// A socket and its ring.
pub(crate) struct Ring {
    socket: OwnedFd,
    mapping: NonNull<u8>,
    next: usize,
    hardware: u16,
}

/// What the kernel counted since it was last asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Statistics {
    /// Packets that came to the socket, also those dropped.
    pub(crate) packets: u32,
    /// Packets for which there was no room.
    pub(crate) drops: u32,
}

/// A packet in a block.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) seconds: u32,
    pub(crate) nanoseconds: u32,
    pub(crate) wire_len: u32,
    /// From the link-layer header on.
    pub(crate) data: &'a [u8],
    /// The outermost tag, protocol and control information, where the kernel has taken it out.
    pub(crate) tag: Option<(u16, u16)>,
}

/// A block that is this process's until it is dropped.
pub(crate) struct Block<'a> {
    start: NonNull<u8>,
    offset: usize,
    left: u32,
    ring: PhantomData<&'a mut Ring>,
}

impl Ring {
    /// Begins to receive what passes `interface`.
    ///
    /// # Errors
    ///
    /// When there is no such interface, or the process may not.
    pub(crate) fn open(interface: &str, promiscuous: bool) -> io::Result<Self> {
        let name = CString::new(interface)?;
        // SAFETY: the name is a C string that outlives the call.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        if index == 0 {
            return Err(io::Error::last_os_error());
        }
        // Protocol 0 receives nothing until the socket is bound to the interface.
        // SAFETY: no memory is involved.
        let socket = check(unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0)
        })?;
        // SAFETY: it was just opened and has no other owner.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        set_option(
            &socket,
            libc::PACKET_VERSION,
            &(libc::tpacket_versions::TPACKET_V3 as c_int),
        )?;
        set_option(&socket, libc::PACKET_RX_RING, &request())?;
        let mapping = map(&socket)?;
        let mut ring = Self {
            socket,
            mapping,
            next: 0,
            hardware: 0,
        };
        ring.hardware = ring.bind(index as c_int)?;
        if promiscuous {
            ring.join_promiscuous(index as c_int)?;
        }
        Ok(ring)
    }

    /// The interface's hardware type, `ARPHRD_…`.
    pub(crate) fn hardware(&self) -> u16 {
        self.hardware
    }

    /// Waits until a block is ready, but not longer than `milliseconds`.
    ///
    /// # Errors
    ///
    /// When the interface is gone.
    pub(crate) fn wait(&self, milliseconds: c_int) -> io::Result<()> {
        let mut poll = libc::pollfd {
            fd: self.socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one `pollfd`, which outlives the call.
        match check(unsafe { libc::poll(&raw mut poll, 1, milliseconds) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        };
        if poll.revents & libc::POLLERR != 0 {
            self.pending_error()?;
        }
        Ok(())
    }

    /// The next block, if the kernel has handed it over.
    pub(crate) fn next_block(&mut self) -> Option<Block<'_>> {
        // SAFETY: 1: `next < BLOCKS`.
        let start = unsafe { self.mapping.add(self.next * BLOCK_BYTES) };
        if status(start).load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        self.next = (self.next + 1) % BLOCKS;
        // SAFETY: 1, 2: the descriptor lies at the start of the block, which is aligned to a page,
        // and the status, which may only be accessed atomically, is not part of what is read.
        let (left, offset) = unsafe {
            let header = &raw const (*start.cast::<libc::tpacket_block_desc>().as_ptr()).hdr.bh1;
            (
                (&raw const (*header).num_pkts).read(),
                (&raw const (*header).offset_to_first_pkt).read(),
            )
        };
        Some(Block {
            start,
            offset: offset as usize,
            left,
            ring: PhantomData,
        })
    }

    /// Lets no further packet in, by a filter that accepts none; such packets are not counted
    /// either. What is in the ring already is handed over within [`RETIRE_MILLISECONDS`].
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn close(&self) -> io::Result<()> {
        let mut none = libc::sock_filter {
            code: (libc::BPF_RET | libc::BPF_K) as u16,
            jt: 0,
            jf: 0,
            k: 0,
        };
        let program = libc::sock_fprog {
            len: 1,
            filter: &raw mut none,
        };
        let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
        // SAFETY: the kernel copies the program, and the one instruction that it points to, which
        // outlives the call.
        let result = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                length,
            )
        };
        check(result).map(drop)
    }

    /// What the kernel counted since the last call.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn statistics(&self) -> io::Result<Statistics> {
        let mut counts = libc::tpacket_stats_v3 {
            tp_packets: 0,
            tp_drops: 0,
            tp_freeze_q_cnt: 0,
        };
        read_option(
            &self.socket,
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            &mut counts,
        )?;
        Ok(Statistics {
            packets: counts.tp_packets,
            drops: counts.tp_drops,
        })
    }

    /// Binds to the interface, and gives its hardware type.
    fn bind(&self, index: c_int) -> io::Result<u16> {
        // SAFETY: zero is a value of every field.
        let mut address: libc::sockaddr_ll = unsafe { core::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index;
        let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address has the length given.
        check(unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), length) })?;
        // SAFETY: as before; the kernel writes no more than the length given.
        check(unsafe {
            libc::getsockname(
                self.socket.as_raw_fd(),
                (&raw mut address).cast(),
                &raw mut length,
            )
        })?;
        Ok(address.sll_hatype)
    }

    fn join_promiscuous(&self, index: c_int) -> io::Result<()> {
        let membership = libc::packet_mreq {
            mr_ifindex: index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        set_option(&self.socket, libc::PACKET_ADD_MEMBERSHIP, &membership)
    }

    /// The error that made `poll` return, such as that the interface went down.
    fn pending_error(&self) -> io::Result<()> {
        let mut error: c_int = 0;
        read_option(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR, &mut error)?;
        if error == 0 {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: 1; no block outlives the ring, for it borrows it.
        unsafe { libc::munmap(self.mapping.as_ptr().cast(), BLOCKS * BLOCK_BYTES) };
    }
}

impl<'a> Block<'a> {
    /// The next packet. The last is followed by none, and so is one whose offsets are wrong.
    pub(crate) fn next_frame(&mut self) -> Option<Frame<'_>> {
        if self.left == 0 || self.offset.checked_add(size_of::<libc::tpacket3_hdr>())? > BLOCK_BYTES
        {
            return None;
        }
        // SAFETY: 1, 2: the header lies inside the block, as was just checked.
        let header = unsafe {
            self.start
                .add(self.offset)
                .cast::<libc::tpacket3_hdr>()
                .read_unaligned()
        };
        let data = self.offset.checked_add(usize::from(header.tp_mac))?;
        let length = header.tp_snaplen as usize;
        if data.checked_add(length)? > BLOCK_BYTES {
            return None;
        }
        self.left -= 1;
        self.offset = self.offset.checked_add(header.tp_next_offset as usize)?;
        // SAFETY: 1, 2: the bytes lie inside the block, as was just checked, and the block is not
        // given back before the borrow of it ends.
        let data = unsafe { slice::from_raw_parts(self.start.add(data).as_ptr(), length) };
        Some(Frame {
            seconds: header.tp_sec,
            nanoseconds: header.tp_nsec,
            wire_len: header.tp_len,
            data,
            tag: tag(&header),
        })
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        status(self.start).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

fn tag(header: &libc::tpacket3_hdr) -> Option<(u16, u16)> {
    if header.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let known = header.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let protocol = if known {
        header.hv1.tp_vlan_tpid
    } else {
        libc::ETH_P_8021Q as u16
    };
    Some((protocol, header.hv1.tp_vlan_tci as u16))
}

/// The word by which a block is handed over.
fn status<'a>(block: NonNull<u8>) -> &'a AtomicU32 {
    const OFFSET: usize =
        offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);
    // SAFETY: 1, 2: every caller passes the start of a block of a live ring and drops the result
    // before the ring; the word is aligned, for blocks start at pages.
    unsafe { AtomicU32::from_ptr(block.add(OFFSET).cast().as_ptr()) }
}

fn request() -> libc::tpacket_req3 {
    libc::tpacket_req3 {
        tp_block_size: BLOCK_BYTES as u32,
        tp_block_nr: BLOCKS as u32,
        tp_frame_size: FRAME_BYTES as u32,
        tp_frame_nr: (BLOCK_BYTES / FRAME_BYTES * BLOCKS) as u32,
        tp_retire_blk_tov: RETIRE_MILLISECONDS,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    }
}

fn map(socket: &OwnedFd) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            BLOCKS * BLOCK_BYTES,
            protection,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    match NonNull::new(address.cast()) {
        Some(mapping) if address != libc::MAP_FAILED => Ok(mapping),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_option<T>(socket: &OwnedFd, name: c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads a `T` from a reference to one.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            name,
            ptr::from_ref(value).cast(),
            length,
        )
    };
    check(result).map(drop)
}

/// `T` must be what the option is documented to be: plain numbers.
fn read_option<T: Copy>(
    socket: &OwnedFd,
    level: c_int,
    name: c_int,
    value: &mut T,
) -> io::Result<()> {
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, numbers, to a `T` that is made of numbers.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_mut(value).cast(),
            &raw mut length,
        )
    };
    check(result).map(drop)
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
