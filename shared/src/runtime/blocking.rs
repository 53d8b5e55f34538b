//! Work that blocks, on threads for it, and what has to outlive it.
//!
//! A task that is dropped leaves the blocking work that it began running to its end. What that work
//! relies on, a lock above all, must not be let go of before: whoever holds it runs the task with
//! [`holding`], and each piece of blocking work keeps a share of it.

use std::any::Any;
use std::sync::Arc;

use tokio::task::JoinHandle;

/// What is let go of with its last share.
pub type Held = Arc<dyn Any + Send + Sync>;

tokio::task_local! {
    static HELD: Held;
}

/// Runs `work`, of which each piece that blocks keeps a share of `held`.
pub async fn holding<T>(held: Held, work: impl Future<Output = T>) -> T {
    HELD.scope(held, work).await
}

/// A share of what the calling task holds, for a thread of its own; `None` where it holds nothing.
#[must_use]
pub fn held() -> Option<Held> {
    HELD.try_with(Arc::clone).ok()
}

/// Runs blocking work on a thread for it.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let held = held();
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(held);
        done
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_held_outlives_work_that_nobody_waits_for() {
        let (letting_go, mut let_go) = tokio::sync::mpsc::channel::<()>(1);
        let (end, ended) = mpsc::channel::<()>();
        holding(Arc::new(letting_go), async {
            drop(spawn(move || ended.recv()));
        })
        .await;
        assert_eq!(
            let_go.try_recv(),
            Err(tokio::sync::mpsc::error::TryRecvError::Empty)
        );
        drop(end);
        assert_eq!(let_go.recv().await, None);
    }
}
