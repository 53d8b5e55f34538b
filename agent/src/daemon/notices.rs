//! Notices for a person, logged when they are new and once a day, not at each scan.

use std::time::{Duration, Instant};

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::repeats::Repeats;

use crate::cycle::report::Notice;

/// A notice that stays is logged again after this long.
const REMINDER: Duration = Duration::from_secs(24 * 60 * 60);
/// Most notices that are remembered; a cycle has one or two for each table.
const MAX_NOTICES: usize = 10_000;

/// The notices that were told.
#[derive(Debug)]
pub(super) struct Notices(Repeats<Notice>);

impl Default for Notices {
    fn default() -> Self {
        Self(Repeats::new(REMINDER, MAX_NOTICES))
    }
}

impl Notices {
    /// Logs those of a cycle's notices that are new.
    pub(super) fn log(&self, site: &SiteName, notices: Vec<Notice>, now: Instant) {
        for notice in self.new_ones(notices, now) {
            notice.log(site);
        }
    }

    /// The notices that were not logged within a day. A notice that is missing from the list is
    /// over, and new if it comes again.
    fn new_ones(&self, notices: Vec<Notice>, now: Instant) -> Vec<Notice> {
        self.0.retain(|told| notices.contains(told));
        let is_news = |notice: &Notice| self.0.count(notice.clone(), now).is_some();
        notices.into_iter().filter(is_news).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::report::Urgency;

    fn notice(text: &str) -> Notice {
        Notice {
            urgency: Urgency::Look,
            text: text.to_owned(),
            remedy: None,
        }
    }

    #[test]
    fn a_notice_is_logged_once_a_day_and_at_once_when_it_changes_or_comes_back() {
        let begin = Instant::now();
        let notices = Notices::default();
        let logged = |hour: u32, texts: &[&str]| {
            let all = texts.iter().map(|text| notice(text)).collect();
            let new = notices.new_ones(all, begin + Duration::from_secs(3_600) * hour);
            new.into_iter()
                .map(|notice| notice.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(logged(0, &["a", "b 1"]), ["a", "b 1"]);
        assert_eq!(logged(1, &["a", "b 1"]), [""; 0]);
        assert_eq!(logged(2, &["a", "b 2"]), ["b 2"]);
        assert_eq!(logged(3, &["b 2"]), [""; 0]);
        assert_eq!(logged(4, &["a", "b 2"]), ["a"]);
        assert_eq!(logged(26, &["a", "b 2"]), ["b 2"]);
        assert_eq!(logged(28, &["a", "b 2"]), ["a"]);
    }
}
