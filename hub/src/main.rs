//! `causeway-hub`: the environment, the signals and the runtime; all else is in the library.

use std::process::ExitCode;

use causeway_agent::error::Exit;
use causeway_hub::cli::Cli;
use causeway_shared::telemetry;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

#[expect(
    clippy::disallowed_methods,
    reason = "the configuration reads the environment"
)]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn main() -> ExitCode {
    let environment = environment();
    let cli = Cli::parse();
    let filter = environment.iter().find(|(name, _)| name == "RUST_LOG");
    let filter = filter.map_or(cli.default_filter(), |(_, filter)| filter);
    telemetry::init(cli.log_format, Some(filter));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(cli.execute(&environment, stopped())),
        Err(error) => {
            tracing::error!(%error, "the runtime cannot be started");
            Exit::Failed
        }
    };
    exit.into()
}

/// Ready when the process is asked to end.
async fn stopped() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                terminated.recv().await;
            }
            // SIGINT still ends it.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
