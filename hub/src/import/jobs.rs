//! Imports that run beside the service's requests, and what became of them.
//!
//! They are known to the hub that runs them until it stops. An import that was cut off is repeated with the
//! same file, which changes nothing where it was done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_agent::{Progress, Step};
use causeway_shared::ids::SiteName;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::upload::Upload;
use super::{ImportError, ImportOptions, Imported};

/// Most imports at once: each takes up to 40 MB.
const MAX_RUNNING: usize = 2;

/// Most imports that are remembered: what came of one may name thousands of partitions.
const MAX_KNOWN: usize = 20;

/// Most previewed files that are kept.
const MAX_KEPT: usize = 2;

/// How far an import is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// A function's next tick begins with it.
    Waiting,
    /// The file is read.
    #[default]
    Reading,
    /// Its rows are judged and put into partitions.
    Judging,
    /// Partitions are sent.
    Sending,
    Done,
    Failed,
}

/// An import, as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) site: SiteName,
    /// The file's name.
    pub(crate) file: String,
    pub(crate) dry_run: bool,
    pub(crate) stage: Stage,
    /// Rows judged so far, of the table in hand; in the end those of the files.
    pub(crate) rows: u64,
    /// Partitions to be sent, and sent.
    pub(crate) partitions: u64,
    pub(crate) sent: u64,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) result: Option<Imported>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    #[schema(value_type = Option<String>)]
    pub(crate) error: Option<Arc<ImportError>>,
    /// What was previewed, while it can be imported.
    #[serde(skip)]
    pub(crate) kept: Option<Kept>,
    /// Whether it is a preview whose file lies in the store.
    #[serde(skip)]
    pub(crate) is_previewed: bool,
}

/// A file that was previewed, and how.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) options: ImportOptions,
    pub(crate) upload: Arc<Upload>,
}

/// An error, as it is told.
#[expect(clippy::ref_option, reason = "serde asks for it")]
fn as_text<S: Serializer>(
    error: &Option<Arc<ImportError>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match error {
        Some(error) => serializer.collect_str(error),
        None => serializer.serialize_none(),
    }
}

impl Job {
    /// Whether it can be imported as it was previewed.
    pub(crate) fn can_be_imported(&self) -> bool {
        self.kept.is_some() || self.is_previewed
    }

    pub(crate) fn is_running(&self) -> bool {
        !matches!(self.stage, Stage::Done | Stage::Failed)
    }
}

/// The imports that a service knows.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<VecDeque<Job>>);

impl Jobs {
    /// Begins one; `None` while too many run.
    pub(crate) fn begin(
        self: &Arc<Self>,
        id: String,
        site: SiteName,
        file: String,
        dry_run: bool,
    ) -> Option<Running> {
        let mut jobs = self.lock();
        if jobs.iter().filter(|job| job.is_running()).count() >= MAX_RUNNING {
            return None;
        }
        if jobs.len() >= MAX_KNOWN
            && let Some(ended) = jobs.iter().position(|job| !job.is_running())
        {
            jobs.remove(ended);
        }
        jobs.push_back(Job {
            id: id.clone(),
            site,
            file,
            dry_run,
            stage: Stage::Reading,
            rows: 0,
            partitions: 0,
            sent: 0,
            result: None,
            error: None,
            kept: None,
            is_previewed: false,
        });
        Some(Running {
            jobs: Arc::clone(self),
            id,
        })
    }

    pub(crate) fn get(&self, id: &str) -> Option<Job> {
        self.lock().iter().find(|job| job.id == id).cloned()
    }

    /// Those that are known, the last one first.
    pub(crate) fn newest(&self) -> Vec<Job> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Takes a previewed file, once.
    pub(crate) fn take_kept(&self, id: &str) -> Option<Kept> {
        let mut jobs = self.lock();
        let job = jobs.iter_mut().find(|job| job.id == id);
        job?.kept.take()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An import that runs. Dropped before it has ended, it counts as failed.
#[derive(Debug)]
pub(crate) struct Running {
    jobs: Arc<Jobs>,
    id: String,
}

impl Running {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Where the import tells how far it is.
    pub(crate) fn progress(&self) -> Arc<dyn Progress> {
        Arc::new(JobProgress {
            jobs: Arc::clone(&self.jobs),
            id: self.id.clone(),
        })
    }

    /// Keeps the file of a preview, so that it can be imported. Of many the last ones are kept.
    pub(crate) fn keep(&self, kept: Kept) {
        self.change(|job| job.kept = Some(kept));
        let mut jobs = self.jobs.lock();
        let of_previews = jobs.iter_mut().rev().filter(|job| job.kept.is_some());
        for job in of_previews.skip(MAX_KEPT) {
            job.kept = None;
        }
    }

    /// Forgets it, since its file was not taken.
    pub(crate) fn forget(self) {
        self.jobs.lock().retain(|job| job.id != self.id);
    }

    pub(crate) fn end(self, ended: Result<Imported, ImportError>) {
        self.change(|job| match ended {
            Ok(imported) => {
                job.stage = Stage::Done;
                job.rows = imported.report.rows.scanned;
                job.result = Some(imported);
            }
            Err(error) => {
                job.stage = Stage::Failed;
                job.error = Some(Arc::new(error));
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.jobs.lock().iter_mut().find(|job| job.id == self.id) {
            change(job);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.change(|job| {
            if job.is_running() {
                job.stage = Stage::Failed;
                job.error = Some(Arc::new(ImportError::CutOff));
            }
        });
    }
}

struct JobProgress {
    jobs: Arc<Jobs>,
    id: String,
}

impl Progress for JobProgress {
    fn step(&self, step: Step) {
        let mut jobs = self.jobs.lock();
        let Some(job) = jobs.iter_mut().find(|job| job.id == self.id) else {
            return;
        };
        match step {
            Step::Reading { rows, .. } => {
                job.stage = Stage::Judging;
                job.rows = rows;
            }
            Step::Scanned => job.partitions += 1,
            Step::Sending { objects } => {
                job.stage = Stage::Sending;
                job.partitions = objects;
                job.sent = 0;
            }
            Step::Sent { .. } => job.sent += 1,
            _ => {}
        }
    }
}
