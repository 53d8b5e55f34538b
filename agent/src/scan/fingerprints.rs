//! A proof, for nearly nothing, that values are all different.
//!
//! Equal values have equal fingerprints of 64 bits. If no fingerprint comes twice, no value does;
//! the few that come twice are looked at again, exactly. So the common case, in which nothing is
//! wrong, costs eight bytes and one integer sort per row.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, BufReader, Read as _, Write as _};

use super::spill::{RunBytes, RunFile, SpillDir};

/// Past this many repeated fingerprints it is cheaper to look at every row than to tell which.
const MAX_REPEATED: usize = 64 * 1024;

/// Fingerprints of a table's values.
#[derive(Debug)]
pub(super) struct Fingerprints<'d> {
    spill: &'d SpillDir,
    /// How many are kept in memory.
    capacity: usize,
    held: Vec<u64>,
    runs: Option<RunFile>,
    /// How many there are on disk.
    spilled: usize,
}

/// The fingerprints that came more than once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Repeated {
    /// These, ascending; mostly none.
    These(Vec<u64>),
    /// More than are worth telling apart.
    Many,
}

impl Repeated {
    /// Whether none was repeated: all values are different.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::These(repeated) if repeated.is_empty())
    }

    /// Whether a value of this fingerprint may have come more than once.
    pub(super) fn may_hold(&self, fingerprint: u64) -> bool {
        match self {
            Self::These(repeated) => repeated.binary_search(&fingerprint).is_ok(),
            Self::Many => true,
        }
    }
}

/// The fingerprint of a value's bytes.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

impl<'d> Fingerprints<'d> {
    /// None yet; at most `memory_bytes` of them stay in memory.
    pub(super) fn new(spill: &'d SpillDir, memory_bytes: usize) -> Self {
        let capacity = (memory_bytes / size_of::<u64>()).max(1);
        Self {
            spill,
            capacity,
            held: Vec::new(),
            runs: None,
            spilled: 0,
        }
    }

    /// Takes one.
    pub(super) fn push(&mut self, fingerprint: u64) -> io::Result<()> {
        if self.held.len() == self.capacity {
            self.spill()?;
        }
        self.held.push(fingerprint);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.held.sort_unstable();
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(RunFile::new(self.spill)?),
        };
        runs.append(|out| {
            self.held
                .iter()
                .try_for_each(|f| out.write_all(&f.to_le_bytes()))
        })?;
        self.spilled += self.held.len();
        self.held.clear();
        Ok(())
    }

    /// Which of them came more than once.
    pub(super) fn repeated(mut self) -> io::Result<Repeated> {
        let mut found = Vec::new();
        if self.runs.is_none() {
            collect_repeated(&mut self.held, &mut found);
            return Ok(of(found));
        }
        self.spill()?;
        let Some(runs) = &self.runs else {
            return Ok(of(found));
        };
        let mut readers = Vec::with_capacity(runs.len());
        for run in runs.read(0..runs.len()) {
            readers.push(
                FingerprintRun {
                    file: BufReader::new(run),
                    next: None,
                }
                .stepped()?,
            );
        }
        // Fingerprints are spread evenly, so equal slices of their range hold equal numbers of
        // them: as many slices as it takes for one to fit in memory.
        let slices = (self.spilled / self.capacity + 1) as u64;
        let width = u64::MAX / slices;
        for slice in 1..=slices {
            let last = if slice == slices {
                u64::MAX
            } else {
                width * slice
            };
            self.held.clear();
            for reader in &mut readers {
                while let Some(next) = reader.next.filter(|next| *next <= last) {
                    self.held.push(next);
                    reader.step()?;
                }
            }
            collect_repeated(&mut self.held, &mut found);
            if found.len() > MAX_REPEATED {
                return Ok(Repeated::Many);
            }
        }
        Ok(of(found))
    }
}

fn of(found: Vec<u64>) -> Repeated {
    if found.len() > MAX_REPEATED {
        Repeated::Many
    } else {
        Repeated::These(found)
    }
}

/// Appends those that stand more than once.
fn collect_repeated(fingerprints: &mut [u64], found: &mut Vec<u64>) {
    fingerprints.sort_unstable();
    for pair in fingerprints.windows(2) {
        if pair[0] == pair[1] && found.last() != Some(&pair[0]) {
            found.push(pair[0]);
        }
    }
}

/// A run being read.
struct FingerprintRun<'f> {
    file: BufReader<RunBytes<'f>>,
    next: Option<u64>,
}

impl FingerprintRun<'_> {
    fn stepped(mut self) -> io::Result<Self> {
        self.step()?;
        Ok(self)
    }

    fn step(&mut self) -> io::Result<()> {
        let mut bytes = [0; size_of::<u64>()];
        self.next = match self.file.read_exact(&mut bytes) {
            Ok(()) => Some(u64::from_le_bytes(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn repeated(fingerprints: &[u64], memory_bytes: usize) -> Repeated {
        let folder = tempfile::tempdir().unwrap();
        let spill = SpillDir::new(folder.path()).unwrap();
        let mut all = Fingerprints::new(&spill, memory_bytes);
        fingerprints.iter().for_each(|f| all.push(*f).unwrap());
        all.repeated().unwrap()
    }

    #[test]
    fn too_many_to_tell() {
        let twice: Vec<u64> = (0..70_000).chain(0..70_000).collect();
        assert_eq!(repeated(&twice, 1 << 20), Repeated::Many);
        assert!(repeated(&twice, 1 << 20).may_hold(1 << 40));
    }

    proptest! {
        #[test]
        fn exactly_those_that_come_twice(
            seeds in prop::collection::vec(0u64..60, 0..200),
            memory_bytes in 0usize..400,
        ) {
            // Spread over the whole range, its ends included.
            let all: Vec<u64> = seeds.iter().map(|seed| match seed {
                0 => 0,
                1 => u64::MAX,
                seed => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            }).collect();
            let mut counts = BTreeMap::new();
            all.iter().for_each(|f| *counts.entry(*f).or_insert(0) += 1);
            let expected = counts.into_iter().filter(|(_, n)| *n > 1).map(|(f, _)| f).collect();
            prop_assert_eq!(repeated(&all, memory_bytes), Repeated::These(expected));
        }
    }
}
