//! What all the values of one column are: the ground on which its type is proposed.

use std::collections::BTreeSet;

use causeway_shared::canonical_csv::write_value;
use causeway_shared::value::{DateOrder, Forms, MAX_FIELD_BYTES, Raw, Type, Value, parse};

use super::codes::Codes;
use super::commas::{Commas, comma_forms};
use super::groups::{Groups, MARKS, Mark};
use super::numbers::Numbers;
use super::samples::{Cell, Samples};
use super::trial::{Trial, forms};

/// Most different values that are kept; a column with more has too many to count rows by.
pub(super) const MAX_DISTINCT: usize = 20;

/// Longest value that is kept, in characters.
const MAX_DISTINCT_CHARS: usize = 60;

/// The types that are tried on every value. A date in another order is another form of it.
const TRIED: [(Type, DateOrder); 11] = [
    (Type::Int, DateOrder::Iso),
    (Type::Float, DateOrder::Iso),
    (Type::Bool, DateOrder::Iso),
    (Type::Time, DateOrder::Iso),
    (Type::Date, DateOrder::Iso),
    (Type::Date, DateOrder::Dmy),
    (Type::Date, DateOrder::Mdy),
    (Type::Timestamp, DateOrder::Iso),
    (Type::Timestamp, DateOrder::Dmy),
    (Type::Timestamp, DateOrder::Mdy),
    (Type::Phone, DateOrder::Iso),
];

/// What all the values of a column are.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    /// Rows without a value.
    pub(super) nulls: u64,
    /// Values that some type takes.
    pub(super) values: u64,
    pub(super) samples: Samples,
    /// Values that no type takes: BLOBs, broken text, fields over the limit.
    pub(super) untakeable: u64,
    /// The first of those, and why.
    pub(super) first_untakeable: Option<String>,
    /// Texts without a character.
    pub(super) empty: u64,
    /// Texts, as against SQLite's numbers.
    pub(super) texts: u64,
    /// SQLite's reals.
    pub(super) reals: u64,
    /// Most code points of a value as text.
    pub(super) max_chars: usize,
    /// What its numbers look like.
    pub(super) numbers: Numbers,
    /// What they are if their mark is a comma.
    pub(super) commas: Commas,
    groups: [Groups; MARKS.len()],
    /// What a number would lose.
    pub(super) codes: Codes,
    /// Values that could be telephone numbers.
    pub(super) phones: u64,
    /// Texts wrapped by a spreadsheet: `="0912"`.
    pub(super) formulas: u64,
    /// Texts with two colons, as times with seconds have them.
    pub(super) two_colons: u64,
    /// Least and greatest of SQLite's integers.
    pub(super) ints: Option<(i64, i64)>,
    /// The different values, while they are few and short.
    pub(super) distinct: Option<BTreeSet<String>>,
    trials: [Trial; TRIED.len()],
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            nulls: 0,
            values: 0,
            samples: Samples::default(),
            untakeable: 0,
            first_untakeable: None,
            empty: 0,
            texts: 0,
            reals: 0,
            max_chars: 0,
            numbers: Numbers::default(),
            commas: Commas::default(),
            groups: Default::default(),
            codes: Codes::default(),
            phones: 0,
            formulas: 0,
            two_colons: 0,
            ints: None,
            distinct: Some(BTreeSet::new()),
            trials: Default::default(),
        }
    }
}

/// The forms of each date order, and of a decimal comma; made once, since each holds a zone.
pub(super) struct Orders {
    dates: [Forms; 3],
    comma: Forms,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self {
            dates: [DateOrder::Iso, DateOrder::Dmy, DateOrder::Mdy].map(forms),
            comma: comma_forms(),
        }
    }

    fn of(&self, order: DateOrder) -> &Forms {
        match order {
            DateOrder::Iso | DateOrder::Ymd => &self.dates[0],
            DateOrder::Dmy => &self.dates[1],
            DateOrder::Mdy => &self.dates[2],
        }
    }
}

impl Profile {
    pub(super) fn look<'r>(&mut self, cell: impl Into<Cell<'r>>, orders: &Orders) {
        let cell = cell.into();
        let raw = cell.raw;
        let text = match parse(raw, Type::Text, orders.of(DateOrder::Iso)) {
            Ok(Value::Null) => {
                self.nulls += 1;
                return;
            }
            Ok(value) if fits_a_field(&value) => value,
            Ok(_) => return self.refuse("a field over the limit of 1 MiB".to_owned()),
            Err(refusal) => return self.refuse(refusal.to_string()),
        };
        self.values += 1;
        self.samples.add(cell);
        if let Value::Text(text) = &text {
            self.look_at_text(text);
        }
        match raw {
            Raw::Text(text) => {
                self.look_at_source_text(text);
                if let Ok(v) = text.trim_ascii().parse() {
                    self.look_at_int(v);
                }
            }
            Raw::Int(v) => self.look_at_int(v),
            Raw::Real(_) => self.reals += 1,
            Raw::Null | Raw::NotUtf8(_) | Raw::Blob(_) => {}
        }
        self.numbers.look(raw);
        self.commas.look(cell, &orders.comma);
        self.codes.look(cell);
        for (groups, mark) in self.groups.iter_mut().zip(MARKS) {
            groups.look(cell, mark);
        }
        for (trial, (ty, order)) in self.trials.iter_mut().zip(TRIED) {
            trial.look(cell, ty, orders.of(order));
        }
    }

    fn refuse(&mut self, why: String) {
        self.untakeable += 1;
        self.first_untakeable.get_or_insert(why);
    }

    fn look_at_text(&mut self, text: &str) {
        let chars = text.chars().count();
        self.max_chars = self.max_chars.max(chars);
        self.phones += u64::from(is_phone_shaped(text));
        let Some(distinct) = &mut self.distinct else {
            return;
        };
        if !distinct.contains(text) {
            if distinct.len() == MAX_DISTINCT || chars > MAX_DISTINCT_CHARS {
                self.distinct = None;
            } else {
                distinct.insert(text.to_owned());
            }
        }
    }

    fn look_at_int(&mut self, v: i64) {
        let (least, most) = self.ints.unwrap_or((v, v));
        self.ints = Some((least.min(v), most.max(v)));
    }

    fn look_at_source_text(&mut self, text: &str) {
        self.texts += 1;
        self.empty += u64::from(text.is_empty());
        self.formulas += u64::from(text.starts_with("=\""));
        self.two_colons += u64::from(text.bytes().filter(|b| *b == b':').count() == 2);
    }

    /// The numbers with groups of three digits, where nearly all values are numbers, and what
    /// stands between the groups.
    pub(super) fn thousands(&self) -> Option<(Mark, &Groups)> {
        let mut found = MARKS.into_iter().zip(&self.groups);
        found.find(|(_, groups)| groups.may_be_thousands())
    }

    /// How the values took to a type. Text takes all of them, and decimals are judged by
    /// [`numbers`](Self::numbers).
    pub(super) fn trial(&self, ty: Type, order: DateOrder) -> &Trial {
        let order = match ty {
            Type::Date | Type::Timestamp => order,
            _ => DateOrder::Iso,
        };
        let at = TRIED.iter().position(|tried| *tried == (ty, order));
        &self.trials[at.unwrap_or(0)]
    }

    /// Whether every value is of a type.
    pub(super) fn fits(&self, ty: Type, order: DateOrder) -> bool {
        match ty {
            Type::Text | Type::Phone => true,
            Type::Decimal(scale) => {
                self.values > 0
                    && self.numbers.others == 0
                    && self.numbers.decimal_scale(scale) == Some(scale)
            }
            _ => self.trial(ty, order).fits(),
        }
    }
}

/// Whether a value is within the limit in canonical form, where quotes are doubled.
fn fits_a_field(value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) if text.len() >= MAX_FIELD_BYTES / 2 => {
            let mut field = Vec::with_capacity(text.len() + 2);
            write_value(value, &mut field);
            field.len() <= MAX_FIELD_BYTES
        }
        _ => true,
    }
}

/// Seven to fifteen digits, with what people put between them.
fn is_phone_shaped(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (7..=15).contains(&digits)
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b" +-().=\"/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[Raw<'_>]) -> Profile {
        let (mut profile, orders) = (Profile::default(), Orders::new());
        values.iter().for_each(|raw| profile.look(*raw, &orders));
        profile
    }

    #[test]
    fn types_are_tried_on_every_value() {
        let profile = of(&[Raw::Int(1), Raw::Text("2.0"), Raw::Null]);
        assert!(profile.fits(Type::Int, DateOrder::Iso));
        assert!(!profile.fits(Type::Date, DateOrder::Iso));
        assert_eq!((profile.values, profile.nulls), (2, 1));
    }

    #[test]
    fn an_order_of_dates_is_told_by_all_of_them() {
        let profile = of(&[Raw::Text("01/02/2025"), Raw::Text("28/02/2025")]);
        assert!(profile.fits(Type::Date, DateOrder::Dmy));
        assert!(!profile.fits(Type::Date, DateOrder::Mdy));
    }

    #[test]
    fn what_no_type_takes_is_counted_apart() {
        let profile = of(&[
            Raw::Blob(&[1]),
            Raw::Text("a\0"),
            Raw::NotUtf8(b"\xff"),
            Raw::Int(1),
        ]);
        assert_eq!((profile.untakeable, profile.values), (3, 1));
        insta::assert_snapshot!(profile.first_untakeable.unwrap(), @"a BLOB of 1 byte is not taken");
    }

    #[test]
    fn a_type_is_given_up_after_enough_refusals() {
        let mut values = vec![Raw::Text("x"); 70];
        values.push(Raw::Int(1));
        let profile = of(&values);
        assert_eq!(profile.trial(Type::Int, DateOrder::Iso).refused, 64);
        assert!(!profile.fits(Type::Int, DateOrder::Iso));
    }
}
