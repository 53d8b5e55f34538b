//! Trying again what may succeed the next time, a few times and not all at once.

use std::time::Duration;

use causeway_shared::runtime::chance;

/// How often something is tried in all.
const ATTEMPTS: u32 = 4;
/// The longest pause after the first attempt; each later one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Does something again while it fails in a way that may pass.
///
/// # Errors
/// The last attempt's error.
pub(crate) async fn retrying<T, E, F: Future<Output = Result<T, E>>>(
    is_retryable: impl Fn(&E) -> bool,
    work: impl Fn() -> F,
) -> Result<T, E> {
    let mut attempt = 0;
    loop {
        match work().await {
            Err(error) if is_retryable(&error) && attempt + 1 < ATTEMPTS => {
                tokio::time::sleep(pause(attempt, byte())).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// Between half and all of a pause that doubles with each attempt.
fn pause(attempt: u32, chance: u8) -> Duration {
    let longest = FIRST_PAUSE * 2u32.pow(attempt);
    longest / 2 + longest / 2 * u32::from(chance) / u32::from(u8::MAX)
}

/// A random byte; where the system has none to give, pauses are all alike.
fn byte() -> u8 {
    let mut byte = [0];
    match chance::fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        let attempts = Cell::new(0);
        let failing = |_: &u32| true;
        let result = retrying(failing, async || {
            attempts.set(attempts.get() + 1);
            if attempts.get() < 3 {
                Err(attempts.get())
            } else {
                Ok("done")
            }
        });
        assert_eq!((result.await, attempts.get()), (Ok("done"), 3));

        attempts.set(0);
        let result: Result<(), u32> = retrying(failing, async || {
            attempts.set(attempts.get() + 1);
            Err(attempts.get())
        })
        .await;
        assert_eq!(result, Err(ATTEMPTS));

        let result: Result<(), u32> = retrying(|_| false, async || Err(7)).await;
        assert_eq!(result, Err(7));
    }

    #[test]
    fn pauses_grow_and_vary() {
        assert_eq!(pause(0, 0), Duration::from_millis(100));
        assert_eq!(pause(0, u8::MAX), Duration::from_millis(200));
        assert_eq!(pause(2, u8::MAX), Duration::from_millis(800));
    }
}
