//! The least and greatest value of a column in a file, by which engines leave files out.
//!
//! What an engine might read as another value is left out, which costs speed alone: Trino takes decimals
//! for doubles, and knows timestamps to the millisecond.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::value::Value;
use jiff::civil::{DateTime, Time};
use serde_json::{Number, json};

/// Most characters of a text that is named.
const MAX_CHARS: usize = 32;

/// Decimals are named below this, without their point.
const MAX_UNITS: u128 = 1_000_000_000_000_000;

/// Of one column in one file.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    pub(super) nulls: u64,
    range: Option<(Value<'static>, Value<'static>)>,
}

impl Bounds {
    pub(super) fn value(&mut self, value: &Value<'_>) {
        match &mut self.range {
            Some((least, _)) if value.compare(least).is_lt() => *least = value.clone().into_owned(),
            Some((_, most)) if value.compare(most).is_gt() => *most = value.clone().into_owned(),
            Some(_) => {}
            None => {
                let value = value.clone().into_owned();
                self.range = Some((value.clone(), value));
            }
        }
    }

    /// As [`value`](Self::value). Where texts come in their order each is the greatest so far: the room of the one
    /// before is used again.
    pub(super) fn text(&mut self, text: &str) {
        let Some((Value::Text(least), Value::Text(most))) = &mut self.range else {
            return self.value(&Value::Text(text.into()));
        };
        let bound = match (text < &**least, text > &**most) {
            (true, _) => least.to_mut(),
            (_, true) => most.to_mut(),
            (false, false) => return,
        };
        bound.clear();
        bound.push_str(text);
    }

    /// As statistics have it; `None`: unknown, or not to be named.
    pub(super) fn least(&self) -> Option<serde_json::Value> {
        match &self.range.as_ref()?.0 {
            // The beginning of a text comes before it.
            Value::Text(text) => Some(text.chars().take(MAX_CHARS).collect::<String>().into()),
            least => named(least, Round::Down),
        }
    }

    /// As [`least`](Self::least).
    pub(super) fn most(&self) -> Option<serde_json::Value> {
        match &self.range.as_ref()?.1 {
            Value::Text(text) => (text.chars().count() <= MAX_CHARS).then(|| json!(text.as_ref())),
            most => named(most, Round::Up),
        }
    }
}

/// To which millisecond a timestamp is rounded.
#[derive(Clone, Copy, PartialEq)]
enum Round {
    Down,
    Up,
}

fn named(value: &Value<'_>, round: Round) -> Option<serde_json::Value> {
    match value {
        Value::Int(int) => Some(json!(int)),
        Value::Float(float) => Number::from_f64(*float).map(Into::into),
        Value::Decimal(units, _) if units.unsigned_abs() < MAX_UNITS => {
            let text = canonical_text(value)?;
            // Below that, no digit is lost on the way through a double.
            let number: f64 = text.parse().ok()?;
            Number::from_f64(number).map(Into::into)
        }
        Value::Date(date) => Some(json!(date.to_string())),
        Value::Timestamp(at) => Some(json!(in_millis(*at, round)?)),
        Value::Text(_) | Value::Time(_) | Value::Decimal(..) | Value::Bool(_) | Value::Null => None,
    }
}

/// `2025-11-28T09:30:00.000`
fn in_millis(at: DateTime, round: Round) -> Option<String> {
    let nanos = at.time().subsec_nanosecond();
    let rest = nanos % 1_000_000;
    let back = jiff::Span::new().nanoseconds(rest);
    let mut at = at.checked_sub(back).ok()?;
    if round == Round::Up && rest > 0 {
        at = at.checked_add(jiff::Span::new().milliseconds(1)).ok()?;
    }
    let time: Time = at.time();
    Some(format!(
        "{}T{:02}:{:02}:{:02}.{:03}",
        at.date(),
        time.hour(),
        time.minute(),
        time.second(),
        time.subsec_nanosecond() / 1_000_000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(texts: &[&str]) -> (Option<String>, Option<String>) {
        let mut bounds = Bounds::default();
        texts.iter().for_each(|text| bounds.text(text));
        let text = |bound: Option<serde_json::Value>| Some(bound?.as_str()?.to_owned());
        (text(bounds.least()), text(bounds.most()))
    }

    #[test]
    fn a_long_text_is_named_by_its_beginning_and_never_as_the_greatest() {
        let (short, long) = ("ệ".repeat(32), "ệ".repeat(12_000));
        assert_eq!(of_texts(&[&long]), (Some(short.clone()), None));
        assert_eq!(of_texts(&[&short]), (Some(short.clone()), Some(short)));
        assert_eq!(of_texts(&[&long, "a"]), (Some("a".to_owned()), None));
        assert_eq!(of_texts(&["", "\u{10FFFF}"]).0.as_deref(), Some(""));
        assert_eq!(of_texts(&[]), (None, None));
    }

    #[test]
    fn numbers_that_an_engine_may_read_as_others_are_not_named() {
        let least = |value: Value<'static>| {
            let mut bounds = Bounds::default();
            bounds.value(&value);
            bounds.least().map(|bound| bound.to_string())
        };
        let most = 999_999_999_999_999;
        assert_eq!(
            least(Value::Decimal(most, 2)).as_deref(),
            Some("9999999999999.99")
        );
        assert_eq!(least(Value::Decimal(most + 1, 2)), None);
        assert_eq!(least(Value::Decimal(-1, 18)).as_deref(), Some("-1e-18"));
        assert_eq!(least(Value::Float(f64::NAN)), None);
        assert_eq!(least(Value::Int(i64::MIN)), Some(i64::MIN.to_string()));
    }

    #[test]
    fn a_timestamp_lies_between_its_milliseconds() {
        let mut bounds = Bounds::default();
        bounds.value(&Value::Timestamp(
            "2199-12-31T23:59:59.999999".parse().unwrap(),
        ));
        let bounds = [bounds.least(), bounds.most()];
        assert_eq!(
            bounds.map(Option::unwrap),
            [
                json!("2199-12-31T23:59:59.999"),
                json!("2200-01-01T00:00:00.000")
            ]
        );
    }
}
