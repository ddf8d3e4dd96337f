//! The frame of `main` from the outside: real processes of `examples/demo.rs`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Once,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// The longest that anything here may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program of `examples/`. A plain `cargo test` builds them beside its tests; one that was told which targets
/// to take (`--all-targets`, `--test program`) may not have, so they are then built here.
fn example(name: &str) -> Command {
    static BUILD: Once = Once::new();

    let test: PathBuf = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(name);
    if !path.exists() {
        BUILD.call_once(|| {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--package", "cpumon-daemon", "--examples", "--target-dir"]);
            build.arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
            assert!(build.status().unwrap().success(), "the examples cannot be built");
        });
    }
    let mut command = Command::new(path);
    command.env_clear();
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A demo that runs and listens; it ends with this value.
struct Demo {
    process: Child,
    lines: Receiver<String>,
    address: SocketAddr,
}

impl Demo {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = example("demo");
        command.env("DEMO_LISTEN", "127.0.0.1:0").envs(variables.iter().copied()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut demo = Self { process, lines, address: SocketAddr::from(([0; 4], 0)) };
        let line = demo.line("listening");
        let address = line.split("address=").nth(1).unwrap_or_else(|| panic!("no address in {line}"));
        demo.address = address.split(' ').next().unwrap().parse().unwrap();
        demo
    }

    /// The next line of the log that contains `text`.
    fn line(&self, text: &str) -> String {
        let mut seen = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(why) => panic!("no line with {text:?}: {why}; there were {seen:#?}"),
            }
        }
    }

    /// A client that the demo has taken.
    fn client(&self) -> TcpStream {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"hi").unwrap();
        let mut answer = [0; 2];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hi");
        client
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits until the process has ended by itself; its status, and the rest of its log.
    fn end(mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still running after {rest:#?}"),
            }
        }
        (self.process.wait().unwrap(), rest)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn help_lists_every_variable_and_needs_none() {
    for argument in ["--help", "-h"] {
        let (status, stdout, stderr) = output(example("demo").arg(argument).env("DEMO_DRAIN", "wrong"));
        assert_eq!((status, &*stderr), (Some(0), ""));
        assert!(stdout.starts_with("demo 0.1.0: sends back what it gets\n\nusage:\n"), "{stdout}");
        for line in [
            "  DEMO_LISTEN=127.0.0.1:8080",
            "  DEMO_TOKEN=",
            "      where it listens",
            "  DEMO_LOG_FORMAT=text",
        ] {
            assert!(stdout.lines().any(|printed| printed == line), "{line:?} in {stdout}");
        }
    }
}

#[test]
fn version_is_one_line() {
    for argument in ["--version", "-V"] {
        assert_eq!(output(example("demo").arg(argument)), (Some(0), "demo 0.1.0\n".into(), String::new()));
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure_and_a_full_disk_is_one() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let gone = example("demo").arg("--help").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((gone.status.code(), &*gone.stderr), (Some(0), &b""[..]));

    let full = File::options().write(true).open("/dev/full").unwrap();
    let full = example("demo").arg("--help").stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(full.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&full.stderr).starts_with("cannot write to stdout: "));
}

#[test]
fn an_unknown_argument_is_one_line_and_status_64() {
    for arguments in [&["--port"][..], &["run"], &["--help", "me"]] {
        let (status, stdout, stderr) = output(example("demo").args(arguments));
        assert_eq!((status, &*stdout, stderr.lines().count()), (Some(64), "", 1), "{stderr}");
        assert!(stderr.starts_with("demo: "), "{stderr}");
    }
}

#[test]
fn every_fault_is_a_line_and_the_status_is_64() {
    let mut demo = example("demo");
    demo.env("DEMO_DRAIN", "5").env("DEMO_LOG", "loud").env("DEMO_TOKEN", "canary");
    assert_eq!(
        output(&mut demo),
        (
            Some(64),
            String::new(),
            "DEMO_DRAIN=5: has no unit; write a duration such as 500ms, 1s, 15m or 24h\n\
            DEMO_TOKEN=***: is given without DEMO_NAME; set both or neither\n\
            DEMO_LOG=loud: has an unknown level; write off, error, warn, info, debug or trace, \
            or a list such as info,cpumon_agent=debug\n"
                .into()
        )
    );
}

#[test]
fn health_is_0_or_1_with_the_reason() {
    let demo = Demo::start(&[]);
    let check = |address: SocketAddr| {
        output(example("demo").arg("healthcheck").env("DEMO_LISTEN", address.to_string()))
    };
    assert_eq!(check(demo.address), (Some(0), String::new(), String::new()));

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, stdout, stderr) = check(nobody);
    assert_eq!((status, &*stdout), (Some(1), ""));
    assert!(stderr.starts_with(&format!("demo is not healthy: cannot connect to {nobody}: ")), "{stderr}");

    let (status, _, stderr) = output(example("demo").arg("healthcheck").env("DEMO_LISTEN", "here"));
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("DEMO_LISTEN=here: "), "{stderr}");
}

#[test]
fn a_failure_is_one_line_with_its_whole_chain() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (status, _, stderr) = output(example("demo").env("DEMO_LISTEN", address.to_string()));
    assert_eq!(status, Some(1));
    let last = stderr.lines().last().unwrap();
    assert!(
        last.contains(&format!(
            "ERROR cpumon_daemon::program: demo failed: cannot listen on {address}: Address"
        )),
        "{last}"
    );
}

#[test]
fn it_says_what_it_is_and_what_it_does_not_know() {
    let mut demo = example("demo");
    demo.env("DEMO_LISTEN", "192.0.2.1:1")
        .env("DEMO_PORT", "tcp://10.0.0.1:80")
        .env("DEMO_LISTENN", "secret");
    let (_, _, stderr) = output(&mut demo);
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines[0].ends_with("INFO cpumon_daemon::program: demo starts version=\"0.1.0\""), "{stderr}");
    assert!(
        lines[1].contains("WARN")
            && lines[1].contains("DEMO_LISTENN is ignored; the nearest known one is DEMO_LISTEN")
    );
    assert!(lines[2].contains("WARN") && lines[2].contains("DEMO_PORT is ignored"), "{stderr}");
    assert!(!stderr.contains("secret") && !stderr.contains("tcp://"), "{stderr}");
}

#[test]
fn many_unknown_variables_make_few_lines() {
    let mut demo = example("demo");
    demo.env("DEMO_LISTEN", "192.0.2.1:1").envs((0..1_000).map(|index| (format!("DEMO_X{index}"), "")));
    let (_, _, stderr) = output(&mut demo);
    assert_eq!(stderr.matches("unknown variable DEMO_X").count(), 20);
    assert!(stderr.contains("980 more unknown variables are ignored"), "{stderr}");
}

#[test]
fn a_signal_stops_it_when_its_clients_have_left() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let demo = Demo::start(&[("DEMO_NAME", "a"), ("DEMO_TOKEN", "canary")]);
        let client = demo.client();
        demo.signal(signal);
        let stopping = demo.line("stopping");
        assert!(stopping.ends_with(&format!("stopping signal=\"{name}\"")), "{stopping}");
        drop(client);
        let (status, rest) = demo.end();
        assert_eq!(status.code(), Some(0));
        assert!(rest[0].contains("every client has left") && rest[1].contains("demo ends"), "{rest:#?}");
    }
}

#[test]
fn it_gives_up_on_clients_at_the_deadline_and_says_so() {
    let demo = Demo::start(&[("DEMO_DRAIN", "100ms"), ("DEMO_LOG_FORMAT", "text")]);
    let _clients = [demo.client(), demo.client()];
    demo.signal(Signal::TERM);
    let line = demo.line("gave up");
    assert!(line.contains("WARN") && line.ends_with("clients=2"), "{line}");
    assert_eq!(demo.end().0.code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let demo = Demo::start(&[("DEMO_DRAIN", "60s")]);
    let _client = demo.client();
    demo.signal(Signal::TERM);
    demo.line("stopping");
    let asked = Instant::now();
    // Time is what tells a second wish from an echo of the first.
    while asked.elapsed() < Duration::from_millis(1_100) {
        demo.signal(Signal::INT);
        thread::sleep(Duration::from_millis(100));
    }
    demo.signal(Signal::INT);
    demo.line("ending at once");
    assert!(asked.elapsed() >= Duration::from_secs(1));
    assert_eq!(demo.end().0.code(), Some(1));
}

#[test]
fn a_log_that_cannot_be_written_hurts_nobody() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    // It cannot say where it listens. On an address that all share, another service may be given the port first, be
    // taken for this one, and this one be signalled before it listens for signals.
    let own = Ipv4Addr::from_bits(0x7f80_0000 | std::process::id());
    let address = TcpListener::bind((own, 0)).unwrap().local_addr().unwrap();
    let mut process = example("demo").env("DEMO_LISTEN", address.to_string()).stderr(full).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline && process.try_wait().unwrap().is_none(), "it does not serve");
        thread::yield_now();
    }
    kill_process(Pid::from_raw(process.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_panic_is_one_line_of_the_log() {
    let (status, _, stderr) = output(example("panics").arg("two\nlines\u{1b}[2J"));
    assert_eq!((status, stderr.lines().count()), (Some(101), 1), "{stderr}");
    assert!(
        stderr.contains("ERROR cpumon_daemon::logs::panics: panicked: two\\nlines\\x1b[2J location="),
        "{stderr}"
    );
    assert!(stderr.ends_with("thread=\"main\"\n"), "{stderr}");
}
