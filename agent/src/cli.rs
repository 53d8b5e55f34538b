//! The command line: what can be asked, and how the answer is printed.

mod bar;
mod heap;
mod init;
mod show;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use causeway_shared::runtime::program::{Answer, print, printable};
use causeway_shared::runtime::telemetry::LogFormat;
use clap::{Parser, Subcommand};

use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::cycle::attempt::SyncOptions;
use crate::cycle::migrate::migrate;
use crate::cycle::preview::preview;
use crate::cycle::report::CycleReport;
use crate::cycle::sync::sync;
use crate::daemon::systemd::ServiceManager;
use crate::daemon::{Listeners, run};
use crate::error::{AgentError, Exit};
use crate::progress::{Progress, Silent};
use crate::push::store_check::check_store;
use crate::status::{quarantine, status};
use crate::vacuum::vacuum;
use crate::verify::verify;

/// Carries what changes in a site's SQLite files and CSV folders to S3 or a folder.
#[derive(Debug, Parser)]
#[command(
    name = "causeway-agent",
    version,
    after_help = "Example: causeway-agent --config agent.toml sync\n\n\
        Exit: 0 done · 1 failed, nothing lost, try again · 2 wrong usage or configuration · \
        3 a person should look"
)]
pub struct Cli {
    /// The configuration [default: agent.toml in the working directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// The form of logs on standard error: text or json
    #[arg(long, global = true, default_value = "text", value_name = "FORM")]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Look through SQLite and CSV files and write a commented configuration for them
    #[command(after_help = "Example: causeway-agent init meetassist.db csv/\n\n\
            Writes agent.toml (or what --config names) and, unless the tables are MeetAssist's, \
            dataset.toml beside it.")]
    Init {
        /// SQLite files, CSV files, and folders that hold either
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Write over files that are there already
        #[arg(long)]
        overwrite: bool,
    },
    /// Watch the sources and push until SIGTERM or SIGINT
    #[command(after_help = "Example: causeway-agent run --log-format json")]
    Run,
    /// Push what changed, once
    #[command(after_help = "Example: causeway-agent sync --json\n\n\
            Exit 3: rows were refused that were not before, a table is held back, a source is \
            missing, a file is passed over, or another host writes this site. Rows that stay in \
            quarantine do not count again: `status` ends with 3 as long as there are any.")]
    Sync {
        /// Replace another host's writer of this site
        #[arg(long)]
        take_over: bool,
        /// Accept that a table loses a large part of its rows (never a missing file)
        #[arg(long)]
        allow_shrink: bool,
    },
    /// Push everything for the first time and read it back; can be stopped and started again
    #[command(after_help = "Example: causeway-agent migrate\n\n\
            Exit 3: as `sync`; rows that are refused do not keep the others from being sent.")]
    Migrate,
    /// Show what `sync` would push, a line per table, and why rows would be refused; write nothing
    #[command(after_help = "Example: causeway-agent plan --partitions\n\n\
            Exit 3: as `sync` would end, so that a person should look before it runs.")]
    Plan {
        /// List every partition that would change too, as --json does
        #[arg(long)]
        partitions: bool,
    },
    /// Compare every row of the sources with what is stored
    #[command(after_help = "Example: causeway-agent verify --repair\n\n\
            Exit 3: something differs, or could not be compared. Rows in quarantine are on neither \
            side, and do not count.")]
    Verify {
        /// Write again what is damaged or missing
        #[arg(long)]
        repair: bool,
    },
    /// Show the last commit, pending changes, quarantine, and the reach of store and hub
    #[command(after_help = "Example: causeway-agent status --json\n\n\
            Exit 3: as long as rows are in quarantine, a table is held back, a source is missing, a \
            file is passed over, or another host writes this site. Exit 1: the store or the hub does \
            not answer.")]
    Status,
    /// List refused rows: source, line or key, column, reason
    #[command(after_help = "Example: causeway-agent quarantine\n\n\
            As the last cycle left it. Exit 0, whether there are any or not.")]
    Quarantine,
    /// Look after the store
    #[command(after_help = "Example: causeway-agent store check")]
    #[command(subcommand)]
    Store(StoreCommand),
    /// Delete objects that no retained commit names (`retention.keep`)
    #[command(after_help = "Example: causeway-agent vacuum --dry-run\n\n\
            It works on the agent's state: stop an agent that runs first.")]
    Vacuum {
        /// Only show what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
}

/// What to do with the store.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum StoreCommand {
    /// Find out whether the store keeps what Causeway relies on, conditional writes above all
    #[command(after_help = "Example: causeway-agent store check\n\n\
            It writes a few small objects under sites/<site>/check/ and removes them. Exit 3: the \
            store breaks a promise, and commits would be lost on it.")]
    Check,
}

impl Cli {
    /// The level of logs when `RUST_LOG` says nothing: a service tells what it does, a command
    /// only what is wrong.
    #[must_use]
    pub fn default_filter(&self) -> &'static str {
        match self.command {
            Command::Run => "info,aws=warn,hyper=warn",
            _ => "warn,causeway_shared::store::check=info",
        }
    }

    /// Does what was asked, and prints the answer.
    pub async fn execute(
        self,
        environment: &[(String, String)],
        shutdown: impl Future<Output = ()>,
    ) -> Exit {
        let json = self.json;
        match self.answer(environment, shutdown).await {
            Ok(Answer { text, exit }) => print(&text).map_or(Exit::Failed, |()| exit),
            Err(error) => {
                if json {
                    let answer = serde_json::json!({ "error": error.to_string() });
                    // Standard error says it too, so a closed standard output loses nothing.
                    let _ = print(&answer.to_string());
                }
                let words = error.to_string();
                let _ = writeln!(io::stderr().lock(), "error: {}", printable(&words));
                error.exit()
            }
        }
    }

    async fn answer(
        self,
        environment: &[(String, String)],
        shutdown: impl Future<Output = ()>,
    ) -> Result<Answer, AgentError> {
        let json = self.json;
        if let Command::Init { paths, overwrite } = self.command {
            let written = init::init(paths, self.config, overwrite).await?;
            return Ok(Answer::of(json, &written, written.text(), Exit::Done));
        }
        let config = AgentConfig::load(self.config.as_deref(), environment)?;
        if matches!(self.command, Command::Quarantine) {
            let report = quarantine(&config)?;
            return Ok(Answer::of(
                json,
                &report,
                show::quarantine(&report),
                Exit::Done,
            ));
        }
        let agent = Agent::open(config).await?;
        match self.command {
            Command::Run => {
                let listeners = Listeners {
                    service_manager: Arc::new(service_manager(environment)),
                    observer: Arc::new(heap::give_back_after_scans),
                };
                run(&agent, listeners, shutdown).await?;
                Ok(Answer::silent())
            }
            Command::Sync {
                take_over,
                allow_shrink,
            } => {
                let options = SyncOptions {
                    take_over,
                    allow_shrink,
                    ..SyncOptions::default()
                };
                let report = sync(&agent, options).await?;
                Ok(cycle(json, &report))
            }
            Command::Migrate => {
                let report = migrate(&agent, progress(&agent)).await?;
                Ok(cycle(json, &report))
            }
            Command::Plan { partitions } => {
                let report = preview(&agent, Arc::new(Silent)).await?;
                Ok(Answer::of(
                    json,
                    &report,
                    show::plan(&report, partitions),
                    report.exit(),
                ))
            }
            Command::Verify { repair } => {
                let report = verify(&agent, repair, progress(&agent)).await?;
                Ok(Answer::of(
                    json,
                    &report,
                    show::verify(&report),
                    report.exit(),
                ))
            }
            Command::Status => {
                let report = status(&agent).await?;
                Ok(Answer::of(
                    json,
                    &report,
                    show::status(&report),
                    report.exit(),
                ))
            }
            Command::Store(StoreCommand::Check) => {
                let report = check_store(&agent).await?;
                Ok(Answer::of(json, &report, report.text(), report.exit()))
            }
            Command::Vacuum { dry_run } => {
                let report = vacuum(&agent, dry_run).await?;
                Ok(Answer::of(json, &report, show::vacuum(&report), Exit::Done))
            }
            // Answered above, without a store.
            Command::Init { .. } | Command::Quarantine => Ok(Answer::silent()),
        }
    }
}

/// What a cycle answers that commits.
fn cycle(json: bool, report: &CycleReport) -> Answer {
    if json {
        report.log_what_to_look_at();
    }
    Answer::of(json, report, show::cycle(report), report.exit())
}

/// The service manager that started this process, if it wants to hear from it.
fn service_manager(environment: &[(String, String)]) -> ServiceManager {
    ServiceManager::connect(environment, std::process::id()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the agent runs without it");
        ServiceManager::none()
    })
}

/// A bar for whoever sits at a terminal.
fn progress(agent: &Agent) -> Arc<dyn Progress> {
    if io::stderr().is_terminal() {
        Arc::new(bar::Bar::new(&agent.config().dataset))
    } else {
        Arc::new(Silent)
    }
}

#[cfg(test)]
mod tests;
