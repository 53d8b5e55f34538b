//! The harness of Causeway's end-to-end tests and benches.
//!
//! [`testbed`] starts the servers, once for a whole run; a test takes a [`TestStore`] and a
//! [`TestDatabase`] of its own, and runs the programs with [`Program`]. A [`deployment`] is all of
//! these together; a [`meetassist`] site is what it carries, a [`mirror`] says what should arrive,
//! [`loaded`] what did, and [`duckdb`] and [`delta`] what is published of it. [`browser`] is what a page is looked at with, and
//! [`python`] runs what is tested there. [`aws`] stands in for what starts and stops a database.
//! [`proxy`], [`gateway`] and [`silence`] are networks that fail, [`crash`] ends programs
//! in the middle, [`stall`] lets a disk fall silent, and [`wrong_clock`] lets their time jump. [`lambda`] is what
//! AWS puts around a function, and [`memory_limit`] the memory that it gives it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test whose ground gives way ends there, with a message"
)]

pub mod aws;
pub mod browser;
pub mod crash;
pub mod delta;
pub mod deployment;
pub mod duckdb;
pub mod gateway;
pub mod lambda;
pub mod loaded;
pub mod meetassist;
pub mod memory_limit;
pub mod mirror;
pub mod proxy;
pub mod python;
pub mod schemathesis;
pub mod silence;
pub mod stall;
pub mod testbed;
pub mod wrong_clock;

mod database;
mod preload;
mod program;
mod servers;
mod store;

pub use database::{DatabaseKind, TestDatabase, certificate, run_beside};
pub use program::{Finished, Program, Running, bin, command};
pub use servers::{may_mount, soaks};
pub use store::{StoreKind, TestStore};
