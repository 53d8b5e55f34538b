//! `archive_delta.json.zst`: what the Delta tables hold, so that nobody has to replay their logs.
//!
//! The logs are the truth. What is missing here, or is behind them, is read from them.

use std::collections::BTreeMap;

use causeway_shared::ids::Name;
use causeway_shared::layout;
use serde::{Deserialize, Serialize};

use super::table::DeltaTable;
use crate::document::Content;

/// The tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DeltaState {
    pub(super) tables: BTreeMap<Name, DeltaTable>,
}

impl Content for DeltaState {
    const KEY: &'static str = layout::ARCHIVE_DELTA_STATE;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 512 * 1024 * 1024;
    const REMEDY: &'static str = "remove it, and the next run reads the logs of the Delta tables";
    const COMPRESSED: bool = true;
}
