//! Which type a column is proposed to have, and why.
//!
//! The declared type is believed where every value agrees with it; else the values decide. What is
//! proposed takes every value that was looked at, unless no type takes it.

mod questions;
mod words;

use causeway_shared::value::{DateOrder, DecimalMark, MAX_SCALE, Type};

use super::declared::Declared;
use super::names::{ends_in_id, speaks_of, words};
use super::profile::Profile;
use super::samples::Samples;

/// Names that say that a column is a date even where its values have a midnight behind them.
const DATE_NAMES: [&str; 8] = [
    "date", "day", "dob", "birth", "birthday", "ngay", "datum", "fecha",
];
const TIME_NAMES: [&str; 8] = [
    "time", "hour", "start", "end", "open", "close", "gio", "clock",
];
const PHONE_NAMES: [&str; 10] = [
    "phone",
    "mobile",
    "tel",
    "telephone",
    "cell",
    "fax",
    "phonenumber",
    "sdt",
    "dienthoai",
    "zalo",
];
/// Names of codes that are written with digits, and mean no amount.
const CODE_NAMES: [&str; 20] = [
    "code",
    "codes",
    "postal",
    "postcode",
    "zip",
    "plz",
    "phone",
    "mobile",
    "tel",
    "telephone",
    "fax",
    "sdt",
    "dienthoai",
    "ean",
    "upc",
    "gtin",
    "isbn",
    "iban",
    "pin",
    "version",
];
/// More names of versions, whose points part numbers.
const VERSION_NAMES: [&str; 5] = ["ver", "release", "rev", "revision", "build"];
/// Last words of names of what tells things apart, in digits or not.
const ID_NAMES: [&str; 9] = [
    "id", "ids", "no", "nr", "num", "number", "ref", "account", "ma",
];

/// First words of a name that make `0` and `1` an answer.
const QUESTIONS: [&str; 6] = ["is", "has", "can", "was", "are", "did"];

/// Most digits after the point with which a number is taken for an exact amount.
const MAX_USUAL_SCALE: u8 = 6;

/// Seconds since 1970 that lie between 1990 and 2100.
const PLAUSIBLE_UNIX_SECONDS: std::ops::Range<i64> = 631_152_000..4_102_444_800;

/// What is known of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'c> {
    pub(super) name: &'c str,
    /// Its declared type; empty in a CSV file.
    pub(super) declared: &'c str,
    /// All its values.
    pub(super) profile: &'c Profile,
    /// The order of dates in its source.
    pub(super) order: DateOrder,
    /// The mark before a fraction in its source.
    pub(super) decimals: DecimalMark,
}

/// What is proposed for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnProposal {
    /// It is carried.
    Carry(Pick),
    /// It is not, for this reason.
    LeaveOut(String),
}

/// A type, and the reasons for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) ty: Type,
    /// Most characters of a text.
    pub(super) max: Option<u32>,
    /// Values that are not of the type, whose rows go to quarantine.
    pub(super) odd: u64,
    pub(super) why: String,
    /// What a person has to look at or to decide.
    pub(super) questions: Vec<String>,
}

pub(super) fn propose(column: Known<'_>) -> ColumnProposal {
    let profile = column.profile;
    let declared = Declared::read(column.declared);
    if profile.untakeable > profile.values || (profile.values == 0 && declared == Declared::Bytes) {
        return ColumnProposal::LeaveOut(column.untakeable());
    }
    let ty = if profile.values == 0 {
        without_values(declared)
    } else {
        column
            .believed(declared)
            .unwrap_or_else(|| column.by_values())
    };
    let max = match declared {
        Declared::Text(Some(max)) if ty.is_text() => Some(max),
        _ => None,
    };
    let fitting =
        max.filter(|max| (1..=1_048_576).contains(max) && profile.max_chars <= *max as usize);
    let mut questions = column.questions(declared, ty);
    if let (Some(max), None, true) = (max, fitting, profile.max_chars > 0) {
        questions.push(format!(
            "PLEASE CHECK: no `max`: the longest value has {} characters, not {max}",
            profile.max_chars
        ));
    }
    ColumnProposal::Carry(Pick {
        ty,
        max: fitting,
        odd: column.odd(ty).map_or(0, |(odd, _)| odd),
        why: column.why(declared, ty),
        questions,
    })
}

/// The type of a column that has no values yet.
fn without_values(declared: Declared) -> Type {
    match declared {
        Declared::Bool => Type::Bool,
        Declared::Int => Type::Int,
        Declared::Decimal(scale) => decimal(scale.unwrap_or(2)),
        Declared::Float => Type::Float,
        Declared::Date => Type::Date,
        Declared::Time => Type::Time,
        Declared::Timestamp => Type::Timestamp,
        Declared::Text(_) | Declared::Nothing | Declared::Bytes => Type::Text,
    }
}

/// `NUMERIC(10,0)` is a whole number.
fn decimal(scale: u8) -> Type {
    match scale {
        0 => Type::Int,
        _ => Type::Decimal(scale.min(MAX_SCALE)),
    }
}

impl Known<'_> {
    fn fits(&self, ty: Type) -> bool {
        self.profile.fits(ty, self.order)
    }

    /// The first of some types that takes every value.
    fn first(&self, types: &[Type]) -> Option<Type> {
        types.iter().copied().find(|ty| self.fits(*ty))
    }

    /// The declared type, as far as every value agrees with it.
    fn believed(&self, declared: Declared) -> Option<Type> {
        let numbers = &self.profile.numbers;
        match declared {
            Declared::Nothing | Declared::Bytes => None,
            Declared::Bool => self.first(&[Type::Bool]),
            Declared::Int if self.is_answer() => Some(Type::Bool),
            Declared::Int if self.is_phone() => Some(Type::Phone),
            Declared::Int => self.first(&[Type::Int]).filter(|_| !numbers.padded),
            Declared::Decimal(scale) => self.amount(scale),
            Declared::Float => self
                .first(&[Type::Float])
                .filter(|_| !numbers.too_long_for_float),
            Declared::Date => self.first(&[Type::Date, Type::Timestamp]),
            Declared::Timestamp => self.first(&[Type::Timestamp]),
            Declared::Time => self.first(&[Type::Time]),
            // SQLite has no types for these, so that they are declared as text.
            Declared::Text(_) => Some(self.moment().unwrap_or_else(|| self.text())),
        }
    }

    /// An exact number with the declared digits after the point, or as many as there are.
    fn amount(&self, scale: Option<u8>) -> Option<Type> {
        let numbers = &self.profile.numbers;
        if numbers.padded || numbers.others > 0 {
            return None;
        }
        if matches!(scale, None | Some(0)) && self.fits(Type::Int) && self.profile.reals == 0 {
            return Some(Type::Int);
        }
        let least = scale.unwrap_or(2).clamp(1, MAX_SCALE);
        numbers
            .decimal_scale(least)
            .filter(|found| *found <= MAX_USUAL_SCALE.max(least))
            .map(Type::Decimal)
    }

    /// A date, a time, or both.
    fn moment(&self) -> Option<Type> {
        let times_only =
            self.is_named(&TIME_NAMES) || self.profile.two_colons == self.profile.values;
        if self.fits(Type::Date) && (self.is_named(&DATE_NAMES) || !self.has_clock()) {
            Some(Type::Date)
        } else if self.fits(Type::Timestamp) {
            Some(Type::Timestamp)
        } else {
            self.first(&[Type::Time]).filter(|_| times_only)
        }
    }

    /// Some value has a time of day in it.
    fn has_clock(&self) -> bool {
        self.profile.max_chars > 10
    }

    /// The type that the values alone speak for.
    fn by_values(&self) -> Type {
        let numbers = &self.profile.numbers;
        let exact = !numbers.padded && self.profile.formulas == 0 && !self.is_code();
        let whole = || self.fits(Type::Int) && self.profile.reals == 0;
        if self.is_answer() || self.is_true_or_false() {
            Type::Bool
        } else if self.is_phone() {
            Type::Phone
        } else if let Some(ty) = self.with_comma().filter(|_| exact) {
            ty
        } else if let Some(scale) = numbers
            .written_scale()
            .filter(|scale| exact && numbers.pointed && (2..=MAX_USUAL_SCALE).contains(scale))
            && self.fits(Type::Decimal(scale))
        {
            Type::Decimal(scale)
        } else if exact && whole() {
            Type::Int
        } else if exact && self.fits(Type::Float) && !numbers.too_long_for_float {
            Type::Float
        } else {
            self.moment()
                .or_else(|| self.but_for_few(exact))
                .unwrap_or_else(|| self.text())
        }
    }

    /// The type of all values but a few odd ones.
    fn but_for_few(&self, exact: bool) -> Option<Type> {
        let fits = |ty| self.profile.trial(ty, self.order).fits_but_for_few(ty);
        let numbers = &self.profile.numbers;
        if exact && fits(Type::Int) && self.profile.reals == 0 {
            Some(Type::Int)
        } else if exact && fits(Type::Float) && !numbers.too_long_for_float {
            let scale = numbers.written_scale();
            let exact = scale.filter(|scale| (2..=MAX_USUAL_SCALE).contains(scale));
            let decimal = exact.and_then(|scale| numbers.decimal_scale(scale));
            Some(decimal.map_or(Type::Float, Type::Decimal))
        } else if fits(Type::Date) && (self.is_named(&DATE_NAMES) || !self.has_clock()) {
            Some(Type::Date)
        } else {
            [Type::Timestamp, Type::Time]
                .into_iter()
                .find(|ty| fits(*ty) && (*ty == Type::Timestamp || self.is_named(&TIME_NAMES)))
        }
    }

    /// The values that are not of the type that is proposed, how many and two of them.
    fn odd(&self, ty: Type) -> Option<(u64, &Samples)> {
        let commas = &self.profile.commas;
        let (refused, samples) = match ty {
            Type::Text | Type::Bool => return None,
            Type::Float | Type::Decimal(_) if self.with_comma() == Some(ty) => {
                (commas.refused, &commas.refused_samples)
            }
            // A decimal also takes numbers that a float does not hold exactly.
            Type::Decimal(_) => {
                let trial = self.profile.trial(Type::Float, self.order);
                (self.profile.numbers.others, &trial.refused_samples)
            }
            _ => {
                let trial = self.profile.trial(ty, self.order);
                (trial.refused, &trial.refused_samples)
            }
        };
        (refused > 0).then_some((refused, samples))
    }

    /// The type of numbers with a decimal comma, where all are and the source says so.
    fn with_comma(&self) -> Option<Type> {
        let commas = &self.profile.commas;
        let fits = commas.fits() || commas.fits_but_for_few();
        (self.decimals == DecimalMark::Comma && fits)
            .then(|| commas.ty())
            .flatten()
    }

    /// Its numbers are rather codes, which a number would change.
    fn is_code(&self) -> bool {
        let codes = &self.profile.codes;
        let has_versions =
            codes.trailing_zeros.added > 0 && self.profile.numbers.written_scale().is_none();
        codes.exponents.added > 0 || has_versions || self.is_named_code()
    }

    fn is_named_code(&self) -> bool {
        let is_version = self.profile.numbers.pointed && self.is_named(&VERSION_NAMES);
        self.is_named(&CODE_NAMES) || is_version
    }

    fn is_named_id(&self) -> bool {
        let words = words(self.name);
        let is_id = |word: &String| ID_NAMES.contains(&word.as_str()) || ends_in_id(word);
        words.first().is_some_and(is_id) || words.last().is_some_and(is_id)
    }

    fn text(&self) -> Type {
        if self.is_phone() {
            Type::Phone
        } else {
            Type::Text
        }
    }

    fn is_named(&self, things: &[&str]) -> bool {
        speaks_of(self.name, things)
    }

    fn is_phone(&self) -> bool {
        let profile = self.profile;
        self.is_named(&PHONE_NAMES)
            && profile.phones > 0
            && profile.phones * 10 >= profile.values * 9
    }

    /// `IsActive`, of which every value is 0 or 1.
    fn is_answer(&self) -> bool {
        let first = words(self.name).into_iter().next().unwrap_or_default();
        QUESTIONS.contains(&first.as_str()) && self.fits(Type::Bool)
    }

    /// Both answers occur, as words.
    fn is_true_or_false(&self) -> bool {
        let words = |distinct: &std::collections::BTreeSet<String>| {
            distinct.len() >= 2
                && distinct
                    .iter()
                    .all(|word| word.trim().parse::<i64>().is_err())
        };
        self.fits(Type::Bool) && self.profile.distinct.as_ref().is_some_and(words)
    }
}
