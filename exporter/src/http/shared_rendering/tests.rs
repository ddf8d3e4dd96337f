//! The promise that a rendering began after whoever gets it arrived, and at what cost.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use flate2::read::GzDecoder;
use tokio::task::JoinSet;

use super::*;

/// A document of whatever steps.
struct Steps<F>(F);

impl<F: FnMut() -> Step + Send> Document for Steps<F> {
    fn next(&mut self) -> Step {
        (self.0)()
    }
}

/// A document of these steps, and then its end.
fn steps(steps: impl IntoIterator<Item = Step, IntoIter: Send + 'static>) -> Box<dyn Document> {
    let mut steps = steps.into_iter();
    Box::new(Steps(move || steps.next().unwrap_or(Step::End)))
}

fn shared(begin: impl Fn() -> Box<dyn Document> + Send + Sync + 'static) -> SharedRendering {
    SharedRendering::new(&HttpConfig::default(), &Arc::default(), &CancellationToken::new(), begin)
}

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
    let (count, may_go_on) = (AtomicU64::new(0), Arc::new(Mutex::new(may_go_on)));
    let stats = Arc::new(HttpStats::default());
    let shared = SharedRendering::new(&HttpConfig::default(), &stats, &CancellationToken::new(), move || {
        let number = count.fetch_add(1, SeqCst) + 1;
        tell_began.send(number).expect("the test listens");
        let (may_go_on, mut is_over) = (Arc::clone(&may_go_on), false);
        Box::new(Steps(move || {
            if is_over {
                return Step::End;
            }
            is_over = lock(&may_go_on).try_recv().is_ok();
            if is_over { Step::Part(Bytes::from(number.to_string())) } else { Step::Nothing }
        }))
    });
    Gated { shared, stats, began, go_on }
}

impl Gated {
    async fn wait_for_begin(&mut self) -> u64 {
        self.began.recv().await.expect("a rendering begins")
    }
}

async fn number(reader: Reader) -> u64 {
    text(reader).await.parse().expect("a number")
}

async fn text(reader: Reader) -> String {
    String::from_utf8(bytes(reader).await).expect("text")
}

async fn bytes(mut reader: Reader) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(segment) = poll_fn(|cx| reader.poll_next(cx)).await {
        whole.extend_from_slice(&segment.expect("rendered"));
    }
    whole
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
    let (plain, compressed) = (document.shared.join(Coding::Identity), document.shared.join(Coding::Gzip));
    document.go_on.send(()).expect("the rendering waits");
    assert_eq!(number(plain).await, 1);
    let compressed = bytes(compressed).await;
    let mut text = String::new();
    GzDecoder::new(&compressed[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, "1");
    assert_eq!((document.stats.renderings.get(), document.stats.compressions.get()), (1, 1));
}

#[tokio::test]
async fn a_rendering_that_panics_fails_its_own_batch_only() {
    let fails = AtomicBool::new(true);
    let shared = shared(move || {
        assert!(!fails.swap(false, SeqCst), "the first time");
        steps([Step::Part(Bytes::from_static(b"well"))])
    });
    assert_eq!(shared.get(Coding::Gzip).await.err(), Some(RenderingFailed));
    assert_eq!(text(shared.get(Coding::Identity).await.expect("rendered")).await, "well");
}

/// A million bytes that cannot be compressed, so that some of them come out of the encoder before the end.
fn noise() -> Bytes {
    iter::repeat_with(|| fastrand::u8(..)).take(1_000_000).collect()
}

#[tokio::test]
async fn the_first_part_is_read_before_the_last_is_made() {
    for coding in [Coding::Identity, Coding::Gzip] {
        let (go_on, may_go_on) = mpsc::channel();
        let (may_go_on, part) = (Arc::new(Mutex::new(may_go_on)), noise());
        let half = part.clone();
        let shared = shared(move || {
            let (may_go_on, part, mut told) = (Arc::clone(&may_go_on), part.clone(), 0);
            Box::new(Steps(move || {
                if told == 2 {
                    return Step::End;
                }
                if told == 1 && lock(&may_go_on).try_recv().is_err() {
                    return Step::Nothing;
                }
                told += 1;
                Step::Part(part.clone())
            }))
        });
        let mut reader = shared.get(coding).await.expect("begun");
        let first = poll_fn(|cx| reader.poll_next(cx)).await.expect("some").expect("rendered");
        go_on.send(()).expect("the rendering waits");
        let mut whole = first.to_vec();
        whole.extend(bytes(reader).await);
        if coding == Coding::Gzip {
            let mut plain = Vec::new();
            GzDecoder::new(&whole[..]).read_to_end(&mut plain).expect("gzip");
            whole = plain;
        }
        assert!(whole == [&half[..], &half].concat(), "{coding:?}");
    }
}

#[tokio::test]
async fn what_fails_half_way_is_not_taken_for_whole() {
    for coding in [Coding::Identity, Coding::Gzip] {
        let shared = shared(|| {
            let mut parts = vec![Step::Nothing; 1_000];
            parts.push(Step::Part(noise()));
            Box::new(Steps(move || parts.pop().expect("half way, as is meant")))
        });
        let mut reader = shared.get(coding).await.expect("begun");
        let end = loop {
            match poll_fn(|cx| reader.poll_next(cx)).await {
                Some(Ok(_)) => {}
                end => break end,
            }
        };
        assert_eq!(end, Some(Err(RenderingFailed)), "{coding:?}");
    }
}

/// Else the exporter would not stop: a runtime waits for its blocking threads.
#[test]
fn a_thread_that_compresses_ends_with_the_runtime() {
    let (tell_over, over) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let shared = shared(|| Box::new(Steps(|| Step::Nothing)));
        let readers = runtime.block_on(async {
            let readers = (shared.join(Coding::Identity), shared.join(Coding::Gzip));
            for _ in 0..100 {
                yield_now().await;
            }
            readers
        });
        drop(runtime);
        drop(readers);
        tell_over.send(()).expect("the test waits");
    });
    over.recv_timeout(Duration::from_secs(20)).expect("the runtime ends");
}

/// Whoever has something to do does it between two steps.
#[tokio::test]
async fn a_long_rendering_lets_others_work() {
    let shared = shared(|| steps(iter::repeat_n(Step::Nothing, 1_000)));
    let mut turns = 0;
    let others = async {
        loop {
            turns += 1;
            yield_now().await;
        }
    };
    tokio::select! {
        reader = shared.get(Coding::Identity) => assert_eq!(text(reader.expect("rendered")).await, ""),
        () = others => {}
    }
    assert!(turns >= 500, "{turns}");
}

/// Many ask at once, over and over, some of them not staying for the answer. A shared clock that ticks
/// at each arrival and each begin shows the order of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_the_timing_a_rendering_began_after_each_who_got_it_arrived() {
    const ASKERS: u64 = 8;
    const ROUNDS: u64 = 300;
    let clock = Arc::new(AtomicU64::new(0));
    let (ticks, is_rendering) = (Arc::clone(&clock), Arc::new(AtomicBool::new(false)));
    let stats = Arc::new(HttpStats::default());
    let shared = Arc::new(SharedRendering::new(
        &HttpConfig::default(),
        &stats,
        &CancellationToken::new(),
        move || {
            assert!(!is_rendering.swap(true, SeqCst), "one at a time");
            let (is_rendering, began) = (Arc::clone(&is_rendering), ticks.fetch_add(1, SeqCst));
            let mut parts = [Step::Nothing, Step::Part(Bytes::from(began.to_string()))].into_iter();
            Box::new(Steps(move || {
                parts.next().unwrap_or_else(|| {
                    is_rendering.store(false, SeqCst);
                    Step::End
                })
            }))
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
                let began: u64 = text(rendering).await.parse().expect("a tick");
                assert!(began > arrived, "began at {began}, asked for at {arrived}");
                if random.bool() {
                    yield_now().await;
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
    let shared = SharedRendering::new(&HttpConfig::default(), &Arc::default(), &stop, || {
        steps([Step::Part(Bytes::from_static(b"x"))])
    });
    let mut unread = Vec::new();
    for _ in 0..2 {
        unread.push(shared.get(Coding::Identity).await.expect("rendered"));
    }
    let asked = time::Instant::now();
    let (rendering, ()) = tokio::join!(shared.get(Coding::Identity), async {
        time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    });
    assert!(rendering.is_ok());
    assert_eq!(asked.elapsed().as_secs(), 1);
}
