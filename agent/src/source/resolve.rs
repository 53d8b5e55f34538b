//! Which table lives in which source.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use causeway_shared::dataset::{Dataset, Table, TableId};
use causeway_shared::ids::Name;
use jiff::Timestamp;

use super::gate::{self, SourceFile};
use super::names::{Ambiguous, WantedName, first_of};
use super::sqlite::SqliteSnapshot;
use super::{SourceConfig, SourceKind, Unreadable, absolute, csv};

/// The configured sources and the tables found in them.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    sources: Vec<Source>,
    homes: BTreeMap<TableId, Home>,
    /// Tables of which it cannot be told where they are, and why.
    unclear: BTreeMap<TableId, Unreadable>,
    unknown: Vec<UnknownTable>,
}

/// A configured source.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As configured.
    pub config: SourceConfig,
    /// Its path, joined to the configuration's folder.
    pub path: PathBuf,
    /// Whether its tables could be listed; if not, which of them it holds is not known.
    pub listed: Result<(), Unreadable>,
}

impl Source {
    /// As it is named in messages.
    pub(crate) fn display(&self) -> impl fmt::Display {
        self.path.display()
    }
}

/// Where a table lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// The source, by its position in the configuration.
    pub source: usize,
    /// The table's name there; of a CSV folder, the file's name, which need not be UTF-8.
    pub name: OsString,
}

/// A table or CSV file that the dataset does not declare; it is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownTable {
    /// The source's path.
    pub source: PathBuf,
    /// The table's name there.
    pub name: String,
    /// Why it cannot be declared as it is, and what to do: of a file that is no regular one, or whose
    /// name is not UTF-8.
    pub problem: Option<String>,
}

impl fmt::Display for UnknownTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, source) = (&self.name, self.source.display());
        match &self.problem {
            None => write!(
                f,
                "{name} of {source} is not in the dataset and is left alone"
            ),
            Some(problem) => write!(f, "{name}.csv of {source} is passed over: {problem}"),
        }
    }
}

/// A configuration that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// `tables` names a table that the dataset does not have.
    #[error(
        "`tables` of source {source_path} names {table:?}, which the dataset does not declare; \
         take it out there too, or declare it"
    )]
    UnknownTable {
        /// The source.
        source_path: PathBuf,
        /// The name.
        table: String,
    },
}

/// Why it cannot be told where a table is.
#[derive(Debug, thiserror::Error)]
enum Unclear<'a> {
    /// Two sources hold it.
    #[error(
        "table {table} is in {} and in {}; where it should not be read, write \
         `tables = {{ {table} = \"\" }}` for that source",
        first.display(),
        second.display()
    )]
    TwoSources {
        table: &'a Name,
        first: &'a Path,
        second: &'a Path,
    },
    /// Two names of a source fit it.
    #[error(
        "in {}, {first:?} and {second:?} both fit table {table}; take one of them away, or write \
         the right one under `tables` of that source",
        source_path.display()
    )]
    TwoNames {
        source_path: &'a Path,
        table: &'a Name,
        first: &'a str,
        second: &'a str,
    },
}

/// Tables and files that no declared table is read from, by folder or file and what opens them.
type Unlisted = BTreeMap<(PathBuf, OsString), UnknownTable>;

impl Sources {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self {
            sources: Vec::new(),
            homes: BTreeMap::new(),
            unclear: BTreeMap::new(),
            unknown: Vec::new(),
        }
    }

    /// Looks into the sources for the dataset's tables. Paths are relative to `base_dir`, the
    /// configuration file's folder; `now` tells what is being written from what was left half
    /// written. A source that cannot be read now, and a table that more than one place fits, is no
    /// error here: such tables have no home, and [`crate::scan::scan`] says why.
    ///
    /// # Errors
    /// [`SourceError`], which only a change of the configuration can mend.
    pub(crate) fn resolve(
        configs: &[SourceConfig],
        base_dir: &Path,
        dataset: &Dataset,
        now: Timestamp,
    ) -> Result<Self, SourceError> {
        let mut found = Self::none();
        let mut unlisted = Unlisted::new();
        for config in configs {
            found.add(config, base_dir, dataset, now, &mut unlisted)?;
        }
        // Several sources may share a folder, each with settings of its own.
        for home in found.homes.values() {
            let folder = found.sources[home.source].path.clone();
            unlisted.remove(&(folder, home.name.clone()));
        }
        found.unknown = unlisted.into_values().collect();
        Ok(found)
    }

    fn add(
        &mut self,
        config: &SourceConfig,
        base_dir: &Path,
        dataset: &Dataset,
        now: Timestamp,
        unlisted: &mut Unlisted,
    ) -> Result<(), SourceError> {
        let path = absolute(base_dir, &config.path);
        if let Some(table) = config
            .tables
            .keys()
            .find(|name| dataset.table(name).is_none())
        {
            return Err(SourceError::UnknownTable {
                source_path: path,
                table: table.clone(),
            });
        }
        let listed = list(config.kind, &path);
        let listed = listed.map_err(|trouble| trouble.unless_abandoned(&path, now));
        let entries = listed.as_ref().map_or(&[][..], Vec::as_slice);
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let mut known = vec![false; names.len()];
        for (position, table) in dataset.tables.with_ids() {
            let wanted = wanted_names(config, table);
            let entry = match first_of(&wanted, &names) {
                Ok(None) => continue,
                Ok(Some(entry)) => entry,
                Err(Ambiguous(first, second)) => {
                    known[first] = true;
                    known[second] = true;
                    let unclear = Unclear::TwoNames {
                        source_path: &path,
                        table: &table.name,
                        first: &entries[first].locator.to_string_lossy(),
                        second: &entries[second].locator.to_string_lossy(),
                    };
                    self.unclear
                        .insert(position, Unreadable::failed(unclear.to_string()));
                    continue;
                }
            };
            known[entry] = true;
            let home = Home {
                source: self.sources.len(),
                name: entries[entry].locator.clone(),
            };
            if let Some(other) = self.homes.insert(position, home) {
                let unclear = Unclear::TwoSources {
                    table: &table.name,
                    first: &self.sources[other.source].path,
                    second: &path,
                };
                self.unclear
                    .insert(position, Unreadable::failed(unclear.to_string()));
            }
        }
        let unknown = entries.iter().zip(known).filter(|(_, known)| !known);
        let unknown = unknown.filter(|(entry, _)| !leaves_out(config, dataset, &entry.name));
        unlisted.extend(unknown.map(|(entry, _)| {
            let place = (path.clone(), entry.locator.clone());
            let unknown = UnknownTable {
                source: path.clone(),
                name: entry.name.clone(),
                problem: entry.problem.clone(),
            };
            (place, unknown)
        }));
        let listed = listed.map(|_| ());
        self.sources.push(Source {
            config: config.clone(),
            path,
            listed,
        });
        Ok(())
    }

    /// The sources, in configured order.
    #[must_use]
    pub(crate) fn list(&self) -> &[Source] {
        &self.sources
    }

    /// Where a table lives; `None` where no source that can be read has it, or it is not clear which
    /// one.
    #[must_use]
    pub(crate) fn home(&self, table: TableId) -> Option<&Home> {
        let is_clear = !self.unclear.contains_key(&table);
        self.homes.get(&table).filter(|_| is_clear)
    }

    /// The file that holds a table's rows, if it has a home.
    #[must_use]
    pub(crate) fn file_of(&self, table: TableId) -> Option<SourceFile> {
        let home = self.home(table)?;
        let config = &self.sources[home.source].config;
        Some(match config.kind {
            SourceKind::Sqlite => gate::source_file(&config.path),
            SourceKind::Csv => gate::source_file(&config.path.join(&home.name)),
        })
    }

    /// Tables and CSV files that the dataset does not declare.
    #[must_use]
    pub(crate) fn unknown(&self) -> &[UnknownTable] {
        &self.unknown
    }

    /// Why a table has no home: it may be in more than one place, or in a source that cannot be read
    /// now, or be nowhere.
    pub(crate) fn why_homeless(&self, position: TableId, table: &Table) -> Unreadable {
        if let Some(unclear) = self.unclear.get(&position) {
            return unclear.clone();
        }
        let troubles = self.troubles_around(table);
        let [first, others @ ..] = &troubles[..] else {
            return Unreadable::Missing {
                why: format!("no source holds table {}", table.name),
                remedy: "put it back; if it has another name there, write that under `tables` of \
                         its source; if it is gone for good, take it out of the dataset"
                    .to_owned(),
            };
        };
        if others.is_empty() {
            return (*first).clone();
        }
        let whys: Vec<String> = troubles.iter().map(ToString::to_string).collect();
        let why = format!(
            "table {} may be in any source that cannot be read: {}",
            table.name,
            whys.join("; ")
        );
        // A source that only has to be waited for may hold the table.
        if troubles.iter().any(|trouble| trouble.is_not_ready()) {
            return Unreadable::NotReady { why };
        }
        let is_missing = |trouble: &&Unreadable| matches!(trouble, Unreadable::Missing { .. });
        match first {
            Unreadable::Missing { remedy, .. } if troubles.iter().all(is_missing) => {
                let remedy = remedy.clone();
                Unreadable::Missing { why, remedy }
            }
            _ => Unreadable::Failed { why },
        }
    }

    /// Why the sources that may hold a table cannot be read.
    fn troubles_around(&self, table: &Table) -> Vec<&Unreadable> {
        let named = |source: &Source| source.config.tables.get(table.name.as_str()).cloned();
        let troubled = || {
            let listed = self.sources.iter();
            listed.filter_map(|source| Some((named(source), source.listed.as_ref().err()?)))
        };
        let chosen = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
        let is_chosen = troubled().any(|(name, _)| chosen(&name));
        let may_hold = |name: &Option<String>| match is_chosen {
            true => chosen(name),
            false => name.is_none(),
        };
        let around = troubled().filter(|(name, _)| may_hold(name));
        around.map(|(_, trouble)| trouble).collect()
    }
}

/// A table as a source lists it.
struct ListedTable {
    /// The name that is compared.
    name: String,
    /// The name it is opened by.
    locator: OsString,
    /// As of an [`UnknownTable`].
    problem: Option<String>,
}

fn list(kind: SourceKind, path: &Path) -> Result<Vec<ListedTable>, Unreadable> {
    match kind {
        SourceKind::Sqlite => {
            let file = SqliteSnapshot::take(path)?;
            let tables = file.tables()?;
            file.release()?;
            let entry = |name: String| ListedTable {
                locator: name.clone().into(),
                name,
                problem: None,
            };
            Ok(tables.into_iter().map(entry).collect())
        }
        SourceKind::Csv => {
            let entry = |file: csv::CsvFile| ListedTable {
                name: file.stem,
                locator: file.name,
                problem: file.problem,
            };
            Ok(csv::files(path)?.into_iter().map(entry).collect())
        }
    }
}

/// Whether a source is told to leave a table of this name alone.
fn leaves_out(config: &SourceConfig, dataset: &Dataset, name: &str) -> bool {
    let is_it = |table: &Table| {
        let usual = [Some(table.name.as_str()), table.source.as_deref()];
        usual
            .into_iter()
            .flatten()
            .any(|usual| usual.eq_ignore_ascii_case(name))
    };
    let mut left_out = config.tables.iter().filter(|(_, name)| name.is_empty());
    left_out.any(|(table, _)| dataset.table(table).is_some_and(is_it))
}

/// The names that a table may have in a source; none if it is not to be taken from there.
fn wanted_names<'n>(config: &'n SourceConfig, table: &'n Table) -> Vec<WantedName<'n>> {
    let chosen = |name| WantedName {
        name,
        is_chosen: true,
    };
    let usual = |name| WantedName {
        name,
        is_chosen: false,
    };
    let own = table.name.as_str();
    match config.tables.get(own).map(String::as_str) {
        Some("") => Vec::new(),
        Some(name) if config.kind == SourceKind::Csv => vec![chosen(without_csv(name))],
        Some(name) => vec![chosen(name)],
        None => vec![usual(table.source.as_deref().unwrap_or(own)), usual(own)],
    }
}

/// A file's name may be written with or without its extension.
fn without_csv(name: &str) -> &str {
    match name
        .len()
        .checked_sub(4)
        .and_then(|at| name.split_at_checked(at))
    {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(".csv") => stem,
        _ => name,
    }
}
