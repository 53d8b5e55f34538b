//! TLS to PostgreSQL: which connections are encrypted, and whose certificate is believed.
//!
//! The words are libpq's, in the URL's `sslmode`:
//!
//! | `sslmode` | encrypted | the server's certificate |
//! |---|---|---|
//! | `disable` | no | |
//! | `prefer`, the default | where the server can | is not checked |
//! | `require` | yes | is not checked; with a root certificate as `verify-ca` |
//! | `verify-ca` | yes | is issued by one of the root certificates |
//! | `verify-full`, the default with a root certificate | yes | and for this host |

mod verifier;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::runtime::regular_file;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use verifier::{Trust, Verifier};

/// How a connection is encrypted.
#[derive(Clone)]
pub(super) struct Encryption {
    /// The URL, without what is said here.
    pub(super) url: String,
    /// Whether TLS is used.
    pub(super) mode: SslMode,
    /// Sets it up.
    pub(super) connector: MakeRustlsConnect,
    /// Whether it is made sure that the server is the host that the URL names.
    pub(super) is_checked: bool,
}

impl fmt::Debug for Encryption {
    /// Nothing of the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryption")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Most bytes of a file of root certificates; all that a system has are a tenth of it.
const MAX_ROOTS_BYTES: u64 = 4 * 1024 * 1024;

/// How far a server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Issuer,
    IssuerAndHost,
}

impl Encryption {
    /// What a URL and the configured file of root certificates ask for. Without such a file the
    /// system's root certificates count.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub(super) fn of(url: &str, root_certificate: Option<&Path>) -> Result<Self, String> {
        let (url, word) = without_sslmode(url)?;
        let (mode, check) = meaning(word.as_deref(), root_certificate.is_some())?;
        let config = client_config(check, root_certificate)?;
        Ok(Self {
            url,
            mode,
            connector: MakeRustlsConnect::new(config),
            is_checked: check == Check::IssuerAndHost,
        })
    }
}

/// A URL without its `sslmode`, and that.
fn without_sslmode(url: &str) -> Result<(String, Option<String>), String> {
    // A password may hold a question mark.
    let after_password = url.find('@').unwrap_or(0);
    let Some(at) = url[after_password..].find('?') else {
        return Ok((url.to_owned(), None));
    };
    let (before, query) = url.split_at(after_password + at);
    let mut word = None;
    let mut kept = Vec::new();
    for parameter in query[1..].split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => word = Some(value.to_owned()),
            Some(("sslrootcert", _)) => {
                return Err(
                    "write the file of `sslrootcert` as `root_certificate` under [database]".into(),
                );
            }
            _ => kept.push(parameter),
        }
    }
    let mut url = before.to_owned();
    if !kept.is_empty() {
        url = format!("{url}?{}", kept.join("&"));
    }
    Ok((url, word))
}

fn meaning(word: Option<&str>, has_root: bool) -> Result<(SslMode, Check), String> {
    Ok(match word {
        None if has_root => (SslMode::Require, Check::IssuerAndHost),
        None | Some("prefer") => (SslMode::Prefer, Check::Nothing),
        Some("disable") => (SslMode::Disable, Check::Nothing),
        Some("require") if has_root => (SslMode::Require, Check::Issuer),
        Some("require") => (SslMode::Require, Check::Nothing),
        Some("verify-ca") => (SslMode::Require, Check::Issuer),
        Some("verify-full") => (SslMode::Require, Check::IssuerAndHost),
        Some(_) => {
            return Err(
                "`sslmode` must be disable, prefer, require, verify-ca or verify-full".into(),
            );
        }
    })
}

fn client_config(check: Check, root_certificate: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trust = match check {
        Check::Nothing => Trust::Anybody,
        Check::Issuer | Check::IssuerAndHost => {
            let roots = match root_certificate {
                Some(file) => read_roots(file)?,
                None => system_roots()?,
            };
            Trust::of(roots, check == Check::IssuerAndHost, &provider)
                .map_err(|error| format!("`root_certificate`: {error}"))?
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(trust, &provider)))
        .with_no_client_auth())
}

/// The certificates in a PEM file.
fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let named = |what: String| format!("`root_certificate` {}: {what}", file.display());
    let text = regular_file::read_text(file, MAX_ROOTS_BYTES);
    let text = text.map_err(|error| named(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(named("it holds no certificate in PEM form".into())),
        Err(error) => Err(named(error.to_string())),
    }
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(
            "this system has no root certificates; name a file as `root_certificate`".into(),
        );
    }
    Ok(found.certs)
}

/// The roots that are well-formed: a system may have others among its own.
fn store(roots: &[CertificateDer<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_taken_from_the_url_and_the_rest_stays() {
        let split = |url: &str| without_sslmode(url).unwrap();
        assert_eq!(
            split("postgres://me:p?w@db/x?a=b&sslmode=require&c=d"),
            (
                "postgres://me:p?w@db/x?a=b&c=d".into(),
                Some("require".into())
            )
        );
        assert_eq!(
            split("postgres://db/x?sslmode=disable"),
            ("postgres://db/x".into(), Some("disable".into()))
        );
        assert_eq!(split("postgres://db/x"), ("postgres://db/x".into(), None));
        assert!(without_sslmode("postgres://db/x?sslrootcert=f").is_err());
    }

    #[test]
    fn modes_mean_what_they_mean_elsewhere() {
        use Check::{Issuer, IssuerAndHost, Nothing};
        let meant = |word, has_root| meaning(word, has_root).unwrap();
        assert_eq!(meant(None, false), (SslMode::Prefer, Nothing));
        assert_eq!(meant(None, true), (SslMode::Require, IssuerAndHost));
        assert_eq!(meant(Some("prefer"), true), (SslMode::Prefer, Nothing));
        assert_eq!(meant(Some("disable"), true), (SslMode::Disable, Nothing));
        assert_eq!(meant(Some("require"), false), (SslMode::Require, Nothing));
        assert_eq!(meant(Some("require"), true), (SslMode::Require, Issuer));
        assert_eq!(meant(Some("verify-ca"), true), (SslMode::Require, Issuer));
        assert_eq!(
            meant(Some("verify-full"), false),
            (SslMode::Require, IssuerAndHost)
        );
        assert!(meaning(Some("allow"), false).is_err());
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Encryption::of("postgres://db/x", Some(file.path())).unwrap_err();
        assert!(
            error.ends_with("it holds no certificate in PEM form"),
            "{error}"
        );
        let error = Encryption::of("postgres://db/x", Some(Path::new("/no/such"))).unwrap_err();
        assert!(
            error.starts_with("`root_certificate` /no/such: "),
            "{error}"
        );
        let error = Encryption::of("postgres://db/x", Some(Path::new("/dev/zero"))).unwrap_err();
        assert_eq!(
            error,
            "`root_certificate` /dev/zero: it is a device, not a file"
        );
    }
}
