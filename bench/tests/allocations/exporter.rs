//! The exporter's listener over a real socket, on a runtime of this thread.

use std::sync::Arc;
use std::time::Duration;

use cpumon_bench::frames::Conversation;
use cpumon_daemon::clock::Clock;
use cpumon_daemon::stop::Stop;
use cpumon_exporter::exposition::families::Thresholds;
use cpumon_exporter::exposition::own::OwnMetrics;
use cpumon_exporter::fleet::{Fleet, FleetSettings, Roster, SharedFleet};
use cpumon_exporter::ingest::{self, Desk, Doors, IngestSettings};
use cpumon_exporter::journal::Journal;
use cpumon_protocol::model::Ratio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Samples before anything is counted: buffers and tables have their size then.
const WARM_UP: u64 = 50;
const SAMPLES: u64 = 1_000;

fn desk(clock: Clock) -> Arc<Desk> {
    let thresholds = Thresholds {
        warning: Ratio::from_millionths(800_000).unwrap(),
        critical: Ratio::from_millionths(950_000).unwrap(),
    };
    Arc::new(Desk {
        fleet: SharedFleet::new(Fleet::new(FleetSettings::default(), &Roster::default(), clock.now())),
        metrics: OwnMetrics::new(&thresholds).unwrap(),
        journal: Journal::default(),
        settings: IngestSettings { frame_rate: 1_000_000, ..IngestSettings::default() },
    })
}

/// Sends each frame and reads its answer, with memory that is there already.
async fn exchange(stream: &mut TcpStream, frames: &[Vec<u8>]) {
    let mut answer = [0; 256];
    for frame in frames {
        stream.write_all(frame).await.unwrap();
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].ends_with(b"}\n"));
    }
}

#[test]
fn a_sample_over_tcp_needs_no_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Clock::start();
    let desk = desk(clock);
    let stop = Stop::default();
    let mut agent = Conversation::new("a").unwrap();
    let greeting = agent.greeting();
    let mut frames: Vec<_> = (1..=WARM_UP + SAMPLES).map(|seq| agent.sample(seq)).collect();
    let counted = frames.split_off(WARM_UP as usize);

    let mut stream = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(ingest::serve(
            Doors::new(listener, None).unwrap(),
            Arc::clone(&desk),
            clock,
            stop.clone(),
            Duration::ZERO,
        ));
        let mut stream = TcpStream::connect(address).await.unwrap();
        exchange(&mut stream, &[greeting]).await;
        exchange(&mut stream, &frames).await;
        stream
    });
    let used = allocation_counter::measure(|| runtime.block_on(exchange(&mut stream, &counted)));
    assert_eq!(desk.metrics.frames_v1.get(), WARM_UP + SAMPLES, "every sample was taken");
    assert_eq!((used.count_total, used.bytes_total), (0, 0), "for {SAMPLES} samples");
}
