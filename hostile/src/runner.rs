//! One case beside the honest.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpumon_load::process::Process;
use cpumon_protocol::model::Token;
use tokio::runtime::Builder;

use crate::case::{Case, Form, Outcome, Seconds};
use crate::credentials::Credentials;
use crate::exporter::Exporter;
use crate::honest::{Honest, NAME};
use crate::page::Http;
use crate::scraper::Scraper;
use crate::stage::Stage;
use crate::tracking;
use crate::watch::Watch;

/// How long descriptors may take to be back.
const DESCRIPTORS_BACK_MAX: Duration = Duration::from_secs(10);

/// Descriptors more than before that are none of the case's: the scraper's own connections.
const DESCRIPTORS_SLACK: usize = 3;

/// The most lines of a log a second: one of each kind, and there are about thirty.
const LOG_LINES_PER_SECOND: f64 = 30.0;

/// Where the programs are, and how much is done.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The exporter's program.
    pub exporter: PathBuf,
    /// The agent's program.
    pub agent: PathBuf,
    /// How much is done.
    pub form: Form,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which case.
    pub case: Case,
    /// How often it was tried, and all that had to be so.
    pub outcome: Outcome,
    /// What the exporter counted as refused or cut meanwhile.
    pub refused: u64,
    /// Samples of honest agents that were measured and are not in what the exporter shows; or shown and never measured.
    pub honest_lost: i64,
    /// The 99th percentile of the honest agents' answers.
    pub ack_p99: Duration,
    /// The longest scrape.
    pub scrape_max: Duration,
    /// The largest growth of the exporter's resident memory, in bytes.
    pub memory_grown: u64,
    /// After how long its descriptors were back.
    pub descriptors_back: Option<Duration>,
    /// Packets that the kernel dropped meanwhile because it followed too many connections: what they were, peers of the
    /// exporter had to say again.
    pub untracked: u64,
    /// How long it all took.
    pub took: Duration,
}

impl Row {
    /// Whether everything was as it had to be.
    pub fn is_passed(&self) -> bool {
        self.outcome.marks.iter().all(|mark| mark.is_met)
    }
}

impl Runner {
    /// Runs `case`.
    ///
    /// # Errors
    ///
    /// When it could not be run at all.
    pub fn run(&self, case: Case) -> anyhow::Result<Row> {
        let begun = Instant::now();
        let dropped_before = tracking::dropped();
        let credentials = Credentials::make(case.guard)?.map(Arc::new);
        let mut variables = (case.variables)(self.form);
        variables.extend(credentials.iter().flat_map(|credentials| credentials.variables()));
        let exporter = Exporter::start(&self.exporter, &variables, case.descriptors)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let http = Http::new(exporter.http, credentials.as_deref());
        let token = credentials.as_ref().and_then(|credentials| Token::new(&credentials.token));
        let stage = Stage {
            exporter,
            http,
            credentials,
            form: self.form,
            agent: self.agent.clone(),
            exporter_program: self.exporter.clone(),
            runtime,
        };
        let honest = Honest::start(stage.exporter.ingest, token)?;

        let refused_before = stage.page()?.refused();
        let descriptors_before = stage.exporter.open_descriptors();
        let memory_before = Process::new(stage.exporter.pid()).resident()?;
        let watch = Watch::start(stage.exporter.pid());
        let scraper = Scraper::start(
            stage.http.clone(),
            self.form.pick(Duration::from_secs(1), Duration::from_millis(300)),
        );
        let attacked = Instant::now();
        let outcome = (case.attack)(&stage);
        let attack_took = attacked.elapsed();
        let back = self.descriptors_back(&stage, descriptors_before, case);
        let scrapes = scraper.finish();
        let memory_grown = watch.finish().saturating_sub(memory_before);
        let (crowd, told) = honest.finish()?;

        let (refused, honest_lost) = if case.ends_exporter {
            // Nobody can be asked any more; the exporter's last words say how many frames it has counted.
            let counted = stage.exporter.frames_counted().unwrap_or(0);
            (0, (i64::try_from(told.acked)? - counted).max(0))
        } else {
            let page = stage.page()?;
            let shown = page
                .series("cpumon_utilization_sample_ratio_count{")
                .filter(|(labels, _)| labels.starts_with(&format!("agent=\"{NAME}")));
            let shown: f64 = shown.map(|(_, count)| count).sum();
            let lost = i64::try_from(told.measured)? - shown as i64;
            ((page.refused() - refused_before).max(0.0) as u64, lost)
        };
        drop(crowd);
        let mut outcome = outcome?;
        let factor = self.form.pick(1, 8);
        let ack_p99 = Duration::from(told.latencies.quantile(990));
        outcome = outcome.exactly("honest samples lost", honest_lost, 0).at_most(
            "memory grown, MiB",
            memory_grown >> 20,
            case.memory_mib,
        );
        if !case.ends_exporter {
            let lines_most = (attack_took.as_secs_f64() + 3.0) * LOG_LINES_PER_SECOND;
            outcome = outcome
                .exactly("honest connections lost", told.counts.failed + told.counts.refused, 0)
                .mark(
                    "the exporter",
                    if stage.exporter.is_running() { "runs" } else { "has ended" },
                    "runs",
                    stage.exporter.is_running(),
                )
                .at_most("ack p99", seconds(ack_p99), Seconds(0.25 * f64::from(factor)))
                .mark(
                    "scrapes failed",
                    scrapes.why.map_or_else(|| "0".to_owned(), |why| format!("{} ({why})", scrapes.failed)),
                    "at most 1 %",
                    scrapes.failed * 100 <= scrapes.answered + scrapes.failed,
                )
                .at_most(
                    "longest scrape",
                    seconds(scrapes.longest),
                    Seconds(f64::from(case.scrape_max * factor)),
                )
                .at_most(
                    "descriptors back after",
                    seconds(back.unwrap_or(Duration::MAX)),
                    seconds(DESCRIPTORS_BACK_MAX),
                )
                .at_most("lines of log", stage.exporter.log_lines() as f64, lines_most.ceil());
        }
        Ok(Row {
            case,
            outcome,
            refused,
            honest_lost,
            ack_p99,
            scrape_max: scrapes.longest,
            memory_grown,
            descriptors_back: back,
            untracked: tracking::dropped().saturating_sub(dropped_before),
            took: begun.elapsed(),
        })
    }

    fn descriptors_back(&self, stage: &Stage, before: usize, case: Case) -> Option<Duration> {
        let begun = Instant::now();
        while !case.ends_exporter && stage.exporter.open_descriptors() > before + DESCRIPTORS_SLACK {
            if begun.elapsed() > 2 * DESCRIPTORS_BACK_MAX {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(begun.elapsed())
    }
}

fn seconds(duration: Duration) -> Seconds {
    Seconds(duration.as_secs_f64())
}
