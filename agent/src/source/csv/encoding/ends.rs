//! Where a piece of a file, or the file, ends within a character.

use super::DecodeError;

/// How many of some bytes to take, of which the last few begin a character that does not end in
/// them: those wait for the next bytes.
pub(super) fn whole(bytes: &[u8], begun: usize, last: bool) -> Result<usize, DecodeError> {
    if last && begun > 0 {
        return Err(DecodeError::CutOff);
    }
    Ok(bytes.len() - begun)
}

/// How many of the last bytes begin a UTF-8 character and do not end it.
pub(super) fn begun_utf8(bytes: &[u8]) -> usize {
    let is_begun = |count: &usize| {
        let end = bytes.len().checked_sub(*count).map(|at| &bytes[at..]);
        end.is_some_and(|end| {
            std::str::from_utf8(end)
                .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
        })
    };
    (1..4).find(is_begun).unwrap_or(0)
}

/// How many of the last bytes begin a UTF-16 character and do not end it: half a code unit, or
/// the first half of a surrogate pair.
pub(super) fn begun_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> usize {
    let odd = bytes.len() % 2;
    match bytes[..bytes.len() - odd].last_chunk() {
        Some(last) if matches!(unit(*last), 0xd800..0xdc00) => odd + 2,
        _ => odd,
    }
}
