//! Failures beside the work itself: they are logged and nothing else, once while they last.

use std::fmt::Display;
use std::time::{Duration, Instant};

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::repeats::Repeats;

/// A failure that lasts is logged again after this long.
const REMIND_AFTER: Duration = Duration::from_secs(60 * 60);
/// Most failures that are logged within that time.
const MAX_FAILURES: usize = 1_000;

/// The failures that were logged: of which site, or of all, and what failed.
#[derive(Debug)]
pub(super) struct Failures(Repeats<(Option<SiteName>, &'static str)>);

impl Default for Failures {
    fn default() -> Self {
        Self(Repeats::new(REMIND_AFTER, MAX_FAILURES))
    }
}

impl Failures {
    /// Logs that something failed, unless that was logged a while ago.
    pub(super) fn log(&self, site: Option<&SiteName>, what: &'static str, error: impl Display) {
        if let Some(unlogged) = self.0.count((site.cloned(), what), Instant::now()) {
            let site = site.map(SiteName::as_str);
            tracing::warn!(site, %error, unlogged, "{what}");
        }
    }
}
