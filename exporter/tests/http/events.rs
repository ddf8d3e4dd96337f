//! `/events`: what is told to whom, and what becomes of those who do not listen.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use cpumon_exporter::http::{HttpConfig, Stopped};
use tokio::time::timeout;

use crate::support::{Client, PATIENCE, SHORT, Server, TestSite, eventually};

async fn start(config: HttpConfig) -> Server {
    Server::start(TestSite::new(&[]), config).await
}

async fn listen(server: &Server) -> Client {
    let mut client = server.connect().await;
    client.get("/events", "").await;
    let (status, headers) = client.head().await.expect("an answer");
    assert_eq!((status, &*headers["content-type"]), (200, "text/event-stream"));
    assert_eq!(&*headers["cache-control"], "no-store");
    client
}

fn number(event: &str, kind: &str) -> usize {
    let data =
        event.strip_prefix(&format!("event: {kind}\ndata: ")).unwrap_or_else(|| panic!("{kind}: {event:?}"));
    data.trim_end().parse().unwrap()
}

#[tokio::test]
async fn all_are_told_the_same_and_each_part_is_made_once() {
    let server = start(HttpConfig::default()).await;
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(listen(&server).await);
    }
    let mut told = Vec::new();
    for listener in &mut listeners {
        let begun = number(&listener.chunk().await, "whole");
        let parts = [number(&listener.chunk().await, "part"), number(&listener.chunk().await, "part")];
        assert_eq!(parts, [begun + 1, begun + 2], "nothing between the whole and the first part is missed");
        told.push(parts[1]);
    }
    let told_to = *told.iter().max().unwrap();
    let site = &server.site.told;
    assert_eq!(site.feeds.load(SeqCst), 1);
    // On a machine that is slow some come a second later than others; each second is still made once.
    assert!(
        site.parts.load(SeqCst) <= told_to + 1,
        "{} parts for {told_to} seconds",
        site.parts.load(SeqCst)
    );
    assert!(site.wholes.load(SeqCst) <= told_to + 1, "the whole is made once a second at most");
}

#[tokio::test]
async fn nobody_listens_and_nothing_is_done() {
    let server = start(HttpConfig::default()).await;
    assert_eq!(server.site.told.feeds.load(SeqCst), 0);
    let mut client = listen(&server).await;
    number(&client.chunk().await, "whole");
    assert_eq!(server.stats.open_event_streams.get(), 1);
    drop(client);
    eventually("the feed is let go of", || server.site.told.living.load(SeqCst) == 0).await;
    assert_eq!(server.stats.open_event_streams.get(), 0);
    server.all_closed().await;

    let mut client = listen(&server).await;
    assert_eq!(number(&client.chunk().await, "whole"), 0, "it begins anew");
    assert_eq!(number(&client.chunk().await, "part"), 1);
}

#[tokio::test]
async fn one_too_many_is_told_so_and_finds_room_when_another_leaves() {
    let server = start(HttpConfig { max_event_streams: 2, ..HttpConfig::default() }).await;
    let first = listen(&server).await;
    let _second = listen(&server).await;
    let refused = server.get("/events", "").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    assert!(refused.text().contains("EXPORTER_MAX_EVENT_STREAMS"), "{}", refused.text());
    assert_eq!(server.stats.refused_event_streams.get(), 1);
    assert_eq!(server.get("/metrics", "").await.status, 200, "others are served");

    drop(first);
    eventually("its place is free", || server.stats.open_event_streams.get() == 1).await;
    listen(&server).await;
}

#[tokio::test]
async fn a_question_about_events_takes_no_place() {
    let server = start(HttpConfig { max_event_streams: 1, ..HttpConfig::default() }).await;
    let mut client = server.connect().await;
    client.request("HEAD", "/events", "Connection: close\r\n").await;
    assert_eq!(client.head().await.unwrap().0, 200);
    assert_eq!(client.until_closed().await, b"");
    assert_eq!(server.site.told.feeds.load(SeqCst), 0, "nor is anything begun for it");
    listen(&server).await;
}

#[tokio::test]
async fn a_stream_outlives_the_limit_on_answers() {
    let server =
        start(HttpConfig { response_limit: SHORT, head_limit: SHORT, ..HttpConfig::default() }).await;
    let began = Instant::now();
    let mut client = listen(&server).await;
    number(&client.chunk().await, "whole");
    for _ in 0..3 {
        number(&client.chunk().await, "part");
    }
    assert!(began.elapsed() > 3 * SHORT);
    assert_eq!(server.stats.slow_responses.get(), 0);
}

/// A site whose parts are more than socket buffers hold.
fn loud() -> TestSite {
    let mut site = TestSite::new(&[]);
    site.part_length = 8 << 20;
    site
}

#[tokio::test]
async fn who_does_not_read_is_cut() {
    let server = Server::start(loud(), HttpConfig { response_limit: SHORT, ..HttpConfig::default() }).await;
    let mut deaf = listen(&server).await;
    eventually("it is cut", || server.stats.slow_responses.get() == 1).await;
    assert!(deaf.until_closed().await.len() < server.site.part_length);
    assert!(deaf.was_reset, "else the kernel would keep what is not read");
    eventually("the feed is let go of", || server.site.told.living.load(SeqCst) == 0).await;
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_the_whole_anew_and_holds_nobody_up() {
    let server = Server::start(loud(), HttpConfig::default()).await;
    let mut slow = listen(&server).await;
    let mut quick = listen(&server).await;
    let padding = server.site.part_length;
    let short = |event: String| event.replace(&"x".repeat(padding), "");
    number(&short(quick.chunk().await), "whole");
    for _ in 0..8 {
        number(&short(quick.chunk().await), "part");
    }
    assert_eq!(server.stats.slow_responses.get(), 0);

    let mut told = Vec::new();
    while told.len() < 2 || told.last().is_some_and(|event: &String| event.contains("part")) {
        told.push(short(slow.chunk().await));
        assert!(told.len() < 8, "{told:?}");
    }
    assert!(server.stats.skipped_events.get() > 0);
    // From the whole on it is up to date again.
    let whole = number(told.last().unwrap(), "whole");
    assert!(whole >= 7, "{told:?}");
    assert_eq!(number(&short(slow.chunk().await), "part"), whole + 1);
}

#[tokio::test]
async fn a_stop_ends_every_stream_at_once_and_in_order() {
    let server = start(HttpConfig { stop_limit: PATIENCE, ..HttpConfig::default() }).await;
    let mut listeners = Vec::new();
    for _ in 0..20 {
        let mut client = listen(&server).await;
        number(&client.chunk().await, "whole");
        listeners.push(client);
    }
    let began = Instant::now();
    server.stop.cancel();
    let stopped = timeout(PATIENCE, server.task).await.expect("the server stops").expect("it does not panic");
    assert_eq!(stopped, Stopped { cut_connections: 0 });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for client in &mut listeners {
        // Events that were on their way, then the end of the body, then that of the connection.
        while !client.chunk().await.is_empty() {}
        assert_eq!(client.until_closed().await, b"");
        assert!(!client.was_reset);
    }
}
