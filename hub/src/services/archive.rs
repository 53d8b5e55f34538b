//! A run of the archive that somebody asked for.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::archive::{Archive, ArchiveError, ArchiveReport};
use crate::error::HubError;
use crate::tasks;

/// How long a caller waits for a run; it goes on beyond that.
const CALLER_WAIT: Duration = Duration::from_secs(10);

/// A run that somebody asked for.
#[derive(Debug)]
pub(crate) enum Published {
    Done(ArchiveReport),
    /// It, or one that was under way, goes on when nobody waits any more.
    GoesOn,
}

/// Publishes now, unless a run is under way.
///
/// # Errors
/// Where nothing could be published.
pub(crate) async fn publish(archive: &Arc<Archive>, now: Timestamp) -> Result<Published, HubError> {
    let is_asked = archive.ask_the_keeper().await?;
    if is_asked || archive.is_running() {
        return Ok(Published::GoesOn);
    }
    let archive = Arc::clone(archive);
    let running = async move { archive.run(now).await };
    let running = tasks::spawn(running.in_current_span());
    match timeout(CALLER_WAIT, running).await {
        Ok(ran) => Ok(Published::Done(ran.map_err(ArchiveError::Stopped)??)),
        Err(_) => Ok(Published::GoesOn),
    }
}
