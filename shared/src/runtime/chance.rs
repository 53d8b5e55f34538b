//! Randomness, read in one place.

/// A random name of 128 bits, as 32 hexadecimal digits.
///
/// # Errors
/// Where the system has no randomness to give.
pub fn random_id() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Fills a buffer with randomness fit for secrets.
///
/// # Errors
/// Where the system has no randomness to give.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where randomness is read"
)]
pub fn fill(bytes: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(bytes).map_err(|error| std::io::Error::other(error.to_string()))
}
