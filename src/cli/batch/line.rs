//! What is printed about a job.

use ftperm::batch::{JobSample, Record, Status};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::console;

/// Fields of a job's report that its record and its line keep.
const KEPT: [&str; 12] = [
    "net",
    "out",
    "perm",
    "positions",
    "samples",
    "zero_block_rate",
    "verified",
    "interrupted",
    "seconds",
    "peak_rss_bytes",
    "backend",
    "version",
];

/// The fields of a report that are kept.
pub fn kept(report: &Value) -> Value {
    let field = |name: &&str| Some(((*name).to_string(), report.get(*name)?.clone()));
    Value::Object(KEPT.iter().filter_map(field).collect::<Map<_, _>>())
}

/// What became of a job.
#[derive(Debug)]
pub struct Outcome {
    pub job: String,
    pub status: Status,
    /// Why it was done, or is due.
    pub why: Option<String>,
    pub error: Option<String>,
    pub record_path: String,
    /// The record, if the job is done.
    pub record: Option<Record>,
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    job: &'a str,
    status: &'static str,
    why: Option<&'a str>,
    error: Option<&'a str>,
    /// How long the job took when it was done.
    seconds: Option<f64>,
    /// When that was, in seconds since 1970.
    finished: Option<u64>,
    record: &'a str,
    report: Option<&'a Value>,
}

impl Outcome {
    /// Prints the line of JSON, and one for people.
    ///
    /// # Errors
    /// stdout is closed.
    pub fn print(&self) -> anyhow::Result<()> {
        let record = self.record.as_ref();
        console::json(&Line {
            job: &self.job,
            status: self.status.name(),
            why: self.why.as_deref(),
            error: self.error.as_deref(),
            seconds: record.map(|it| it.seconds),
            finished: record.map(|it| it.finished),
            record: &self.record_path,
            report: record.map(|it| &it.report),
        })?;
        let why = self.why.as_deref().unwrap_or_default();
        let job = &self.job;
        match (self.status, &self.error) {
            (_, Some(error)) => console::say(format!("{job}: failed: {error}")),
            (Status::Skipped, _) => console::say(format!("{job}: nothing to do")),
            (Status::Due, _) => console::say(format!("{job}: due: {why}")),
            (Status::Stopped, _) => console::say(format!("{job}: stopped before it was done")),
            _ => console::say(format!(
                "{job}: done in {:.1} s ({why})",
                record.map_or(0.0, |it| it.seconds)
            )),
        }
        Ok(())
    }

    /// For monitoring.
    pub fn sample(&self) -> JobSample {
        let record = self.record.as_ref();
        let number = |path: &str| record.and_then(|it| it.report.pointer(path)?.as_f64());
        let rates = |before: &str, after: &str| {
            let rate = |name: &str| number(&format!("/zero_block_rate/{name}"));
            rate(before).zip(rate(after))
        };
        JobSample {
            job: self.job.clone(),
            status: self.status,
            finished: record.map(|it| it.finished),
            seconds: record.map(|it| it.seconds),
            searched: rates("before", "after"),
            held_out: rates("holdout_before", "holdout_after"),
            peak_rss_bytes: record.and_then(|it| it.report.pointer("/peak_rss_bytes")?.as_u64()),
        }
    }
}
