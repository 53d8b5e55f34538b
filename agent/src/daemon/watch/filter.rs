//! Which file events are about a source.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use notify::Event;
use notify::event::{EventKind, ModifyKind};

/// The files beside a SQLite file that change when it does. Not its `-shm`: readers, the agent
/// among them, write to that one.
const COMPANIONS: [&str; 2] = ["-wal", "-journal"];

/// What is watched for on behalf of one source, in a folder by its canonical path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Files of these names.
    Names {
        /// Their folder.
        folder: PathBuf,
        /// A SQLite file and its companions.
        names: Vec<OsString>,
    },
    /// CSV files.
    Csv {
        /// Their folder.
        folder: PathBuf,
    },
}

/// What an event means for the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Nothing,
    /// One of them may have changed.
    Changed,
    /// A source's folder was moved or removed.
    Lost,
}

impl Target {
    /// A SQLite file, by its canonical path.
    pub(super) fn sqlite(folder: PathBuf, file: &OsStr) -> Self {
        let companion = |suffix: &str| {
            let mut name = file.to_owned();
            name.push(suffix);
            name
        };
        let names = std::iter::once("").chain(COMPANIONS).map(companion);
        Self::Names {
            folder,
            names: names.collect(),
        }
    }

    /// The folder to watch.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Names { folder, .. } | Self::Csv { folder } => folder,
        }
    }

    fn is_about(&self, path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        folder == self.folder()
            && match self {
                Self::Names { names, .. } => names.iter().any(|ours| ours == name),
                Self::Csv { .. } => path
                    .extension()
                    .is_some_and(|extension| extension.eq_ignore_ascii_case("csv")),
            }
    }
}

/// What an event means for the sources that are watched.
pub(super) fn meaning(targets: &[Target], event: &Event) -> Meaning {
    // The system lost events, and does not say which.
    if event.need_rescan() {
        return Meaning::Changed;
    }
    let gone = match event.kind {
        // The agent's own reading, be it closing a `-wal` that SQLite opened for writing, must not
        // wake it; contents do not change by owner, mode or times.
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => {
            return Meaning::Nothing;
        }
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
        _ => false,
    };
    let any = |is: &dyn Fn(&Target, &Path) -> bool| {
        let mut pairs = targets
            .iter()
            .flat_map(|target| event.paths.iter().map(move |path| (target, path)));
        pairs.any(|(target, path)| is(target, path))
    };
    if gone && any(&|target, path| target.folder() == path) {
        Meaning::Lost
    } else if any(&Target::is_about) {
        Meaning::Changed
    } else {
        Meaning::Nothing
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{
        AccessKind, AccessMode, CreateKind, DataChange, Flag, MetadataKind, RemoveKind, RenameMode,
    };

    use super::*;

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

    fn meaning_of(kind: EventKind, path: &str) -> Meaning {
        let targets = [
            Target::sqlite("/db".into(), OsStr::new("a.db")),
            Target::Csv {
                folder: "/csv".into(),
            },
        ];
        meaning(&targets, &Event::new(kind).add_path(path.into()))
    }

    #[test]
    fn a_sqlite_file_is_itself_its_wal_and_its_journal() {
        let written = [
            "a.db",
            "a.db-wal",
            "a.db-journal",
            "a.db-shm",
            "b.db",
            "a.csv",
        ];
        let meanings = written.map(|name| meaning_of(WRITTEN, &format!("/db/{name}")));
        use Meaning::{Changed, Nothing};
        assert_eq!(
            meanings,
            [Changed, Changed, Changed, Nothing, Nothing, Nothing]
        );
    }

    #[test]
    fn a_csv_folder_is_its_csv_files_not_those_further_down() {
        let written = ["x.csv", "X.CSV", "x.csv.tmp", ".x.swp", "old/x.csv"];
        let meanings = written.map(|name| meaning_of(WRITTEN, &format!("/csv/{name}")));
        use Meaning::{Changed, Nothing};
        assert_eq!(meanings, [Changed, Changed, Nothing, Nothing, Nothing]);
    }

    #[test]
    fn appearing_vanishing_and_being_renamed_are_changes_reading_is_not() {
        let meant = |kind| meaning_of(kind, "/db/a.db-journal");
        assert_eq!(meant(EventKind::Create(CreateKind::File)), Meaning::Changed);
        assert_eq!(meant(EventKind::Remove(RemoveKind::File)), Meaning::Changed);
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        assert_eq!(meant(renamed), Meaning::Changed);
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(meant(read), Meaning::Nothing);
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(meant(closed), Meaning::Nothing);
        let chmod = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        assert_eq!(meant(chmod), Meaning::Nothing);
    }

    #[test]
    fn a_folder_that_goes_is_lost_and_lost_events_are_changes() {
        let removed = EventKind::Remove(RemoveKind::Folder);
        assert_eq!(meaning_of(removed, "/csv"), Meaning::Lost);
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::From));
        assert_eq!(meaning_of(moved, "/db"), Meaning::Lost);
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(meaning(&[], &overflow), Meaning::Changed);
    }
}
