//! The servers that the testbed started, as it names them in the environment.

/// A URL of a superuser on the throw-away PostgreSQL cluster.
pub(crate) const POSTGRES: &str = "CAUSEWAY_TEST_POSTGRES";
/// The folder of that cluster's certificate, `server.crt`, and its issuer's, `ca.crt`.
pub(crate) const CERTIFICATES: &str = "CAUSEWAY_TEST_CERTIFICATES";
/// The S3 endpoint of the throw-away SeaweedFS.
pub(crate) const S3: &str = "CAUSEWAY_TEST_S3";
/// The bucket that is there from the start.
pub(crate) const BUCKET: &str = "causeway-test";

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
