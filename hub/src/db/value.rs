//! A column's value as a database gives it, back in its declared type, and the time that a change is given.

use causeway_shared::canonical_csv::write_value;
use causeway_shared::value::{Forms, Raw, Type, Value, parse};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A column's value; what is not of the column's type comes as text.
pub(crate) fn read(raw: Raw<'_>, ty: Type) -> Value<'static> {
    match parse(raw, ty, &Forms::default()) {
        Ok(value) => value.into_owned(),
        Err(_) => Value::Text(raw.show().into()),
    }
}

/// The present in a zone, in whole seconds, as rows have it, whoever writes them.
pub(crate) fn present(now: Timestamp, zone: &TimeZone) -> DateTime {
    let at = now.to_zoned(zone.clone()).datetime();
    at.with().subsec_nanosecond(0).build().unwrap_or(at)
}

/// A value in the form in which a summary counts it; `None`: NULL.
pub(super) fn counted(value: &Value<'_>) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let mut bytes = Vec::new();
    write_value(value, &mut bytes);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
