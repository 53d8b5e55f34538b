//! One agent at a time: a lock on a file in its folder, which the system lets go of when the
//! process ends, however it ends.
//!
//! Work that is abandoned leaves threads behind that only end at their next step. The lock falls
//! with the last of them.

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

/// How long threads that abandoned work left behind are waited for. One that hangs keeps the lock.
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
        // Refused rows are listed there: they are nobody else's business.
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
                    process: process.trim().to_owned(),
                });
            }
        }
        // Only so that the message can say who, which a full disk may not prevent.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }

    /// Does `work` with the lock, and lets go of it once no thread works on.
    pub(crate) async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        let (letting_go, mut let_go) = mpsc::channel::<Infallible>(1);
        let done = holding(Arc::new((self, letting_go)), work).await;
        // Whether the last thread has ended or hangs: there is nothing more to be done here.
        let _ = timeout(LAST_WAIT, let_go.recv()).await;
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
