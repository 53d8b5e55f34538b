//! Values → bytes.

use jiff::civil::{Date, Time};

use crate::ids::Md5;
use crate::value::Value;

/// Appends the header record.
pub fn write_header<'n>(names: impl IntoIterator<Item = &'n str>, out: &mut Vec<u8>) {
    for (at, name) in names.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(name, out);
    }
    out.push(b'\n');
}

/// Appends one record with its line end.
pub fn write_record<'v, 'a: 'v>(
    values: impl IntoIterator<Item = &'v Value<'a>>,
    out: &mut Vec<u8>,
) {
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_value(value, out);
    }
    out.push(b'\n');
}

/// Appends one field.
pub fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Int(v) => write_int(*v, out),
        Value::Float(v) => write_float(*v, out),
        Value::Decimal(units, scale) => write_decimal(*units, *scale, out),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Text(v) => write_text(v, out),
        Value::Date(v) => write_date(*v, out),
        Value::Time(v) => write_time(*v, out),
        Value::Timestamp(v) => {
            write_date(v.date(), out);
            out.push(b'T');
            write_time(v.time(), out);
        }
    }
}

/// A value's canonical text, without the quotes that a field may need; `None`: NULL.
#[must_use]
pub fn canonical_text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.clone().into_owned()),
        _ => {
            let mut bytes = Vec::new();
            write_value(value, &mut bytes);
            // All but texts is ASCII.
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let quoted = bytes.is_empty()
        || bytes == br"\."
        || bytes
            .iter()
            .any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'));
    if !quoted {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for piece in bytes.split_inclusive(|b| *b == b'"') {
        out.extend_from_slice(piece);
        if piece.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

fn write_int(v: i64, out: &mut Vec<u8>) {
    if v < 0 {
        out.push(b'-');
    }
    write_unsigned(v.unsigned_abs(), out);
}

fn write_unsigned(mut v: u64, out: &mut Vec<u8>) {
    // u64::MAX has 20 digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = digit(v % 10);
        v /= 10;
        if v == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The digit of a number below ten.
#[expect(
    clippy::cast_possible_truncation,
    reason = "callers pass a remainder of ten"
)]
fn digit(v: u64) -> u8 {
    b'0' + v as u8
}

fn two_digits(v: i8, out: &mut Vec<u8>) {
    let v = u64::from(v.unsigned_abs());
    out.extend_from_slice(&[digit(v / 10), digit(v % 10)]);
}

/// The shortest digits that read back as the same float, without an exponent where it has none:
/// `4.5`, `3.0` as `3`, `1e300`.
fn write_float(v: f64, out: &mut Vec<u8>) {
    let mut buffer = ryu::Buffer::new();
    let shown = buffer.format_finite(if v == 0.0 { 0.0 } else { v });
    out.extend_from_slice(shown.strip_suffix(".0").unwrap_or(shown).as_bytes());
}

fn write_decimal(units: i128, scale: u8, out: &mut Vec<u8>) {
    use std::io::Write as _;
    let (scale, magnitude) = (usize::from(scale), units.unsigned_abs());
    let power = 10u128.pow(u32::from(u8::try_from(scale).unwrap_or(u8::MAX)));
    if units < 0 {
        out.push(b'-');
    }
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", magnitude / power);
    if scale > 0 {
        let _ = write!(out, ".{:0scale$}", magnitude % power);
    }
}

fn write_date(date: Date, out: &mut Vec<u8>) {
    let year = date.year().unsigned_abs();
    let century = i8::try_from(year / 100).unwrap_or(0);
    let of_century = i8::try_from(year % 100).unwrap_or(0);
    two_digits(century, out);
    two_digits(of_century, out);
    out.push(b'-');
    two_digits(date.month(), out);
    out.push(b'-');
    two_digits(date.day(), out);
}

fn write_time(time: Time, out: &mut Vec<u8>) {
    two_digits(time.hour(), out);
    out.push(b':');
    two_digits(time.minute(), out);
    out.push(b':');
    two_digits(time.second(), out);
    let micros = u64::from(time.subsec_nanosecond().unsigned_abs()) / 1_000;
    if micros > 0 {
        out.push(b'.');
        let mut place = 100_000;
        while place > 0 {
            out.push(digit(micros / place % 10));
            place /= 10;
        }
    }
}

/// The MD5 of a partition's bytes while they are being written.
#[derive(Clone)]
pub struct Digest(md5::Context);

impl Default for Digest {
    fn default() -> Self {
        Self(md5::Context::new())
    }
}

impl Digest {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.consume(bytes);
    }

    /// The digest of all bytes added.
    #[must_use]
    pub fn finish(self) -> Md5 {
        Md5(self.0.finalize().0)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn written(values: &[Value<'_>]) -> String {
        let mut out = Vec::new();
        write_record(values, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_stand_exactly_where_they_are_needed() {
        let text = |t: &'static str| Value::Text(t.into());
        let row = [
            text("plain"),
            text("a,b"),
            text("say \"hi\""),
            text("two\nlines"),
            text("cr\r"),
            text(""),
            text(r"\."),
            Value::Null,
            text(" spaces "),
            text("Nguyễn"),
        ];
        assert_eq!(
            written(&row),
            "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"cr\r\",\"\",\"\\.\",, spaces ,Nguyễn\n"
        );
    }

    #[test]
    fn numbers() {
        let row = [
            Value::Int(i64::MIN),
            Value::Int(0),
            Value::Float(4.5),
            Value::Float(3.0),
            Value::Float(-0.0),
            Value::Float(0.1),
            Value::Float(1e300),
            Value::Decimal(-5, 2),
            Value::Decimal(1234, 0),
            Value::Bool(true),
            Value::Bool(false),
        ];
        assert_eq!(
            written(&row),
            "-9223372036854775808,0,4.5,3,0,0.1,1e300,-0.05,1234,true,false\n"
        );
    }

    #[test]
    fn times() {
        let day = date(2025, 1, 2);
        let row = [
            Value::Date(day),
            Value::Time(time(9, 5, 0, 0)),
            Value::Timestamp(day.to_datetime(time(23, 59, 59, 120_000_000))),
            Value::Timestamp(day.to_datetime(time(0, 0, 0, 1_000))),
        ];
        assert_eq!(
            written(&row),
            "2025-01-02,09:05:00,2025-01-02T23:59:59.120000,2025-01-02T00:00:00.000001\n"
        );
    }
}
