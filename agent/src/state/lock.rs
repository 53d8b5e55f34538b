//! One agent at a time: a lock on a file in its folder. The system releases it when the process
//! ends, however it ends.
//!
//! Abandoned work leaves threads behind, which end at their next step. The last of them releases
//! the lock.

use std::convert::Infallible;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causeway_shared::runtime::blocking::holding;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{StateError, file_error};

/// The lock's file in the agent's folder.
pub(crate) const FILE: &str = "agent.lock";

/// How long to wait for the threads that abandoned work left behind. One that hangs keeps the lock.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// The lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`StateError::Locked`] if another process has it, [`StateError::File`].
    pub(crate) fn take(state_dir: &Path) -> Result<Self, StateError> {
        let path = state_dir.join(FILE);
        let failed = |source| file_error(&path, "lock", source);
        // Refused rows are listed there, and may be personal data.
        let mut folder = DirBuilder::new();
        folder
            .recursive(true)
            .mode(0o700)
            .create(state_dir)
            .map_err(failed)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {
                let process = std::fs::read_to_string(&path).unwrap_or_default();
                let state_dir = state_dir.to_owned();
                return Err(StateError::Locked {
                    state_dir,
                    process: process.trim().parse().ok(),
                });
            }
        }
        // Only for the message that names the process; a full disk must not prevent the lock.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }

    /// Does `work` with the lock, and releases it once the last thread of the work has ended.
    pub(crate) async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        let (keep_open, mut released) = mpsc::channel::<Infallible>(1);
        let done = holding(Arc::new((self, keep_open)), work).await;
        // Where the last thread hangs instead, nothing more can be done here.
        let _ = timeout(LAST_WAIT, released.recv()).await;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::blocking;

    #[test]
    fn there_is_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = Lock::take(folder.path()).unwrap();
        let refused = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("(process {})", std::process::id())),
            "{refused}"
        );
        drop(held);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn the_message_names_no_process_whose_number_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join(FILE)).unwrap();
        file.lock().unwrap();
        let refused = Lock::take(folder.path()).unwrap_err().to_string();
        let expected = format!(
            "another causeway-agent is working on {}; wait for it, or stop it first if it is `run`",
            folder.path().display()
        );
        assert_eq!(refused, expected);
    }

    #[tokio::test]
    async fn it_outlives_a_thread_that_nobody_waits_for() {
        let folder = tempfile::tempdir().unwrap();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let abandoned = async {
            let working = blocking(move || ended.recv());
            timeout(Duration::ZERO, working).await.unwrap_err();
            Lock::take(folder.path()).unwrap_err();
            drop(end);
        };
        let lock = Lock::take(folder.path()).unwrap();
        lock.hold(abandoned).await;
        Lock::take(folder.path()).unwrap();
    }
}
