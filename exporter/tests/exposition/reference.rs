//! The fleet's families a second time, as values of the `prometheus` crate: floats, and its own encoder.

use cpumon_exporter::exposition::families::{FAMILIES, Kind};
use cpumon_exporter::fleet::{AgentView, End, Fleet};
use cpumon_protocol::model::histogram::BOUNDS;
use cpumon_protocol::model::{Histogram, Micros, Millionths, Mode, Moment, Ratio, WallTime};
use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as HistogramValue, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::fleets::THRESHOLDS;

/// The page of `fleet` at `now`, by the crate's encoder.
pub(crate) fn page(fleet: &Fleet, now: Moment) -> String {
    let mut series = Vec::new();
    fleet.visit(0, usize::MAX, now, |view| about(&view, &mut Series { view: &view, all: &mut series }));
    let families: Vec<_> = FAMILIES
        .iter()
        .map(|family| {
            let mut built = MetricFamily::default();
            built.set_name(family.name.to_owned());
            built.set_help(family.help.to_owned());
            built.set_field_type(match family.kind() {
                Kind::Gauge => MetricType::GAUGE,
                Kind::Counter => MetricType::COUNTER,
                Kind::Histogram => MetricType::HISTOGRAM,
            });
            let own = series.iter().filter(|(name, ..)| *name == family.name);
            built.set_metric(own.map(|(_, metric)| metric.clone()).collect());
            built
        })
        .filter(|family| !family.get_metric().is_empty())
        .collect();
    TextEncoder::new().encode_to_string(&families).unwrap()
}

/// What a series' value is made of.
trait Value {
    fn float(self) -> f64;
}

impl Value for u64 {
    fn float(self) -> f64 {
        self as f64
    }
}

impl Value for Micros {
    fn float(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Value for WallTime {
    fn float(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Value for Millionths {
    fn float(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Value for Ratio {
    fn float(self) -> f64 {
        f64::from(self.millionths()) / 1e6
    }
}

/// The series about one agent as they are collected.
struct Series<'a> {
    view: &'a AgentView<'a>,
    all: &'a mut Vec<(&'static str, Metric)>,
}

impl Series<'_> {
    fn metric(&self, labels: &[(&str, &str)]) -> Metric {
        let own = [("agent", self.view.name())];
        let pairs = own.iter().chain(labels).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        Metric::from_label(pairs.collect())
    }

    /// A series of a gauge and of a counter: the family's type decides which one is encoded.
    fn add(&mut self, family: &'static str, labels: &[(&str, &str)], value: Option<impl Value>) {
        let Some(value) = value.map(Value::float) else { return };
        let mut metric = self.metric(labels);
        let (mut gauge, mut counter) = (Gauge::default(), Counter::default());
        gauge.set_value(value);
        counter.set_value(value);
        metric.set_gauge(gauge);
        metric.set_counter(counter);
        self.all.push((family, metric));
    }

    fn add_histogram(&mut self, family: &'static str, histogram: &Histogram) {
        let mut value = HistogramValue::default();
        let mut below = 0;
        let buckets = BOUNDS.iter().zip(histogram.buckets).map(|(&bound, count)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(f64::from(bound) / 1e6);
            bucket.set_cumulative_count(below);
            bucket
        });
        value.set_bucket(buckets.collect());
        value.set_sample_count(histogram.buckets.iter().sum());
        value.set_sample_sum(histogram.sum.float());
        let mut metric = self.metric(&[]);
        metric.set_histogram(value);
        self.all.push((family, metric));
    }
}

/// Collects everything about one agent.
fn about(view: &AgentView<'_>, series: &mut Series<'_>) {
    gauges(view, series);
    totals(view, series);
    cgroup(view, series);
    series.add("cpumon_agent_up", &[], view.up().map(u64::from));
    series.add("cpumon_agent_last_sample_timestamp_seconds", &[], view.last_heard());
    series.add("cpumon_agent_sample_order", &[], view.order());
    series.add("cpumon_agent_connections_total", &[], view.connections());
    for (end, &count) in End::ALL.iter().zip(view.disconnects().into_iter().flatten()) {
        series.add("cpumon_agent_disconnects_total", &[("reason", end.label())], Some(count));
    }
    let Some(info) = view.info() else { return };
    series.add("cpumon_agent_start_time_seconds", &[], info.start_time);
    let address = info.endpoint.ip().to_string();
    let facts = [
        ("hostname", &info.facts.hostname),
        ("version", &info.facts.version),
        ("os", &info.facts.os),
        ("kernel", &info.facts.kernel),
        ("arch", &info.facts.arch),
        ("cpu_model", &info.facts.cpu_model),
    ];
    let mut labels = vec![("address", &*address)];
    labels.extend(facts.iter().filter_map(|(name, fact)| Some((*name, &**fact.as_ref()?))));
    labels.push(("client", info.client.label()));
    let own: Vec<_> = info.labels.iter().map(|(key, value)| (format!("label_{key}"), value)).collect();
    labels.extend(own.iter().map(|(key, value)| (&**key, &***value)));
    series.add("cpumon_agent_info", &labels, Some(1));
}

fn gauges(view: &AgentView<'_>, series: &mut Series<'_>) {
    let (Some(sample), Some(info)) = (view.gauges(), view.info()) else { return };
    // 100 times the ratio, in one division.
    let percent = Millionths(u64::from(sample.utilization.millionths()) * 100);
    series.add("my_cpu_percents", &[("endpoint", &info.endpoint.to_string())], Some(percent));
    series.add("cpumon_utilization_ratio", &[], Some(sample.utilization));
    series.add("cpumon_utilization_max_ratio", &[("window", "60s")], sample.utilization_max);
    series.add("cpumon_hottest_core_ratio", &[], sample.hottest_core);
    series.add("cpumon_logical_cpus", &[], sample.logical_cpus.map(u64::from));
    for (index, family) in ["cpumon_load1", "cpumon_load5", "cpumon_load15"].into_iter().enumerate() {
        series.add(family, &[], sample.load.map(|load| load[index]));
    }
    series.add("cpumon_procs_running", &[], sample.procs_running);
    series.add("cpumon_agent_rtt_seconds", &[], sample.rtt);
    for process in &sample.top_processes {
        series.add("cpumon_top_process_cores", &[("comm", &process.comm)], Some(process.cores));
    }
}

fn totals(view: &AgentView<'_>, series: &mut Series<'_>) {
    let Some(sample) = view.totals() else { return };
    if let Some(histogram) = &sample.histogram {
        series.add_histogram("cpumon_utilization_sample_ratio", histogram);
        for (severity, threshold) in THRESHOLDS.by_severity() {
            let above =
                BOUNDS.iter().zip(histogram.buckets).filter(|(bound, _)| **bound > threshold.millionths());
            let above: u64 = above.map(|(_, count)| count).sum::<u64>() + histogram.buckets[BOUNDS.len()];
            series.add("cpumon_samples_above_threshold_total", &[("severity", severity)], Some(above));
        }
    }
    for mode in Mode::ALL {
        let time = sample.cpu_times.as_ref().map(|times| times.get(mode));
        series.add("cpumon_seconds_total", &[("mode", mode.label())], time);
    }
    for core in view.cores_for_all().into_iter().flatten() {
        for mode in Mode::ALL {
            let labels = [("core", &*core.core.to_string()), ("mode", mode.label())];
            series.add("cpumon_core_seconds_total", &labels, Some(core.times.get(mode)));
        }
    }
    series.add("cpumon_guest_seconds_total", &[("mode", "user")], sample.guest_times.map(|guest| guest.user));
    series.add("cpumon_guest_seconds_total", &[("mode", "nice")], sample.guest_times.map(|guest| guest.nice));
    series.add("cpumon_context_switches_total", &[], sample.context_switches);
    series.add("cpumon_pressure_waiting_seconds_total", &[], sample.pressure_waiting);
    series.add("cpumon_agent_missed_samples_total", &[], sample.missed_samples);
    series.add("cpumon_agent_skipped_frames_total", &[], sample.skipped_frames);
}

fn cgroup(view: &AgentView<'_>, series: &mut Series<'_>) {
    let (gauges, totals) =
        (view.gauges().and_then(|sample| sample.cgroup), view.totals().and_then(|sample| sample.cgroup));
    series.add("cpumon_cgroup_utilization_ratio", &[], gauges.and_then(|cgroup| cgroup.utilization));
    series.add("cpumon_cgroup_limit_cpus", &[], gauges.and_then(|cgroup| cgroup.limit));
    series.add("cpumon_cgroup_usage_seconds_total", &[], totals.and_then(|cgroup| cgroup.usage));
    series.add("cpumon_cgroup_periods_total", &[], totals.and_then(|cgroup| cgroup.periods));
    series.add(
        "cpumon_cgroup_throttled_periods_total",
        &[],
        totals.and_then(|cgroup| cgroup.throttled_periods),
    );
    series.add("cpumon_cgroup_throttled_seconds_total", &[], totals.and_then(|cgroup| cgroup.throttled));
}
