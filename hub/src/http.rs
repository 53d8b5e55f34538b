//! HTTP without the addresses: connections, limits, who calls, errors as callers get them, metrics.
//!
//! What is at which address stands in `api.rs` and `dashboard.rs`; `serve.rs` puts all together.

pub(crate) mod absence;
pub(crate) mod callers;
mod connections;
pub(crate) mod etag;
pub(crate) mod forwarded;
pub(crate) mod health;
mod layers;
pub(crate) mod lists;
mod metrics;
pub(crate) mod origin;
mod probes;
pub(crate) mod problem;
pub(crate) mod request;
pub(crate) mod request_id;
pub(crate) mod server;
mod state;

#[cfg(feature = "import")]
pub(crate) use layers::content_security_policy;
pub(crate) use state::App;
