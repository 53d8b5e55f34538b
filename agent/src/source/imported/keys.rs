//! The keys that the store has of a table to which rows of an import refer: on disk, as they came.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use causeway_shared::canonical_csv::split_fields;
use causeway_shared::dataset::Table;

use super::kept::key_of;

/// The keys of one table's rows, in the form in which they sort.
#[derive(Debug)]
pub(crate) struct StoredKeys {
    file: BufWriter<File>,
    table: Table,
}

impl StoredKeys {
    /// None yet, in a temporary file that is gone when this is dropped.
    pub(crate) fn create(folder: &Path, table: &Table) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(tempfile::tempfile_in(folder)?),
            table: table.clone(),
        })
    }

    /// Adds the key of a canonical record, without its line feed. One that the dataset does not take any
    /// more is nobody's.
    pub(crate) fn add(&mut self, record: &[u8]) -> io::Result<()> {
        let mut fields = Vec::new();
        split_fields(record, &mut fields).map_err(io::Error::other)?;
        if let Some(key) = key_of(&self.table, &fields) {
            let length = u32::try_from(key.len()).map_err(io::Error::other)?;
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(&key)?;
        }
        Ok(())
    }

    /// Writes what is in memory to the file.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Gives every key to `each`.
    pub(crate) fn each(&self, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut file = self.file.get_ref();
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::new(file);
        let (mut at, mut length, mut key) = (0, [0; 4], Vec::new());
        while at < end {
            file.read_exact(&mut length)?;
            key.resize(u32::from_le_bytes(length) as usize, 0);
            file.read_exact(&mut key)?;
            each(&key)?;
            at += (length.len() + key.len()) as u64;
        }
        Ok(())
    }
}
