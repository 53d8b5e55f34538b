//! Tasks beside the work that began them: a run that goes on when its caller waits no longer, a
//! connection that is put in order before it goes back to its pool.
//!
//! A service lets them be. A function, which is frozen once it has answered, ends all of them first.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::{AbortHandle, JoinHandle};
#[cfg(feature = "lambda")]
use tokio::time::{Duration, Instant, sleep};

/// How often those that are under way are looked at.
#[cfg(feature = "lambda")]
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Those of this process that may be under way.
static TASKS: Mutex<Vec<AbortHandle>> = Mutex::new(Vec::new());

/// Begins a task that has an end.
pub(crate) fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let task = tokio::spawn(task);
    let mut tasks = tasks();
    tasks.retain(|task| !task.is_finished());
    tasks.push(task.abort_handle());
    task
}

/// Waits until all of them have ended, and stops those that have not by then: how many.
#[cfg(feature = "lambda")]
pub(crate) async fn end_by(until: Instant) -> usize {
    loop {
        let under_way = {
            let mut tasks = tasks();
            tasks.retain(|task| !task.is_finished());
            if Instant::now() >= until {
                tasks.iter().for_each(AbortHandle::abort);
                return tasks.drain(..).count();
            }
            tasks.len()
        };
        if under_way == 0 {
            return 0;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Waits until all of them have ended.
#[cfg(test)]
pub(crate) async fn ended() {
    while tasks().iter().any(|task| !task.is_finished()) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

fn tasks() -> MutexGuard<'static, Vec<AbortHandle>> {
    // Whole between any two of its operations, also if a holder panicked.
    TASKS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, feature = "lambda"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_not_ended_by_then_is_stopped() {
        let after = |millis| Instant::now() + Duration::from_millis(millis);
        let ended = spawn(sleep(Duration::from_millis(5)));
        assert_eq!(end_by(after(60_000)).await, 0);
        assert!(ended.await.is_ok());
        let endless = spawn(std::future::pending::<()>());
        assert_eq!(end_by(after(5)).await, 1);
        assert!(endless.await.unwrap_err().is_cancelled());
        assert_eq!(end_by(after(60_000)).await, 0);
    }
}
