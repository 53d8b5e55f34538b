//! Dates that are pinned: loaded at every site, whatever the window and the budget say, until somebody
//! unpins them.
//!
//! They lie in the store. The database has a copy, which all loads go by, so that every hub and every
//! command on it sees the same ones, also while the store is away.

use std::collections::BTreeSet;
use std::time::Duration;

use causeway_shared::layout;
use causeway_shared::store::Version;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::join;
use tokio::time::timeout;

use super::hub::Hub;
use super::on_demand::is_of_parts;
use crate::document::{Content, CopyError, Document, DocumentError, decode};
use crate::error::HubError;

/// Most dates that are pinned, since each takes its room in the database for good.
pub(crate) const MAX_PINS: usize = 62;
/// How long the store may take.
const STORE_WITHIN: Duration = Duration::from_secs(3);

/// `hub/pins.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Pins {
    dates: BTreeSet<Date>,
}

impl Content for Pins {
    const KEY: &'static str = layout::PINS;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 64 * 1024;
    const REMEDY: &'static str = "delete it and pin the dates again";
}

impl Hub {
    /// The dates that are pinned, as the database knows them; one that does not is told by the store.
    ///
    /// # Errors
    /// A failure of the database.
    pub(crate) async fn pinned(&self) -> Result<BTreeSet<Date>, HubError> {
        match self.copied_pins().await? {
            Some(pins) => Ok(pins.dates),
            None => self.look_at_pins().await,
        }
    }

    /// Has the database know the dates that the store has, which hubs of another database may have
    /// changed. A store that does not say leaves what is known.
    ///
    /// # Errors
    /// A failure of the database.
    pub(super) async fn look_at_pins(&self) -> Result<BTreeSet<Date>, HubError> {
        let document = self.pins();
        let reading = timeout(STORE_WITHIN, document.read());
        let (known, reading) = join!(self.copied_pins(), reading);
        let known = known?;
        let (pins, version) = match reading.unwrap_or_else(|_| Err(silent())) {
            Ok(read) => read,
            Err(error) => {
                let what = "the pinned dates cannot be read; those known before stay";
                self.inner.failures.log(None, what, error);
                return Ok(known.unwrap_or_default().dates);
            }
        };
        if known.as_ref() == Some(&pins) {
            return Ok(pins.dates);
        }
        self.copy_pins(pins, version).await
    }

    async fn copied_pins(&self) -> Result<Option<Pins>, HubError> {
        let copy = self.database().copied(Pins::KEY).await?;
        Ok(copy.and_then(|copy| decode(&copy).ok()))
    }

    /// Pins a date: from the next load on it is loaded. Returns all that are pinned.
    ///
    /// # Errors
    /// [`HubError::TooManyPins`], [`HubError::NoDateOfParts`], or a failure of store or database.
    pub(crate) async fn pin(&self, date: Date) -> Result<BTreeSet<Date>, HubError> {
        if !is_of_parts(date) {
            return Err(HubError::NoDateOfParts { date });
        }
        self.change_pins(|dates| {
            if dates.len() >= MAX_PINS && !dates.contains(&date) {
                return Err(HubError::TooManyPins { most: MAX_PINS });
            }
            dates.insert(date);
            Ok(())
        })
        .await
    }

    /// Lets the next load take a date out, unless something else keeps it. Returns all that are pinned.
    ///
    /// # Errors
    /// A failure of store or database.
    pub(crate) async fn unpin(&self, date: Date) -> Result<BTreeSet<Date>, HubError> {
        self.change_pins(|dates| {
            dates.remove(&date);
            Ok(())
        })
        .await
    }

    async fn change_pins(
        &self,
        mut change: impl FnMut(&mut BTreeSet<Date>) -> Result<(), HubError>,
    ) -> Result<BTreeSet<Date>, HubError> {
        let document = self.pins();
        let changing = document.change(|pins| change(&mut pins.dates));
        let changed = timeout(STORE_WITHIN, changing).await;
        let (pins, version) = changed.map_err(|_| silent())??;
        self.copy_pins(pins, version).await
    }

    async fn copy_pins(
        &self,
        mut pins: Pins,
        mut version: Option<Version>,
    ) -> Result<BTreeSet<Date>, HubError> {
        let document = self.pins();
        let copying = document.copy_to(&**self.database(), &mut pins, &mut version);
        match copying.await {
            // Where the store does not say whether it is the newest, a later look will.
            Ok(()) | Err(CopyError::Document(_)) => Ok(pins.dates),
            Err(CopyError::Database(error)) => Err(error.into()),
        }
    }

    fn pins(&self) -> Document<Pins> {
        Document::new(self.store().clone())
    }
}

fn silent() -> DocumentError {
    DocumentError::Silent { key: Pins::KEY }
}
