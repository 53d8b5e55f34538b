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
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Part};
use causeway_shared::runtime::clock;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;
use crate::scan::quarantine::Refused;
use crate::source::SourceConfig;

/// A site on disk: `csv/` and `site.db`.
struct Site {
    dataset: Dataset,
    folder: TempDir,
    memory: usize,
    /// Further settings of every source.
    settings: &'static str,
    /// Tables with rows in the log.
    filled: BTreeSet<TableId>,
    /// How long after the files were written the scan is.
    later: SignedDuration,
}

/// What a scan gave.
struct Found {
    report: ScanReport,
    /// Canonical CSV by table and part.
    parts: BTreeMap<(String, Part), String>,
    md5s: BTreeMap<(String, Part), Md5>,
    refused: Vec<Refused>,
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
            filled: BTreeSet::new(),
            later: SignedDuration::from_mins(1),
        }
    }

    /// With these settings for every source.
    fn declared(self, settings: &'static str) -> Self {
        Self { settings, ..self }
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
        self.scan_with_pulse(sources, tables, &no_pulse)
    }

    fn scan_with_pulse(
        &self,
        sources: &Sources,
        tables: &BTreeSet<TableId>,
        pulse: &Pulse<'_>,
    ) -> Found {
        let request = ScanRequest {
            dataset: &self.dataset,
            sources,
            tables,
            filled: &self.filled,
            now: self.now(),
            zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            spill_dir: &self.path("spill"),
            memory: self.memory,
            pulse,
        };
        let (mut parts, mut md5s, mut refused) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut in_files = 0;
        let report = scan(&request, &mut refused, &mut |mut part| {
            in_files += usize::from(matches!(part.csv, PartBytes::File { .. }));
            let mut csv = String::new();
            part.csv.reader().unwrap().read_to_string(&mut csv).unwrap();
            assert_eq!(part.md5, Md5::of(csv.as_bytes()));
            assert_eq!(part.csv.len(), csv.len() as u64);
            let place = (self.dataset.tables[part.table].name.to_string(), part.part);
            md5s.insert(place.clone(), part.md5);
            assert!(parts.insert(place, csv).is_none(), "a part came twice");
            Ok::<_, Infallible>(())
        })
        .unwrap();
        assert_eq!(
            files(&self.path("spill")),
            [""; 0],
            "temporary files were left"
        );
        Found {
            report,
            parts,
            md5s,
            refused,
            in_files,
        }
    }
}

impl Found {
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
        for refused in &self.refused {
            let table = &dataset.tables[refused.table].name;
            let column = refused
                .column
                .as_ref()
                .map(|c| format!(".{c}"))
                .unwrap_or_default();
            let Refused {
                place, reason, row, ..
            } = refused;
            writeln!(shown, "refused {table}{column} {place}: {reason} [{row}]").unwrap();
        }
        for scanned in &self.report.tables {
            let table = &dataset.tables[scanned.table];
            if scanned.outcome != Outcome::Scanned {
                writeln!(shown, "{} {:?}", table.name, scanned.outcome).unwrap();
            }
            for dangling in &scanned.dangling {
                let column = &table.columns[dangling.column].name;
                let Dangling { rows, examples, .. } = dangling;
                writeln!(
                    shown,
                    "dangling {}.{column}: {rows} {examples:?}",
                    table.name
                )
                .unwrap();
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
