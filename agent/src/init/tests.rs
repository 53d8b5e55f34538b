//! Whole inspections of small sites, from files to proposed files.

mod accepts;
mod code_pages;
mod codes;
mod csv_folder;
mod csv_questions;
mod dates;
mod keys;
mod limits;
mod listed;
mod meetassist_site;
mod odd_values;
mod rental;
mod sales;
mod undecided;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use causeway_shared::dataset::Dataset;
use rusqlite::Connection;
use tempfile::TempDir;

use super::proposal::Proposal;
use super::{InitError, Inspection, inspect};

/// A site in a temporary folder that is called `HCM 01`.
struct Site {
    _temporary: TempDir,
    folder: PathBuf,
}

impl Site {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().canonicalize().unwrap().join("HCM 01");
        fs::create_dir(&folder).unwrap();
        Self {
            _temporary: temporary,
            folder,
        }
    }

    fn with_sqlite(self, name: &str, sql: &str) -> Self {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
        self
    }

    fn with_file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn inspect(&self) -> Result<Inspection, InitError> {
        inspect(std::slice::from_ref(&self.folder))
    }

    /// What is proposed, with the folder's own path taken out of it.
    fn propose(&self) -> Proposal {
        let proposal = self
            .inspect()
            .unwrap()
            .propose(&self.folder.join("agent.toml"));
        let hide = |text: String| text.replace(self.folder.to_str().unwrap(), "/srv/HCM 01");
        Proposal {
            agent_toml: hide(proposal.agent_toml),
            dataset_toml: proposal.dataset_toml.map(hide),
            notes: proposal.notes.into_iter().map(hide).collect(),
        }
    }
}

/// The dataset that a proposal's text is, which has to be a valid one.
fn dataset(proposal: &Proposal) -> Dataset {
    Dataset::from_toml(proposal.dataset_toml.as_deref().unwrap()).unwrap()
}

/// The `[[source]]`s of a proposed `agent.toml`, and all that comes after.
fn sources(proposal: &Proposal) -> &str {
    let text = &proposal.agent_toml;
    let store = text.find("[store]").unwrap();
    let after = store + text[store..].find("\n\n").unwrap() + 2;
    &text[after..]
}

/// The block of one table.
fn table<'p>(proposal: &'p Proposal, name: &str) -> &'p str {
    let text = proposal.dataset_toml.as_deref().unwrap();
    let start = text.find(&format!("[[table]]\nname = \"{name}\"")).unwrap();
    let rest = &text[start..];
    &rest[..rest.find("\n]\n").unwrap() + 3]
}

/// The names of what lies in a folder.
fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}
