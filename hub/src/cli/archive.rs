//! `causeway-hub archive`: publishing, and its schedule.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, Exit, count};
use clap::{Args, Subcommand, ValueEnum};
use tokio::time::timeout;

use super::{CliError, exit};
use crate::archive::{Archive, ArchiveReport, ArchiveStatus, Commits};
use crate::config::HubConfig;
use crate::error::HubError;
use crate::sync::{Hub, open_store};

/// How long the database may take to say what it was loaded from.
const PATIENCE: Duration = Duration::from_secs(3);

/// What to do with the archive.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ArchiveCommand {
    /// Publish what changed now, whether the schedule is on or not
    #[command(after_help = "Example: causeway-hub archive run --json\n\n\
        It reads the store alone, so the database may sleep. With aws.function set, that function does so. Exit 3: some of it cannot be published \
        until somebody has mended it; its last files stay.")]
    Run,
    /// Have `serve` publish by itself, every archive.every
    #[command(after_help = "Example: causeway-hub archive enable")]
    Enable,
    /// Have `serve` publish no more by itself
    #[command(after_help = "Example: causeway-hub archive disable")]
    Disable,
    /// Show what is published, and how the last runs went
    #[command(after_help = "Example: causeway-hub archive status --json")]
    Status,
}

impl ArchiveCommand {
    pub(super) async fn answer(self, config: HubConfig, json: bool) -> Result<Answer, CliError> {
        let store = open_store(&config).await?;
        let archive = Archive::new(store, config.clone());
        match self {
            Self::Run => {
                if let Some(report) = archive.call_the_function().await.map_err(HubError::from)? {
                    let text = format!("the function published: {report}\n");
                    return Ok(Answer::of(json, &report, text, Exit::Done));
                }
                refuse_another_store(config).await?;
                let report = archive.run(clock::now()).await.map_err(HubError::from)?;
                let exit = exit(report.needs_a_look(), report.is_retryable());
                Ok(Answer::of(json, &report, ran(&report), exit))
            }
            Self::Enable => switch(&archive, true, json).await,
            Self::Disable => switch(&archive, false, json).await,
            Self::Status => {
                let status = archive.status().await.map_err(HubError::from)?;
                let exit = exit(status.needs_a_look(), false);
                Ok(Answer::of(json, &status, stands(&status), exit))
            }
        }
    }
}

/// Refuses another store than the one that the database was loaded from. A database that cannot say so may sleep, or
/// be somewhere else: the archive is the store's.
async fn refuse_another_store(config: HubConfig) -> Result<(), HubError> {
    let look = async {
        let hub = Hub::open(config).await.ok()?;
        let looked = hub.look_for_another_store().await;
        looked.err().filter(|_| hub.is_over_another_store())
    };
    match timeout(PATIENCE, look).await {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Where Athena finds what is published.
#[derive(Debug, Args)]
pub struct AthenaDdl {
    /// The store as Athena reaches it; needed where store.url is a folder [default: store.url, where that is S3]
    #[arg(long, value_name = "S3_URL")]
    location: Option<String>,
    /// Which of the published files Athena reads
    #[arg(long, value_enum, default_value_t)]
    format: DdlFormat,
}

/// The published files that statements are for.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum DdlFormat {
    /// CSV: an external table of strings for each table, and a view in its types
    #[default]
    Csv,
    /// The Delta tables, of which Athena needs the location alone
    Delta,
}

impl AthenaDdl {
    pub(super) async fn answer(self, config: HubConfig, json: bool) -> Result<Answer, CliError> {
        let location = match self.location {
            Some(location) => location,
            None if config.store.url.starts_with("s3://") => config.store.url.clone(),
            None => {
                return Err(CliError::NoLocation {
                    store: config.store.url,
                });
            }
        };
        if !is_plain(&location) {
            return Err(CliError::BadLocation { location });
        }
        let store = open_store(&config).await?;
        let archive = Archive::new(store, config);
        let ddl = match self.format {
            DdlFormat::Csv => archive.athena_ddl(&location, clock::now()).await?,
            DdlFormat::Delta => archive
                .athena_delta_ddl(&location)
                .await
                .map_err(HubError::from)?,
        };
        let answer = serde_json::json!({ "ddl": ddl.text, "problems": ddl.problems });
        let exit = exit(!ddl.problems.is_empty(), false);
        Ok(Answer::of(json, &answer, ddl.text, exit))
    }
}

/// Whether a location can stand between quotes in a statement.
fn is_plain(location: &str) -> bool {
    let rest = location.strip_prefix("s3://");
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.contains(['\'', '\\', '$']) && !rest.contains(char::is_control)
    })
}

async fn switch(archive: &Archive, enabled: bool, json: bool) -> Result<Answer, CliError> {
    let set = archive.set_enabled(enabled).await;
    set.map_err(HubError::from)?;
    let answer = serde_json::json!({ "enabled": enabled });
    let text = match enabled {
        true => format!("`serve` publishes every {}\n", archive.every()),
        false => "`serve` publishes no more; `causeway-hub archive run` still does\n".to_owned(),
    };
    Ok(Answer::of(json, &answer, text, Exit::Done))
}

/// What a run did.
fn ran(report: &ArchiveReport) -> String {
    let mut text = String::new();
    for (table, of) in &report.tables {
        let _ = writeln!(
            text,
            "{table}: {}, {} in {}; {} written, {} removed",
            match &of.error {
                Some(_) => "not all of it",
                None => "published",
            },
            count(of.records, "row"),
            count(of.partitions, "file"),
            of.published,
            of.removed,
        );
        if let Some(delta) = &of.delta {
            let _ = writeln!(
                text,
                "  Delta table: {}; {} written, {} removed",
                version(delta.version, &delta.commits),
                count(delta.written, "file"),
                delta.removed,
            );
        }
        error(&mut text, of.error.as_deref());
    }
    for (site, of) in report.sites.iter().filter(|(_, of)| of.error.is_some()) {
        let _ = writeln!(text, "{site}: its last files stay");
        error(&mut text, of.error.as_deref());
    }
    if report.tables.is_empty() {
        text += "no site has committed anything yet\n";
    }
    let requests = count(report.requests.total(), "request");
    let _ = writeln!(text, "{requests}, {:.1} s", report.seconds);
    text
}

/// How the archive stands.
fn stands(status: &ArchiveStatus) -> String {
    let mut text = match status.info.enabled {
        true => format!("on, every {}\n", status.every),
        false => "off; `causeway-hub archive enable` switches it on\n".to_owned(),
    };
    let Some(last) = &status.last_run else {
        text += "nothing is published yet\n";
        return text;
    };
    let _ = writeln!(
        text,
        "last changed {}: {} written, {} left as they were",
        last.timestamp,
        count(last.uploaded_count, "file"),
        last.skipped_count
    );
    for (table, of) in &status.info.tables {
        let _ = writeln!(
            text,
            "{table}: {} in {}",
            count(of.record_count, "row"),
            count(of.partitions, "file")
        );
        if let Some(delta) = &of.delta {
            let _ = writeln!(
                text,
                "  Delta table: {}",
                version(delta.version, &delta.commits)
            );
        }
        error(&mut text, of.last_error.as_deref());
    }
    for (site, of) in status
        .info
        .sites
        .iter()
        .filter(|(_, of)| of.last_error.is_some())
    {
        let _ = writeln!(text, "{site}: its last files stay");
        error(&mut text, of.last_error.as_deref());
    }
    text
}

/// A Delta table's version, and what it is of: `version 7, of hcm-01's commit 42 and edits 3`.
fn version(version: u64, commits: &BTreeMap<SiteName, Commits>) -> String {
    let of = commits.iter().map(|(site, at)| {
        let edits = at.edits_commit.map(|seq| format!(" and edits {seq}"));
        format!("{site}'s commit {}{}", at.commit, edits.unwrap_or_default())
    });
    let of: Vec<_> = of.collect();
    match of.is_empty() {
        true => format!("version {version}"),
        false => format!("version {version}, of {}", of.join(", ")),
    }
}

fn error(text: &mut String, error: Option<&str>) {
    if let Some(error) = error {
        let _ = writeln!(text, "  {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::store::Store;
    use causeway_shared::store::folder::FolderStore;

    use super::*;
    use crate::testing::{Outcome, SHOP, TestHub, TestSite};

    #[tokio::test]
    async fn another_store_is_not_published_where_the_database_says_so() -> Outcome {
        let [database, nowhere, other] = [
            tempfile::tempdir()?,
            tempfile::tempdir()?,
            tempfile::tempdir()?,
        ];
        let test = TestHub::in_folder(database.path()).await?;
        TestSite::with_an_apple(&test.store).await?;
        test.load_one().await?;
        let store: Store = Arc::new(FolderStore::open(other.path())?);
        let mut there = TestSite::new(&store, "there", SHOP)?;
        there
            .put("item", "b=0of2", &["1,a"])
            .await?
            .commit()
            .await?;
        let run = async |database: &std::path::Path| {
            let mut config = HubConfig::default();
            config.store.url = format!("file://{}", other.path().display());
            config.database.url = format!("sqlite:{}", database.display());
            ArchiveCommand::Run.answer(config, false).await
        };

        let refused = run(database.path()).await.err().ok_or("it is published")?;
        let says = "configuration, store.url: the store has there and none of the sites that";
        assert!(refused.to_string().starts_with(says), "{refused}");
        assert!(!other.path().join("archive").exists());
        run(nowhere.path()).await?;
        assert!(other.path().join("archive").exists());
        Ok(())
    }

    #[tokio::test]
    async fn where_the_store_is_a_folder_it_has_to_be_said_where_athena_finds_it() {
        let ask = async |location: Option<&str>| {
            let mut config = HubConfig::default();
            config.store.url = "file:///srv/store".to_owned();
            let location = location.map(ToOwned::to_owned);
            let asked = AthenaDdl {
                location,
                format: DdlFormat::Csv,
            }
            .answer(config, false)
            .await;
            asked.map(drop).unwrap_err().to_string()
        };
        insta::assert_snapshot!(ask(None).await, @"Athena reads S3, and the store is file:///srv/store: with --location s3://bucket/prefix say where its archive/ lies for Athena, as a copy for example");
        insta::assert_snapshot!(ask(Some("s3://a'b")).await, @r#""s3://a'b" is not where Athena finds a store: write --location s3://bucket/prefix, without quotes, backslashes and $"#);
    }
}
