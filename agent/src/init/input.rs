//! The files of an inspection, opened, and the tables in them.

use std::path::{Path, PathBuf};

use super::LeftOut;
use super::csv::{Sheet, Skipped};
use super::discover::Found;
use super::meetassist::Match;
use super::shape::{EachRow, Shape};
use super::sqlite::Database;

/// A file that could be opened.
pub(super) struct Input {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// The names of all tables in it.
    pub(super) listed: Vec<String>,
    opened: OpenInput,
}

enum OpenInput {
    Sqlite(Database),
    Csv(Sheet),
}

/// A table in one of the inputs.
#[derive(Debug, Clone)]
pub(super) struct FoundTable {
    /// The input, by position.
    pub(super) input: usize,
    /// What it is declared as.
    pub(super) shape: Shape,
    /// Which of MeetAssist's tables it is.
    pub(super) matched: Option<Match>,
}

/// Opens what was found. A file that cannot be opened stops no other.
pub(super) fn open(found: &Found, left_out: &mut Vec<LeftOut>) -> (Vec<Input>, Vec<FoundTable>) {
    let (mut inputs, mut drafts) = (Vec::new(), Vec::new());
    for path in &found.sqlite {
        let opened = Database::open(path).and_then(|database| Ok((database.tables()?, database)));
        let (tables, database) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                left_out.push(LeftOut::file(path, why));
                continue;
            }
        };
        let mut listed = Vec::new();
        for (name, shape) in tables {
            listed.push(name.clone());
            match shape {
                Ok(shape) => drafts.push(FoundTable::new(inputs.len(), shape)),
                Err(why) => left_out.push(LeftOut::table(path, &name, why)),
            }
        }
        for name in database.virtual_tables().unwrap_or_default() {
            let why = "a virtual table, or one that such a table keeps its content in".to_owned();
            left_out.push(LeftOut::table(path, &name, why));
        }
        inputs.push(Input {
            path: path.clone(),
            listed,
            opened: OpenInput::Sqlite(database),
        });
    }
    for path in &found.csv {
        match Sheet::open(path) {
            Ok(sheet) => {
                drafts.push(FoundTable::new(inputs.len(), sheet.shape()));
                inputs.push(Input {
                    path: path.clone(),
                    listed: vec![sheet.stem.clone()],
                    opened: OpenInput::Csv(sheet),
                });
            }
            Err(why) => left_out.push(LeftOut::file(path, why)),
        }
    }
    (inputs, drafts)
}

impl FoundTable {
    fn new(input: usize, shape: Shape) -> Self {
        Self {
            input,
            shape,
            matched: None,
        }
    }
}

impl Input {
    pub(super) fn sheet(&self) -> Option<&Sheet> {
        match &self.opened {
            OpenInput::Csv(sheet) => Some(sheet),
            OpenInput::Sqlite(_) => None,
        }
    }

    /// The path of the source that it belongs to: itself, or the folder of a CSV file.
    pub(super) fn source_path(&self) -> &Path {
        match &self.opened {
            OpenInput::Csv(_) => self.path.parent().unwrap_or(&self.path),
            OpenInput::Sqlite(_) => &self.path,
        }
    }

    /// Gives every row of a table to `each`, except those of a CSV file that show nothing, which are counted.
    pub(super) fn rows(&self, table: &str, each: &mut EachRow<'_>) -> Result<Skipped, String> {
        match &self.opened {
            OpenInput::Sqlite(database) => database.rows(table, each).map(|()| Skipped::default()),
            OpenInput::Csv(sheet) => sheet.rows(each),
        }
    }

    /// Lets go of the file; says if it was changed meanwhile, so that what was seen may be wrong.
    pub(super) fn close(self) -> Result<(), String> {
        match self.opened {
            OpenInput::Sqlite(database) => database.close(),
            OpenInput::Csv(sheet) => sheet.close(),
        }
    }
}
