//! From a field's bytes to a raw value: what spreadsheets wrap around a text is taken off.

use causeway_shared::value::Raw;

/// A field as a raw value. An empty one is no value, quoted or not: spreadsheets and dumps do not
/// agree on the quotes.
pub(crate) fn raw(field: &[u8]) -> Raw<'_> {
    match std::str::from_utf8(field) {
        Ok("") => Raw::Null,
        Ok(text) => match without_formula(text) {
            "" => Raw::Null,
            text => Raw::Text(text),
        },
        Err(_) => Raw::NotUtf8(field),
    }
}

/// The text in `="0912…"`, by which a spreadsheet is kept from taking a text for a number.
fn without_formula(text: &str) -> &str {
    let inner = text
        .trim_ascii()
        .strip_prefix("=\"")
        .and_then(|text| text.strip_suffix('"'));
    // With more quotes in it, it is a formula that says something else.
    inner.filter(|inner| !inner.contains('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_out_of_its_formula() {
        for (field, text) in [
            ("=\"0912345678\"", "0912345678"),
            (" =\"0912345678\" ", "0912345678"),
            ("0912345678", "0912345678"),
            ("=\"a\"&\"b\"", "=\"a\"&\"b\""),
            ("=\"", "=\""),
            ("=A1", "=A1"),
        ] {
            assert_eq!(raw(field.as_bytes()), Raw::Text(text), "{field}");
        }
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(raw(b""), Raw::Null);
        assert_eq!(raw(b"=\"\""), Raw::Null);
        assert_eq!(raw(b" "), Raw::Text(" "));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_apart() {
        assert_eq!(raw(b"a\xffb"), Raw::NotUtf8(b"a\xffb"));
    }
}
