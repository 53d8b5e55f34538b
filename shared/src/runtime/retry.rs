//! Trying again what may succeed the next time. What that is, each error says: `is_retryable`.

use std::time::Duration;

use backon::ExponentialBuilder;

/// How often something is tried again.
const RETRIES: usize = 3;

/// The shortest first pause. Each later one is twice as long, and up to as much again is added by
/// chance, so that not all come back at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Four tries in all, within a second and a half.
#[must_use]
pub fn a_few_times() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_times(RETRIES)
        .with_jitter()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backon::BackoffBuilder as _;

    use super::*;

    #[test]
    fn pauses_grow_and_vary() {
        let pauses: Vec<Duration> = a_few_times().build().collect();
        let shortest = [100, 200, 400].map(Duration::from_millis);
        assert_eq!(pauses.len(), shortest.len());
        for (pause, shortest) in pauses.into_iter().zip(shortest) {
            assert!((shortest..=2 * shortest).contains(&pause), "{pause:?}");
        }
    }
}
