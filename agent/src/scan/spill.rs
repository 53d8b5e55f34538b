//! Temporary files for what does not fit in memory. They have no name where the system allows it,
//! so that a process that is killed leaves none behind.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where temporary files are made.
#[derive(Debug, Clone)]
pub(super) struct SpillDir(PathBuf);

impl SpillDir {
    /// A folder for temporary files, made if it is not there.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// A new temporary file, gone when it is dropped.
    pub(super) fn file(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.0)
    }
}

/// A temporary file of consecutive runs: sequences of records, each sorted in itself.
#[derive(Debug)]
pub(super) struct RunFile {
    file: File,
    runs: Vec<Range<u64>>,
}

impl RunFile {
    pub(super) fn new(spill: &SpillDir) -> io::Result<Self> {
        Ok(Self {
            file: spill.file()?,
            runs: Vec::new(),
        })
    }

    /// Appends what `write` writes as a run.
    pub(super) fn append(
        &mut self,
        write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
    ) -> io::Result<()> {
        const BUFFER_BYTES: usize = 256 * 1024;
        let start = self.runs.last().map_or(0, |run| run.end);
        self.file.seek(SeekFrom::Start(start))?;
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, &mut self.file);
        write(&mut writer)?;
        writer.flush()?;
        drop(writer);
        let end = self.file.stream_position()?;
        self.runs.push(start..end);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// A reader of each of some runs.
    pub(super) fn read(&self, runs: Range<usize>) -> impl ExactSizeIterator<Item = RunBytes<'_>> {
        self.runs[runs].iter().map(|run| RunBytes {
            file: &self.file,
            position: run.start,
            end: run.end,
        })
    }
}

/// The bytes of one run. Readers of a file share its handle, so each goes to its own place before
/// it reads; the buffers above make that rare.
#[derive(Debug)]
pub(super) struct RunBytes<'f> {
    file: &'f File,
    position: u64,
    end: u64,
}

impl Read for RunBytes<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(self.position))?;
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = into.len().min(left);
        let read = self.file.read(&mut into[..wanted])?;
        self.position += read as u64;
        Ok(read)
    }
}
