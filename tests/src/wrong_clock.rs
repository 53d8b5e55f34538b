//! A wall clock that is wrong, and jumps while a program runs: a library that is loaded before it
//! shifts what it is told.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::preload;

const LIBRARY: &str = include_str!("../clock/clock.c");

/// The clock of the programs that are started with its [variables](Self::variables).
#[derive(Debug)]
pub struct WrongClock {
    folder: TempDir,
}

impl WrongClock {
    /// One that is right so far.
    ///
    /// # Panics
    /// Without a C compiler; but then nothing here was built either.
    #[must_use]
    pub fn build() -> Self {
        let folder = preload::build("clock", LIBRARY);
        Self { folder }
    }

    /// What a program is started with.
    ///
    /// # Panics
    /// For a temporary folder that is not UTF-8.
    #[must_use]
    pub fn variables(&self) -> [(String, String); 2] {
        [("LD_PRELOAD", "clock.so"), ("CLOCK_SHIFT", "shift")].map(|(name, file)| {
            let path = self.folder.path().join(file);
            (name.to_owned(), path.to_str().unwrap().to_owned())
        })
    }

    /// Puts it forward of the true time.
    ///
    /// # Panics
    /// If the shift cannot be written.
    pub fn jump_ahead(&self, by: Duration) {
        self.shift(&by.as_secs().to_string());
    }

    /// Puts it behind the true time.
    ///
    /// # Panics
    /// If the shift cannot be written.
    pub fn jump_back(&self, by: Duration) {
        self.shift(&format!("-{}", by.as_secs()));
    }

    /// At once, so that no look meets half of it.
    fn shift(&self, seconds: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, seconds).unwrap();
        fs::rename(new, self.folder.path().join("shift")).unwrap();
    }
}
