//! Causeway's agent: carries what changes in a site's SQLite files and CSV folders to the store.
//!
//! # In another program
//! The program `causeway-agent` is a thin shell around this library, which can as well be part of
//! another program: build an [`Agent`] from a configuration, then [`sync`] once, or [`run`] until
//! told to stop.
//! ```
//! use std::fs;
//! use std::sync::Arc;
//!
//! use causeway_agent::{Agent, AgentConfig, Event, Listeners, SyncOptions, run, sync};
//! use tokio::sync::mpsc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(embedded())
//! # }
//! # async fn embedded() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! fs::create_dir(folder.join("csv"))?;
//! fs::create_dir(folder.join("store"))?;
//! let consultants = folder.join("csv/consultant.csv");
//! fs::write(&consultants, "consultantid,fullname,email,joindate\n1,An,an@x.vn,2020-01-01\n")?;
//!
//! // The text of an agent.toml; paths are relative to the folder given with it.
//! let text = format!(
//!     "site = \"hcm-01\"\nstore.url = \"file://{}/store\"\nwatch.debounce = \"20ms\"\n\
//!      [[source]]\nkind = \"csv\"\npath = \"csv\"",
//!     folder.display()
//! );
//! let agent = Agent::open(AgentConfig::parse(&text, folder.to_owned())?).await?;
//!
//! // One cycle.
//! let report = sync(&agent, SyncOptions::default()).await?;
//! assert_eq!(report.commit.map(|seq| seq.0), Some(1));
//! assert_eq!(report.rows.scanned, 1);
//!
//! // Cycle after cycle, until the future given to it is ready.
//! let (tell, mut commits) = mpsc::unbounded_channel();
//! let observer = move |event: Event<'_>| {
//!     if let Event::Ended(report) = event && let Some(seq) = report.commit {
//!         let _ = tell.send(seq.0);
//!     }
//! };
//! let listeners = Listeners { observer: Arc::new(observer), ..Listeners::default() };
//! fs::write(&consultants, "consultantid,fullname,email,joindate\n1,Bo,bo@x.vn,2020-01-01\n")?;
//! let until_a_commit = async {
//!     assert_eq!(commits.recv().await, Some(2));
//! };
//! run(&agent, listeners, until_a_commit).await?;
//! # Ok(())
//! # }
//! ```
//! Its futures are `Send`. Dropping one abandons the cycle in hand, which loses nothing: the next
//! one finds what it did not get to. The lock of its folder falls with the last thread that worked. Logs go to `tracing`; nothing is printed.
//!
//! # How it works
//! One `cycle` reads from top to bottom: the gate (`source`) tells whether anything moved; what
//! moved is scanned (`scan`) into partitions, which wait in a folder; the `plan` is what differs
//! from the log, less what its guard holds back; `push` writes objects, then the commit; the
//! `state` remembers, so that an unchanged site costs no request. `init` proposes the
//! configuration of a new site; the `daemon` runs cycle after cycle; `vacuum` deletes what no
//! reader can ask for any more.

mod agent;
mod backoff;
pub mod cli;
mod config;
mod cycle;
mod daemon;
mod error;
mod hub_client;
mod init;
mod plan;
mod progress;
mod push;
mod scan;
mod source;
mod state;
mod status;
mod vacuum;
mod verify;

#[cfg(test)]
mod fuzz;
pub use agent::Agent;
pub use config::{AgentConfig, ConfigError, HubConfig, IMPORTER};
pub use cycle::attempt::SyncOptions;
pub use cycle::import::{ImportReport, ImportRequest, import};
pub use cycle::migrate::migrate;
pub use cycle::preview::{PlanLine, TablePlan};
pub use cycle::report::{CycleReport, PartitionCounts, RowCounts};
pub use cycle::sync::{sync, sync_with};
pub use daemon::observer::{Event, Observer};
pub use daemon::{Listeners, run};
pub use error::{AgentError, Exit};
pub use plan::guard::{HeldTable, Reason};
pub use progress::{Progress, Silent, Step};
pub use source::{FileRows, ImportedFile, RowSpool, SpooledRows, Statement};
pub use state::refused_kinds::RefusedKind;

#[cfg(test)]
mod testing;
