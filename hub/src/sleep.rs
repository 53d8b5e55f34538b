//! A database that is not needed all day sleeps: its server is stopped, and reads are answered from the store.
//!
//! [`Control`](crate::control::Control) is `hub/wake.json`, by which hubs, commands and the keeper agree; [`fall_asleep`] makes
//! sure that the store has all that the database has, and has it stopped; [`wake`] has it started and loaded;
//! [`power`] is who starts and stops a server; [`keeper`] does so for hubs that do not reach AWS.
//!
//! # Order, and what a crash leaves
//! `sleep`: the database is sealed (its triggers refuse changes from then on), writers in hand are waited for, the
//! journal is flushed and the log's head read back, then `hub/wake.json` says that it sleeps, and only then its
//! server is stopped. A crash before `hub/wake.json` leaves a database that takes no changes: the seal says how
//! long that may last, and then whoever looks has it woken. A crash after it leaves a server that runs for nothing.
//! Run again, `sleep` goes on from there, and `wake` takes it all back.
//!
//! `wake`: `hub/wake.json` says that it is being woken, the server starts, the database is made or upgraded, is
//! told to take changes, takes the edits over and is loaded; then `hub/wake.json` says that it is awake. Until
//! then reads are answered from the store. Each step may be done any number of times, also by several at once.
//!
//! Whoever takes a seal off that somebody else has put there has seen the seal first and `hub/wake.json` then, and
//! renews the state in that file. So whoever sealed it can no longer put it to sleep, and no seal goes of a database
//! that sleeps.

mod error;
mod fall_asleep;
pub(crate) mod keeper;
mod power;
mod wake;

pub(crate) use error::SleepError;
#[cfg(feature = "lambda")]
pub(crate) use fall_asleep::seal;
pub(crate) use fall_asleep::{SleepReport, fall_asleep};
pub(crate) use power::Power;
#[cfg(feature = "lambda")]
pub(crate) use wake::unseal;
pub(crate) use wake::{ask_to_wake, finish, server_answers, wake, wake_forgotten};
