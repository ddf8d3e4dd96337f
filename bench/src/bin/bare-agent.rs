//! The least that an agent can cost: once a second one read of `/proc/stat`, one send of a frame of the usual size,
//! one receive of the answer. Nothing is parsed or understood.
//!
//! Its argument is the address of a `bare-server`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// As long as the samples of an agent with all default metrics.
const FRAME: usize = 720;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).ok_or_else(|| io::Error::other("give the address of a server"))?;
    let stat = File::open("/proc/stat")?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut frame = [b'x'; FRAME];
    if let Some(last) = frame.last_mut() {
        *last = b'\n';
    }
    let mut buffer = [0; 16 * 1024];
    let mut next = Instant::now();
    loop {
        next += Duration::from_secs(1);
        sleep(next.saturating_duration_since(Instant::now()));
        stat.read_at(&mut buffer, 0)?;
        stream.write_all(&frame)?;
        if stream.read(&mut buffer)? == 0 {
            return Ok(());
        }
    }
}
