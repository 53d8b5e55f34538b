//! Ending a program at each of its steps in turn, without the program's help: a library that is
//! loaded before it counts the calls that change a file, and stops it at one of them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::preload;

const LIBRARY: &str = include_str!("../crash/crash.c");

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// SIGKILL before it.
    Kill,
    /// SIGKILL in the middle of it: half of the bytes are written. Only writes are steps.
    Torn,
    /// It fails, and all after it: the disk is broken.
    Broken,
    /// It fails, and all after it that need space: the disk is full. Only those are steps.
    Full,
}

/// Ends programs at a step.
#[derive(Debug)]
pub struct Crash {
    folder: TempDir,
}

impl Crash {
    /// Builds the library.
    ///
    /// # Panics
    /// Without a C compiler; but then nothing here was built either.
    #[must_use]
    pub fn build() -> Self {
        let folder = preload::build("crash", LIBRARY);
        Self { folder }
    }

    /// The variables that end a program at its `step`-th call, from 1, that changes a file in one
    /// of these folders, and not in one whose path contains one of `except`.
    ///
    /// # Panics
    /// For a path that is not UTF-8.
    #[must_use]
    pub fn at(
        &self,
        step: u64,
        how: How,
        under: &[&Path],
        except: &[&str],
    ) -> [(String, String); 6] {
        let _ = fs::remove_file(self.mark());
        let how = match how {
            How::Kill => "kill",
            How::Torn => "torn",
            How::Broken => "eio",
            How::Full => "enospc",
        };
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let under: Vec<String> = under.iter().map(|path| text(path)).collect();
        [
            ("LD_PRELOAD", text(&self.folder.path().join("crash.so"))),
            ("CRASH_UNDER", under.join(":")),
            ("CRASH_EXCEPT", except.join(":")),
            ("CRASH_AT", step.to_string()),
            ("CRASH_HOW", how.to_owned()),
            ("CRASH_MARK", text(&self.mark())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Whether the program that was started last came as far as its step.
    #[must_use]
    pub fn was_reached(&self) -> bool {
        self.mark().exists()
    }

    fn mark(&self) -> std::path::PathBuf {
        self.folder.path().join("reached")
    }
}
