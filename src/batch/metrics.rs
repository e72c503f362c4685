//! What happened, in the text format of Prometheus, for the collector that reads files.

use prometheus::{Encoder as _, Gauge, GaugeVec, Opts, Registry, TextEncoder};

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its record answered it already.
    Skipped,
    Done,
    Failed,
    /// The run was ended before the job was.
    Stopped,
    /// It would be done (a dry run).
    Due,
}

impl Status {
    /// All that a job of a real run can end with.
    pub const ALL: [Status; 4] = [
        Status::Skipped,
        Status::Done,
        Status::Failed,
        Status::Stopped,
    ];

    /// In output.
    pub fn name(self) -> &'static str {
        match self {
            Status::Skipped => "skipped",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Stopped => "stopped",
            Status::Due => "due",
        }
    }
}

/// A job, for monitoring.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSample {
    pub job: String,
    pub status: Status,
    /// When it was last done, in seconds since 1970.
    pub finished: Option<u64>,
    /// How long that took.
    pub seconds: Option<f64>,
    /// Shares of all-zero blocks on the samples searched on: before, after.
    pub searched: Option<(f64, f64)>,
    /// The same on held-out games.
    pub held_out: Option<(f64, f64)>,
    pub peak_rss_bytes: Option<u64>,
}

/// A run, for monitoring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunSample {
    /// Seconds since 1970.
    pub started: u64,
    /// Now.
    pub updated: u64,
    /// Jobs that the run has to do or to skip.
    pub jobs: usize,
    /// Are all of them handled?
    pub complete: bool,
}

/// The text of a metrics file, each metric with its `HELP` and `TYPE`.
pub fn prometheus_text(run: &RunSample, jobs: &[JobSample]) -> String {
    // Registering fails for names that are wrong or twice, and these are fixed; so does encoding.
    try_text(run, jobs).expect("the names of the metrics are valid and different")
}

fn try_text(run: &RunSample, jobs: &[JobSample]) -> prometheus::Result<String> {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str| {
        let gauge = Gauge::new(name, help)?;
        registry.register(Box::new(gauge.clone()))?;
        prometheus::Result::Ok(gauge)
    };
    let by = |name: &str, help: &str, labels: &[&str]| {
        let gauge = GaugeVec::new(Opts::new(name, help), labels)?;
        registry.register(Box::new(gauge.clone()))?;
        prometheus::Result::Ok(gauge)
    };
    gauge(
        "ftperm_batch_start_time_seconds",
        "When the run started, in seconds since 1970.",
    )?
    .set(run.started as f64);
    gauge(
        "ftperm_batch_update_time_seconds",
        "When this file was written, in seconds since 1970.",
    )?
    .set(run.updated as f64);
    gauge(
        "ftperm_batch_planned_jobs",
        "Jobs that the run has to do or to skip.",
    )?
    .set(run.jobs as f64);
    gauge(
        "ftperm_batch_complete",
        "1 if all jobs of the run were handled, else 0.",
    )?
    .set(f64::from(u8::from(run.complete)));
    let statuses = by(
        "ftperm_batch_jobs",
        "Jobs of the run that were handled, by what became of them.",
        &["status"],
    )?;
    for status in Status::ALL {
        let count = jobs.iter().filter(|it| it.status == status).count();
        statuses
            .with_label_values(&[status.name()])
            .set(count as f64);
    }
    let success = by(
        "ftperm_job_success",
        "1 if the job's output is there and answers its inputs, else 0.",
        &["job"],
    )?;
    let finished = by(
        "ftperm_job_last_success_time_seconds",
        "When the job was last done, in seconds since 1970.",
        &["job"],
    )?;
    let seconds = by(
        "ftperm_job_duration_seconds",
        "How long the job took when it was last done.",
        &["job"],
    )?;
    let ratios = by(
        "ftperm_job_zero_block_ratio",
        "Share of blocks of four inputs that are all zero, on the positions searched on and on held-out games.",
        &["job", "positions", "order"],
    )?;
    let memory = by(
        "ftperm_job_peak_rss_bytes",
        "Largest resident memory of the job.",
        &["job"],
    )?;
    for job in jobs {
        let name = job.job.as_str();
        let good = matches!(job.status, Status::Done | Status::Skipped);
        success
            .with_label_values(&[name])
            .set(f64::from(u8::from(good)));
        if let Some(time) = job.finished {
            finished.with_label_values(&[name]).set(time as f64);
        }
        if let Some(duration) = job.seconds {
            seconds.with_label_values(&[name]).set(duration);
        }
        for (positions, rates) in [("searched", job.searched), ("held_out", job.held_out)] {
            let Some((before, after)) = rates else {
                continue;
            };
            let ratio = |order| ratios.with_label_values(&[name, positions, order]);
            ratio("before").set(before);
            ratio("after").set(after);
        }
        if let Some(bytes) = job.peak_rss_bytes {
            memory.with_label_values(&[name]).set(bytes as f64);
        }
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(String::from_utf8(text).expect("names, labels and numbers are UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(job: &str, status: Status) -> JobSample {
        JobSample {
            job: job.to_string(),
            status,
            finished: Some(1_700_000_000),
            seconds: Some(2.5),
            searched: Some((0.25, 0.5)),
            held_out: None,
            peak_rss_bytes: Some(1 << 20),
        }
    }

    /// The rules of the exposition format: a metric's lines together after its HELP and TYPE; in label values a
    /// backslash, a quote and a line feed are escaped.
    #[test]
    fn the_text_is_in_the_exposition_format() {
        let run = RunSample {
            started: 1,
            updated: 2,
            jobs: 3,
            complete: false,
        };
        let jobs = [
            sample("a\"b\\c\nd", Status::Failed),
            sample("é", Status::Done),
        ];
        let text = prometheus_text(&run, &jobs);
        assert!(text.ends_with('\n'));
        let mut current = "";
        let mut seen = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                current = rest.split_once(' ').unwrap().0;
                assert!(!seen.contains(&current), "{current} is in two places");
                seen.push(current);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert_eq!(rest, format!("{current} gauge"));
            } else {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(name, current);
                let (_, value) = line.rsplit_once(' ').unwrap();
                value.parse::<f64>().unwrap();
            }
        }
        let has = |line: &str| assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        has(r#"ftperm_job_success{job="a\"b\\c\nd"} 0"#);
        has(r#"ftperm_job_success{job="é"} 1"#);
        has(r#"ftperm_batch_jobs{status="failed"} 1"#);
        has(r#"ftperm_batch_jobs{status="skipped"} 0"#);
        has(r#"ftperm_job_zero_block_ratio{job="é",order="after",positions="searched"} 0.5"#);
        has("ftperm_batch_planned_jobs 3");
        assert!(!text.contains("held_out\""));
    }
}
