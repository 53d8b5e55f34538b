//! Tokens and sessions: 256 random bits each, of which the store keeps a hash.
//!
//! They are random through and through, so one round of SHA-256 hides them: there is no list of
//! likely ones that a slow hash would protect from.

use std::fmt;
use std::io;

use causeway_shared::runtime::chance;
use sha2::{Digest as _, Sha256};

/// What every token begins with, so that a leaked one can be searched for.
const PREFIX: &str = "cw_";
/// 256 bits in letters of six bits.
const LETTERS: usize = 43;
/// The alphabet of base64url (RFC 4648, section 5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An API token: `cw_` and 43 letters of base64url. Shown once, when it is made.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// A new token.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub(crate) fn random() -> io::Result<Self> {
        let mut bits = [0; 32];
        chance::fill(&mut bits)?;
        Ok(Self(format!("{PREFIX}{}", base64url(&bits))))
    }

    /// Reads a token's text; `None` for anything that cannot be one.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let letters = text.strip_prefix(PREFIX)?;
        is_secret(letters).then(|| Self(text.to_owned()))
    }

    /// The text, for its owner.
    #[must_use]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Its last four letters, by which an owner knows it again.
    #[must_use]
    pub(crate) fn ending(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }

    /// What the store keeps of it.
    #[must_use]
    pub(crate) fn hash(&self) -> Hash {
        Hash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(…{})", self.ending())
    }
}

/// What a signed-in browser keeps as its cookie: new at every sign-in, and taken as a cookie only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Session(String);

impl Session {
    /// A new session.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub(crate) fn random() -> io::Result<Self> {
        let mut bits = [0; 32];
        chance::fill(&mut bits)?;
        Ok(Self(base64url(&bits)))
    }

    /// Reads a cookie's value; `None` for anything that cannot be one.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        is_secret(text).then(|| Self(text.to_owned()))
    }

    /// The cookie's value.
    #[must_use]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    #[must_use]
    pub(crate) fn hash(&self) -> Hash {
        Hash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}

/// The SHA-256 of a secret, written as 64 hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    /// Whether a hash that the store wrote down is this one, in a time that does not tell how
    /// much of it is.
    #[must_use]
    pub(crate) fn is(&self, written: &str) -> bool {
        let own = self.to_string();
        let differing = own
            .bytes()
            .zip(written.bytes())
            .fold(0, |bits, (a, b)| bits | (a ^ b));
        own.len() == written.len() && std::hint::black_box(differing) == 0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn is_secret(letters: &str) -> bool {
    letters.len() == LETTERS && letters.bytes().all(|letter| ALPHABET.contains(&letter))
}

/// Bytes in letters of six bits, without padding.
fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let of = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = of(0) << 16 | of(1) << 8 | of(2);
        for letter in 0..=three.len() {
            let index = bits >> (18 - 6 * letter) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_of_known_bytes() {
        let texts = [&b""[..], b"f", b"fo", b"foo", b"\xfb\xff\xfe"].map(base64url);
        assert_eq!(texts, ["", "Zg", "Zm8", "Zm9v", "-__-"]);
    }

    #[test]
    fn a_token_is_read_as_it_is_shown() {
        let token = Token::random().unwrap();
        assert_eq!(Token::parse(token.reveal()), Some(token.clone()));
        assert_eq!(token.reveal().len(), 46);
        for refused in ["", "cw_", "Bearer x", &token.reveal()[1..], "cw_é"] {
            assert_eq!(Token::parse(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn only_the_same_secret_has_the_same_hash() {
        let (token, other) = (Token::random().unwrap(), Token::random().unwrap());
        let written = token.hash().to_string();
        assert!(token.hash().is(&written));
        assert!(!other.hash().is(&written) && !token.hash().is(&written[..63]));
    }

    #[test]
    fn secrets_are_not_printed() {
        let token = Token::parse(&format!("cw_{}wxyz", "a".repeat(39))).unwrap();
        assert_eq!(
            format!("{token:?} {:?}", Session::random().unwrap()),
            "Token(…wxyz) Session(…)"
        );
    }
}
