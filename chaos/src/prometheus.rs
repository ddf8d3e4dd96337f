//! What Prometheus holds: raw samples as they were scraped, never a rate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::history::Totals;
use crate::http::Client;
use crate::shown::{Gathered, Incoherent, agent_of_name, millionths};

/// A scrape that succeeded. What it shows was so at some moment in between: an exporter that is paused answers when it
/// goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrape {
    /// When Prometheus asked, which is the time that its samples bear.
    pub asked: SystemTime,
    /// When it had the answer.
    pub answered: SystemTime,
}

/// The families whose totals are compared.
const FAMILIES: [&str; 4] = [
    "cpumon_seconds_total",
    "cpumon_utilization_sample_ratio_bucket",
    "cpumon_utilization_sample_ratio_sum",
    "cpumon_utilization_sample_ratio_count",
];

/// The records of the same totals, merged over exporters; the names that [`Gathered`] knows stand beside them.
const RECORDS: [(&str, &str); 4] = [
    ("agent_mode:cpumon_seconds:max", FAMILIES[0]),
    ("agent_le:cpumon_utilization_sample_ratio_bucket:max", FAMILIES[1]),
    ("agent:cpumon_utilization_sample_ratio_sum:max", FAMILIES[2]),
    ("agent:cpumon_utilization_sample_ratio_count:max", FAMILIES[3]),
];

/// A Prometheus.
#[derive(Clone, Debug)]
pub struct Prometheus {
    client: Client,
    server: SocketAddr,
}

/// One agent's totals as one scrape found them.
#[derive(Clone, Copy, Debug)]
pub struct Scraped {
    /// The scrape's time.
    pub at: SystemTime,
    /// The totals.
    pub totals: Result<Totals, Incoherent>,
}

/// A merged total became smaller.
#[derive(Clone, Debug, PartialEq)]
pub struct Fall {
    /// Of this agent.
    pub agent: usize,
    /// The record's name.
    pub record: &'static str,
    /// From this value.
    pub from: f64,
    /// To this one.
    pub to: f64,
}

impl Fall {
    /// Whether it is CPU time that fell, and not a histogram that may have begun anew.
    pub fn is_of_cpu(&self) -> bool {
        self.record == RECORDS[0].0
    }
}

impl Prometheus {
    /// The one that answers at this address.
    pub fn new(server: SocketAddr) -> Self {
        Self { client: Client::default(), server }
    }

    /// All that was scraped of each agent in the `span` before `until`, in order, whichever exporter showed it.
    ///
    /// # Errors
    ///
    /// When Prometheus does not answer, or not as its API is documented.
    pub fn scraped(
        &self,
        agents: usize,
        until: SystemTime,
        span: Duration,
    ) -> anyhow::Result<Vec<Vec<Scraped>>> {
        let mut gathered: Vec<BTreeMap<(SystemTime, String), Gathered>> = vec![BTreeMap::new(); agents];
        for family in FAMILIES {
            for series in self.query(&format!("{family}[{}s]", span.as_secs()), until)? {
                let Some(agent) = label(&series, "agent").and_then(agent_of_name) else { continue };
                let instance = label(&series, "instance").unwrap_or_default();
                for (at, value) in samples(&series["values"])? {
                    let place = gathered[agent].entry((at, instance.to_owned())).or_default();
                    place.take(family, |name| label(&series, name), value);
                }
            }
        }
        let scraped = |((at, _), gathered): ((SystemTime, String), Gathered)| Scraped {
            at,
            totals: gathered.totals().and_then(|totals| totals.ok_or(Incoherent::Partial)),
        };
        Ok(gathered.into_iter().map(|moments| moments.into_iter().map(scraped).collect()).collect())
    }

    /// Totals of each agent as they stand at `at`, raw or as the rules merge them.
    ///
    /// # Errors
    ///
    /// As with [`Prometheus::scraped`].
    pub fn totals(
        &self,
        agents: usize,
        at: SystemTime,
        merged: bool,
    ) -> anyhow::Result<Vec<Result<Option<Totals>, Incoherent>>> {
        let mut gathered = vec![Gathered::default(); agents];
        for (record, family) in RECORDS {
            for series in self.query(if merged { record } else { family }, at)? {
                let Some(agent) = label(&series, "agent").and_then(agent_of_name) else { continue };
                let (_, value) = sample(&series["value"])?;
                gathered[agent].take(family, |name| label(&series, name), value);
            }
        }
        Ok(gathered.iter().map(Gathered::totals).collect())
    }

    /// Where in the `span` before `until` a merged total became smaller.
    ///
    /// # Errors
    ///
    /// As with [`Prometheus::scraped`].
    pub fn falls(&self, until: SystemTime, span: Duration) -> anyhow::Result<Vec<Fall>> {
        let mut falls = Vec::new();
        for (record, _) in RECORDS {
            for series in self.query(&format!("{record}[{}s]", span.as_secs()), until)? {
                let Some(agent) = label(&series, "agent").and_then(agent_of_name) else { continue };
                let values = samples(&series["values"])?;
                let pairs = values.windows(2).map(|pair| (pair[0].1, pair[1].1));
                falls.extend(pairs.filter(|(from, to)| to < from).map(|(from, to)| Fall {
                    agent,
                    record,
                    from,
                    to,
                }));
            }
        }
        Ok(falls)
    }

    /// When the exporter was scraped with success in the `span` before `until`, in order.
    ///
    /// # Errors
    ///
    /// As with [`Prometheus::scraped`].
    pub fn scrapes(&self, until: SystemTime, span: Duration) -> anyhow::Result<Vec<Scrape>> {
        let query =
            format!("{{__name__=~\"up|scrape_duration_seconds\",job=\"my_cpu\"}}[{}s]", span.as_secs());
        let (mut up, mut took) = (Vec::new(), BTreeMap::new());
        for series in self.query(&query, until)? {
            let instance = label(&series, "instance").unwrap_or_default();
            for (at, value) in samples(&series["values"])? {
                match label(&series, "__name__") {
                    Some("up") if value == 1.0 => up.push((at, instance.to_owned())),
                    Some("up") => {}
                    _ => drop(took.insert((at, instance.to_owned()), value)),
                }
            }
        }
        up.sort_unstable();
        let scrape = |place: (SystemTime, String)| {
            let seconds = took.get(&place).copied().unwrap_or_default();
            Scrape {
                asked: place.0,
                answered: place.0 + Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            }
        };
        Ok(up.into_iter().map(scrape).collect())
    }

    fn query(&self, query: &str, at: SystemTime) -> anyhow::Result<Vec<Value>> {
        let time = format!("{:.3}", at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let answer = self
            .client
            .get(self.server, "/api/v1/query", &[("query", query), ("time", &time)])
            .with_context(|| format!("Prometheus does not answer {query}"))?;
        let mut answer: Value = serde_json::from_str(&answer)?;
        ensure!(answer["status"] == "success", "Prometheus refuses {query}: {answer}");
        match answer["data"]["result"].take() {
            Value::Array(series) => Ok(series),
            other => bail!("Prometheus answers {query} with {other}"),
        }
    }
}

fn label<'v>(series: &'v Value, name: &str) -> Option<&'v str> {
    series["metric"][name].as_str()
}

fn samples(values: &Value) -> anyhow::Result<Vec<(SystemTime, f64)>> {
    values.as_array().context("a series has no values")?.iter().map(sample).collect()
}

/// `[1435781451.781, "1.5"]`: the time in seconds, and the value as text.
fn sample(value: &Value) -> anyhow::Result<(SystemTime, f64)> {
    let parsed = || {
        let micros = millionths(value[0].as_f64()?)?;
        Some((UNIX_EPOCH + Duration::from_micros(micros), value[1].as_str()?.parse().ok()?))
    };
    parsed().with_context(|| format!("{value} is no sample"))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A Prometheus that has this answer to queries in which `asked` occurs, and nothing for all others.
    fn prometheus_with(asked: &'static str, result: &'static str) -> Prometheus {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                lines.find(String::is_empty);
                let result = if request.contains(asked) { result } else { "[]" };
                let body = format!(r#"{{"status":"success","data":{{"result":{result}}}}}"#);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Prometheus::new(server)
    }

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn scrapes_are_put_in_order_whatever_exporter_they_are_of() {
        let prometheus = prometheus_with(
            "scrape_duration_seconds",
            r#"[{"metric":{"__name__":"up","instance":"a"},"values":[[7.5,"1"],[9,"0"]]},
                {"metric":{"__name__":"up","instance":"b"},"values":[[1.25,"1"]]},
                {"metric":{"__name__":"scrape_duration_seconds","instance":"a"},"values":[[7.5,"2.5"],[9,"5"]]}]"#,
        );
        let found = prometheus.scrapes(at(60_000), MINUTE).unwrap();
        let scrape = |asked, answered| Scrape { asked: at(asked), answered: at(answered) };
        assert_eq!(found, [scrape(1_250, 1_250), scrape(7_500, 10_000)]);
    }

    #[test]
    fn a_scrape_without_all_totals_is_told() {
        let prometheus = prometheus_with(
            "cpumon_seconds_total",
            r#"[{"metric":{"agent":"agent-2","mode":"user","instance":"a"},"values":[[2,"5"],[3.5,"6.5"]]},
                {"metric":{"agent":"who","mode":"user","instance":"a"},"values":[[2,"5"]]}]"#,
        );
        let scraped = prometheus.scraped(2, at(60_000), MINUTE).unwrap();
        assert!(scraped[0].is_empty());
        let found: Vec<_> = scraped[1].iter().map(|scrape| (scrape.at, scrape.totals)).collect();
        assert_eq!(found, [(at(2_000), Err(Incoherent::Partial)), (at(3_500), Err(Incoherent::Partial))]);
    }

    #[test]
    fn falls_are_found() {
        let prometheus = prometheus_with(
            "agent%3Acpumon_utilization_sample_ratio_sum",
            r#"[{"metric":{"agent":"agent-1"},"values":[[1,"5"],[2,"5"],[3,"4.5"],[4,"6"]]}]"#,
        );
        let [fall] = &prometheus.falls(at(60_000), MINUTE).unwrap()[..] else { panic!("one fall") };
        assert_eq!((fall.agent, fall.from, fall.to, fall.is_of_cpu()), (0, 5.0, 4.5, false));
    }

    #[test]
    fn an_answer_of_another_form_is_an_error() {
        for result in [r#"{"a":1}"#, r#"[{"metric":{"agent":"agent-1"},"values":[[1,"x"]]}]"#] {
            let prometheus = prometheus_with("query", result);
            assert!(prometheus.scraped(5, at(0), MINUTE).is_err(), "{result}");
        }
    }
}
