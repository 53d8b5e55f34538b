//! The imports that wait for a tick.

use std::sync::Arc;
use std::time::Duration;

use causeway_agent::{Progress, Step};
use causeway_shared::layout;
use jiff::SignedDuration;
use tokio::time::{Instant, timeout_at};

use crate::function::state::State;
use crate::import::queue::{Queue, QueuedImport};
use crate::import::upload::{Upload, UploadError};
use crate::import::{ImportError, Imported, Importer};

/// What is kept of a tick's time for writing what came of an import.
const RESERVED: Duration = Duration::from_secs(1);
/// Without so much time none is begun.
const LEAST: Duration = Duration::from_secs(5);

/// Runs those that wait, one after the other: their ids.
pub(super) async fn run(state: &State, until: Instant) -> Vec<String> {
    let mut run = Vec::new();
    let Some(queue) = &state.app.queue else {
        return run;
    };
    let until = until.checked_sub(RESERVED).unwrap_or(until);
    while until.duration_since(Instant::now()) >= LEAST {
        match run_one(state, queue, until).await {
            Ok(Some(id)) => run.push(id),
            Ok(None) => break,
            Err(error) => {
                tracing::error!(%error, "the imports that wait cannot be read or written");
                break;
            }
        }
    }
    run
}

async fn run_one(
    state: &State,
    queue: &Queue,
    until: Instant,
) -> Result<Option<String>, crate::document::DocumentError> {
    let now = (state.app.clock)();
    let left = SignedDuration::try_from(until.duration_since(Instant::now()));
    let taken_until = now.saturating_add(left.unwrap_or_default());
    let Some(import) = queue.take(now, taken_until.unwrap_or(now)).await? else {
        return Ok(None);
    };
    tracing::info!(site = %import.site, file = import.file, by = import.by, "importing");
    let Ok(ended) = timeout_at(until, import_file(state, &import)).await else {
        // A later tick goes on from here.
        tracing::warn!(site = %import.site, "the time was over before the import had ended");
        return Ok(Some(import.id));
    };
    if let Err(error) = &ended {
        tracing::warn!(site = %import.site, %error, "nothing was imported");
    }
    let committed = ended
        .as_ref()
        .is_ok_and(|done| done.report.commit.is_some());
    queue.end(&import.id, &ended).await?;
    if committed {
        state.hub().expect_site(import.site);
    }
    Ok(Some(import.id))
}

async fn import_file(state: &State, import: &QueuedImport) -> Result<Imported, ImportError> {
    let Some((_, md5, _)) = layout::parse_import_file(&import.key) else {
        let key = import.key.clone();
        return Err(UploadError::Another { key }.into());
    };
    let file = (&*import.key, md5);
    let upload = Upload::fetch(state.hub().store(), file, import.file.clone()).await?;
    let importer = Importer::of(state.hub());
    let given = vec![upload.given(true)];
    importer
        .run(given, &import.options(), Arc::new(Silent))
        .await
}

/// Nobody watches.
struct Silent;

impl Progress for Silent {
    fn step(&self, _: Step) {}
}
