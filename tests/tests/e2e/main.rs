//! End-to-end tests, one program for all of them: see `./test`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests end where they cannot go on"
)]

mod damage;
mod ground;
mod guards;
mod harness;
mod spine;
mod store;
