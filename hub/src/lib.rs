//! Causeway's hub: loads sites from the store into a database, and serves what is there.
//!
//! In the order in which data flows: refresh brings each site's catalog to its log's head;
//! the [`window`] says which dates are wanted; the load plan compares them with what is loaded;
//! load executes it in one transaction; verify compares both sides row by row.
//! [`hub`] is the whole as the command line, the API and the dashboard use it; [`db`] is what it
//! asks of a database.

mod api;
mod app;
mod auth;
pub mod cli;
pub mod config;
mod dashboard;
mod dataset_change;
pub mod db;
mod demo;
pub mod error;
pub mod hub;
mod load;
mod load_plan;
mod object;
mod quarantine;
mod refresh;
pub mod report;
mod retry;
mod stats;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verify;
pub mod window;
