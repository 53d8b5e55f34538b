//! The command line: what can be asked, and how the answer is printed.

mod archive;
#[cfg(feature = "demo")]
mod demo;
mod error;
#[cfg(feature = "import")]
mod import;
mod init;
mod load;
mod show;
mod sleep;
mod token;
mod vacuum;

use std::io::{self, Write as _};
use std::path::PathBuf;

use causeway_shared::ids::SiteName;
use causeway_shared::layout;
use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, Exit, print, printable};
use causeway_shared::runtime::telemetry::LogFormat;
use causeway_shared::store::check::check;
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

use crate::api::openapi;
use crate::config::HubConfig;
use crate::error::HubError;
use crate::serve;
use crate::sync::{Hub, SitePlan, open_store};
use crate::verify::VerifyRequest;
use archive::{ArchiveCommand, AthenaDdl};
#[cfg(feature = "demo")]
use demo::DemoArgs;
use error::CliError;
use init::{InitArgs, write_config};
use load::{LoadArgs, Selection};
use sleep::{SleepArgs, WakeArgs};
use token::TokenCommand;
use vacuum::VacuumArgs;

/// Loads sites from S3 or a folder into a database, and serves the admin API and dashboard.
#[derive(Debug, Parser)]
#[command(
    name = "causeway-hub",
    version,
    after_help = "Example: causeway-hub --config hub.toml load\n\n\
        Exit: 0 done · 1 failed, nothing lost, try again · 2 wrong usage or configuration · \
        3 a person should look"
)]
pub struct Cli {
    /// The configuration [default: hub.toml in the working directory]
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
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the dashboard, and keep the window loaded, until SIGTERM or SIGINT
    #[command(after_help = "Example: causeway-hub serve --log-format json")]
    Serve,
    /// Show all of it on this machine: a made-up site, its agent, this hub and its dashboard
    #[cfg(feature = "demo")]
    #[command(after_help = "Example: causeway-hub demo --rows 5000 --once --json")]
    Demo(DemoArgs),
    /// Create or upgrade the database schema; any number of times
    #[command(after_help = "Example: causeway-hub init\n         \
        causeway-hub --config hub.toml init --write-config")]
    Init(InitArgs),
    /// Look for new commits and load the window around today
    #[command(
        after_help = "Dates besides the window stay until window.on_demand_days others were \
        asked for after them. For more days at all times set window.before and window.after.\n\n\
        --as-of loads the sites as they were at a commit of their agent (one site's: --site), or at a \
        time, with what was changed in the cloud until then, into a database of its own: empty, \
        read-only afterwards, and not this hub's. It gets the window around that day, and the \
        dates asked for.\n\n\
        Example: causeway-hub load --from 2025-11-01 --to 2025-11-30\n         \
        causeway-hub load --as-of 2025-11-28T10:00 --into sqlite:friday"
    )]
    Load(LoadArgs),
    /// Take what was changed in the database to the store now, as `serve` does by itself
    #[command(after_help = "Example: causeway-hub flush --json\n\n\
        Exit 3: changes are kept here, since another database owns the site's edits; \
        `causeway-hub init --take-over` brings them in.")]
    Flush,
    /// Show what `load` would do; write nothing
    #[command(after_help = "Example: causeway-hub plan --site hcm-01")]
    Plan(Selection),
    /// Compare every loaded row with the store
    #[command(after_help = "Example: causeway-hub verify --repair")]
    Verify {
        /// One site only
        #[arg(long, value_name = "SITE")]
        site: Option<SiteName>,
        /// Load again what differs, and take out rows that belong to no partition
        #[arg(long)]
        repair: bool,
    },
    /// Show sites, how many commits each is behind its log, the window, and what is loaded
    #[command(after_help = "Example: causeway-hub status --json")]
    Status,
    /// Import dumps and CSV files into a site that no agent writes
    #[cfg(feature = "import")]
    #[command(
        after_help = "Of a dump the rows of INSERT and COPY are taken; nothing is executed. A table in the files \
        replaces that table, unless --add; tables that are not in them stay. The files are kept in the store \
        under imports/.\n\n\
        Example: causeway-hub import dump.sql --site hcm-01 --dry-run\n         \
        causeway-hub import appointment.csv --site hcm-01 --add\n\n\
        Exit 3: rows were refused, a table was held back, or an agent writes the site."
    )]
    Import(import::ImportArgs),
    /// Publish every table as CSV in the store, and say whether `serve` does so by itself
    #[command(subcommand, after_help = "Example: causeway-hub archive run")]
    Archive(ArchiveCommand),
    /// Print statements by which Athena reads what is published
    #[command(
        after_help = "Example: causeway-hub athena-ddl --location s3://bucket/prefix > tables.sql\n\n\
            Exit 3: the files of two sites cannot be read by one statement; its comment names them."
    )]
    AthenaDdl(AthenaDdl),
    /// Delete edits objects that no commit of the last edits.keep names, as `serve` does once a day
    #[command(after_help = "Example: causeway-hub vacuum --dry-run\n\n\
        Only the database that owns a site's edits deletes them. A past state that needs what was \
        deleted can be loaded no more. Exit 3: a log is damaged, or a clock is wrong.")]
    Vacuum(VacuumArgs),
    /// Take all that the database has to the store, and have its server stopped until `wake`
    #[command(
        after_help = "Changes are refused from then on; reads are answered from the store. On a server \
        that is no RDS instance (aws.instance) it ends before the stop, which is the operator's.\n\n\
        Example: causeway-hub sleep --wait 2m\n\n\
        Exit 3: somebody has a transaction open, or another database owns the edits; the database stays awake."
    )]
    Sleep(SleepArgs),
    /// Have the database's server started, wait until it answers, and load the database
    #[command(
        after_help = "The database may be gone: it is made again. Its edits are taken over, as by \
        `init --take-over`.\n\n\
        Example: causeway-hub wake --wait 30m\n\n\
        Exit 3: as of `load`."
    )]
    Wake(WakeArgs),
    /// Do once what hub/wake.json asks of AWS, as the keeper does every minute
    #[command(after_help = "Example: causeway-hub keeper --json")]
    Keeper,
    /// Print the API's OpenAPI document
    #[command(after_help = "Example: causeway-hub openapi > openapi.json")]
    #[command(name = "openapi")]
    OpenApi,
    /// Look after the store
    #[command(after_help = "Example: causeway-hub store check")]
    #[command(subcommand)]
    Store(StoreCommand),
    /// Make, list and revoke API tokens
    #[command(
        subcommand,
        after_help = "Example: causeway-hub token create --role admin --name lan"
    )]
    Token(TokenCommand),
}

/// What to do with the store.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum StoreCommand {
    /// Find out whether the store keeps what Causeway relies on, conditional writes above all
    #[command(after_help = "Example: causeway-hub store check\n\n\
            It writes a few small objects under hub/check/ and removes them. Exit 3: the store \
            breaks a promise, and what is written to it may be lost.")]
    Check,
}

impl Cli {
    /// Whether it goes on until it is told to end.
    #[must_use]
    pub fn is_service(&self) -> bool {
        match &self.command {
            Command::Serve => true,
            #[cfg(feature = "demo")]
            Command::Demo(demo) => !demo.once,
            _ => false,
        }
    }

    /// The level of logs when `RUST_LOG` says nothing: a service tells what it does, a command
    /// only what is wrong.
    #[must_use]
    pub fn default_filter(&self) -> &'static str {
        match self.is_service() {
            true => "info,aws=warn,hyper=warn",
            false => "warn,causeway_shared::store::check=info,causeway_hub::sleep=info",
        }
    }

    /// Does what was asked, and prints the answer.
    pub async fn execute(
        self,
        environment: &[(String, String)],
        shutdown: impl Future<Output = ()> + Send,
    ) -> Exit {
        let json = self.json;
        let config = self.config.clone();
        let answered = self.answer(environment, shutdown).await;
        let answered = match answered {
            Err(error) => Err(sleep::explained(error, config.as_deref(), environment).await),
            answered => answered,
        };
        match answered {
            Ok(answer) => match print(&answer.text) {
                Ok(()) => answer.exit,
                Err(error) => complain(&CliError::Output(error)),
            },
            Err(error) => {
                if json {
                    let answer = serde_json::json!({ "error": error.to_string() });
                    // Standard error says it too, so a closed standard output loses nothing.
                    let _ = print(&answer.to_string());
                }
                complain(&error)
            }
        }
    }

    async fn answer(
        self,
        environment: &[(String, String)],
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Answer, CliError> {
        let json = self.json;
        let open = async || -> Result<Hub, CliError> {
            let config = HubConfig::load(self.config.as_deref(), environment);
            Ok(Hub::open(config.map_err(HubError::from)?).await?)
        };
        match self.command {
            // It brings its own configuration.
            #[cfg(feature = "demo")]
            Command::Demo(demo) => demo.answer(json, shutdown).await,
            Command::Serve => serve(open().await?, json, shutdown).await,
            Command::Init(init) if init.write_config => {
                let file = write_config(self.config.as_deref())?;
                let done = serde_json::json!({ "file": file });
                let text = init::wrote(&file);
                Ok(Answer::of(json, &done, text, Exit::Done))
            }
            Command::Init(init) => {
                let hub = open().await?;
                hub.init().await?;
                let taken = match init.take_over {
                    true => hub.take_over(None, clock::now()).await?,
                    false => Vec::new(),
                };
                let database = hub.database().describe();
                let sites: Vec<&SiteName> = taken.iter().map(|of| &of.site).collect();
                let done = serde_json::json!({ "database": database, "taken_over": sites });
                let elsewhere = hub.owned_elsewhere().await;
                let own = (&*database, hub.database().address());
                let text = init::ready(own, &taken, &elsewhere);
                Ok(Answer::of(json, &done, text, Exit::Done))
            }
            Command::Load(load) => load.answer(open, json).await,
            Command::Flush => {
                let report = open().await?.flush(clock::now()).await?;
                let exit = exit(report.needs_a_look(), report.is_retryable());
                Ok(Answer::of(json, &report, show::flush(&report), exit))
            }
            Command::Plan(selection) => {
                let request = selection.request()?;
                let plans = open().await?.plan(&request).await?;
                let damaged = |plan: &SitePlan| plan.error.is_some() && !plan.retryable;
                let exit = exit(
                    plans.iter().any(damaged),
                    plans.iter().any(|plan| plan.retryable),
                );
                let answer = serde_json::json!({ "sites": plans });
                Ok(Answer::of(json, &answer, show::plan(&plans), exit))
            }
            Command::Verify { site, repair } => {
                let now = clock::now();
                let request = VerifyRequest { now, site, repair };
                let report = open().await?.verify(&request).await?;
                let exit = exit(report.needs_a_look(), report.is_retryable());
                Ok(Answer::of(json, &report, show::verify(&report), exit))
            }
            Command::Status => {
                let report = open().await?.full_status(clock::now()).await?;
                let exit = exit(report.needs_a_look(), report.is_retryable());
                Ok(Answer::of(json, &report, show::status(&report), exit))
            }
            Command::Archive(command) => {
                let config = HubConfig::load(self.config.as_deref(), environment);
                command.answer(config.map_err(HubError::from)?, json).await
            }
            #[cfg(feature = "import")]
            Command::Import(import) => {
                let config = HubConfig::load(self.config.as_deref(), environment);
                import.answer(config.map_err(HubError::from)?, json).await
            }
            Command::Sleep(command) => command.answer(&open().await?, json).await,
            Command::Wake(command) => command.answer(&open().await?, json).await,
            Command::Keeper => {
                let config = HubConfig::load(self.config.as_deref(), environment);
                sleep::keep(config.map_err(HubError::from)?, json).await
            }
            Command::AthenaDdl(command) => {
                let config = HubConfig::load(self.config.as_deref(), environment);
                command.answer(config.map_err(HubError::from)?, json).await
            }
            Command::Store(StoreCommand::Check) => {
                let config = HubConfig::load(self.config.as_deref(), environment);
                let store = open_store(&config.map_err(HubError::from)?).await?;
                let report = check(&store, layout::HUB_CHECK).await;
                let report = report.map_err(HubError::from)?;
                Ok(Answer::of(json, &report, report.text(), report.exit()))
            }
            Command::OpenApi => {
                let text = openapi::text().map_err(CliError::OpenApi)?;
                Ok(Answer::of(
                    json,
                    openapi::document().map_err(CliError::OpenApi)?,
                    text,
                    Exit::Done,
                ))
            }
            Command::Vacuum(command) => command.answer(&open().await?, json).await,
            Command::Token(command) => command.answer(&open().await?, json).await,
        }
    }
}

/// How a command over several sites ends.
fn exit(needs_a_look: bool, retryable: bool) -> Exit {
    match (needs_a_look, retryable) {
        (true, _) => Exit::Look,
        (false, true) => Exit::Failed,
        (false, false) => Exit::Done,
    }
}

async fn serve(
    hub: Hub,
    json: bool,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Answer, CliError> {
    let listen = hub.config().http.listen.clone();
    let failed = |source| CliError::Listen {
        listen: listen.clone(),
        source,
    };
    let listener = TcpListener::bind(&listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    serve::refuse_open_to_all(hub.config(), address)?;
    let address = format!("http://{address}");
    let line = if json {
        serde_json::json!({ "address": address }).to_string()
    } else {
        format!("serving {address}")
    };
    print(&line).map_err(CliError::Output)?;
    serve::serve(hub, listener, shutdown).await?;
    Ok(Answer::silent())
}

fn complain(error: &CliError) -> Exit {
    // With standard error closed, the exit code is all that is left to say.
    let words = error.to_string();
    let _ = writeln!(io::stderr().lock(), "error: {}", printable(&words));
    error.exit()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_says_how_long_dates_besides_the_window_stay() {
        let mut cli = Cli::command();
        let mut help = |name: &str| {
            let command = cli.find_subcommand_mut(name).map(|of| of.render_help());
            let help = command.map(|help| help.to_string()).unwrap_or_default();
            help.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let load = "Dates besides the window stay until window.on_demand_days others were asked for \
            after them.";
        assert!(help("load").contains(load));
    }
}
