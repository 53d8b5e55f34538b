//! What is published as Delta Lake tables, for whoever wants years of history in one query: one table over all
//! sites, `archive/delta/<table>/`, with the partition columns `site` and `part`.
//!
//! # What makes it right at every moment
//! A version of a table is one create-only commit. It holds all of a site's partitions as one commit of that
//! site has them, or none: of a site's table that cannot be read, the last version's files stay. A hub reads
//! the table's log before the sites' logs, so that a commit which the store takes is never older than the
//! version before it; a hub that was overtaken begins again.
//!
//! A file is named by the version that adds it and by its bytes: a run that was stopped writes the same keys
//! again, and no key that was deleted comes back. Each commit says of which commits of the sites it is (`txn`),
//! and of which objects each file was made (`tags`): the log alone tells what is published, and
//! `archive_delta.json.zst` only keeps it at hand. So a run that is repeated, after a crash or a lost answer,
//! finds that there is nothing to do.
//!
//! Files that a later version does without are deleted after `[archive] keep`, and so is what no commit names.
//! Commits are never deleted.

mod actions;
mod bounds;
mod checkpoint;
mod columns;
mod error;
mod log;
mod parquet_file;
mod round;
mod schema;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub(super) use round::DeltaRound;
pub(super) use write::Uploaded;
