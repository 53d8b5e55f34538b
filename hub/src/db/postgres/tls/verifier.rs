//! Whose certificate is believed.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::store;

/// Who is believed to be the server.
#[derive(Debug)]
pub(super) enum Trust {
    /// Whoever answers: what is sent cannot be overheard, but whom it is sent to is not known.
    Anybody,
    /// Whoever has a certificate of these.
    IssuedBy {
        /// The root certificates. One that a server shows as its own is believed as well, as long
        /// as it is named and whatever dates it bears: that is how a self-signed one is named, and
        /// its end would only cut a hub off from the very server that was meant.
        roots: Vec<CertificateDer<'static>>,
        /// Follows a chain of certificates to them.
        chain: Arc<WebPkiServerVerifier>,
        /// Whether the certificate has to be for the host that is connected to.
        this_host: bool,
    },
}

impl Trust {
    /// In those who are certified by one of `roots`.
    ///
    /// # Errors
    /// If none of them can be used.
    pub(super) fn of(
        roots: Vec<CertificateDer<'static>>,
        this_host: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let chain = WebPkiServerVerifier::builder_with_provider(
            Arc::new(store(&roots)),
            Arc::clone(provider),
        );
        Ok(Self::IssuedBy {
            roots,
            chain: chain.build()?,
            this_host,
        })
    }
}

/// Checks a server's certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(trust: Trust, provider: &CryptoProvider) -> Self {
        Self {
            trust,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trust::IssuedBy {
            roots,
            chain,
            this_host,
        } = &self.trust
        else {
            return Ok(ServerCertVerified::assertion());
        };
        if roots.iter().any(|root| root == end_entity) {
            if *this_host {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        // The name is what it looks at last: all else was right.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !this_host => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
