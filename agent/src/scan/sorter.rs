//! An external sorter: records of bytes, in the order of their keys, in bounded memory.
//!
//! Records gather in one block of memory with an index of fixed-size entries, which alone are
//! sorted. A full block is written to disk as a sorted run; reading merges the runs. Keys compare
//! as bytes. Input that arrives in order costs one comparison per record.

mod merge;
mod run;

use std::io;

use super::spill::{RunFile, SpillDir};
use merge::Merge;

/// Most runs that are merged at once; each needs a buffer.
const FAN_IN: usize = 128;

/// Gathers records.
#[derive(Debug)]
pub(super) struct Sorter<'d> {
    spill: &'d SpillDir,
    memory_bytes: usize,
    block: Block,
    runs: Option<RunFile>,
}

/// Sorted records, to be read any number of times.
#[derive(Debug)]
pub(super) struct Sorted {
    buffer_bytes: usize,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Memory(Block),
    Disk(RunFile),
}

/// Records in memory.
#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    index: Vec<SortEntry>,
}

/// A record in a block.
#[derive(Debug, Clone, Copy)]
struct SortEntry {
    /// The beginning of the key; it settles nearly every comparison.
    prefix: u128,
    start: usize,
    key_bytes: u32,
    payload_bytes: u32,
}

/// The first sixteen bytes of a key as a number of the same order, a shorter key padded with
/// zeros.
fn prefix(key: &[u8]) -> u128 {
    let mut first = [0; 16];
    let bytes = key.len().min(first.len());
    first[..bytes].copy_from_slice(&key[..bytes]);
    u128::from_be_bytes(first)
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl Block {
    fn bytes_with(&self, record_bytes: usize) -> usize {
        self.bytes.len() + record_bytes + (self.index.len() + 1) * size_of::<SortEntry>()
    }

    fn key(&self, entry: &SortEntry) -> &[u8] {
        &self.bytes[entry.start..][..entry.key_bytes as usize]
    }

    fn payload(&self, entry: &SortEntry) -> &[u8] {
        &self.bytes[entry.start + entry.key_bytes as usize..][..entry.payload_bytes as usize]
    }

    fn sort(&mut self) {
        let mut index = std::mem::take(&mut self.index);
        index.sort_unstable_by(|a, b| {
            a.prefix
                .cmp(&b.prefix)
                .then_with(|| self.key(a).cmp(self.key(b)))
        });
        self.index = index;
    }
}

impl<'d> Sorter<'d> {
    /// One that keeps at most about `memory_bytes` in memory (and always one record).
    pub(super) fn new(spill: &'d SpillDir, memory_bytes: usize) -> Self {
        Self {
            spill,
            memory_bytes,
            block: Block::default(),
            runs: None,
        }
    }

    /// Takes a record.
    pub(super) fn push(&mut self, key: &[u8], payload: &[u8]) -> io::Result<()> {
        if self.block.bytes_with(key.len() + payload.len()) > self.memory_bytes {
            self.spill()?;
        }
        self.block.index.push(SortEntry {
            prefix: prefix(key),
            start: self.block.bytes.len(),
            key_bytes: length(key)?,
            payload_bytes: length(payload)?,
        });
        self.block.bytes.extend_from_slice(key);
        self.block.bytes.extend_from_slice(payload);
        Ok(())
    }

    /// Writes the records in memory to disk as a run.
    fn spill(&mut self) -> io::Result<()> {
        if self.block.index.is_empty() {
            return Ok(());
        }
        self.block.sort();
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(RunFile::new(self.spill)?),
        };
        let block = &self.block;
        runs.append(|out| {
            block
                .index
                .iter()
                .try_for_each(|entry| run::write(out, block.key(entry), block.payload(entry)))
        })?;
        self.block.bytes.clear();
        self.block.index.clear();
        Ok(())
    }

    /// Sorts. What is small stays in memory; the rest is on disk until it is dropped.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        let keep_bytes = self.memory_bytes / 8;
        if self.runs.is_none() && self.block.bytes_with(0) <= keep_bytes {
            self.block.sort();
            self.block.bytes.shrink_to_fit();
            self.block.index.shrink_to_fit();
        } else {
            self.spill()?;
            self.block = Block::default();
        }
        let mut held = match self.runs {
            None => Held::Memory(self.block),
            Some(runs) => Held::Disk(runs),
        };
        while let Held::Disk(runs) = &held
            && runs.len() > FAN_IN
        {
            held = Held::Disk(fewer(runs, self.spill, self.memory_bytes)?);
        }
        let buffer_bytes = match &held {
            Held::Memory(_) => 0,
            Held::Disk(runs) => buffer_bytes(self.memory_bytes, runs.len()),
        };
        Ok(Sorted { buffer_bytes, held })
    }
}

/// Merges runs, as many at a time as may be, into longer ones.
fn fewer(runs: &RunFile, spill: &SpillDir, memory_bytes: usize) -> io::Result<RunFile> {
    let mut longer = RunFile::new(spill)?;
    for first in (0..runs.len()).step_by(FAN_IN) {
        let group = first..runs.len().min(first + FAN_IN);
        let mut merge = Merge::new(runs.read(group), buffer_bytes(memory_bytes, FAN_IN))?;
        longer.append(|out| {
            while merge.advance()? {
                run::write(out, merge.key(), merge.payload())?;
            }
            Ok(())
        })?;
    }
    Ok(longer)
}

/// A run's share of the memory.
fn buffer_bytes(memory_bytes: usize, runs: usize) -> usize {
    (memory_bytes / runs.max(1)).clamp(4 * 1024, 256 * 1024)
}

impl Sorted {
    /// The records in key order, from the first.
    pub(super) fn stream(&self) -> io::Result<Stream<'_>> {
        Ok(match &self.held {
            Held::Memory(block) => Stream::Memory { block, next: 0 },
            Held::Disk(runs) => {
                Stream::Merge(Merge::new(runs.read(0..runs.len()), self.buffer_bytes)?)
            }
        })
    }
}

/// Sorted records on their way out. Stands before the first until [`advance`](Self::advance).
pub(super) enum Stream<'s> {
    /// From memory.
    #[expect(
        private_interfaces,
        reason = "only this module makes and takes it apart"
    )]
    Memory {
        /// All records.
        block: &'s Block,
        /// The number of those that have been passed or are stood on.
        next: usize,
    },
    /// From disk.
    Merge(Merge<'s>),
}

impl Stream<'_> {
    /// Goes to the next record; `false` at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        match self {
            Self::Memory { block, next } => {
                let there = *next < block.index.len();
                *next += 1;
                Ok(there)
            }
            Self::Merge(merge) => merge.advance(),
        }
    }

    /// The key of the record stood on.
    pub(super) fn key(&self) -> &[u8] {
        match self {
            Self::Memory { block, next } => block.key(&block.index[*next - 1]),
            Self::Merge(merge) => merge.key(),
        }
    }

    /// The payload of the record stood on.
    pub(super) fn payload(&self) -> &[u8] {
        match self {
            Self::Memory { block, next } => block.payload(&block.index[*next - 1]),
            Self::Merge(merge) => merge.payload(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Records = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(sorted: &Sorted) -> Records {
        let mut stream = sorted.stream().unwrap();
        let mut records = Records::new();
        while stream.advance().unwrap() {
            records.push((stream.key().to_vec(), stream.payload().to_vec()));
        }
        records
    }

    fn sort(records: &Records, memory_bytes: usize) -> (Records, Records) {
        let folder = tempfile::tempdir().unwrap();
        let spill = SpillDir::new(folder.path()).unwrap();
        let mut sorter = Sorter::new(&spill, memory_bytes);
        records
            .iter()
            .for_each(|(key, payload)| sorter.push(key, payload).unwrap());
        let sorted = sorter.finish().unwrap();
        let twice = (read(&sorted), read(&sorted));
        drop(sorted);
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            0,
            "files were left"
        );
        twice
    }

    #[test]
    fn more_runs_than_can_be_merged_at_once() {
        let records: Records = (0..5_000u32)
            .rev()
            .map(|n| (n.to_be_bytes().to_vec(), vec![7; 9]))
            .collect();
        let (sorted, _) = sort(&records, 512);
        assert!(sorted.iter().eq(records.iter().rev()));
    }

    #[test]
    fn a_record_larger_than_the_memory() {
        let records = vec![(vec![2], vec![1; 50_000]), (vec![1], vec![])];
        assert_eq!(
            sort(&records, 64).0,
            vec![records[1].clone(), records[0].clone()]
        );
    }

    proptest! {
        #[test]
        fn sorted_as_in_memory(
            records in prop::collection::vec(
                (prop::collection::vec(0u8..3, 0..20), prop::collection::vec(any::<u8>(), 0..8)),
                0..300),
            memory_bytes in 0usize..20_000,
        ) {
            let (mut sorted, again) = sort(&records, memory_bytes);
            prop_assert_eq!(&sorted, &again);
            prop_assert!(sorted.is_sorted_by_key(|record| record.0.clone()));
            let mut expected = records;
            // Records of one key may come in any order.
            expected.sort();
            sorted.sort();
            prop_assert_eq!(sorted, expected);
        }
    }
}
