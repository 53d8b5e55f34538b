//! Which keys a store takes. The rule is the same for every store, so that what works with one
//! works with all.

use super::StoreError;

/// S3's limit for a whole key, in bytes.
const KEY_MAX_BYTES: usize = 1_024;
/// The usual limit of a file name, in bytes; the folder store makes one of every segment.
const SEGMENT_MAX_BYTES: usize = 255;

/// Refuses a key that a store could misread: as a path out of its folder, or as a file of its own.
pub(super) fn check(action: &'static str, key: &str) -> Result<(), StoreError> {
    match fault(key) {
        None => Ok(()),
        Some(fault) => Err(StoreError::Refused {
            action,
            key: key.to_owned(),
            detail: format!("the key {fault}"),
        }),
    }
}

/// Refuses a prefix that no key can begin with.
pub(super) fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    let whole = prefix
        .strip_suffix('/')
        .filter(|whole| !whole.is_empty())
        .unwrap_or(prefix);
    if whole.is_empty() {
        Ok(())
    } else {
        check("listing", whole)
    }
}

/// What is wrong with a key.
fn fault(key: &str) -> Option<&'static str> {
    if key.len() > KEY_MAX_BYTES {
        return Some("is longer than 1024 bytes");
    }
    if key.chars().any(|c| c.is_control() || c == '\\') {
        return Some("holds a control character or a backslash");
    }
    key.split('/').find_map(segment_fault)
}

fn segment_fault(segment: &str) -> Option<&'static str> {
    if segment.is_empty() {
        Some("has an empty segment, or begins or ends with a slash")
    } else if segment.starts_with('.') {
        Some("has a segment that begins with a dot")
    } else if segment.len() > SEGMENT_MAX_BYTES {
        Some("has a segment longer than 255 bytes")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn takes_the_keys_of_the_layout() {
        for key in [
            "latest.json",
            "sites/hcm-01/data/appointment/dt=2025-11-28/0cc175b9c0f1b6a831c399e269772661.csv.zst",
            "sites/hcm-01/lookup/appointment.customerid/b=07of16/x.csv.zst",
        ] {
            check("write", key).unwrap();
        }
    }

    #[test]
    fn takes_the_prefixes_of_keys_only() {
        for prefix in ["", "sites", "sites/", "sites/hcm-01/data/x/dt=2025"] {
            check_prefix(prefix).unwrap();
        }
        for prefix in ["/", "//", "sites//", "../", "sites/../", ".tmp"] {
            assert!(check_prefix(prefix).is_err(), "{prefix:?} was taken");
        }
    }

    #[test]
    fn refuses_keys_that_lead_elsewhere() {
        let long = "x".repeat(256);
        for key in [
            "", "/a", "a/", "a//b", "../a", "a/../b", "a/.b", ".tmp/a", "a\\b", "a\nb", &long,
        ] {
            assert!(check("write", key).is_err(), "{key:?} was taken");
        }
    }
}
