//! When to look at a source that is being written to: once it is quiet, or after a while anyway.

use std::time::{Duration, Instant};

/// Turns a burst of events into one look.
#[derive(Debug)]
pub(super) struct Debounce {
    quiet: Duration,
    max_delay: Duration,
    burst: Option<Burst>,
}

/// Events since the last look.
#[derive(Debug)]
struct Burst {
    first: Instant,
    last: Instant,
}

impl Debounce {
    /// A look is due `quiet` after the last event of a burst, or `max_delay` after its first if that
    /// is sooner. Both are far smaller than the range of an [`Instant`].
    pub(super) fn new(quiet: Duration, max_delay: Duration) -> Self {
        Self {
            quiet,
            max_delay,
            burst: None,
        }
    }

    /// Notes an event. Returns whether it begins a burst.
    pub(super) fn event(&mut self, at: Instant) -> bool {
        if let Some(burst) = &mut self.burst {
            burst.last = burst.last.max(at);
            return false;
        }
        self.burst = Some(Burst {
            first: at,
            last: at,
        });
        true
    }

    /// When to look, from the events so far; `None` without any.
    pub(super) fn due(&self) -> Option<Instant> {
        let burst = self.burst.as_ref()?;
        Some((burst.last + self.quiet).min(burst.first + self.max_delay))
    }

    /// Notes that a look begins, which covers all events so far.
    pub(super) fn look(&mut self) {
        self.burst = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUIET_MS: u64 = 500;
    const MAX_DELAY_MS: u64 = 5_000;

    /// The times in milliseconds of the looks at a source with events at these times.
    fn looks(events: &[u64]) -> Vec<u64> {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut debounce = Debounce::new(
            Duration::from_millis(QUIET_MS),
            Duration::from_millis(MAX_DELAY_MS),
        );
        let mut looks = Vec::new();
        let mut look_if_due = |debounce: &mut Debounce, now: u64| {
            if let Some(due) = debounce.due().filter(|due| *due <= at(now)) {
                looks.push(u64::try_from((due - start).as_millis()).unwrap());
                debounce.look();
            }
        };
        for event in events {
            look_if_due(&mut debounce, *event);
            debounce.event(at(*event));
        }
        look_if_due(&mut debounce, u64::from(u32::MAX));
        looks
    }

    #[test]
    fn a_run_of_events_is_one_look_after_the_last() {
        assert_eq!(looks(&[]), [0; 0]);
        assert_eq!(looks(&[0]), [500]);
        assert_eq!(looks(&[0, 100, 400, 899]), [1_399]);
        assert_eq!(looks(&[0, 100, 2_000]), [600, 2_500]);
    }

    #[test]
    fn a_source_that_is_never_quiet_is_looked_at_all_the_same() {
        let ceaseless: Vec<u64> = (0..=120).map(|n| n * 100).collect();
        assert_eq!(looks(&ceaseless), [5_000, 10_000, 12_500]);
    }

    #[test]
    fn only_the_first_event_of_a_run_is_news() {
        let mut debounce = Debounce::new(Duration::ZERO, Duration::ZERO);
        let now = Instant::now();
        assert_eq!([debounce.event(now), debounce.event(now)], [true, false]);
        debounce.look();
        assert!(debounce.event(now));
    }

    proptest! {
        #[test]
        fn every_event_is_looked_at_in_time_and_no_look_is_for_nothing(
            gaps in prop::collection::vec(0_u64..2_000, 0..200)
        ) {
            let events: Vec<u64> = gaps
                .iter()
                .scan(0, |at, gap| { *at += gap; Some(*at) })
                .collect();
            let looks = looks(&events);
            for event in &events {
                let look = looks.iter().find(|look| *look >= event);
                prop_assert!(look.is_some_and(|look| look - event <= MAX_DELAY_MS));
            }
            let mut from = 0;
            for look in looks {
                prop_assert!(events.iter().any(|event| (from..=look).contains(event)));
                from = look;
            }
        }
    }
}
