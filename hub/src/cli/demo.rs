//! `causeway-hub demo`: everything on this machine.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, unless_read_enough};
use clap::Args;

use super::CliError;
use crate::demo::{self, DemoError, DemoOptions};

/// How large the demo is, and where.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The demo's folder; one that is there is gone on with
    #[arg(long, value_name = "DIR", default_value = "causeway-demo")]
    dir: PathBuf,
    /// Appointments of a new site, three years of them around today [default: 20000]
    #[arg(long, value_name = "N")]
    rows: Option<u32>,
    /// Where chance begins for a new site: the same seed gives the same site [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Stop after the first load and print the overview
    #[arg(long)]
    pub(super) once: bool,
    /// Where the dashboard listens; the next free port if it is taken
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl DemoArgs {
    /// Runs the demo, which says how it goes while it does.
    pub(super) async fn answer(
        self,
        json: bool,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Answer, CliError> {
        let options = DemoOptions {
            dir: self.dir,
            appointments: self.rows,
            seed: self.seed,
            once: self.once,
            json,
            listen: self.listen,
        };
        match demo::run(&options, clock::now, &mut io::stdout(), shutdown).await {
            Err(DemoError::Output(error)) => {
                unless_read_enough(Err(error)).map_err(CliError::Output)?;
            }
            ran => ran?,
        }
        Ok(Answer::silent())
    }
}
