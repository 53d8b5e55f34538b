//! A limit on the bytes that uploads send per second, all of them together.
//!
//! What is limited is the bodies as they are handed to the HTTP client: over any time not more than
//! the limit allows, and one chunk. What comes on top is not counted: headers, TLS, chunk framing
//! and TCP's repetitions, a few percent; and bursts of the network below, whose buffers the bytes
//! go into. Time in which nothing was sent is not made up for.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The lowest limit: half of it is what an upload may drop to before it counts as stalled.
pub const LOWEST_BYTES_PER_SECOND: u64 = 16 * 1_024;
/// What is let through at once.
const CHUNK_BYTES: usize = 16 * 1_024;

/// A limit that uploads share.
#[derive(Debug)]
pub(super) struct Throttle {
    bytes_per_second: u64,
    /// When what was let through so far will have been sent at that speed.
    free_at: Mutex<Option<Instant>>,
    /// As many uploads at once as can each go at [`LOWEST_BYTES_PER_SECOND`]: one that got less
    /// would run into the limits on stalled uploads.
    senders: Semaphore,
}

impl Throttle {
    /// A limit; one below [`LOWEST_BYTES_PER_SECOND`] counts as that.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        let bytes_per_second = bytes_per_second.max(LOWEST_BYTES_PER_SECOND);
        let senders = bytes_per_second / LOWEST_BYTES_PER_SECOND;
        let senders = usize::try_from(senders).unwrap_or(usize::MAX);
        Self {
            bytes_per_second,
            free_at: Mutex::new(None),
            senders: Semaphore::new(senders.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Waits until another upload may begin. Keep it until the upload has ended.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.senders.acquire().await.ok()
    }

    /// Takes the next of at most `wanted` bytes: how many, and when they may go.
    pub(super) fn take(&self, wanted: usize, now: Instant) -> (usize, Instant) {
        let bytes = wanted.min(CHUNK_BYTES);
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = free_at.map_or(now, |free_at| free_at.max(now));
        *free_at = Some(start + self.duration(bytes));
        (bytes, start)
    }

    /// How long bytes take, rounded up.
    fn duration(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u64)
            .saturating_mul(1_000_000_000)
            .div_ceil(self.bytes_per_second);
        Duration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: u64 = 1_024;

    #[test]
    fn chunks_go_one_after_the_other_at_the_limit() {
        let throttle = Throttle::new(64 * KIB);
        let now = Instant::now();
        let taken = [100_000, 100_000, 4_096, 1].map(|wanted| throttle.take(wanted, now));
        let after = |ms| now + Duration::from_millis(ms);
        assert_eq!(
            taken,
            [
                (16_384, now),
                (16_384, after(250)),
                (4_096, after(500)),
                (1, after(562) + Duration::from_micros(500)),
            ]
        );
    }

    #[test]
    fn time_that_was_not_used_is_gone() {
        let throttle = Throttle::new(64 * KIB);
        let now = Instant::now();
        throttle.take(1, now);
        let later = now + Duration::from_secs(60);
        let starts = [(); 2].map(|()| throttle.take(16_384, later).1);
        assert_eq!(starts, [later, later + Duration::from_millis(250)]);
    }

    #[tokio::test]
    async fn as_many_send_at_once_as_can_all_get_on() {
        let throttle = Throttle::new(40 * KIB);
        let _turns = (throttle.turn().await, throttle.turn().await);
        let third = tokio::time::timeout(Duration::from_millis(20), throttle.turn());
        assert!(third.await.is_err());
        assert_eq!(Throttle::new(1).senders.available_permits(), 1);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sends_more_than_the_limit_and_a_chunk(
            limit in LOWEST_BYTES_PER_SECOND..10_000_000,
            takes in prop::collection::vec((0_usize..100_000, 0_u64..500), 1..60)
        ) {
            let throttle = Throttle::new(limit);
            let mut now = Instant::now();
            let mut sent = Vec::new();
            for (wanted, pause_ms) in takes {
                now += Duration::from_millis(pause_ms);
                sent.push(throttle.take(wanted, now));
            }
            for (first, (_, from)) in sent.iter().enumerate() {
                let mut bytes = 0;
                for (chunk, to) in &sent[first..] {
                    bytes += *chunk;
                    let allowed = (*to - *from).as_nanos() * u128::from(limit) / 1_000_000_000;
                    prop_assert!(bytes as u128 <= allowed + 1 + CHUNK_BYTES as u128);
                }
            }
        }
    }
}
