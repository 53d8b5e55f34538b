//! What a run of tests is told by its environment: the servers that the testbed started, and how long
//! to go on, what may be done here.

/// A URL of a superuser on the throw-away PostgreSQL cluster.
pub(crate) const POSTGRES: &str = "CAUSEWAY_TEST_POSTGRES";
/// The folder of that cluster's certificate, `server.crt`, and its issuer's, `ca.crt`.
pub(crate) const CERTIFICATES: &str = "CAUSEWAY_TEST_CERTIFICATES";
/// The S3 endpoint of the throw-away SeaweedFS.
pub(crate) const S3: &str = "CAUSEWAY_TEST_S3";
/// The bucket that is there from the start.
pub(crate) const BUCKET: &str = "causeway-test";

/// Set by `./test --soak`.
const SOAK: &str = "CAUSEWAY_TEST_SOAK";

/// Set by `./test` where it found that a test may mount what only it sees.
const MOUNT: &str = "CAUSEWAY_TEST_MOUNT";

/// Whether a test that needs a mount of its own has to run: elsewhere `./test` says that it did not.
#[expect(
    clippy::disallowed_methods,
    reason = "the test command speaks to tests by environment"
)]
#[must_use]
pub fn may_mount() -> bool {
    std::env::var_os(MOUNT).is_some()
}

/// Whether tests that can go on for longer are asked to.
#[expect(
    clippy::disallowed_methods,
    reason = "the test command speaks to tests by environment"
)]
#[must_use]
pub fn soaks() -> bool {
    std::env::var_os(SOAK).is_some()
}

/// The value of one of these variables.
///
/// # Panics
/// Where the testbed did not start this test: to skip it would look like success.
#[expect(
    clippy::disallowed_methods,
    reason = "the testbed speaks to tests by environment"
)]
pub(crate) fn server(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(value) => value,
        Err(_) => panic!("{variable} is not set: this test needs servers; run it with ./test"),
    }
}
