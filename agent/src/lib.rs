//! Causeway's agent: what a site holds, as partitions in the store.

pub mod quarantine;
pub mod scan;
pub mod source;
