//! `causeway-hub`: the environment, the signals and the runtime; all else is in the library.

mod heap;

use std::process::ExitCode;
use std::time::Duration;

use causeway_hub::cli::Cli;
#[cfg(feature = "lambda")]
use causeway_hub::function;
use causeway_shared::runtime::program::{Exit, environment, stopped};
use causeway_shared::runtime::telemetry;
#[cfg(feature = "lambda")]
use causeway_shared::runtime::telemetry::LogFormat;
use clap::Parser as _;

/// How long a thread is waited for at the end that still reads a disk which does not answer.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// As much as a command has, which runs on the first thread. A request that has dates loaded from S3 into PostgreSQL
/// goes deep: without optimisation it needs more than the usual 2 MiB. What is not touched takes no memory.
const STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    heap::share();
    heap::leave_uncounted();
    let environment = environment();
    #[cfg(feature = "lambda")]
    if std::env::args_os().len() == 1 && function::is_asked(&environment) {
        return run_function(&environment).into();
    }
    let cli = Cli::parse();
    let filter = environment.iter().find(|(name, _)| name == "RUST_LOG");
    let filter = filter.map_or(cli.default_filter(), |(_, filter)| filter);
    telemetry::init(cli.log_format, Some(filter));
    let runtime = match cli.is_service() {
        true => tokio::runtime::Builder::new_multi_thread()
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build(),
        // Each answer of a database would wake one thread to have it wake another.
        false => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
    };
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

/// The hub as a Lambda function. It has one processor at most, and one invocation at a time.
#[cfg(feature = "lambda")]
fn run_function(environment: &[(String, String)]) -> Exit {
    let filter = environment.iter().find(|(name, _)| name == "RUST_LOG");
    telemetry::init(LogFormat::Json, filter.map(|(_, filter)| &**filter));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(function::run(environment)),
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            Exit::Failed
        }
    }
}
