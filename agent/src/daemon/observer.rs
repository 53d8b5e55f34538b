//! Events of a running agent, for a program that embeds it.

use std::sync::Arc;
use std::time::Duration;

use crate::cycle::report::CycleReport;
use crate::error::AgentError;
use crate::progress::Step;

/// What happens while an agent runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A cycle made progress.
    Step(Step),
    /// A cycle succeeded. Most find no change: they scan nothing and have no commit.
    Ended(&'e CycleReport),
    /// A cycle failed. The next one starts after a pause.
    Failed {
        /// Why.
        error: &'e AgentError,
        /// How many have failed in a row, this one included.
        failures: u32,
        /// How long until the next.
        pause: Duration,
    },
}

/// Receives each event, on the thread on which it happens. It should return at once.
pub trait Observer: Send + Sync {
    /// Receives an event.
    fn observe(&self, event: Event<'_>);
}

impl<F: Fn(Event<'_>) + Send + Sync> Observer for F {
    fn observe(&self, event: Event<'_>) {
        self(event);
    }
}

/// An observer that ignores all events.
#[must_use]
pub(crate) fn nobody() -> Arc<dyn Observer> {
    Arc::new(|_: Event<'_>| {})
}
