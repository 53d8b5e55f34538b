//! What is counted while the service runs, in the text form that Prometheus reads.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use causeway_shared::runtime::prometheus::Figures;
use causeway_shared::store::RequestCounts;
use jiff::Timestamp;

use crate::runs::RunCounts;
use crate::scheduler::RefreshStatus;
use crate::sync::SiteView;

/// Requests answered since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answered: Mutex<BTreeMap<Kind, Answered>>,
}

/// Route, method and status.
type Kind = (String, &'static str, u16);

#[derive(Debug, Clone, Copy, Default)]
struct Answered {
    requests: u64,
    seconds: f64,
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn count(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        // Callers may invent methods; there must not be a line for each.
        let method = match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            _ => "other",
        };
        let mut kinds = self.lock();
        let answered = kinds
            .entry((route.to_owned(), method, status.as_u16()))
            .or_default();
        answered.requests += 1;
        answered.seconds += took.as_secs_f64();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kind, Answered>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the service did since its start, beside answers.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) store: RequestCounts,
    pub(crate) flushes: RunCounts,
    pub(crate) archive: RunCounts,
    /// Whether the database was put to sleep, so that it is not down.
    pub(crate) database_sleeps: bool,
}

/// Names and words of the figures of some work: runs, failures, what was carried, and time.
type Names = [(&'static str, &'static str); 4];

const FLUSHES: Names = [
    ("flushes_total", "Flushes of a site's changes to the store."),
    ("flush_failures_total", "Flushes that failed."),
    (
        "flushed_edits_total",
        "Changes that flushes took to the store.",
    ),
    ("flush_seconds_total", "Time spent on flushes."),
];
const ARCHIVE: Names = [
    ("archive_runs_total", "Runs of the archive."),
    (
        "archive_failures_total",
        "Runs of the archive that published nothing.",
    ),
    ("archive_files_total", "Files that the archive wrote."),
    (
        "archive_seconds_total",
        "Time spent on runs of the archive.",
    ),
];

/// All figures of the service.
#[must_use]
pub(crate) fn render(
    metrics: &Metrics,
    refresh: &RefreshStatus,
    sites: Option<&[SiteView]>,
    work: &Work,
) -> String {
    let mut figures = Figures::new("causeway_", &[]);
    figures
        .gauges("build_info", "The program's version.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    figures.gauge(
        "database_up",
        "1 if the database told of the sites.",
        u8::from(sites.is_some()),
    );
    figures.gauge(
        "database_asleep",
        "1 if the database was put to sleep or is being woken, so that it is meant to be down.",
        u8::from(work.database_sleeps),
    );
    if let Some(sites) = sites {
        figures.gauge("sites", "Sites that are known.", sites.len());
        of_sites(&mut figures, sites);
    }
    of_refresh(&mut figures, refresh);
    let mut requests =
        figures.counters("store_requests_total", "Requests sent to the object store.");
    for (kind, count) in work.store.by_kind() {
        requests.sample(&[("kind", kind)], count);
    }
    of_runs(&mut figures, &work.flushes, &FLUSHES);
    of_runs(&mut figures, &work.archive, &ARCHIVE);
    of_http(&mut figures, &metrics.lock());
    figures.into_text()
}

fn of_sites(figures: &mut Figures, sites: &[SiteView]) {
    let mut each = |name, help, value: &dyn Fn(&SiteView) -> Option<f64>| {
        let mut family = figures.gauges(name, help);
        for view in sites {
            if let Some(value) = value(view) {
                family.sample(&[("site", view.site.as_str())], value);
            }
        }
    };
    let head = |view: &SiteView| view.catalog.head.clone();
    each(
        "site_commit",
        "The commit that the site's rows stand at.",
        &|view| Some(number(head(view)?.seq.0)),
    );
    each(
        "site_log_head",
        "The newest commit seen in the site's log.",
        &|view| Some(number(view.log_head?.0)),
    );
    each(
        "site_committed_timestamp_seconds",
        "When the site made the commit that its rows stand at.",
        &|view| Some(seconds(head(view)?.at)),
    );
    each(
        "site_loaded_timestamp_seconds",
        "When the site's rows were last brought to a commit.",
        &|view| view.loaded_at.map(seconds),
    );
    each(
        "site_failing",
        "1 if the site's last load failed.",
        &|view| Some(if view.last_error.is_some() { 1.0 } else { 0.0 }),
    );
    each(
        "site_partitions_known",
        "Partitions of all history.",
        &|view| Some(number(view.catalog.partitions.len() as u64)),
    );
    each(
        "site_partitions_loaded",
        "Partitions in the database.",
        &|view| Some(number(view.loaded.len() as u64)),
    );
    each(
        "site_edits_waiting",
        "Changes in the journal that are not in the store yet.",
        &|view| Some(number(view.edits.waiting)),
    );
    each(
        "site_conflicts",
        "Rows in which site and cloud want different things.",
        &|view| Some(number(view.edits.conflicts)),
    );
    each(
        "site_writable",
        "1 if the site's tables take changes.",
        &|view| Some(if view.edits.writable { 1.0 } else { 0.0 }),
    );
    each("site_rows_known", "Rows of all history.", &|view| {
        Some(number(view.catalog.all_rows()))
    });
    each("site_rows_loaded", "Rows in the database.", &|view| {
        Some(number(view.loaded_rows()))
    });
}

fn of_refresh(figures: &mut Figures, refresh: &RefreshStatus) {
    figures.counter(
        "refreshes_total",
        "Rounds over the sites' logs.",
        refresh.rounds,
    );
    figures.counter(
        "refresh_failures_total",
        "Rounds in which a site, or all, could not be loaded.",
        refresh.failed,
    );
    figures.gauge(
        "refresh_seconds",
        "How long the last round took.",
        refresh.last_seconds,
    );
    if let Some(at) = refresh.last_at {
        figures.gauge(
            "refresh_timestamp_seconds",
            "When the last round ended.",
            seconds(at),
        );
    }
}

fn of_runs(figures: &mut Figures, counts: &RunCounts, names: &Names) {
    let RunCounts {
        runs,
        failed,
        carried,
        seconds,
    } = *counts;
    let values = [number(runs), number(failed), number(carried), seconds];
    for ((name, help), value) in names.iter().zip(values) {
        figures.counter(name, help, value);
    }
}

fn of_http(figures: &mut Figures, answered: &BTreeMap<Kind, Answered>) {
    let mut add = |name, help, value: &dyn Fn(&Answered) -> f64| {
        let mut family = figures.counters(name, help);
        for ((route, method, status), answered) in answered {
            let status = status.to_string();
            let labels = [
                ("route", route.as_str()),
                ("method", method),
                ("status", &status),
            ];
            family.sample(&labels, value(answered));
        }
    };
    add("http_requests_total", "Requests answered.", &|answered| {
        number(answered.requests)
    });
    add(
        "http_request_seconds_total",
        "Time spent on answers.",
        &|answered| answered.seconds,
    );
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floats")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 stay below 2^53"
)]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::samples::site;

    #[test]
    fn figures_have_names_and_labels() {
        let metrics = Metrics::default();
        let invented = Method::from_bytes(b"BREW").unwrap();
        metrics.count(
            "/api/v1/overview",
            &Method::GET,
            StatusCode::OK,
            Duration::ZERO,
        );
        metrics.count(
            "/api/v1/overview",
            &invented,
            StatusCode::OK,
            Duration::ZERO,
        );
        let sites = [site("hcm-01", &[("customer", "b=00of16", "{}", 7)])];
        let text = render(
            &metrics,
            &RefreshStatus::default(),
            Some(&sites),
            &Work::default(),
        );
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        insta::assert_snapshot!(samples.join("\n"), @r#"
        causeway_build_info{version="0.1.0"} 1
        causeway_database_up 1
        causeway_database_asleep 0
        causeway_sites 1
        causeway_site_commit{site="hcm-01"} 42
        causeway_site_log_head{site="hcm-01"} 42
        causeway_site_committed_timestamp_seconds{site="hcm-01"} 1764296997
        causeway_site_loaded_timestamp_seconds{site="hcm-01"} 1764296998
        causeway_site_failing{site="hcm-01"} 0
        causeway_site_partitions_known{site="hcm-01"} 1
        causeway_site_partitions_loaded{site="hcm-01"} 0
        causeway_site_edits_waiting{site="hcm-01"} 0
        causeway_site_conflicts{site="hcm-01"} 0
        causeway_site_writable{site="hcm-01"} 0
        causeway_site_rows_known{site="hcm-01"} 7
        causeway_site_rows_loaded{site="hcm-01"} 0
        causeway_refreshes_total 0
        causeway_refresh_failures_total 0
        causeway_refresh_seconds 0
        causeway_store_requests_total{kind="put"} 0
        causeway_store_requests_total{kind="get"} 0
        causeway_store_requests_total{kind="head"} 0
        causeway_store_requests_total{kind="list"} 0
        causeway_store_requests_total{kind="delete"} 0
        causeway_flushes_total 0
        causeway_flush_failures_total 0
        causeway_flushed_edits_total 0
        causeway_flush_seconds_total 0
        causeway_archive_runs_total 0
        causeway_archive_failures_total 0
        causeway_archive_files_total 0
        causeway_archive_seconds_total 0
        causeway_http_requests_total{route="/api/v1/overview",method="GET",status="200"} 1
        causeway_http_requests_total{route="/api/v1/overview",method="other",status="200"} 1
        causeway_http_request_seconds_total{route="/api/v1/overview",method="GET",status="200"} 0
        causeway_http_request_seconds_total{route="/api/v1/overview",method="other",status="200"} 0
        "#);
    }
}
