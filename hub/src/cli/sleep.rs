//! `causeway-hub sleep`, `wake` and `keeper`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, Exit, count};
use causeway_shared::runtime::settings::Span;
use clap::Args;
use tokio::time::timeout;

use super::{CliError, exit, show};
use crate::archive::Archive;
use crate::config::HubConfig;
use crate::control::{Control, SleepState};
use crate::db::DbError;
use crate::error::HubError;
use crate::sleep::keeper::{self, KeeperReport};
use crate::sleep::{SleepReport, fall_asleep, wake};
use crate::sync::{Hub, open_store};

/// How long the store is asked why the database is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a database is put to sleep.
#[derive(Debug, Args)]
pub struct SleepArgs {
    /// How long transactions that have changed rows are waited for
    #[arg(long, value_name = "TIME", default_value = "30s")]
    wait: Span,
}

/// How a database is woken.
#[derive(Debug, Args)]
pub struct WakeArgs {
    /// How long the server may take until it answers
    #[arg(long, value_name = "TIME", default_value = "15m")]
    wait: Span,
}

impl SleepArgs {
    pub(super) async fn answer(self, hub: &Hub, json: bool) -> Result<Answer, CliError> {
        let archive = Archive::new(Arc::clone(hub.store()), hub.config().clone());
        let report = fall_asleep(hub, &archive, self.wait.0, clock::now).await?;
        let exit = exit(report.archive_error.is_some(), false);
        Ok(Answer::of(json, &report, asleep(&report), exit))
    }
}

impl WakeArgs {
    pub(super) async fn answer(self, hub: &Hub, json: bool) -> Result<Answer, CliError> {
        let report = wake(hub, self.wait.0, clock::now).await?;
        let exit = exit(report.load.needs_a_look(), report.load.is_retryable());
        let text = show::load(&report.load, &[]);
        Ok(Answer::of(json, &report, text, exit))
    }
}

/// Why a command failed whose database is away: it may sleep.
pub(super) async fn explained(
    error: CliError,
    config: Option<&Path>,
    environment: &[(String, String)],
) -> CliError {
    let CliError::Hub(HubError::Database(DbError::Unreachable { .. })) = &error else {
        return error;
    };
    let look = async {
        let config = HubConfig::load(config, environment).ok()?;
        let store = open_store(&config).await.ok()?;
        let control = Control::read(&store).await.ok()?;
        control
            .state
            .since
            .filter(|_| control.state.database != SleepState::Awake)
    };
    match timeout(PATIENCE, look).await {
        Ok(Some(since)) => CliError::Asleep {
            since,
            source: Box::new(error),
        },
        _ => error,
    }
}

/// One round of the keeper.
pub(super) async fn keep(config: HubConfig, json: bool) -> Result<Answer, CliError> {
    let store = open_store(&config).await?;
    let report = keeper::round(&store, &config, clock::now()).await?;
    let exit = match report.error {
        Some(_) => Exit::Failed,
        None => Exit::Done,
    };
    Ok(Answer::of(json, &report, kept(&report), exit))
}

fn asleep(report: &SleepReport) -> String {
    let mut text = String::new();
    for site in &report.sites {
        let commit = match site.commit {
            Some(commit) => format!("the log of edits ends with commit {commit}"),
            None => "nothing was ever changed in the cloud".to_owned(),
        };
        let edits = count(site.edits, "change");
        let _ = writeln!(text, "{}: {edits} taken to the store; {commit}", site.site);
    }
    if let Some(files) = report.published {
        let _ = writeln!(text, "the archive wrote {}", count(files, "file"));
    }
    if let Some(error) = &report.archive_error {
        let _ = writeln!(text, "not all of it is published: {error}");
    }
    text += match report.stopped_by {
        "rds" => "the database sleeps; its instance was asked to stop\n",
        "keeper" => "the database sleeps; the keeper stops its instance within a minute or two\n",
        _ => "the database sleeps: its server may be stopped, or taken away\n",
    };
    text
}

fn kept(report: &KeeperReport) -> String {
    let mut text = match report.plan.steps.as_slice() {
        [] => "nothing is to be done\n".to_owned(),
        steps => {
            let names: Vec<_> = steps
                .iter()
                .map(|step| format!("{step:?}").to_lowercase())
                .collect();
            format!("done: {}\n", names.join(", "))
        }
    };
    if let Some(error) = &report.error {
        text = format!("not done: {error}\n");
    }
    text
}
