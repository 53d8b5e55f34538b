//! `causeway-hub sleep`, `wake` and `keeper`.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, Exit, count};
use causeway_shared::runtime::settings::Span;
use clap::Args;
use tokio::time::timeout;

use super::{CliError, exit, load, show};
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

/// The longest that a command waits.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait.
fn wait(text: &str) -> Result<Span, String> {
    let wait = Span::from_str(text).map_err(|error| error.to_string())?;
    if wait.0 > MAX_WAIT {
        return Err("write 1d at most".to_owned());
    }
    Ok(wait)
}

/// How a database is put to sleep.
#[derive(Debug, Args)]
pub struct SleepArgs {
    /// How long transactions that have changed rows are waited for
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = wait)]
    wait: Span,
}

/// How a database is woken.
#[derive(Debug, Args)]
pub struct WakeArgs {
    /// How long the server may take until it answers
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = wait)]
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
        let exit = load::exit_of(&report.load);
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
        let is_waking = match control.state.database {
            SleepState::Awake => return None,
            SleepState::Asleep => false,
            SleepState::Waking => true,
        };
        Some((is_waking, control.state.since?))
    };
    match timeout(PATIENCE, look).await {
        Ok(Some((is_waking, since))) => CliError::Asleep {
            is_waking,
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

#[cfg(test)]
mod tests {
    use causeway_shared::store::Store;
    use causeway_shared::store::folder::FolderStore;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_wait_has_a_unit_and_an_end() {
        assert_eq!(wait("24h").map(|wait| wait.0), Ok(MAX_WAIT));
        assert_eq!(wait("0s").map(|wait| wait.0), Ok(Duration::ZERO));
        let refused = ["1", "25h", "99999d"].map(|text| wait(text).unwrap_err());
        insta::assert_snapshot!(refused.join("\n"), @r#"
        "1" is not a duration; write 500ms, 30s, 5m or 30d
        write 1d at most
        write 1d at most
        "#);
    }

    #[tokio::test]
    async fn a_database_that_is_being_woken_is_not_said_to_sleep() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        let environment = [("CAUSEWAY_STORE__URL".to_owned(), url)];
        let store: Store = Arc::new(FolderStore::open(folder.path()).unwrap());
        let now = Timestamp::UNIX_EPOCH;
        for (to, says) in [
            (SleepState::Asleep, "the database sleeps since 1970"),
            (SleepState::Waking, "the database is being woken since 1970"),
        ] {
            Control::set_state(&store, to, now, false).await.unwrap();
            let away = DbError::Unreachable {
                database: "postgres://db".to_owned(),
                detail: "no answer".to_owned(),
                source: None,
            };
            let error = CliError::Hub(HubError::Database(away));
            let said = explained(error, None, &environment).await.to_string();
            assert!(said.starts_with(says), "{said}");
        }
    }
}
