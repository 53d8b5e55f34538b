//! A disk that falls silent: a library that is loaded before a program lets its calls on some files
//! never come back.

use tempfile::TempDir;

use crate::preload;

const LIBRARY: &str = include_str!("../stall/stall.c");

/// Lets a program wait for a disk.
#[derive(Debug)]
pub struct Stall {
    folder: TempDir,
}

impl Stall {
    /// Builds the library.
    ///
    /// # Panics
    /// Without a C compiler; but then nothing here was built either.
    #[must_use]
    pub fn build() -> Self {
        let folder = preload::build("stall", LIBRARY);
        Self { folder }
    }

    /// The variables that let a program wait for ever for files whose path contains `part`.
    #[must_use]
    pub fn at(&self, part: &str) -> [(String, String); 3] {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        [
            ("LD_PRELOAD", path("stall.so")),
            ("STALL_AT", part.to_owned()),
            ("STALL_MARK", path("reached")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Whether a program waits for such a file, or did.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        self.folder.path().join("reached").exists()
    }
}
