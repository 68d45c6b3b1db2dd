#![expect(unsafe_code, reason = "DPDK is a C library")]
//! DPDK's `rte_acl` and `rte_hash`, by their exported functions.
//!
//! [`acl`] is the classifier for rules with masks and ranges (here with exact fields, or
//! ClassBench's): a multi-bit trie built once, searched for many packets at a time in vector
//! registers. It reads fields at fixed offsets, so it cannot take the paper's filters, whose IP
//! header varies in length. [`hash`] is the cuckoo hash that its forwarding examples demultiplex
//! with: the key is the twelve bytes of addresses and ports as they lie in the packet.
//!
//! The declarations are those of DPDK 22.11 (`rte_acl.h`, `rte_hash.h`, `rte_eal.h`), with
//! `RTE_ACL_MAX_FIELDS` = 64. The environment is started once, without huge pages, devices or
//! files, and free to run on every processor.

use super::{BATCH, NONE, Peer};
use crate::{
    changes::{CHANGES, Changing},
    classbench::{Rule, WIDTH},
    flows::{Family, Flow, PACKET_BYTES, SERVER},
};
use core::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
};
use std::{ffi::CString, sync::OnceLock};

/// Captured bytes up to the end of the ports.
const HEADERS: usize = 38;

/// Bytes of a key: addresses and ports.
const KEY: usize = 12;

/// A packet for which no rule or key is installed, in place of one that is cut short.
const NOTHING: [u8; PACKET_BYTES] = [0; PACKET_BYTES];

/// `rte_acl` with one rule per filter.
///
/// # Errors
///
/// For the paper's filters, and when DPDK cannot be started or refuses the rules.
pub fn acl(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    if family == Family::Paper {
        return Err("rte_acl reads at fixed offsets, behind an IP header of fixed length".into());
    }
    let rule = |index| {
        let flow = family.flow(index);
        let exact = |port: u16| (port, port);
        Rule {
            source: (flow.source, 32),
            destination: (SERVER, 32),
            source_ports: exact(flow.source_port),
            destination_ports: exact(flow.destination_port),
            protocol: Some(6),
        }
    };
    let rules: Vec<Rule> = (0..count).map(rule).collect();
    Ok(Box::new(Acl::new(&rules)?))
}

/// `rte_hash` from addresses and ports to the filter.
///
/// # Errors
///
/// When DPDK cannot be started or refuses a key.
pub fn hash(family: Family, count: u32) -> Result<Box<dyn Peer>, String> {
    Ok(Box::new(create(family, count, count)?))
}

/// A table with `count` flows and room for `room`.
fn create(family: Family, count: u32, room: u32) -> Result<Hash, String> {
    start()?;
    let name = unique_name("flows");
    let parameters = HashParameters {
        name: name.as_ptr(),
        // The table refuses keys when it is crowded: twice as many slots as keys.
        entries: (room * 2).max(64),
        reserved: 0,
        key_len: KEY as u32,
        hash_func: ptr::null(),
        hash_func_init_val: 0,
        socket_id: -1,
        extra_flag: 0,
    };
    // SAFETY: the parameters and the name they point to are alive over the call, which copies
    // both; the layout is that of `rte_hash.h`.
    let table =
        NonNull::new(unsafe { rte_hash_create(&parameters) }).ok_or("rte_hash_create refused")?;
    let mut peer = Hash {
        table,
        filters: Vec::new(),
        paper: family == Family::Paper,
    };
    for index in 0..count {
        let key = peer
            .key(&family.packet(index))
            .ok_or("a flow without key")?;
        // SAFETY: the table is ours and the key has the `key_len` bytes that are copied.
        let position = unsafe { rte_hash_add_key(peer.table.as_ptr(), key.as_ptr().cast()) };
        let position =
            usize::try_from(position).map_err(|_| format!("rte_hash_add_key: {position}"))?;
        if peer.filters.len() <= position {
            peer.filters.resize(position + 1, NONE);
        }
        peer.filters[position] = index;
    }
    Ok(peer)
}

/// A built `rte_acl` context.
pub struct Acl {
    context: NonNull<Context>,
}

impl Acl {
    /// Rules of which the first that matches wins.
    ///
    /// # Errors
    ///
    /// When DPDK cannot be started or refuses the rules.
    pub fn new(rules: &[Rule]) -> Result<Self, String> {
        start()?;
        let name = unique_name("rules");
        let parameters = AclParameters {
            name: name.as_ptr(),
            socket_id: -1,
            rule_size: size_of::<AclRule>() as u32,
            max_rule_num: rules.len() as u32,
        };
        // SAFETY: the parameters and the name they point to are alive over the call, which copies
        // both; the layout is that of `rte_acl.h`.
        let context =
            NonNull::new(unsafe { rte_acl_create(&parameters) }).ok_or("rte_acl_create refused")?;
        let acl = Self { context };
        let native: Vec<AclRule> = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| AclRule::of(rule, index, rules.len()))
            .collect();
        // SAFETY: the context is ours; the rules have the size it was created with, and are
        // copied.
        check("rte_acl_add_rules", unsafe {
            rte_acl_add_rules(context.as_ptr(), native.as_ptr(), native.len() as u32)
        })?;
        let layout = AclLayout::new();
        // SAFETY: the context is ours; the configuration is alive over the call.
        check("rte_acl_build", unsafe {
            rte_acl_build(context.as_ptr(), &layout)
        })?;
        Ok(acl)
    }

    /// Looks all packets up, at most [`BATCH`].
    fn lookup(&self, packets: &[&[u8]], answers: &mut [u32]) {
        let mut data = [NOTHING.as_ptr(); BATCH];
        for (pointer, packet) in data.iter_mut().zip(packets) {
            if packet.len() >= HEADERS {
                *pointer = packet.as_ptr();
            }
        }
        let count = packets.len().min(answers.len()).min(BATCH);
        // SAFETY: the context is built and ours; `data` has `count` pointers, each to at least
        // `HEADERS` bytes, and the layout given to `rte_acl_build` reads below that; `answers` has
        // room for one category of `count` packets. The call keeps nothing.
        unsafe {
            rte_acl_classify(
                self.context.as_ptr(),
                data.as_ptr(),
                answers.as_mut_ptr(),
                count as u32,
                1,
            )
        };
        for answer in answers {
            // DPDK says 0 for none; so the rules carry their number plus one.
            *answer = answer.wrapping_sub(1);
        }
    }
}

impl Peer for Acl {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packet, answer) in packets.chunks(1).zip(answers.chunks_mut(1)) {
            self.lookup(packet, answer);
        }
    }

    fn batches(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packets, answers) in packets.chunks(BATCH).zip(answers.chunks_mut(BATCH)) {
            self.lookup(packets, answers);
        }
    }
}

impl Drop for Acl {
    fn drop(&mut self) {
        // SAFETY: the context is ours, and used by nobody after this.
        unsafe { rte_acl_free(self.context.as_ptr()) };
    }
}

struct Hash {
    table: NonNull<Table>,
    /// For each position in the table the filter, since lookups give positions.
    filters: Vec<u32>,
    /// Whether the filters are the paper's.
    paper: bool,
}

impl Hash {
    /// The key of a TCP packet over IPv4.
    #[inline(always)]
    fn key(&self, packet: &[u8]) -> Option<[u8; KEY]> {
        let head = packet.first_chunk::<34>()?;
        if head[12..14] != [0x08, 0x00] || head[23] != 6 {
            return None;
        }
        if !self.paper {
            return if head[14] == 0x45 {
                packet.get(26..)?.first_chunk().copied()
            } else {
                None
            };
        }
        let ports = packet
            .get(14 + usize::from(head[14] & 0xf) * 4..)?
            .first_chunk::<4>()?;
        let mut key = [0; KEY];
        key[..4].copy_from_slice(&head[26..30]);
        key[8..].copy_from_slice(ports);
        Some(key)
    }

    fn filter(&self, position: i32) -> u32 {
        usize::try_from(position).map_or(NONE, |position| self.filters[position])
    }
}

impl Peer for Hash {
    fn each(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packet, answer) in packets.iter().zip(answers) {
            *answer = self.key(packet).map_or(NONE, |key| {
                // SAFETY: the table is ours and the key has its `key_len` bytes.
                self.filter(unsafe { rte_hash_lookup(self.table.as_ptr(), key.as_ptr().cast()) })
            });
        }
    }

    fn batches(&mut self, packets: &[&[u8]], answers: &mut [u32]) {
        for (packets, answers) in packets.chunks(BATCH).zip(answers.chunks_mut(BATCH)) {
            // All zero is the key of no flow: their source is never 0.
            let mut keys = [[0; KEY]; BATCH];
            for (key, packet) in keys.iter_mut().zip(packets) {
                *key = self.key(packet).unwrap_or_default();
            }
            let pointers = keys.each_ref().map(|key| key.as_ptr().cast::<c_void>());
            let mut positions = [-1; BATCH];
            // SAFETY: the table is ours; as many pointers as said, each to `key_len` bytes, and as
            // many positions; `BATCH` is below `RTE_HASH_LOOKUP_BULK_MAX`, which is 64.
            unsafe {
                rte_hash_lookup_bulk(
                    self.table.as_ptr(),
                    pointers.as_ptr(),
                    packets.len() as u32,
                    positions.as_mut_ptr(),
                )
            };
            for (answer, position) in answers.iter_mut().zip(positions) {
                *answer = self.filter(position);
            }
        }
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        // SAFETY: the table is ours, and used by nobody after this.
        unsafe { rte_hash_free(self.table.as_ptr()) };
    }
}

/// Starts DPDK's environment, once in this process.
fn start() -> Result<(), String> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    STARTED.get_or_init(initialise).clone()
}

fn initialise() -> Result<(), String> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let lcores =
        CString::new(format!("0@(0-{})", processors - 1)).map_err(|error| error.to_string())?;
    let arguments: [&CStr; 10] = [
        c"dpf",
        c"--no-huge",
        c"--no-pci",
        c"--no-shconf",
        c"--no-telemetry",
        c"--log-level=error",
        c"-m",
        c"2048",
        c"--lcores",
        &lcores,
    ];
    let mut pointers = arguments.map(|argument| argument.as_ptr().cast_mut());
    // SAFETY: as many strings as said, alive over the call; none is written to (DPDK permutes the
    // pointers only). `STARTED` makes this the only call in the process.
    let parsed = unsafe { rte_eal_init(pointers.len() as c_int, pointers.as_mut_ptr()) };
    if parsed < 0 {
        Err(format!("rte_eal_init: {parsed}"))
    } else {
        Ok(())
    }
}

/// A name that no other table of this process has.
fn unique_name(kind: &str) -> CString {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    CString::new(format!("{kind}{number}")).unwrap_or_default()
}

fn check(call: &str, result: c_int) -> Result<(), String> {
    if result == 0 {
        Ok(())
    } else {
        Err(format!("{call}: {result}"))
    }
}

/// An `rte_hash`, opaque.
#[repr(C)]
struct Table {
    _private: [u8; 0],
}

/// An `rte_acl_ctx`, opaque.
#[repr(C)]
struct Context {
    _private: [u8; 0],
}

/// `struct rte_hash_parameters`.
#[repr(C)]
struct HashParameters {
    name: *const c_char,
    entries: u32,
    reserved: u32,
    key_len: u32,
    hash_func: *const c_void,
    hash_func_init_val: u32,
    socket_id: c_int,
    extra_flag: u8,
}

/// `struct rte_acl_param`.
#[repr(C)]
struct AclParameters {
    name: *const c_char,
    socket_id: c_int,
    rule_size: u32,
    max_rule_num: u32,
}

/// `struct rte_acl_field_def`: where a field is.
#[repr(C)]
#[derive(Clone, Copy)]
struct AclFieldPlace {
    kind: u8,
    size: u8,
    field_index: u8,
    input_index: u8,
    offset: u32,
}

/// `struct rte_acl_config`.
#[repr(C)]
struct AclLayout {
    num_categories: u32,
    num_fields: u32,
    defs: [AclFieldPlace; 64],
    max_size: usize,
}

/// `struct rte_acl_field`: both members are unions of up to 64 bits, read from their low end.
#[repr(C)]
#[derive(Clone, Copy)]
struct AclField {
    value: u64,
    mask_range: u64,
}

/// `RTE_ACL_RULE_DEF` with [`FIELDS`] fields.
#[repr(C)]
struct AclRule {
    category_mask: u32,
    priority: i32,
    userdata: u32,
    fields: [AclField; FIELDS],
}

const FIELDS: usize = 6;
const MASK: u8 = 0;
const RANGE: u8 = 1;

impl AclLayout {
    /// Protocol, type and first header byte, addresses, ports: the first field must be one byte,
    /// the others in groups of four consecutive ones.
    fn new() -> Self {
        let place = |kind, size, field_index, input_index, offset| AclFieldPlace {
            kind,
            size,
            field_index,
            input_index,
            offset,
        };
        let mut defs = [place(0, 0, 0, 0, 0); 64];
        defs[0] = place(RANGE, 1, 0, 0, 23);
        defs[1] = place(MASK, 4, 1, 1, 12);
        defs[2] = place(MASK, 4, 2, 2, 26);
        defs[3] = place(MASK, 4, 3, 3, 30);
        defs[4] = place(RANGE, 2, 4, 4, 34);
        defs[5] = place(RANGE, 2, 5, 4, 36);
        Self {
            num_categories: 1,
            num_fields: FIELDS as u32,
            defs,
            max_size: 0,
        }
    }
}

impl AclRule {
    /// Earlier rules have higher priority.
    fn of(rule: &Rule, index: usize, count: usize) -> Self {
        let field = |value: u32, mask_range: u32| AclField {
            value: value.into(),
            mask_range: mask_range.into(),
        };
        let ports = |(low, high): (u16, u16)| field(low.into(), high.into());
        let (low, high) = rule
            .protocol
            .map_or((0, u8::MAX), |protocol| (protocol, protocol));
        Self {
            category_mask: 1,
            priority: (count - index) as i32,
            userdata: index as u32 + 1,
            fields: [
                field(low.into(), high.into()),
                // Ethernet type 0x0800, IP version 4 with five words: 24 bits of the word at 12.
                field(0x0800_4500, 24),
                field(rule.source.0, rule.source.1.into()),
                field(rule.destination.0, rule.destination.1.into()),
                ports(rule.source_ports),
                ports(rule.destination_ports),
            ],
        }
    }
}

const _: () = assert!(size_of::<AclRule>() == 16 + FIELDS * 16 && WIDTH <= HEADERS);

#[link(name = "rte_eal")]
unsafe extern "C" {
    fn rte_eal_init(argc: c_int, argv: *mut *mut c_char) -> c_int;
}

#[link(name = "rte_hash")]
unsafe extern "C" {
    fn rte_hash_create(parameters: *const HashParameters) -> *mut Table;
    fn rte_hash_free(table: *mut Table);
    fn rte_hash_add_key(table: *const Table, key: *const c_void) -> i32;
    fn rte_hash_del_key(table: *const Table, key: *const c_void) -> i32;
    fn rte_hash_lookup(table: *const Table, key: *const c_void) -> i32;
    fn rte_hash_lookup_bulk(
        table: *const Table,
        keys: *const *const c_void,
        count: u32,
        positions: *mut i32,
    ) -> c_int;
}

#[link(name = "rte_acl")]
unsafe extern "C" {
    fn rte_acl_create(parameters: *const AclParameters) -> *mut Context;
    fn rte_acl_free(context: *mut Context);
    fn rte_acl_add_rules(context: *mut Context, rules: *const AclRule, count: u32) -> c_int;
    fn rte_acl_build(context: *mut Context, layout: *const AclLayout) -> c_int;
    fn rte_acl_classify(
        context: *const Context,
        data: *const *const u8,
        results: *mut u32,
        count: u32,
        categories: u32,
    ) -> c_int;
}

/// The hash table alone, for changing it.
///
/// # Errors
///
/// When DPDK cannot be started or refuses a key.
pub fn changing(family: Family, count: u32) -> Result<Box<dyn Changing>, String> {
    Ok(Box::new(Flows {
        family,
        hash: create(family, count, count + CHANGES)?,
        prepared: Vec::new(),
    }))
}

struct Flows {
    family: Family,
    hash: Hash,
    prepared: Vec<[u8; KEY]>,
}

impl Changing for Flows {
    fn prepare(&mut self, first: u32, count: u32) -> Result<(), String> {
        self.prepared = (first..first + count)
            .map(|index| network_key(self.family.flow(index)))
            .collect();
        Ok(())
    }

    fn install(&mut self, which: usize) -> bool {
        let key = self.prepared[which].as_ptr().cast();
        // SAFETY: the table is ours and the key has the `key_len` bytes that are copied.
        unsafe { rte_hash_add_key(self.hash.table.as_ptr(), key) >= 0 }
    }

    fn remove(&mut self, which: usize) -> bool {
        let key = self.prepared[which].as_ptr().cast();
        // SAFETY: the table is ours and the key has its `key_len` bytes.
        unsafe { rte_hash_del_key(self.hash.table.as_ptr(), key) >= 0 }
    }
}

/// The key of a flow as every hash table here has it: addresses and ports as in the packet.
fn network_key(flow: Flow) -> [u8; 12] {
    let mut key = [0; 12];
    key.copy_from_slice(&flow.packet()[26..38]);
    key
}
