//! Causeway's agent: carries what changes in a site's SQLite files and CSV folders to the store.
//!
//! One [`cycle`] reads from top to bottom: the [`gate`] tells whether anything moved; [`stand`]
//! finds out who the agent is and what the log says; the sources that moved are scanned
//! ([`survey`]) into partitions, which wait in the [`spool`]; the [`plan`] is what differs from the
//! log, less what the [`guard`] holds back; [`push`] writes objects, then the commit; the [`state`]
//! remembers, so that an unchanged site costs no request. [`init`] proposes the configuration of a
//! new site; the [`daemon`] runs cycle after cycle, when the [`watch`] says so and the [`pace`] allows.

pub mod affected;
pub mod agent;
pub mod cli;
pub mod config;
pub mod cycle;
pub mod daemon;
pub mod error;
pub mod gate;
pub mod guard;
pub mod hub;
pub mod init;
pub mod lock;
pub mod metrics_file;
pub mod migrate;
pub mod pace;
pub mod plan;
pub mod preview;
pub mod progress;
pub mod push;
pub mod quarantine;
pub mod readback;
pub mod report;
pub mod scan;
pub mod source;
pub mod spool;
pub mod stand;
pub mod state;
pub mod status;
pub mod supervisor;
pub mod survey;
pub mod upload;
pub mod vacuum;
pub mod verify;
pub mod watch;
pub mod writer;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod testing;
