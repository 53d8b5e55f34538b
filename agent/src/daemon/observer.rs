//! Seeing an agent at work, for a program that embeds it.

use std::sync::Arc;
use std::time::Duration;

use crate::cycle::report::CycleReport;
use crate::error::AgentError;
use crate::progress::Step;

/// What happens while an agent runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A cycle got on.
    Step(Step),
    /// A cycle ended well. Most found nothing: they scanned nothing, and have no commit.
    Ended(&'e CycleReport),
    /// A cycle failed, and the next one is tried after a pause.
    Failed {
        /// Why.
        error: &'e AgentError,
        /// How many have failed one after the other, this one included.
        failures: u32,
        /// How long until the next.
        pause: Duration,
    },
}

/// Is told of each event, on the thread on which it happens. It should return at once.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn observe(&self, event: Event<'_>);
}

impl<F: Fn(Event<'_>) + Send + Sync> Observer for F {
    fn observe(&self, event: Event<'_>) {
        self(event);
    }
}

/// Nobody looks.
#[must_use]
pub fn nobody() -> Arc<dyn Observer> {
    Arc::new(|_: Event<'_>| {})
}
