//! `hub/archive.json`: whether the archive runs by itself. On AWS a rule has it run, and that rule's state says
//! whether it does.

use causeway_shared::layout;
use causeway_shared::store::Store;
use serde::{Deserialize, Serialize};

use super::ArchiveError;
use super::info::ArchiveInfo;
use crate::aws::Aws;
use crate::config::HubConfig;
use crate::control::{Control, Step};
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

/// Whether the archive runs by itself; what is configured counts until somebody has used the switch.
///
/// # Errors
/// [`ArchiveError`]
pub(super) async fn is_enabled(store: &Store, config: &HubConfig) -> Result<bool, ArchiveError> {
    let aws = &config.aws;
    let of_rule = if aws.keeper {
        of_keeper(&Control::read(store).await?)
    } else if aws.rule.is_empty() {
        None
    } else {
        let aws = Aws::open(config).await?;
        Some(aws.rule_is_enabled(&config.aws.rule).await?)
    };
    if let Some(enabled) = of_rule {
        return Ok(enabled);
    }
    let (switch, _) = Document::<Switch>::new(Store::clone(store)).read().await?;
    Ok(switch.enabled.unwrap_or(config.archive.enabled))
}

/// How the rule stands as the keeper saw it, or as it is to make it.
fn of_keeper(control: &Control) -> Option<bool> {
    match control.pending().map(|wish| wish.what) {
        Some(Step::Enable) => Some(true),
        Some(Step::Disable) => Some(false),
        _ => control.archive,
    }
}

/// Switches it, and says so in `archive_info.json` where there is one.
///
/// # Errors
/// [`ArchiveError`]
pub(super) async fn set_enabled(
    store: &Store,
    config: &HubConfig,
    enabled: bool,
) -> Result<(), ArchiveError> {
    if config.aws.keeper {
        let what = match enabled {
            true => Step::Enable,
            false => Step::Disable,
        };
        ask(store, what).await?;
    } else if !config.aws.rule.is_empty() {
        let aws = Aws::open(config).await?;
        aws.switch_rule(&config.aws.rule, enabled).await?;
    }
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
    Ok(say.await.map(drop)?)
}

/// Has the keeper do something.
///
/// # Errors
/// [`ArchiveError::KeeperBusy`], or a failure of the store.
pub(super) async fn ask(store: &Store, what: Step) -> Result<(), ArchiveError> {
    Control::change(store, |control| Ok(control.ask(what)?)).await
}
