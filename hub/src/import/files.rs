//! The files of an import: taken to its folder, and read.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use causeway_agent::{FileRows, ImportedFile};
use causeway_shared::dataset::{Dataset, Table, TableId};
use causeway_shared::ids::Md5;
use causeway_shared::runtime::regular_file;

use super::dump::{Dialect, Dump, DumpError, read_dump, refuse_what_is_no_sql, table_named};
use super::{GivenFile, ImportError};

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sql,
    Csv,
}

impl Kind {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Csv => "csv",
        }
    }
}

/// A file in the import's folder, which nobody else changes.
#[derive(Debug)]
pub(super) struct TakenFile {
    pub(super) path: PathBuf,
    pub(super) md5: Md5,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) struct ReadFiles {
    pub(super) taken: Vec<TakenFile>,
    pub(super) tables: BTreeMap<TableId, ImportedFile>,
    /// Rows of dumps.
    pub(super) dumped: u64,
    pub(super) skipped: BTreeMap<String, u64>,
}

/// Takes files into a folder, and reads which tables they have.
pub(super) fn read(
    given: &[GivenFile],
    dataset: &Dataset,
    dialect: Option<Dialect>,
    folder: &Path,
) -> Result<ReadFiles, ImportError> {
    let mut read = ReadFiles {
        taken: Vec::new(),
        tables: BTreeMap::new(),
        dumped: 0,
        skipped: BTreeMap::new(),
    };
    for (number, file) in given.iter().enumerate() {
        let failed = |source| ImportError::File {
            name: file.name.clone(),
            source,
        };
        let (stem, kind) = split(&file.name)?;
        // Before it is copied: it may be large.
        let table = match kind {
            Kind::Csv => {
                let table = table_named(dataset, stem).ok_or_else(|| ImportError::NoTable {
                    name: file.name.clone(),
                    tables: names(dataset),
                })?;
                Some(table)
            }
            Kind::Sql => {
                let opened = regular_file::open(&file.path).map_err(failed)?;
                refuse_what_is_no_sql(opened).map_err(|source| ImportError::Dump {
                    name: file.name.clone(),
                    source,
                })?;
                None
            }
        };
        let room = |source| ImportError::Room {
            name: file.name.clone(),
            folder: folder.to_owned(),
            source,
        };
        let own = folder.join(number.to_string());
        fs::create_dir(&own).map_err(room)?;
        let taken = take(file, kind, &own).map_err(|error| match error {
            TakeError::Read(source) => failed(source),
            TakeError::Write(source) => room(source),
        })?;
        match table {
            Some(table) => {
                read.add(table, file, FileRows::Csv(taken.path.clone()), dataset)?;
            }
            None => {
                let opened = File::open(&taken.path).map_err(failed)?;
                let dump = read_dump(opened, dataset, dialect, &own);
                let Dump {
                    tables,
                    rows,
                    skipped,
                } = dump.map_err(|source| match source {
                    DumpError::Spool(source) => room(source),
                    source => ImportError::Dump {
                        name: file.name.clone(),
                        source,
                    },
                })?;
                read.dumped += rows;
                for (table, rows) in tables {
                    read.add(table, file, FileRows::Spooled(rows), dataset)?;
                }
                for (kind, count) in skipped {
                    *read.skipped.entry(kind).or_default() += count;
                }
            }
        }
        read.taken.push(taken);
    }
    if read.tables.is_empty() {
        let passed = match read.skipped.is_empty() {
            true => "they hold no statement at all".to_owned(),
            false => {
                let kinds: Vec<&str> = read.skipped.keys().map(String::as_str).collect();
                format!("passed over were {}", kinds.join(", "))
            }
        };
        return Err(ImportError::Nothing { passed });
    }
    Ok(read)
}

impl ReadFiles {
    fn add(
        &mut self,
        table: TableId,
        file: &GivenFile,
        rows: FileRows,
        dataset: &Dataset,
    ) -> Result<(), ImportError> {
        let imported = ImportedFile {
            name: file.name.clone(),
            rows,
        };
        match self.tables.insert(table, imported) {
            None => Ok(()),
            Some(other) => Err(ImportError::TwoFiles {
                table: dataset.tables[table].name.to_string(),
                first: other.name,
                second: file.name.clone(),
            }),
        }
    }
}

/// A file's name without its extension, and what it is.
pub(super) fn split(name: &str) -> Result<(&str, Kind), ImportError> {
    let kind = name.rsplit_once('.').and_then(|(stem, extension)| {
        let kinds = [Kind::Sql, Kind::Csv];
        let mut kinds = kinds.into_iter();
        let kind = kinds.find(|kind| kind.extension().eq_ignore_ascii_case(extension))?;
        Some((stem, kind))
    });
    kind.ok_or_else(|| ImportError::NoKind {
        name: name.to_owned(),
    })
}

fn names(dataset: &Dataset) -> String {
    let name = |(_, table): (TableId, &Table)| table.name.to_string();
    let names: Vec<String> = dataset.tables.with_ids().map(name).collect();
    names.join(", ")
}

/// Which of both files a file could not be taken for.
enum TakeError {
    Read(io::Error),
    Write(io::Error),
}

/// Takes a file into a folder.
fn take(file: &GivenFile, kind: Kind, folder: &Path) -> Result<TakenFile, TakeError> {
    use TakeError::{Read, Write};
    let to = folder.join(format!("file.{}", kind.extension()));
    let (mut from, mut copy) = match file.is_upload {
        true => {
            fs::rename(&file.path, &to).map_err(Write)?;
            (File::open(&to).map_err(Read)?, None)
        }
        false => (
            regular_file::open(&file.path).map_err(Read)?,
            Some(File::create_new(&to).map_err(Write)?),
        ),
    };
    let mut digest = causeway_shared::canonical_csv::Digest::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                digest.update(&buffer[..read]);
                if let Some(copy) = &mut copy {
                    copy.write_all(&buffer[..read]).map_err(Write)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Read(error)),
        }
    }
    // To the scan a file that was just written to may still be written.
    let copy = copy.map_or_else(|| File::options().append(true).open(&to), Ok);
    let copy = copy.map_err(Write)?;
    let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    copy.set_times(times).map_err(Write)?;
    Ok(TakenFile {
        path: to,
        md5: digest.finish(),
        kind,
    })
}
