//! The spool: compressed partitions on disk, between the scan and the upload.
//!
//! Which tables are held back is only known once all are scanned, so nothing is sent before. A
//! thread of its own compresses, beside the scan. The next cycle sweeps what a killed one leaves
//! here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use causeway_shared::object::compress;
use causeway_shared::runtime::blocking;

use crate::error::AgentError;
use crate::scan::ObjectId;
use crate::scan::PartBytes;

/// The spool's folder in the agent's.
const FOLDER: &str = "spool";

/// Partitions that may wait for the compressing thread; a scan that is faster waits for it.
const WAITING: usize = 4;

#[derive(Debug, Clone)]
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// The spool of an agent, emptied.
    pub(crate) fn swept(state_dir: &Path) -> Result<Self, AgentError> {
        let spool = Self {
            folder: state_dir.join(FOLDER),
        };
        spool.sweep()?;
        Ok(spool)
    }

    pub(crate) fn sweep(&self) -> Result<(), AgentError> {
        match fs::remove_dir_all(&self.folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(AgentError::File {
                action: "sweep",
                path: self.folder.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Where an object is spooled.
    #[must_use]
    pub(crate) fn path(&self, (table, part, md5): &ObjectId) -> PathBuf {
        // All in one folder, which costs less to make and to sweep than a tree of three thousand.
        self.folder.join(format!("{table}.{part}.{md5}.csv.zst"))
    }

    /// Starts the compressing thread. Returns what takes its partitions, and what waits for its end.
    ///
    /// # Errors
    /// [`AgentError::System`] where there can be no more threads.
    pub(crate) fn start(&self) -> Result<(SpoolSender, SpoolThread), AgentError> {
        let (sender, receiver) = sync_channel(WAITING);
        let spool = self.clone();
        let held = blocking::held();
        let thread = std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || {
                let written = spool.write_all(&receiver);
                drop(held);
                written
            })
            .map_err(|source| AgentError::System { source })?;
        Ok((SpoolSender(sender), SpoolThread(thread)))
    }

    fn write_all(
        &self,
        parts: &Receiver<(ObjectId, PartBytes)>,
    ) -> Result<BTreeMap<ObjectId, u64>, AgentError> {
        let mut written = BTreeMap::new();
        for (object, mut csv) in parts {
            let path = self.path(&object);
            let len = csv.len();
            let bytes = csv.reader().and_then(|reader| compress(reader, len, &path));
            let bytes = bytes.map_err(|source| AgentError::File {
                action: "write",
                path,
                source,
            })?;
            written.insert(object, bytes);
        }
        Ok(written)
    }
}

/// Takes partitions for the compressing thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct SpoolSender(SyncSender<(ObjectId, PartBytes)>);

/// The compressing thread has stopped; [`SpoolThread::finish`] says why.
#[derive(Debug, thiserror::Error)]
#[error("the spool cannot be written")]
pub(crate) struct Stopped;

impl SpoolSender {
    /// Hands over a partition, waiting while too many are waiting already.
    ///
    /// # Errors
    /// [`Stopped`]
    pub(crate) fn add(&self, object: ObjectId, csv: PartBytes) -> Result<(), Stopped> {
        self.0.send((object, csv)).map_err(|_| Stopped)
    }
}

/// The compressing thread at work.
#[derive(Debug)]
pub(crate) struct SpoolThread(JoinHandle<Result<BTreeMap<ObjectId, u64>, AgentError>>);

impl SpoolThread {
    /// Waits until all is written. Returns the objects and their sizes in bytes. Its [`SpoolSender`]
    /// must be dropped before.
    ///
    /// # Errors
    /// What stopped the thread.
    pub(crate) fn finish(self) -> Result<BTreeMap<ObjectId, u64>, AgentError> {
        self.0.join().unwrap_or_else(|_| {
            Err(AgentError::System {
                source: io::Error::other("the spool's thread died"),
            })
        })
    }
}
