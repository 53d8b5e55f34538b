//! What was learned of a partition by reading its merged rows once.

use std::sync::Arc;

use causeway_shared::ids::{Md5, Part};

/// A partial. It holds as long as the partition's version is the one that it was made from, and can
/// always be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partial {
    pub(crate) part: Part,
    /// Names all that it was made from: dataset and versions.
    pub(crate) version: Md5,
    pub(crate) body: Arc<[u8]>,
}
