//! What stands for the Delta tables in a hub that is built without them: none are ever begun, since its
//! configuration refuses them.

use std::collections::BTreeSet;

use causeway_shared::ids::Name;
use causeway_shared::store::Store;
use jiff::{SignedDuration, Timestamp};

use super::ArchiveError;
use super::report::{DeltaInfo, TableFailure};
use crate::error::SiteError;
use crate::sync::MergedSite;

#[derive(Debug, Default)]
pub(super) struct Uploaded;

pub(super) enum DeltaRound<'a> {
    #[expect(dead_code, reason = "there is none")]
    Never(std::convert::Infallible, &'a Store),
}

#[expect(dead_code, reason = "nobody asks")]
pub(super) struct How {
    pub(super) now: Timestamp,
    pub(super) keep: SignedDuration,
    pub(super) thorough: bool,
}

#[expect(
    clippy::unused_async,
    reason = "the interface is that of the Delta tables"
)]
impl<'a> DeltaRound<'a> {
    pub(super) async fn begin(
        _: &'a Store,
        _: BTreeSet<Name>,
        _: How,
    ) -> Result<Self, ArchiveError> {
        Err(ArchiveError::NoDelta)
    }

    pub(super) async fn site(
        &mut self,
        _: &MergedSite,
        _: &mut Uploaded,
    ) -> Result<(Vec<(Name, TableFailure)>, bool), SiteError> {
        Ok((Vec::new(), false))
    }

    pub(super) async fn commit(
        &mut self,
        _: Timestamp,
        _: &mut Uploaded,
    ) -> Result<Option<Vec<(Name, TableFailure)>>, ArchiveError> {
        Ok(None)
    }

    pub(super) async fn write(&mut self) -> Result<bool, ArchiveError> {
        Ok(false)
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (Name, DeltaInfo)> {
        std::iter::empty()
    }

    pub(super) fn did(&self, _: &Name) -> (u64, u64) {
        (0, 0)
    }
}
