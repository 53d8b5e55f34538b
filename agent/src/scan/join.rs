//! Where a child's parent is: rows of a table that is partitioned `via` another go to the part of
//! the row whose key they hold.

use std::cmp::Ordering;
use std::io;

use super::row_set::RowSet;
use super::sorter::{Sorted, Stream};
use super::stored::{PartCode, damaged};

/// What is kept of an accepted row beside its key: its number and its part.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyPlace {
    pub(super) at: u64,
    pub(super) part: PartCode,
}

impl KeyPlace {
    pub(super) fn write(&self, payload: &mut Vec<u8>) {
        payload.clear();
        payload.extend_from_slice(&self.at.to_le_bytes());
        payload.extend_from_slice(&self.part.0);
    }

    pub(super) fn read(payload: &[u8]) -> io::Result<Self> {
        let (at, part) = payload.split_first_chunk().ok_or_else(damaged)?;
        let part = part.try_into().map_err(|_| damaged())?;
        Ok(Self {
            at: u64::from_le_bytes(*at),
            part: PartCode(part),
        })
    }
}

/// A table's committed keys in ascending order, to be asked for in ascending order.
pub(super) struct Keys<'s> {
    stream: Stream<'s>,
    /// Keys of these rows are not committed.
    refused: &'s RowSet,
    /// Whether the stream stands on a key that has not been passed.
    stands: bool,
    ended: bool,
    /// The key asked for last, and where it is.
    asked: Vec<u8>,
    answer: Option<PartCode>,
}

impl<'s> Keys<'s> {
    /// Stands before the first key.
    pub(super) fn new(keys: &'s Sorted, refused: &'s RowSet) -> io::Result<Self> {
        Ok(Self {
            stream: keys.stream()?,
            refused,
            stands: false,
            ended: false,
            asked: Vec::new(),
            answer: None,
        })
    }

    /// Whether this key can still be asked for.
    pub(super) fn can_find(&self, key: &[u8]) -> bool {
        key >= self.asked.as_slice()
    }

    /// The part of the committed row with this key. Keys must be asked for in ascending order.
    pub(super) fn find(&mut self, key: &[u8]) -> io::Result<Option<PartCode>> {
        if key == self.asked {
            return Ok(self.answer);
        }
        self.asked.clear();
        self.asked.extend_from_slice(key);
        self.answer = None;
        loop {
            if !self.stands && !self.ended {
                self.stands = self.stream.advance()?;
                self.ended = !self.stands;
            }
            if self.ended {
                return Ok(self.answer);
            }
            match self.stream.key().cmp(key) {
                Ordering::Greater => return Ok(self.answer),
                Ordering::Less => {}
                Ordering::Equal => {
                    let place = KeyPlace::read(self.stream.payload())?;
                    if !self.refused.contains(place.at) {
                        self.answer = Some(place.part);
                    }
                }
            }
            self.stands = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sorter::Sorter;
    use super::super::spill::SpillDir;
    use super::*;

    #[test]
    fn finds_committed_rows_only() {
        let folder = tempfile::tempdir().unwrap();
        let spill = SpillDir::new(folder.path()).unwrap();
        let mut sorter = Sorter::new(&spill, 1_000);
        let mut refused = RowSet::default();
        let mut payload = Vec::new();
        // Row n holds key n / 2; of each pair the first is refused, and all of key 3.
        for at in 0..10u64 {
            KeyPlace {
                at,
                part: PartCode([u8::try_from(at).unwrap(); 4]),
            }
            .write(&mut payload);
            sorter
                .push(&[u8::try_from(at / 2).unwrap()], &payload)
                .unwrap();
            if at % 2 == 0 || at / 2 == 3 {
                refused.insert(at);
            }
        }
        let sorted = sorter.finish().unwrap();
        let mut keys = Keys::new(&sorted, &refused).unwrap();
        let found: Vec<Option<u8>> = [1, 1, 2, 3, 4, 9]
            .iter()
            .map(|key| keys.find(&[*key]).unwrap().map(|part| part.0[0]))
            .collect();
        assert_eq!(found, [Some(3), Some(3), Some(5), None, Some(9), None]);
        assert!(!keys.can_find(&[8]));
    }
}
