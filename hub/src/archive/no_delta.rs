//! What stands for the Delta tables in a hub that is built without them: its configuration refuses them.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::marker::PhantomData;

use causeway_shared::ids::Name;
use causeway_shared::store::Store;
use jiff::Timestamp;

use super::ArchiveError;
use super::report::{DeltaCommitted, TableFailure};
use super::round::Scope;
use crate::error::SiteError;
use crate::sync::MergedSite;

#[derive(Debug, Default)]
pub(super) struct Uploaded;

/// There is none.
pub(super) struct DeltaRound<'a>(Infallible, PhantomData<&'a Store>);

#[expect(
    clippy::unused_async,
    reason = "the interface is that of the Delta tables"
)]
impl<'a> DeltaRound<'a> {
    pub(super) async fn begin(
        _: &'a Store,
        _: BTreeSet<Name>,
        _: Scope,
    ) -> Result<Self, ArchiveError> {
        Err(ArchiveError::NoDelta)
    }

    pub(super) async fn site(
        &mut self,
        _: &MergedSite,
        _: &mut Uploaded,
    ) -> Result<(Vec<(Name, TableFailure)>, bool), SiteError> {
        match self.0 {}
    }

    pub(super) async fn commit(
        &mut self,
        _: Timestamp,
        _: &mut Uploaded,
    ) -> Result<DeltaCommitted, ArchiveError> {
        match self.0 {}
    }
}
