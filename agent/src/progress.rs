//! The progress of a long piece of work, for a terminal or a program that embeds the agent.

use std::time::Duration;

use causeway_shared::dataset::TableId;

/// A step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One more CSV file was looked at from outside.
    Looking,
    /// The sources were looked at from outside; CSV files whose outside moved were read.
    Looked {
        /// How long it took.
        took: Duration,
    },
    /// So many rows of a table were read so far.
    Reading {
        /// The table.
        table: TableId,
        /// Its rows.
        rows: u64,
    },
    /// A partition was made.
    Scanned,
    /// So many objects will be sent.
    Sending {
        /// How many.
        objects: u64,
    },
    /// One of them is in the store, sent now or before.
    Sent {
        /// Its size in bytes.
        bytes: u64,
    },
    /// So many objects will be read back.
    Verifying {
        /// How many.
        objects: u64,
    },
    /// One of them was.
    Verified,
}

/// Receives each step, from any thread. It should return at once.
pub trait Progress: Send + Sync {
    /// A step was taken.
    fn step(&self, step: Step);
}

/// Ignores each step.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: Step) {}
}
