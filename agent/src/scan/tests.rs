//! The scan as a whole: small sites, scanned into what a person can read.

mod csv_in_the_wild;
mod every_row;
mod half_written;
mod not_files;
mod oracle;
mod property;
mod rules;
mod sqlite_in_the_wild;
mod troubles;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Part};
use causeway_shared::quarantine::RefusedRow;
use causeway_shared::runtime::clock;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;
use crate::source::SourceConfig;

/// A site on disk: `csv/` and `site.db`.
struct Site {
    dataset: Dataset,
    folder: TempDir,
    memory: usize,
    /// Further settings of every source.
    settings: &'static str,
    zone: &'static str,
    /// Tables with rows in the log.
    filled: BTreeSet<TableId>,
    /// How long after the files were written the scan is.
    later: SignedDuration,
}

/// What a scan gave.
struct Found {
    outcome: ScanOutcome,
    /// Canonical CSV by table and part.
    parts: BTreeMap<(String, Part), String>,
    md5s: BTreeMap<(String, Part), Md5>,
    /// How many parts came in files.
    in_files: usize,
}

impl Site {
    fn new(dataset: &str) -> Self {
        let dataset = Dataset::from_toml(dataset).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("csv")).unwrap();
        Self {
            dataset,
            folder,
            memory: 1 << 20,
            settings: "",
            zone: "Asia/Ho_Chi_Minh",
            filled: BTreeSet::new(),
            later: SignedDuration::from_mins(1),
        }
    }

    /// With these settings for every source.
    fn declared(self, settings: &'static str) -> Self {
        Self { settings, ..self }
    }

    /// In this time zone.
    fn in_zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }

    /// Scanned so long after its files were written.
    fn scanned_after(self, later: SignedDuration) -> Self {
        Self { later, ..self }
    }

    fn now(&self) -> Timestamp {
        clock::now() + self.later
    }

    fn csv(self, file: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path("csv").join(file), text).unwrap();
        self
    }

    fn sqlite(self, sql: &str) -> Self {
        rusqlite::Connection::open(self.path("site.db"))
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        self
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The sources that are there, as they would be configured.
    fn configs(&self) -> Vec<SourceConfig> {
        let config = |kind: &str, path: &str| {
            let settings = self.settings;
            toml::from_str(&format!("kind = {kind:?}\npath = {path:?}\n{settings}")).unwrap()
        };
        let mut configs = vec![config("csv", "csv")];
        if self.path("site.db").exists() {
            configs.push(config("sqlite", "site.db"));
        }
        configs
    }

    /// Scans all tables that have a home.
    fn scan(&self) -> Found {
        let sources = self.sources();
        let tables = self
            .dataset
            .tables
            .ids()
            .filter(|t| sources.home(*t).is_some());
        self.scan_tables(&sources, &tables.collect())
    }

    fn sources(&self) -> Sources {
        Sources::resolve(
            &self.configs(),
            self.folder.path(),
            &self.dataset,
            self.now(),
        )
        .unwrap()
    }

    fn scan_tables(&self, sources: &Sources, tables: &BTreeSet<TableId>) -> Found {
        self.scan_with(sources, tables, &|_, _| ControlFlow::Continue(()))
    }

    fn scan_with(
        &self,
        sources: &Sources,
        tables: &BTreeSet<TableId>,
        on_rows: &OnRows<'_>,
    ) -> Found {
        let request = ScanRequest {
            dataset: &self.dataset,
            sources,
            import: None,
            tables,
            filled: &self.filled,
            now: self.now(),
            zone: TimeZone::get(self.zone).unwrap(),
            spill_dir: &self.path("spill"),
            memory: self.memory,
            on_rows,
        };
        let (mut parts, mut md5s) = (BTreeMap::new(), BTreeMap::new());
        let mut in_files = 0;
        let outcome = scan(&request, &mut |(table, part, md5), mut bytes| {
            in_files += usize::from(matches!(bytes, PartBytes::File { .. }));
            let mut csv = String::new();
            bytes.reader().unwrap().read_to_string(&mut csv).unwrap();
            assert_eq!(md5, Md5::of(csv.as_bytes()));
            assert_eq!(bytes.len(), csv.len() as u64);
            let place = (table.to_string(), part);
            md5s.insert(place.clone(), md5);
            assert!(parts.insert(place, csv).is_none(), "a part came twice");
            Ok(())
        })
        .unwrap();
        assert_eq!(
            files(&self.path("spill")),
            [""; 0],
            "temporary files were left"
        );
        Found {
            outcome,
            parts,
            md5s,
            in_files,
        }
    }
}

impl Found {
    /// The tables that could be read.
    fn tables(&self) -> impl Iterator<Item = &ScannedTable> {
        self.outcome.tables.values().flatten()
    }

    /// The refused rows with their tables, in the order in which they were met.
    fn refused<'f>(&'f self, dataset: &'f Dataset) -> Vec<(&'f Name, &'f RefusedRow)> {
        let mut refused = Vec::new();
        for id in dataset.parents_first() {
            if let Some(Ok(scanned)) = self.outcome.tables.get(&id) {
                let listed = scanned.findings.refused.listed.iter();
                refused.extend(listed.map(|row| (&dataset.tables[id].name, row)));
            }
        }
        refused
    }

    /// Everything, as a text: parts, refused rows, and tables that were not scanned or have
    /// dangling references.
    fn show(&self, dataset: &Dataset) -> String {
        let mut shown = String::new();
        for ((table, part), csv) in &self.parts {
            writeln!(shown, "{table} {part}").unwrap();
            csv.lines()
                .skip(1)
                .for_each(|row| writeln!(shown, "  {row}").unwrap());
        }
        for (name, refused) in self.refused(dataset) {
            let column = refused.column.as_ref();
            let column = column.map(|c| format!(".{c}")).unwrap_or_default();
            let RefusedRow {
                place, reason, row, ..
            } = refused;
            writeln!(shown, "refused {name}{column} {place}: {reason} [{row}]").unwrap();
        }
        for (id, outcome) in &self.outcome.tables {
            match outcome {
                Err(trouble) => {
                    let name = &dataset.tables[*id].name;
                    writeln!(shown, "{name} {trouble:?}").unwrap();
                }
                Ok(scanned) => {
                    for dangling in &scanned.findings.dangling {
                        let DanglingReference {
                            table,
                            column,
                            rows,
                            examples,
                            ..
                        } = dangling;
                        writeln!(shown, "dangling {table}.{column}: {rows} {examples:?}").unwrap();
                    }
                }
            }
        }
        shown
    }
}

/// The names of the files in a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
