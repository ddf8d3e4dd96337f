//! The promise that a rendering began after whoever gets it arrived, and at what cost.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;

use flate2::read::GzDecoder;
use tokio::task::JoinSet;

use super::*;

/// A document whose `n`th rendering is the number `n`, and which waits in each until it may go on.
struct Gated {
    shared: SharedRendering,
    stats: Arc<HttpStats>,
    began: tokio::sync::mpsc::UnboundedReceiver<u64>,
    go_on: mpsc::Sender<()>,
}

fn gated() -> Gated {
    let (tell_began, began) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, may_go_on) = mpsc::channel();
    let (count, may_go_on) = (AtomicU64::new(0), Mutex::new(may_go_on));
    let stats = Arc::new(HttpStats::default());
    let shared =
        SharedRendering::new(&HttpConfig::default(), &stats, &CancellationToken::new(), move |segments| {
            let number = count.fetch_add(1, SeqCst) + 1;
            tell_began.send(number).expect("the test listens");
            lock(&may_go_on).recv().expect("the test says when");
            segments.push(Bytes::from(number.to_string()));
        });
    Gated { shared, stats, began, go_on }
}

impl Gated {
    async fn wait_for_begin(&mut self) -> u64 {
        self.began.recv().await.expect("a rendering begins")
    }
}

async fn number(mut receiver: watch::Receiver<Option<Arc<Rendering>>>) -> u64 {
    let rendering = receiver.wait_for(Option::is_some).await.expect("rendered").clone();
    text(&rendering.expect("some")).parse().expect("a number")
}

fn text(rendering: &Rendering) -> String {
    String::from_utf8(rendering.segments().concat()).expect("text")
}

#[tokio::test]
async fn those_who_come_while_one_is_made_share_the_next() {
    let mut document = gated();
    let first = document.shared.join(Coding::Identity);
    assert_eq!(document.wait_for_begin().await, 1);
    let late: Vec<_> = (0..5).map(|_| document.shared.join(Coding::Identity)).collect();

    document.go_on.send(()).expect("the rendering waits");
    assert_eq!(number(first).await, 1);
    assert_eq!(document.wait_for_begin().await, 2);
    document.go_on.send(()).expect("the rendering waits");
    for receiver in late {
        assert_eq!(number(receiver).await, 2);
    }
    assert_eq!(document.stats.renderings.get(), 2);
}

#[tokio::test]
async fn who_leaves_disturbs_nobody_and_is_not_rendered_for() {
    let mut document = gated();
    let leaves = document.shared.join(Coding::Identity);
    let stays = document.shared.join(Coding::Identity);
    document.wait_for_begin().await;
    drop(leaves);
    drop(document.shared.join(Coding::Gzip));
    document.go_on.send(()).expect("the rendering waits");
    assert_eq!(number(stays).await, 1);

    // The one who left the second batch was its only member, so the second rendering is this one's.
    let next = document.shared.join(Coding::Identity);
    document.go_on.send(()).expect("the rendering waits");
    assert_eq!(number(next).await, 2);
    assert_eq!(document.stats.renderings.get(), 2);
    assert_eq!(document.stats.compressions.get(), 0);
}

#[tokio::test]
async fn both_codings_come_from_one_rendering() {
    let document = gated();
    let (plain, mut compressed) =
        (document.shared.join(Coding::Identity), document.shared.join(Coding::Gzip));
    document.go_on.send(()).expect("the rendering waits");
    assert_eq!(number(plain).await, 1);
    let compressed = compressed.wait_for(Option::is_some).await.expect("rendered").clone().expect("some");
    let mut text = String::new();
    GzDecoder::new(&compressed.segments().concat()[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, "1");
    assert_eq!((document.stats.renderings.get(), document.stats.compressions.get()), (1, 1));
}

#[tokio::test]
async fn a_rendering_that_panics_fails_its_own_batch_only() {
    let fails = AtomicBool::new(true);
    let stats = Arc::default();
    let shared =
        SharedRendering::new(&HttpConfig::default(), &stats, &CancellationToken::new(), move |segments| {
            assert!(!fails.swap(false, SeqCst), "the first time");
            segments.push(Bytes::from_static(b"well"));
        });
    assert_eq!(shared.get(Coding::Gzip).await.err(), Some(RenderingFailed));
    assert_eq!(text(&shared.get(Coding::Identity).await.expect("rendered")), "well");
}

#[tokio::test]
async fn a_rendering_is_freed_with_its_last_reader() {
    let shared = SharedRendering::new(
        &HttpConfig::default(),
        &Arc::default(),
        &CancellationToken::new(),
        |segments| {
            segments.push(Bytes::from(vec![b'x'; 1000]));
        },
    );
    let (one, other) = tokio::join!(shared.get(Coding::Identity), shared.get(Coding::Identity));
    let (one, other) = (one.expect("rendered"), other.expect("rendered"));
    let weak = Arc::downgrade(&one);
    drop(one);
    assert!(weak.upgrade().is_some());
    drop(other);
    assert!(weak.upgrade().is_none());
}

/// Many ask at once, over and over, some of them not staying for the answer. A shared clock that ticks
/// at each arrival and each begin shows the order of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_the_timing_a_rendering_began_after_each_who_got_it_arrived() {
    const ASKERS: u64 = 8;
    const ROUNDS: u64 = 300;
    let clock = Arc::new(AtomicU64::new(0));
    let (ticks, is_rendering) = (Arc::clone(&clock), AtomicBool::new(false));
    let stats = Arc::new(HttpStats::default());
    let shared = Arc::new(SharedRendering::new(
        &HttpConfig::default(),
        &stats,
        &CancellationToken::new(),
        move |segments| {
            assert!(!is_rendering.swap(true, SeqCst), "one at a time");
            let began = ticks.fetch_add(1, SeqCst);
            std::thread::yield_now();
            segments.push(Bytes::from(began.to_string()));
            is_rendering.store(false, SeqCst);
        },
    ));

    let mut askers = JoinSet::new();
    for seed in 0..ASKERS {
        let (shared, clock) = (Arc::clone(&shared), Arc::clone(&clock));
        let mut random = fastrand::Rng::with_seed(seed);
        askers.spawn(async move {
            for _ in 0..ROUNDS {
                let arrived = clock.fetch_add(1, SeqCst);
                if random.u8(..10) == 0 {
                    drop(shared.join(Coding::Identity));
                    continue;
                }
                let rendering = shared.get(Coding::Identity).await.expect("rendered");
                let began: u64 = text(&rendering).parse().expect("a tick");
                assert!(began > arrived, "began at {began}, asked for at {arrived}");
                if random.bool() {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    while let Some(asked) = askers.join_next().await {
        asked.expect("no asker fails");
    }
    assert!(stats.renderings.get() <= ASKERS * ROUNDS);
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_nobody_waits_until_others_have_read() {
    let stop = CancellationToken::new();
    let shared = SharedRendering::new(&HttpConfig::default(), &Arc::default(), &stop, |segments| {
        segments.push(Bytes::from_static(b"x"));
    });
    let mut unread = Vec::new();
    for _ in 0..2 {
        unread.push(shared.get(Coding::Identity).await.expect("rendered"));
    }
    let asked = time::Instant::now();
    let (rendering, ()) = tokio::join!(shared.get(Coding::Identity), async {
        time::sleep(time::Duration::from_secs(1)).await;
        stop.cancel();
    });
    assert!(rendering.is_ok());
    assert_eq!(asked.elapsed().as_secs(), 1);
}
