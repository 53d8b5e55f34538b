//! Looking at the sources from outside, on a thread for it: a CSV file may have to be read.

use std::sync::Arc;
use std::time::Instant;

use causeway_shared::runtime::clock;

use crate::agent::{Agent, blocking};
use crate::error::AgentError;
use crate::progress::{Progress, Step};
use crate::source::gate::{self, LookRequest, SourceFingerprints};

/// Looks at the sources. What the last look saw, `before`, spares reading files again.
pub(crate) async fn look(
    agent: &Agent,
    before: Option<&SourceFingerprints>,
    progress: &Arc<dyn Progress>,
) -> Result<SourceFingerprints, AgentError> {
    let (config, before) = (Arc::clone(agent.config()), before.cloned());
    let watching = Arc::clone(progress);
    let begun = Instant::now();
    let looked = blocking(move || {
        let request = LookRequest {
            sources: &config.sources,
            base_dir: &config.base_dir,
            basis: config.scan_basis(),
            before: before.as_ref(),
            now: clock::now(),
        };
        gate::look(&request, &|| watching.step(Step::Looking))
    });
    let fingerprints = looked.await?;
    let took = begun.elapsed();
    progress.step(Step::Looked { took });
    Ok(fingerprints)
}
