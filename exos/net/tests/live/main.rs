//! A real Linux stack as the neighbour, over a TAP, in a network namespace that lasts as long as
//! the test.
//!
//! The test starts itself again inside the namespace. There a thread does what any Linux program would,
//! with the standard library's sockets and, where it is installed, `ping`, while the stack under
//! test answers; then the stack asks and Linux answers. It takes root, `unshare` and `ip`.
#![cfg(target_os = "linux")]

mod tap;

use exos_net::{
    Config, Endpoint, Event, Fate, Interface, Memory, Millis, SocketId, Stack,
    app::{
        echo,
        names::{self, Table},
        netstat::Netstat,
        ping::{Ping, Plan},
    },
};
use std::{
    env,
    io::ErrorKind,
    net::{Ipv4Addr, UdpSocket},
    process::Command,
    thread,
    time::Duration,
};
use tap::Tap;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const LINUX: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// Set inside the namespace.
const INSIDE: &str = "EXOS_NET_INSIDE";
/// How long anything may take.
const PATIENCE: Millis = 60_000;

#[test]
fn linux_as_a_neighbour() {
    if env::var_os(INSIDE).is_some() {
        inside();
        return;
    }
    let probe = ["--net", "ip", "tuntap", "add", "t", "mode", "tap"];
    if !able_to(Command::new("unshare").args(probe)) {
        assert_ne!(
            env::var("CI").as_deref(),
            Ok("true"),
            "in CI nothing is skipped"
        );
        eprintln!("skipped: it takes root, unshare and ip to make a network namespace");
        return;
    }
    let again = Command::new("unshare")
        .arg("--net")
        .arg(env::current_exe().unwrap())
        .args(["--exact", "linux_as_a_neighbour", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&again.stderr);
    eprintln!("{messages}");
    assert!(again.status.success());
    assert!(messages.contains("datagrams put together"), "it did run");
}

fn able_to(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn ip(arguments: &str) {
    assert!(
        able_to(Command::new("ip").args(arguments.split(' '))),
        "ip {arguments}"
    );
}

fn leak(bytes: usize) -> &'static mut [u8] {
    Box::leak(vec![0; bytes].into_boxed_slice())
}

fn inside() {
    let tap = Tap::open("exos").unwrap();
    ip("address add 10.9.0.1/24 dev exos");
    ip("link set exos up");
    let memory = Memory {
        fragments: leak(40_000),
        parked: leak(20_000),
    };
    let config = Config::fixed(Interface::new(HERE, 24));
    let mut stack: Stack<'_, Tap, 4> = Stack::new(tap, config, memory);
    let service = stack.bind_udp(7, leak(40_000)).unwrap();
    let server = stack.bind_udp(names::PORT, leak(4_000)).unwrap();
    answer_while(&mut stack, service, server, linux_asks);
    asks_linux(&mut stack);
    let counters = stack.counters();
    assert_eq!(counters.event(Event::FramesReceived), counters.accounted());
    assert_eq!(
        counters.fate(Fate::UdpChecksum) + counters.fate(Fate::IcmpChecksum),
        0
    );
    eprintln!("{}", Netstat(&stack));
}

/// Serves while a thread does what Linux programs do.
fn answer_while(stack: &mut Stack<'_, Tap, 4>, service: SocketId, server: SocketId, client: fn()) {
    let client = thread::spawn(client);
    let (mut buffer, mut table) = (vec![0; 9_000], Table::<4>::new());
    while !client.is_finished() {
        assert!(stack.now() < PATIENCE, "this takes too long");
        if stack.poll().frames == 0 {
            thread::sleep(Duration::from_micros(50));
        }
        echo::serve(stack, service, &mut buffer).unwrap();
        names::serve(stack, server, &mut table).unwrap();
    }
    client.join().unwrap();
}

fn socket(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((LINUX, 0)).unwrap();
    socket.connect((HERE, port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

fn linux_asks() {
    let echo = socket(7);
    let mut buffer = vec![0; 65_536];
    let lengths = (0..=8_000)
        .step_by(50)
        .chain([1, 1471, 1472, 1473, 1480, 2952, 2953, 7_999]);
    for length in lengths {
        let payload: Vec<u8> = (0..length).map(|at| (at * 7 + at / 256) as u8).collect();
        echo.send(&payload).unwrap();
        let received = echo
            .recv(&mut buffer)
            .unwrap_or_else(|error| panic!("{length}: {error}"));
        assert!(buffer[..received] == payload, "{length} bytes come back");
    }
    let nobody = socket(9);
    nobody.send(b"is anybody there").unwrap();
    let refused = nobody.recv(&mut buffer).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let names = socket(names::PORT);
    names.send(b"\x02\x00\x00\x01\x04\x05hostexos!").unwrap();
    assert_eq!(names.recv(&mut buffer).unwrap(), 10);
    names.send(b"\x01\x00\x00\x02\x04\x00host").unwrap();
    let length = names.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"\x01\x01\x00\x02\x04\x05hostexos!");
    let neighbours = Command::new("ip").args(["neighbour"]).output().unwrap();
    let neighbours = String::from_utf8_lossy(&neighbours.stdout).into_owned();
    assert!(
        neighbours.contains("10.9.0.2 dev exos lladdr 02:00:00:00:00:02"),
        "{neighbours}"
    );
    // Not everyone has `ping`.
    for size in ["0", "56", "1472", "1473", "8000"] {
        let arguments = ["-c", "3", "-i", "0.01", "-W", "5", "-s", size, "10.9.0.2"];
        if let Ok(output) = Command::new("ping").args(arguments).output() {
            assert!(output.status.success(), "{output:?}");
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// The stack asks: Linux answers pings, and says that nobody has the port.
fn asks_linux(stack: &mut Stack<'_, Tap, 4>) {
    let socket = stack.bind_echo(0, leak(20_000)).unwrap();
    let mut buffer = vec![0; 9_000];
    for payload in [0, 56, 1_472, 1_473, 8_000] {
        let plan = Plan {
            target: LINUX,
            count: 5,
            interval: 2,
            payload,
        };
        let mut ping = Ping::new(stack, socket, plan).unwrap();
        while !ping.is_over(stack.now(), 1_000) {
            stack.poll();
            ping.poll(stack, &mut buffer).unwrap();
            thread::sleep(Duration::from_micros(50));
        }
        let statistics = ping.statistics();
        assert_eq!(
            (statistics.answered, statistics.spoilt),
            (5, 0),
            "{statistics}"
        );
    }
    let socket = stack.bind_udp(0, leak(100)).unwrap();
    stack.connect(socket, Endpoint::new(LINUX, 9)).unwrap();
    stack.send(socket, b"is anybody there").unwrap();
    let end = stack.now() + 5_000;
    while !stack.take_refusal(socket).unwrap() {
        assert!(stack.now() < end, "Linux does not refuse");
        stack.poll();
    }
}
