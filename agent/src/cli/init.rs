//! `init`: from paths to files, and what is said about them.

use std::path::PathBuf;

use serde::Serialize;

use crate::agent::blocking;
use crate::config::DEFAULT_FILE;
use crate::error::AgentError;
use crate::init::{InitError, inspect, write};

/// What was written.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    /// The files, `agent.toml` last.
    files: Vec<PathBuf>,
    /// What a person should know at once, a line each.
    notes: Vec<String>,
}

impl Written {
    pub(super) fn text(&self) -> String {
        let files = self
            .files
            .iter()
            .map(|file| format!("wrote {}", file.display()));
        let lines: Vec<String> = self.notes.iter().cloned().chain(files).collect();
        lines.join("\n")
    }
}

/// Looks through `paths` and writes the configuration `agent_file`, by default `agent.toml` in the
/// working directory.
pub(super) async fn init(
    paths: Vec<PathBuf>,
    agent_file: Option<PathBuf>,
    overwrite: bool,
) -> Result<Written, AgentError> {
    let written = blocking(move || {
        let agent_file = agent_file.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let agent_file = std::path::absolute(&agent_file).map_err(|source| InitError::Write {
            path: agent_file,
            source,
        })?;
        let proposal = inspect(&paths)?.propose(&agent_file);
        let files = write(&proposal, &agent_file, overwrite)?;
        let notes = proposal.notes;
        Ok::<_, InitError>(Written { files, notes })
    });
    Ok(written.await??)
}
