//! What a person should know, told when it is new and once a day, not at each scan.

use std::time::{Duration, Instant};

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::repeats::Repeats;

use crate::cycle::report::Notice;

/// What stands unchanged is told again after this long.
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
    /// Logs those of a cycle's notices that are news.
    pub(super) fn tell(&mut self, site: &SiteName, notices: Vec<Notice>, now: Instant) {
        for notice in self.news(notices, now) {
            notice.log(site);
        }
    }

    /// Those that were not told within a day; whatever is not among them is over, and would be
    /// news again.
    fn news(&mut self, notices: Vec<Notice>, now: Instant) -> Vec<Notice> {
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

    /// What is told of the same notices at these hours.
    #[test]
    fn what_stays_is_told_once_a_day_and_what_changes_or_comes_back_at_once() {
        let begin = Instant::now();
        let mut notices = Notices::default();
        let mut told = |hour: u32, texts: &[&str]| {
            let all = texts.iter().map(|text| notice(text)).collect();
            let news = notices.news(all, begin + Duration::from_secs(3_600) * hour);
            news.into_iter()
                .map(|notice| notice.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(0, &["a", "b 1"]), ["a", "b 1"]);
        assert_eq!(told(1, &["a", "b 1"]), [""; 0]);
        assert_eq!(told(2, &["a", "b 2"]), ["b 2"]);
        assert_eq!(told(3, &["b 2"]), [""; 0]);
        assert_eq!(told(4, &["a", "b 2"]), ["a"]);
        assert_eq!(told(26, &["a", "b 2"]), ["b 2"]);
        assert_eq!(told(28, &["a", "b 2"]), ["a"]);
    }
}
