//! How much of the heap lies idle, and what it costs to share it.
//!
//! The C library gives threads heaps of their own, up to eight for each core, and what one of them frees
//! stays there for its next need. On SQLite a service reads thousands of partitions on whatever thread is
//! free: each keeps room for all of them. A large buffer stays in the heap as well, once one of its size
//! was freed.

/// As many as threads seldom wait for each other with.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAPS: libc::c_int = 2;
/// What is larger goes back to the system as soon as it is freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BYTES: libc::c_int = 128 * 1024;

/// Has all threads share a few heaps, and keeps large buffers out of them. Called before there is a second
/// thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "the C library has no other way but its environment"
)]
pub(crate) fn share() {
    // SAFETY: each takes two numbers, and no other thread is there: mallopt(3).
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}

/// Other C libraries have one heap, or cannot say.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share() {}

/// Has SQLite not count what it takes of the heap: threads that search at once would wait for each other at every
/// piece. Called before SQLite is used.
#[expect(unsafe_code, reason = "there is no safe call of SQLite's for it")]
pub(crate) fn leave_uncounted() {
    use rusqlite::ffi::{SQLITE_CONFIG_MEMSTATUS, sqlite3_config};
    // SAFETY: the option takes a number, and no thread has called SQLite yet: sqlite3_config(3).
    let answer = unsafe { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) };
    debug_assert_eq!(answer, rusqlite::ffi::SQLITE_OK, "SQLite is in use");
}
