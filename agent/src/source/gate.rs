//! The gate: whether anything moved since the last completed cycle, told from the files' outsides.
//!
//! Each file that holds rows (a SQLite file, or one CSV file of a folder) has a fingerprint. Where no
//! fingerprint moved, the cycle ends here, without a request and without opening a source. A
//! fingerprint may claim a move where there was none (the scan then finds no difference), but never
//! the other way round.

mod fingerprint;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use causeway_shared::ids::Md5;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::source::{SourceConfig, SourceKind};

pub(crate) use fingerprint::{FileFingerprint, file_md5};

/// A file that holds rows, by its path as the configuration leads to it.
pub(crate) type SourceFile = String;

/// What the sources look like from outside, and what they are read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFingerprints {
    /// The MD5 of all that decides what a scan makes of the same files.
    pub basis: Md5,
    /// By file or, for a CSV folder that cannot be listed, by folder.
    #[serde(rename = "prints")]
    pub files: BTreeMap<SourceFile, FileFingerprint>,
}

impl SourceFingerprints {
    /// The configured files and folders that are not there.
    #[must_use]
    pub(crate) fn absent(&self) -> Vec<SourceFile> {
        let absent = self
            .files
            .iter()
            .filter(|(_, fingerprint)| **fingerprint == FileFingerprint::Absent);
        absent.map(|(file, _)| file.clone()).collect()
    }

    /// The files that look otherwise than before. Unlike [`moved`] it takes what was written a
    /// moment before the last look for unchanged: good enough to tell a person, or to see a file
    /// come to rest.
    #[must_use]
    pub(crate) fn visibly_moved_since(&self, before: &Self) -> Vec<SourceFile> {
        let files: BTreeSet<&SourceFile> = before.files.keys().chain(self.files.keys()).collect();
        let same = |file: &SourceFile| match (self.files.get(file), before.files.get(file)) {
            (Some(now), Some(before)) => now.shows_the_same_as(before),
            _ => false,
        };
        files
            .into_iter()
            .filter(|file| !same(file))
            .cloned()
            .collect()
    }
}

/// What moved between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The dataset, the configuration or the program: nothing known before counts.
    Everything,
    /// These files; none when nothing moved.
    Files(BTreeSet<SourceFile>),
}

impl Moved {
    /// Whether nothing moved.
    #[must_use]
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Files(files) if files.is_empty())
    }
}

/// What to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookRequest<'r> {
    pub(crate) sources: &'r [SourceConfig],
    /// The folder that the sources' paths are relative to.
    pub(crate) base_dir: &'r Path,
    /// The MD5 of all that decides what a scan makes of the same files.
    pub(crate) basis: Md5,
    pub(crate) before: Option<&'r SourceFingerprints>,
    pub(crate) now: Timestamp,
}

/// Looks at every file. A CSV file whose outside moved since the look before is read once, to tell
/// a touch from a change. What cannot be looked at counts as moved, so that the scan says why.
/// `beat` is called after each file.
#[must_use]
pub(crate) fn look(request: &LookRequest<'_>, beat: &dyn Fn()) -> SourceFingerprints {
    let LookRequest { before, now, .. } = *request;
    let unreadable = |_| FileFingerprint::Unreadable;
    let mut files = BTreeMap::new();
    for source in request.sources {
        let path = request.base_dir.join(&source.path);
        if source.kind == SourceKind::Sqlite {
            let fingerprint = FileFingerprint::of_sqlite(&path, now).unwrap_or_else(unreadable);
            files.insert(source_file(&source.path), fingerprint);
            continue;
        }
        let names = match csv_files(&path) {
            Ok(names) => names,
            Err(error) => {
                let fingerprint = match error.kind() {
                    io::ErrorKind::NotFound => FileFingerprint::Absent,
                    _ => FileFingerprint::Unreadable,
                };
                files.insert(source_file(&source.path), fingerprint);
                continue;
            }
        };
        for name in names {
            let file = source_file(&source.path.join(&name));
            let was = before.and_then(|before| before.files.get(&file));
            let fingerprint = FileFingerprint::of_csv(&path.join(name), was, now);
            files.insert(file, fingerprint.unwrap_or_else(unreadable));
            beat();
        }
    }
    SourceFingerprints {
        basis: request.basis,
        files,
    }
}

/// What moved since `before`; everything, where there is nothing to compare with.
#[must_use]
pub(crate) fn moved(before: Option<&SourceFingerprints>, now: &SourceFingerprints) -> Moved {
    let Some(before) = before.filter(|before| before.basis == now.basis) else {
        return Moved::Everything;
    };
    let files = before.files.keys().chain(now.files.keys());
    let moved = files.filter(
        |file| match (before.files.get(*file), now.files.get(*file)) {
            (Some(before), Some(now)) => !now.is_as(before),
            _ => true,
        },
    );
    Moved::Files(moved.cloned().collect())
}

/// A file, by its path as the configuration leads to it.
#[must_use]
pub(crate) fn source_file(path: &Path) -> SourceFile {
    path.to_string_lossy().into_owned()
}

/// The names of a folder's CSV files.
fn csv_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = PathBuf::from(entry?.file_name());
        if name
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        {
            files.push(name);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
