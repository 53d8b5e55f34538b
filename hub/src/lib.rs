//! Causeway's hub: loads sites from the store into a database, and serves what is there.
//!
//! [`sync`] brings the sites' logs into the database ([`db`]), verify compares both sides row by
//! row, stats and services make figures of what is there, and api and dashboard show them over
//! HTTP. [`cli`] is the program.

mod api;
mod archive;
mod auth;
mod aws;
pub mod cli;
mod config;
mod control;
mod dashboard;
mod db;
#[cfg(feature = "demo")]
mod demo;
mod document;
mod edits;
mod error;
#[cfg(feature = "lambda")]
pub mod function;
mod http;
#[cfg(feature = "import")]
mod import;
mod object;
mod runs;
mod scheduler;
mod searched;
mod serve;
mod services;
mod sleep;
mod stats;
mod sync;
mod tasks;
mod temporary_folder;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verify;
