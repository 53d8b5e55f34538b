//! Figures for Prometheus, as a text file: the agent has no port that could be asked. The
//! textfile collector of node_exporter reads it.

use std::io;
use std::path::{Path, PathBuf};

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::runtime::prometheus::Figures;
use causeway_shared::runtime::whole_file;
use causeway_shared::store::RequestCounts;
use jiff::Timestamp;

/// What a cycle that ended well did, and how things stand after it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct CycleFigures {
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The commit it wrote, if any.
    pub commit: Option<Seq>,
    pub rows: u64,
    /// Partitions that its commit changed or removed.
    pub partitions: u64,
    pub bytes: u64,
    /// Rows in quarantine now, of all tables.
    pub quarantined: u64,
    /// Tables held back now.
    pub held: u64,
}

/// An agent's figures since it started.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    site: SiteName,
    /// Of the last cycle that ended well.
    last: CycleFigures,
    last_at: Option<Timestamp>,
    commit: Option<(Seq, Timestamp)>,
    cycles: u64,
    rows: u64,
    partitions: u64,
    bytes: u64,
    requests: RequestCounts,
    failures: u64,
    failures_in_a_row: u64,
}

/// Why the file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the metrics file {}: {source}", path.display())]
pub(crate) struct MetricsError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl Metrics {
    #[must_use]
    pub(crate) fn new(site: SiteName) -> Self {
        Self {
            site,
            last: CycleFigures::default(),
            last_at: None,
            commit: None,
            cycles: 0,
            rows: 0,
            partitions: 0,
            bytes: 0,
            requests: RequestCounts::default(),
            failures: 0,
            failures_in_a_row: 0,
        }
    }

    /// Takes in a cycle that ended well at `at`. `requests` are all of the store's so far.
    pub(crate) fn succeeded(
        &mut self,
        figures: CycleFigures,
        at: Timestamp,
        requests: RequestCounts,
    ) {
        self.last = figures;
        self.last_at = Some(at);
        if let Some(seq) = figures.commit {
            self.commit = Some((seq, at));
        }
        self.cycles += 1;
        self.rows += figures.rows;
        self.partitions += figures.partitions;
        self.bytes += figures.bytes;
        self.requests = requests;
        self.failures_in_a_row = 0;
    }

    /// Takes in a cycle that failed. `requests` are all of the store's so far.
    pub(crate) fn failed(&mut self, requests: RequestCounts) {
        self.failures += 1;
        self.failures_in_a_row += 1;
        self.requests = requests;
    }

    /// The figures in Prometheus's text format, each ended by a newline.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let mut page = Figures::new("causeway_agent_", &[("site", self.site.as_str())]);
        if let Some(at) = self.last_at {
            page.gauge(
                "last_cycle_timestamp_seconds",
                "When the last cycle ended well.",
                seconds(at),
            );
            page.gauge("last_cycle_seconds", "How long it took.", self.last.seconds);
            page.gauge(
                "quarantined_rows",
                "Rows in quarantine.",
                self.last.quarantined,
            );
            page.gauge(
                "held_tables",
                "Tables held back until a person looks.",
                self.last.held,
            );
        }
        if let Some((seq, at)) = self.commit {
            page.gauge("last_commit", "Number of the last commit.", seq);
            page.gauge(
                "last_commit_timestamp_seconds",
                "When it was written.",
                seconds(at),
            );
        }
        page.counter("cycles_total", "Cycles that ended well.", self.cycles);
        page.counter("failures_total", "Cycles that failed.", self.failures);
        page.gauge(
            "consecutive_failures",
            "Cycles that failed since the last that ended well.",
            self.failures_in_a_row,
        );
        page.counter("rows_scanned_total", "Rows read.", self.rows);
        page.counter(
            "partitions_changed_total",
            "Partitions that commits changed.",
            self.partitions,
        );
        page.counter("sent_bytes_total", "Bytes of objects sent.", self.bytes);
        let mut requests = page.counters("store_requests_total", "Requests sent to the store.");
        for (kind, count) in self.requests.by_kind() {
            requests.sample(&[("kind", kind)], count);
        }
        page.into_text()
    }

    /// Writes the figures to `path`, for everybody to read. A reader sees the old file or the new
    /// one, whole; a failure leaves the old one.
    ///
    /// # Errors
    /// [`MetricsError`]: worth a warning, not worth a cycle.
    pub(crate) fn save(&self, path: &Path) -> Result<(), MetricsError> {
        // The collector is another user, and the agent's own files are nobody else's by its umask.
        whole_file::replace_for_all(path, &self.render()).map_err(|source| MetricsError {
            path: path.to_owned(),
            source,
        })
    }
}

/// Seconds since 1970, to the millisecond.
fn seconds(at: Timestamp) -> String {
    let ms = at.as_millisecond();
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::new(SiteName::new("hcm-01").unwrap())
    }

    fn requests(put: u64) -> RequestCounts {
        RequestCounts {
            put,
            ..RequestCounts::default()
        }
    }

    /// The value of one line.
    fn value(metrics: &Metrics, name: &str) -> Option<String> {
        let page = metrics.render();
        let start = format!("causeway_agent_{name}{{site=\"hcm-01\"}} ");
        page.lines()
            .find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }

    #[test]
    fn a_page_is_prometheus_text() {
        let mut metrics = metrics();
        let figures = CycleFigures {
            seconds: 0.25,
            commit: Some(Seq::NONE.next()),
            rows: 5_000,
            partitions: 2,
            bytes: 1_234,
            quarantined: 3,
            held: 1,
        };
        metrics.succeeded(
            figures,
            Timestamp::from_millisecond(1_764_300_000_040).unwrap(),
            requests(3),
        );
        insta::assert_snapshot!(metrics.render(), @r#"
        # HELP causeway_agent_last_cycle_timestamp_seconds When the last cycle ended well.
        # TYPE causeway_agent_last_cycle_timestamp_seconds gauge
        causeway_agent_last_cycle_timestamp_seconds{site="hcm-01"} 1764300000.040
        # HELP causeway_agent_last_cycle_seconds How long it took.
        # TYPE causeway_agent_last_cycle_seconds gauge
        causeway_agent_last_cycle_seconds{site="hcm-01"} 0.25
        # HELP causeway_agent_quarantined_rows Rows in quarantine.
        # TYPE causeway_agent_quarantined_rows gauge
        causeway_agent_quarantined_rows{site="hcm-01"} 3
        # HELP causeway_agent_held_tables Tables held back until a person looks.
        # TYPE causeway_agent_held_tables gauge
        causeway_agent_held_tables{site="hcm-01"} 1
        # HELP causeway_agent_last_commit Number of the last commit.
        # TYPE causeway_agent_last_commit gauge
        causeway_agent_last_commit{site="hcm-01"} 1
        # HELP causeway_agent_last_commit_timestamp_seconds When it was written.
        # TYPE causeway_agent_last_commit_timestamp_seconds gauge
        causeway_agent_last_commit_timestamp_seconds{site="hcm-01"} 1764300000.040
        # HELP causeway_agent_cycles_total Cycles that ended well.
        # TYPE causeway_agent_cycles_total counter
        causeway_agent_cycles_total{site="hcm-01"} 1
        # HELP causeway_agent_failures_total Cycles that failed.
        # TYPE causeway_agent_failures_total counter
        causeway_agent_failures_total{site="hcm-01"} 0
        # HELP causeway_agent_consecutive_failures Cycles that failed since the last that ended well.
        # TYPE causeway_agent_consecutive_failures gauge
        causeway_agent_consecutive_failures{site="hcm-01"} 0
        # HELP causeway_agent_rows_scanned_total Rows read.
        # TYPE causeway_agent_rows_scanned_total counter
        causeway_agent_rows_scanned_total{site="hcm-01"} 5000
        # HELP causeway_agent_partitions_changed_total Partitions that commits changed.
        # TYPE causeway_agent_partitions_changed_total counter
        causeway_agent_partitions_changed_total{site="hcm-01"} 2
        # HELP causeway_agent_sent_bytes_total Bytes of objects sent.
        # TYPE causeway_agent_sent_bytes_total counter
        causeway_agent_sent_bytes_total{site="hcm-01"} 1234
        # HELP causeway_agent_store_requests_total Requests sent to the store.
        # TYPE causeway_agent_store_requests_total counter
        causeway_agent_store_requests_total{site="hcm-01",kind="put"} 3
        causeway_agent_store_requests_total{site="hcm-01",kind="get"} 0
        causeway_agent_store_requests_total{site="hcm-01",kind="head"} 0
        causeway_agent_store_requests_total{site="hcm-01",kind="list"} 0
        causeway_agent_store_requests_total{site="hcm-01",kind="delete"} 0
        "#);
    }

    #[test]
    fn an_unchanged_cycle_leaves_the_last_commit_and_failures_end_with_a_success() {
        let mut metrics = metrics();
        assert_eq!(value(&metrics, "last_cycle_timestamp_seconds"), None);
        let at = |second| Timestamp::from_second(second).unwrap();
        let committed = CycleFigures {
            commit: Some(Seq::NONE.next()),
            ..CycleFigures::default()
        };
        metrics.succeeded(committed, at(10), requests(1));
        metrics.failed(requests(2));
        metrics.failed(requests(3));
        assert_eq!(value(&metrics, "consecutive_failures"), Some("2".into()));
        metrics.succeeded(CycleFigures::default(), at(20), requests(3));
        let names = [
            "last_commit_timestamp_seconds",
            "last_cycle_timestamp_seconds",
        ];
        let times = names.map(|name| value(&metrics, name).unwrap());
        assert_eq!(times, ["10.000", "20.000"]);
        let names = ["consecutive_failures", "failures_total", "cycles_total"];
        let counts = names.map(|name| value(&metrics, name).unwrap());
        assert_eq!(counts, ["0", "2", "2"]);
    }

    #[test]
    fn the_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("causeway.prom");
        fs::write(&path, "old").unwrap();
        metrics().save(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), metrics().render());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        // Where others may write too, a link in the way is not followed.
        let other = dir.path().join("other");
        fs::write(&other, "theirs").unwrap();
        symlink(&other, dir.path().join("causeway.prom.tmp")).unwrap();
        metrics().save(&path).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
        assert!(!path.is_symlink());
        let nowhere = dir.path().join("gone/causeway.prom");
        let error = metrics().save(&nowhere).unwrap_err().to_string();
        assert!(error.contains("gone/causeway.prom"), "{error}");
    }
}
