//! The gate: whether anything moved since the last completed cycle, told from the files' outsides.
//!
//! A place is one file that holds rows: a SQLite file, or one CSV file of a folder. Each has a
//! print; when no print moved, the cycle ends here, without a request and without opening a
//! source. A print may claim a move where there was none (the scan then finds no difference), but
//! never the other way round.

mod print;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use causeway_shared::ids::Md5;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::source::{Kind, SourceConfig};

pub(crate) use print::Print;
pub(crate) use print::file_md5;

/// A file that holds rows, by its path as the configuration leads to it.
pub(crate) type Place = String;

/// What the sources look like from outside, and what they are read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    /// The MD5 of all that decides what a scan makes of the same files.
    pub basis: Md5,
    /// Each place's print.
    pub prints: BTreeMap<Place, Print>,
}

impl Look {
    /// The configured files and folders that are not there.
    #[must_use]
    pub(crate) fn absent(&self) -> Vec<Place> {
        let absent = self
            .prints
            .iter()
            .filter(|(_, print)| **print == Print::Absent);
        absent.map(|(place, _)| place.clone()).collect()
    }

    /// The places that look otherwise than before. Unlike [`moved`] it takes what was written a
    /// moment before the last look for unchanged: good enough to tell a person, or to see a file
    /// come to rest.
    #[must_use]
    pub(crate) fn visibly_moved_since(&self, before: &Self) -> Vec<Place> {
        let places: BTreeSet<&Place> = before.prints.keys().chain(self.prints.keys()).collect();
        let same = |place: &Place| match (self.prints.get(place), before.prints.get(place)) {
            (Some(now), Some(before)) => now.shows_the_same_as(before),
            _ => false,
        };
        places
            .into_iter()
            .filter(|place| !same(place))
            .cloned()
            .collect()
    }
}

/// What moved between two looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The dataset, the configuration or the program: nothing known before counts.
    Everything,
    /// These places; none when nothing moved.
    Places(BTreeSet<Place>),
}

impl Moved {
    /// Whether nothing moved.
    #[must_use]
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Places(places) if places.is_empty())
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
    pub(crate) before: Option<&'r Look>,
    pub(crate) now: Timestamp,
}

/// Looks at every place. A CSV file whose outside moved since the look before is read once, to tell
/// a touch from a change. What cannot be looked at counts as moved, so that the scan says why.
/// `beat` is called after each file.
#[must_use]
pub(crate) fn look(request: &LookRequest<'_>, beat: &dyn Fn()) -> Look {
    let LookRequest { before, now, .. } = *request;
    let mut prints = BTreeMap::new();
    for source in request.sources {
        let (path, place) = (request.base_dir.join(&source.path), place(&source.path));
        if source.kind == Kind::Sqlite {
            prints.insert(
                place,
                Print::of_sqlite(&path, now).unwrap_or(Print::Unreadable),
            );
            continue;
        }
        let files = match csv_files(&path) {
            Ok(files) => files,
            Err(error) => {
                let gone = error.kind() == io::ErrorKind::NotFound;
                prints.insert(
                    place,
                    if gone {
                        Print::Absent
                    } else {
                        Print::Unreadable
                    },
                );
                continue;
            }
        };
        for file in files {
            let place = self::place(&source.path.join(&file));
            let was = before.and_then(|look| look.prints.get(&place));
            let print = Print::of_csv(&path.join(file), was, now).unwrap_or(Print::Unreadable);
            prints.insert(place, print);
            beat();
        }
    }
    Look {
        basis: request.basis,
        prints,
    }
}

/// What moved since `before`; everything, where there is nothing to compare with.
#[must_use]
pub(crate) fn moved(before: Option<&Look>, now: &Look) -> Moved {
    let Some(before) = before.filter(|before| before.basis == now.basis) else {
        return Moved::Everything;
    };
    let places = before.prints.keys().chain(now.prints.keys());
    let moved = places.filter(
        |place| match (before.prints.get(*place), now.prints.get(*place)) {
            (Some(before), Some(now)) => !now.is_as(before),
            _ => true,
        },
    );
    Moved::Places(moved.cloned().collect())
}

/// The place of a file, by its path as the configuration leads to it.
#[must_use]
pub(crate) fn place(path: &Path) -> Place {
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
