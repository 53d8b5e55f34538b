//! Keeping the sources' folders watched, also when they are moved or replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::filter::Target;
use super::shared::{Shared, WatchedPath, locked};

/// The folders that sources lie in, and the system's watch on them.
#[derive(Debug)]
pub(super) struct Folders {
    sources: Vec<WatchedPath>,
    shared: Arc<Shared>,
    /// `None` where the system gives no events at all.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Identity>,
    /// The folders whose missing watch was logged.
    reported: BTreeSet<PathBuf>,
}

impl Folders {
    pub(super) fn new(sources: Vec<WatchedPath>, shared: Arc<Shared>) -> Self {
        Self {
            sources,
            shared,
            watcher: None,
            watched: BTreeMap::new(),
            reported: BTreeSet::new(),
        }
    }

    /// Watches the folders as they are now. Costs a few file system calls if nothing changed.
    pub(super) fn renew(&mut self) {
        let lost = self.shared.lost.swap(false, Ordering::Relaxed);
        let found: Vec<(Target, Identity)> =
            self.sources.iter().filter_map(|s| find(s).ok()).collect();
        let wanted: BTreeMap<PathBuf, Identity> = found
            .iter()
            .map(|(target, identity)| (target.folder().to_owned(), *identity))
            .collect();
        let stale = |(folder, identity)| wanted.get(folder) != Some(identity);
        if lost || self.watched.iter().any(stale) {
            // Rare, and simpler than removing single watches from a folder that may be gone.
            self.watcher = None;
            self.watched.clear();
        }
        // The lock is not held while a watch is made, since the watching thread may wait for it.
        *locked(&self.shared.targets) = found.into_iter().map(|(target, _)| target).collect();
        for (folder, identity) in wanted {
            if self.watched.contains_key(&folder) {
                continue;
            }
            match self.watch(&folder) {
                Ok(()) => {
                    tracing::debug!(folder = %folder.display(), "watching");
                    self.reported.remove(&folder);
                    self.watched.insert(folder, identity);
                }
                Err(error) => self.report(folder, &error),
            }
        }
    }

    fn watch(&mut self, folder: &Path) -> notify::Result<()> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => {
                let shared = Arc::clone(&self.shared);
                none.insert(notify::recommended_watcher(move |event| {
                    shared.on_event(event)
                })?)
            }
        };
        watcher.watch(folder, RecursiveMode::NonRecursive)
    }

    fn report(&mut self, folder: PathBuf, error: &notify::Error) {
        if self.reported.contains(&folder) {
            return;
        }
        let hint = match error.kind {
            notify::ErrorKind::MaxFilesWatch => "; raise fs.inotify.max_user_watches",
            _ => "",
        };
        tracing::warn!(
            folder = %folder.display(), %error,
            "no file events, so changes are found by polling{hint}"
        );
        self.reported.insert(folder);
    }
}

/// Where a source's folder really is, and its identity.
///
/// A SQLite file that is a link is followed: SQLite keeps `-wal` and `-journal` beside the file
/// that the link leads to.
fn find(source: &WatchedPath) -> io::Result<(Target, Identity)> {
    let target = match source {
        WatchedPath::CsvFolder(folder) => Target::Csv {
            folder: folder.canonicalize()?,
        },
        WatchedPath::SqliteFile(file) => {
            let real = file.canonicalize().unwrap_or_else(|_| file.clone());
            let name = real
                .file_name()
                .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
            let folder = match real.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            Target::sqlite(folder.canonicalize()?, name)
        }
    };
    let identity = identity(target.folder())?;
    Ok((target, identity))
}

/// Tells a folder from another that replaced it: device and inode.
type Identity = (u64, u64);

fn identity(folder: &Path) -> io::Result<Identity> {
    let folder = folder.metadata()?;
    Ok((folder.dev(), folder.ino()))
}
