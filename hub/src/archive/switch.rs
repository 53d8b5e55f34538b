//! `hub/archive.json`: whether the archive runs by itself.

use causeway_shared::layout;
use causeway_shared::store::Store;
use serde::{Deserialize, Serialize};

use super::info::ArchiveInfo;
use crate::document::{Content, Document, DocumentError};

/// What the switch says; nothing before somebody has used it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Switch {
    enabled: Option<bool>,
}

impl Content for Switch {
    const KEY: &'static str = layout::ARCHIVE_SWITCH;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 1_000;
    const REMEDY: &'static str = "remove it, and use `causeway-hub archive enable` or `disable`";
}

/// Whether the archive runs by itself; `first` counts until somebody has used the switch.
///
/// # Errors
/// [`DocumentError`]
pub(super) async fn is_enabled(store: &Store, first: bool) -> Result<bool, DocumentError> {
    let (switch, _) = Document::<Switch>::new(Store::clone(store)).read().await?;
    Ok(switch.enabled.unwrap_or(first))
}

/// Switches it, and says so in `archive_info.json` where there is one.
///
/// # Errors
/// [`DocumentError`]
pub(super) async fn set_enabled(store: &Store, enabled: bool) -> Result<(), DocumentError> {
    let switch = Document::<Switch>::new(Store::clone(store));
    let set = switch.change(|switch| {
        switch.enabled = Some(enabled);
        Ok::<_, DocumentError>(())
    });
    set.await?;
    let info = Document::<ArchiveInfo>::new(Store::clone(store));
    let say = info.change(|info| {
        info.enabled = enabled && info.last_updated.is_some();
        Ok::<_, DocumentError>(())
    });
    say.await.map(drop)
}
