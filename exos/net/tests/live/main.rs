//! A real Linux stack as the neighbour, over a TAP, in a network namespace that lasts as long as
//! the test.
//!
//! The test starts itself again inside the namespace. There a thread does what any Linux program would,
//! with the standard library's sockets and, where they are installed, `ping` and `arping`, while the
//! stack under test answers; then the stack asks and Linux answers. It takes root, `unshare` and `ip`.
#![cfg(target_os = "linux")]

mod tap;

use core::{net::Ipv4Addr, time::Duration};
use exos_net::{
    Config, Endpoint, Event, Fate, Interface, Memory, Millis, SocketId, Stack,
    app::{
        echo,
        names::{self, Table},
        netstat::Netstat,
        ping::{Ping, Plan},
    },
};
use std::{env, io::ErrorKind, net::UdpSocket, process::Command, thread};
use tap::Tap;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const LINUX: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// Set inside the namespace.
const INSIDE: &str = "EXOS_NET_INSIDE";
/// How long anything may take.
const PATIENCE: Millis = 60_000;

#[test]
fn linux_as_a_neighbour() {
    in_a_namespace("linux_as_a_neighbour", asking_and_answering);
}

#[test]
fn a_server_of_linux_tells_the_address() {
    if Command::new("rarpd").arg("-h").output().is_err() {
        refuse_to_skip();
        eprintln!("skipped: rarpd is not installed");
        return;
    }
    in_a_namespace("a_server_of_linux_tells_the_address", asking_for_an_address);
}

fn refuse_to_skip() {
    let ci = env::var("CI");
    assert_ne!(ci.as_deref(), Ok("true"), "in CI nothing is skipped");
}

/// Runs `inside` of the test called `name` in a namespace.
fn in_a_namespace(name: &str, inside: fn()) {
    if env::var_os(INSIDE).is_some() {
        inside();
        return;
    }
    let probe = [
        "--net", "--mount", "ip", "tuntap", "add", "t", "mode", "tap",
    ];
    if !able_to(Command::new("unshare").args(probe)) {
        refuse_to_skip();
        eprintln!("skipped: it takes root, unshare and ip to make a network namespace");
        return;
    }
    let again = Command::new("unshare")
        .args(["--net", "--mount"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&again.stderr);
    eprintln!("{messages}");
    assert!(again.status.success());
    assert!(messages.contains("frames received"), "it did run");
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

/// A stack on an interface whose other end is 10.9.0.1.
fn stack(configured: bool) -> Stack<'static, Tap, 4> {
    let tap = Tap::open("exos").unwrap();
    ip("address add 10.9.0.1/24 dev exos");
    ip("link set exos up");
    let memory = Memory {
        fragments: leak(40_000),
        parked: leak(20_000),
    };
    let config = match configured {
        true => Config::fixed(Interface::new(HERE, 24)),
        false => Config::rarp(),
    };
    Stack::new(tap, config, memory)
}

fn asking_and_answering() {
    let mut stack = stack(true);
    let service = stack.bind_udp(7, leak(40_000)).unwrap();
    let server = stack.bind_udp(names::PORT, leak(4_000)).unwrap();
    answer_while(&mut stack, service, server, linux_asks);
    asks_linux(&mut stack);
    let counters = stack.counters();
    assert_eq!(counters.event(Event::FramesReceived), counters.accounted());
    let spoilt = counters.fate(Fate::UdpChecksum) + counters.fate(Fate::IcmpChecksum);
    assert_eq!(spoilt, 0);
    eprintln!("{}", Netstat(&stack));
}

/// `rarpd` finds stations in /etc/ethers: one of this namespace's own.
fn asking_for_an_address() {
    let ethers = r#"set -e
        mount -t tmpfs none /mnt
        mkdir /mnt/upper /mnt/work
        mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc
        echo "02:00:00:00:00:02 10.9.0.2" > /etc/ethers"#;
    assert!(able_to(Command::new("bash").args(["-c", ethers])));
    let mut stack = stack(false);
    let server = Command::new("rarpd").args(["-d", "-e", "exos"]).spawn();
    let mut server = server.unwrap();
    while stack.interface().is_none() && stack.now() < PATIENCE {
        stack.poll();
        thread::sleep(Duration::from_millis(1));
    }
    let address = stack.interface().map(|interface| interface.address);
    eprintln!("{}", Netstat(&stack));
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(address, Some(HERE));
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
    let arguments = ["-c", "3", "-I", "exos", "10.9.0.2"];
    a_stranger("arping", &arguments);
    for size in ["0", "56", "1472", "1473", "8000"] {
        let arguments = ["-c", "3", "-i", "0.01", "-W", "5", "-s", size, "10.9.0.2"];
        a_stranger("ping", &arguments);
    }
}

/// A program of Linux's, which must be content.
fn a_stranger(program: &str, arguments: &[&str]) {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
        }
        Err(error) => {
            refuse_to_skip();
            eprintln!("skipped: {program}: {error}");
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
