//! What is shown after an agent's end, and for how long.

use serde_json::{Value, json};

use super::{ALIVE, DEAD, DYING, GONE, LEAVING, Shown, shown};
use crate::support::{Agent, Client, Exporter, PERCENT, hello, sample};

/// Short times that leave room for a machine that stalls. A sample counts as a second older than the answer before
/// it, since it may have been on its way: two of these three seconds are left.
const TIMES: [(&str, &str); 3] =
    [("EXPORTER_STALE_MIN", "3s"), ("EXPORTER_STALE_INTERVALS", "2"), ("EXPORTER_TOTALS_LINGER", "3s")];

/// A sample with a total.
fn with_totals(seq: u64) -> Value {
    let mut sample = sample(seq);
    sample["histogram"] =
        json!({"buckets": [0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "sum_ppm": 125_000 * seq});
    sample
}

/// An agent that promises a sample a second, after its first one.
fn agent(exporter: &Exporter, name: &str, is_ephemeral: bool) -> Agent {
    let mut hello = hello(name, "r1");
    hello["ephemeral"] = is_ephemeral.into();
    let mut agent = Agent::greet(exporter, &hello);
    agent.send(with_totals(1));
    agent
}

#[test]
fn a_silent_agent_is_shown_as_dead_until_it_is_surely_back() {
    let exporter = Exporter::start(&TIMES);
    let mut agent = agent(&exporter, "web-1", false);
    assert_eq!(shown(&exporter.metrics(), "web-1"), ALIVE);
    let dying = exporter.when_value(r#"cpumon_agent_up{agent="web-1"}"#, Some(0.0));
    assert_eq!(shown(&dying, "web-1"), DYING);
    let dead = exporter.when_value(r#"cpumon_utilization_sample_ratio_count{agent="web-1"}"#, None);
    assert_eq!(shown(&dead, "web-1"), DEAD);
    assert_eq!(dead.value(r#"cpumon_exporter_agents{state="down"}"#), Some(1.0));
    // This one is heard, but may have been on its way all the time: its totals count, its gauges are not shown.
    agent.send(with_totals(2));
    assert_eq!(shown(&exporter.metrics(), "web-1"), Shown { gauges: false, ..ALIVE });
    // This one was sent after the answer.
    agent.send(with_totals(3));
    let alive = exporter.metrics();
    assert_eq!(shown(&alive, "web-1"), ALIVE);
    for (series, value) in
        [("cpumon_utilization_sample_ratio_count", 3.0), ("cpumon_agent_connections_total", 1.0)]
    {
        assert_eq!(alive.value(&format!("{series}{{agent=\"web-1\"}}")), Some(value), "{series} goes on");
    }
}

/// How a connection comes to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    Bye,
    /// The process ends without a word, as after SIGKILL.
    Closed,
    /// The machine has crashed, and resets the connection when it is back.
    Reset,
    /// It breaks the protocol.
    Broken,
    /// It falls silent.
    Silent,
}

impl End {
    /// Lets it happen.
    fn happen(self, mut client: Client) -> Option<Client> {
        match self {
            Self::Bye => client.send_frame(&json!({"v": 1, "t": "bye", "reason": "stop"})),
            Self::Closed => return None,
            Self::Reset => {
                client.reset();
                return None;
            }
            Self::Broken => client.send("no object"),
            Self::Silent => return Some(client),
        }
        client.until_closed();
        None
    }
}

#[test]
fn each_end_has_its_consequences() {
    let more = [("EXPORTER_EXPECTED_AGENTS", "expected"), ("EXPORTER_IDLE_TIMEOUT", "1s")];
    let exporter = Exporter::start(&[&TIMES[..], &more].concat());
    let table = [
        ("bye", End::Bye, false, "bye", LEAVING, GONE),
        ("expected", End::Bye, false, "bye", DYING, DEAD),
        ("closed", End::Closed, false, "eof", DYING, DEAD),
        ("reset", End::Reset, false, "eof", DYING, DEAD),
        ("broken", End::Broken, false, "protocol", DYING, DEAD),
        ("short-bye", End::Bye, true, "bye", LEAVING, GONE),
        ("short-closed", End::Closed, true, "eof", LEAVING, GONE),
        ("short-reset", End::Reset, true, "eof", LEAVING, GONE),
        ("short-broken", End::Broken, true, "protocol", LEAVING, GONE),
        ("silent", End::Silent, false, "timeout", DYING, DEAD),
        ("short-silent", End::Silent, true, "timeout", LEAVING, GONE),
    ];
    let happen = |(name, end, is_ephemeral, ..): (&str, End, bool, _, _, _)| {
        let agent = agent(&exporter, name, is_ephemeral);
        assert_eq!(shown(&exporter.metrics(), name), ALIVE);
        end.happen(agent.client)
    };
    let _silent: Vec<_> = table.into_iter().map(happen).collect();
    for (name, _, _, reason, at_first, _) in table {
        let counted = format!("cpumon_agent_disconnects_total{{agent={name:?},reason={reason:?}}}");
        let metrics = exporter.when_value(&counted, Some(1.0));
        assert_eq!(shown(&metrics, name), at_first, "{name} at first");
    }
    for (name, .., at_last) in table {
        exporter.when(&format!("{name} is {at_last:?}"), |metrics| shown(metrics, name) == at_last);
    }
}

#[test]
fn a_farewell_counts_at_once() {
    let exporter = Exporter::start(&[]);
    let agent = Agent::join(&exporter, "web-1");
    agent.bye();
    let metrics = exporter.metrics();
    assert_eq!(metrics.value(r#"cpumon_agent_up{agent="web-1"}"#), None);
    assert_eq!(metrics.value(r#"my_cpu_percents{agent="web-1"}"#), None);
}

#[test]
fn any_end_of_an_originals_client_is_a_farewell() {
    let exporter =
        Exporter::start(&[("EXPORTER_TOTALS_LINGER", "3s"), ("EXPORTER_ORIGINAL_IDLE_TIMEOUT", "1s")]);
    let mut ended = Vec::new();
    for (end, reason) in
        [(End::Closed, "eof"), (End::Reset, "eof"), (End::Broken, "protocol"), (End::Silent, "timeout")]
    {
        let mut client = Client::connect(&exporter);
        let object = json!({PERCENT: 50}).to_string();
        client.send(&object);
        client.bytes(object.len());
        let agent = client.endpoint().to_string();
        assert_eq!(shown(&exporter.metrics(), &agent), ALIVE);
        let _silent = end.happen(client);
        let counted = format!("cpumon_agent_disconnects_total{{agent={agent:?},reason={reason:?}}}");
        let metrics = exporter.when_value(&counted, Some(1.0));
        assert_eq!(shown(&metrics, &agent), LEAVING, "{end:?}");
        ended.push(agent);
    }
    exporter.when("they are gone", |metrics| ended.iter().all(|agent| shown(metrics, agent) == GONE));
}

#[test]
fn an_expected_agent_that_was_never_there_is_missed() {
    let exporter =
        Exporter::start(&[("EXPORTER_EXPECTED_AGENTS", "web-1, web-2"), ("EXPORTER_START_GRACE", "100ms")]);
    let missed = Shown { heard: false, ..DEAD };
    exporter.when("both are missed", |metrics| {
        shown(metrics, "web-1") == missed && shown(metrics, "web-2") == missed
    });
    let _agent = agent(&exporter, "web-1", false);
    let metrics = exporter.metrics();
    assert_eq!((shown(&metrics, "web-1"), shown(&metrics, "web-2")), (ALIVE, missed));
}
