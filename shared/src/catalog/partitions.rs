//! A catalog's partitions: thousands, held by many readers and changed by few.

use std::collections::{BTreeMap, btree_map};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::Entry;
use crate::commit::{AgentLog, LogKind};
use crate::ids::{Name, Part};

type Map<K> = BTreeMap<(Name, Part), Entry<K>>;

/// A map whose clones are one until one of them is changed.
#[derive(Debug)]
pub struct Partitions<K: LogKind = AgentLog>(Arc<Map<K>>);

impl<K: LogKind> Partitions<K> {
    /// Whether two are clones of one, and neither was changed since. Others may be equal, too.
    #[must_use]
    pub fn are_shared(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<K: LogKind> Default for Partitions<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: LogKind> Clone for Partitions<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: LogKind> PartialEq for Partitions<K> {
    fn eq(&self, other: &Self) -> bool {
        self.are_shared(other) || self.0 == other.0
    }
}

impl<K: LogKind> Deref for Partitions<K> {
    type Target = Map<K>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K: LogKind> DerefMut for Partitions<K> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl<K: LogKind> From<Map<K>> for Partitions<K> {
    fn from(partitions: Map<K>) -> Self {
        Self(Arc::new(partitions))
    }
}

impl<K: LogKind> FromIterator<((Name, Part), Entry<K>)> for Partitions<K> {
    fn from_iter<I: IntoIterator<Item = ((Name, Part), Entry<K>)>>(entries: I) -> Self {
        Self(Arc::new(entries.into_iter().collect()))
    }
}

impl<'p, K: LogKind> IntoIterator for &'p Partitions<K> {
    type Item = (&'p (Name, Part), &'p Entry<K>);
    type IntoIter = btree_map::Iter<'p, (Name, Part), Entry<K>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::commit::PartitionObject;
    use crate::ids::{Md5, Seq, SiteName};
    use crate::summary::Summary;

    #[test]
    fn a_change_of_one_leaves_its_clones() {
        let mut one: Catalog = Catalog::empty(SiteName::new("here").unwrap());
        let clone = one.clone();
        assert!(one.partitions.are_shared(&clone.partitions));
        let md5 = Md5::of(b"");
        let entry = Entry {
            object: PartitionObject {
                md5,
                rows: 1,
                bytes: 1,
                summary: Summary::default(),
            },
            dataset: md5,
            seq: Seq(1),
        };
        let key = (Name::new("sale").unwrap(), Part::Bucket(0, 1));
        one.partitions.insert(key.clone(), entry);
        assert!(!one.partitions.are_shared(&clone.partitions));
        assert!(clone.partitions.is_empty() && one != clone);
        one.partitions.remove(&key);
        assert!(one == clone);
    }
}
