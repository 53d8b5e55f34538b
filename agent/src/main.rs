//! `causeway-agent`: the environment, the signals and the runtime; all else is in the library.

use std::process::ExitCode;
use std::time::Duration;

use causeway_agent::cli::Cli;
use causeway_shared::runtime::program::{Exit, environment, stopped};
use causeway_shared::runtime::telemetry;
use clap::Parser as _;

/// How long a thread that still scans is waited for at the end; a scan is cut short at its next
/// rows.
const LAST_WAIT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let environment = environment();
    let cli = Cli::parse();
    let filter = environment.iter().find(|(name, _)| name == "RUST_LOG");
    let filter = filter.map_or(cli.default_filter(), |(_, filter)| filter);
    telemetry::init(cli.log_format, Some(filter));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let exit = match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli.execute(&environment, stopped()));
            runtime.shutdown_timeout(LAST_WAIT);
            exit
        }
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            Exit::Failed
        }
    };
    exit.into()
}
