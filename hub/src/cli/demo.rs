//! `causeway-hub demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use causeway_agent::error::Exit;
use causeway_shared::clock;
use clap::Args;

use super::{Answer, CliError};
use crate::demo::{self, DemoOptions};

/// What the demo is to be.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Its folder; one that is there goes on where it was
    #[arg(long, value_name = "DIR", default_value = "causeway-demo")]
    dir: PathBuf,
    /// Appointments of a new site
    #[arg(long, value_name = "APPOINTMENTS", default_value_t = 20_000)]
    rows: u32,
    /// Where chance begins for a new site
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// End after the first load, and print the overview
    #[arg(long)]
    once: bool,
    /// Where the dashboard listens; the next free port if this one is taken
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)))]
    listen: SocketAddr,
}

impl DemoArgs {
    /// Runs the demo; it prints as it goes.
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
        demo::run(&options, clock::now(), &mut std::io::stdout(), shutdown).await?;
        Ok(Answer {
            text: String::new(),
            exit: Exit::Done,
        })
    }
}
