//! The proposal: the files' texts, and writing them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use causeway_shared::dataset::{Dataset, DatasetError};
use causeway_shared::runtime::program::count;
use causeway_shared::runtime::whole_file;

use super::inspection::Inspection;
use super::meetassist::{Match, Spelling, with_spellings};
use super::partition::Partition;
use super::plan::{DatasetPlan, plan};
use super::questions::{left_out_columns, listed};
use super::shape::Shape;
use super::text::comment;
use super::{InitError, agent_file, dataset_file};

pub(crate) const DATASET_FILE: &str = "dataset.toml";

/// The rights of what is written, less the process's umask.
const FILE_MODE: u32 = 0o666;

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The text of `agent.toml`.
    pub agent_toml: String,
    /// The text of `dataset.toml`, unless MeetAssist's dataset is used as it is.
    pub dataset_toml: Option<String>,
    /// What a person should know at once, a line each.
    pub notes: Vec<String>,
}

impl Inspection {
    /// Decides what to propose, for a configuration at `agent_file`, an absolute path.
    #[must_use]
    pub(crate) fn propose(&self, agent_file: &Path) -> Proposal {
        let dir = folder_of(agent_file);
        let (plan, dataset_toml) = match &self.meetassist {
            Some(_) => (None, self.meetassist_toml()),
            None => {
                let (plan, text) = self.accepted_plan();
                (Some(plan), Some(text))
            }
        };
        let dataset = if dataset_toml.is_some() {
            DATASET_FILE
        } else {
            "meetassist"
        };
        let agent_toml = agent_file::render(self, plan.as_ref(), dataset, dir);
        let notes = self.notes(plan.as_ref(), &agent_toml, dataset_toml.as_deref());
        Proposal {
            agent_toml,
            dataset_toml,
            notes,
        }
    }

    /// The plan of a dataset that the agent takes, and the dataset: a table that it refuses is left
    /// out, so that its neighbours are carried.
    fn accepted_plan(&self) -> (DatasetPlan<'_>, String) {
        let mut refused = BTreeMap::new();
        loop {
            let plan = plan(self, &refused);
            let text = dataset_file::render(&plan);
            let (table, problem) = match Dataset::from_toml(&text) {
                Err(DatasetError::Table { table, problem }) => (table, problem),
                Err(DatasetError::Column {
                    table,
                    column,
                    problem,
                }) => (table, format!("has a column {column:?} that {problem}")),
                Ok(_) | Err(_) => return (plan, text),
            };
            let named = plan
                .tables
                .iter()
                .find(|planned| planned.named.name == table);
            let found = named.and_then(|named| {
                self.tables
                    .iter()
                    .position(|found| std::ptr::eq(found, named.table))
            });
            match found {
                Some(at) => refused.insert(at, problem),
                None => return (plan, text),
            };
        }
    }

    /// MeetAssist's dataset, where columns have names that the agent would not find.
    fn meetassist_toml(&self) -> Option<String> {
        let dataset = self.meetassist.as_ref()?;
        let matches: Vec<(&Match, &Shape)> = self
            .tables
            .iter()
            .filter(|table| table.trouble.is_none())
            .filter_map(|table| Some((table.matched.as_ref()?, &table.shape)))
            .collect();
        let is_other = |spelling: &Spelling| matches!(spelling, Spelling::Other(_));
        if !matches
            .iter()
            .any(|(matched, _)| matched.columns.iter().any(is_other))
        {
            return None;
        }
        let mut text = String::new();
        comment(
            &mut text,
            "",
            "MeetAssist's dataset, proposed by `causeway-agent init` because some columns have other \
             names at this site: they are written as `source`.",
        );
        text.push_str(&with_spellings(&matches, dataset));
        Some(text)
    }

    fn notes(
        &self,
        plan: Option<&DatasetPlan<'_>>,
        agent: &str,
        dataset: Option<&str>,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        match plan {
            Some(plan) => notes.push(totals(plan)),
            None => {
                let rows: u64 = self.tables.iter().map(|table| table.rows).sum();
                notes.push(format!(
                    "MeetAssist: {}, {}",
                    count(self.tables.len() as u64, "table"),
                    count(rows, "row")
                ));
            }
        }
        let left_out = plan.into_iter().flat_map(|plan| &plan.left_out);
        notes.extend(left_out.map(|(planned, why)| {
            let (name, question) = (&planned.table.shape.name, why.question());
            format!("{name:?} is left out, behind comment signs in {DATASET_FILE}: {question}")
        }));
        let troubled = self
            .tables
            .iter()
            .filter_map(|table| Some((table, table.trouble.as_ref()?)));
        notes.extend(
            troubled.map(|(table, why)| format!("{:?} is left out: {why}", table.shape.name)),
        );
        notes.extend(
            self.left_out
                .iter()
                .map(|left| format!("{} is left out: {}", left.what, left.why)),
        );
        notes.extend(plan.into_iter().flat_map(left_out_columns));
        notes.extend(listed(self, plan));
        let asked = [Some(agent), dataset].into_iter().flatten();
        let asked: usize = asked.map(|text| text.matches("PLEASE").count()).sum();
        notes.push(format!(
            "{asked} places ask for a look or a decision: search for PLEASE"
        ));
        notes
    }
}

fn totals(plan: &DatasetPlan<'_>) -> String {
    let divided = |is: fn(&Partition) -> bool| {
        plan.tables
            .iter()
            .filter(|planned| is(&planned.partition))
            .count()
    };
    let rows: u64 = plan.tables.iter().map(|planned| planned.table.rows).sum();
    format!(
        "{}, {}: {} by date, {} via a parent, {} in buckets",
        count(plan.tables.len() as u64, "table"),
        count(rows, "row"),
        divided(|partition| matches!(partition, Partition::By(_))),
        divided(|partition| matches!(partition, Partition::Via(..))),
        divided(|partition| matches!(partition, Partition::Buckets(_))),
    )
}

fn folder_of(agent_file: &Path) -> &Path {
    agent_file.parent().unwrap_or(Path::new(""))
}

/// Writes the proposed configuration to `agent_file`, the dataset beside it, and returns their paths.
/// Nothing is written if one of them is there already and may not be overwritten.
///
/// # Errors
/// [`InitError::Exists`] and [`InitError::Write`].
pub(crate) fn write(
    proposal: &Proposal,
    agent_file: &Path,
    overwrite: bool,
) -> Result<Vec<PathBuf>, InitError> {
    let dir = folder_of(agent_file);
    // The dataset first: an agent.toml is never there without what it names.
    let dataset = proposal
        .dataset_toml
        .as_ref()
        .map(|text| (dir.join(DATASET_FILE), text));
    let files: Vec<(PathBuf, &String)> = dataset
        .into_iter()
        .chain([(agent_file.to_owned(), &proposal.agent_toml)])
        .collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| !overwrite && path.exists()) {
        return Err(InitError::Exists { path: path.clone() });
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    for (path, text) in &files {
        let written = match overwrite {
            true => whole_file::replace(path, text, FILE_MODE),
            false => whole_file::create(path, text, FILE_MODE),
        };
        written.map_err(failed(path))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
