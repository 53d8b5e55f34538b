//! `testbed [--durable] -- COMMAND…`: runs a command beside a throw-away PostgreSQL cluster and SeaweedFS,
//! named to it in the environment, and ends with its exit code. With `--durable` PostgreSQL waits for the
//! disk at each commit, as in earnest.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use causeway_tests::testbed::{Durability, Testbed};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time;

/// How long the command may take to end when it is asked to.
const END_LIMIT: Duration = Duration::from_secs(10);
/// What a shell reports for a command that SIGTERM ended.
const INTERRUPTED: u8 = 128 + 15;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve().await.unwrap_or_else(|error| {
        // Nobody is left to tell where standard error is closed.
        let _ = writeln!(std::io::stderr(), "testbed: {error:#}");
        ExitCode::FAILURE
    })
}

async fn serve() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let durability = match arguments.next_if(|argument| argument == "--durable") {
        Some(_) => Durability::Disk,
        None => Durability::Nothing,
    };
    let mut arguments = arguments.skip_while(|argument| argument == "--");
    let program = arguments.next();
    let program = program.context("usage: testbed [--durable] -- COMMAND…")?;
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);

    // From here on a signal ends the run in order, servers included.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let signalled = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };

    let testbed = Testbed::start(durability).await?;
    command.envs(testbed.env());
    let outcome = run(command, signalled).await;
    testbed.stop().await?;
    outcome
}

/// Runs the command to its end, or asks it to end when a signal comes.
async fn run(mut command: Command, signalled: impl Future<Output = ()>) -> Result<ExitCode> {
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    tokio::select! {
        status = child.wait() => {
            let code = status?.code().and_then(|code| u8::try_from(code).ok());
            Ok(ExitCode::from(code.unwrap_or(1)))
        }
        () = signalled => {
            end(&mut child).await?;
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

async fn end(child: &mut Child) -> Result<()> {
    if let Some(pid) = child.id() {
        Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await?;
    }
    if time::timeout(END_LIMIT, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}
