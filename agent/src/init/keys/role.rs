//! What a column would be to a key: the less it costs, the better.

use causeway_shared::value::Type;

use super::KeySearch;
use crate::init::measures::is_measure;
use crate::init::names::{ends_in_id, words};

/// Words that a key's name begins or ends in.
const KEY_WORDS: [&str; 18] = [
    "id", "no", "nr", "code", "key", "uuid", "guid", "number", "sku", "isbn", "email", "ma", "pk",
    "ref", "seq", "sequence", "ordinal", "stt",
];

/// Names of numbers that say when something was.
const MOMENTS: [&str; 13] = [
    "date", "year", "month", "day", "hour", "minute", "week", "quarter", "season", "period", "nam",
    "thang", "weekday",
];

/// A longer text says something about a row; it does not name it.
const MAX_LABEL_CHARS: usize = 60;

/// What a column would be to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is named like a key.
    Identifier,
    /// It stands first and may be a key.
    First,
    /// A date, a time, or a number such as a year.
    Moment,
    /// A short text: a place, a name, a kind.
    Label,
    /// Yes or no.
    Flag,
    /// Some whole number.
    Number,
    /// A longer text.
    Remark,
    /// A number that measures something. Its values may differ by chance.
    Measure,
}

impl Role {
    pub(super) fn cost(self) -> u32 {
        match self {
            Self::Identifier => 1,
            Self::First => 2,
            Self::Moment => 3,
            Self::Label => 6,
            Self::Flag => 7,
            Self::Number => 15,
            Self::Remark => 16,
            Self::Measure => 50,
        }
    }
}

impl KeySearch<'_> {
    pub(super) fn role(&self, column: usize) -> Role {
        let name = &self.shape.columns[column].name;
        let role = match self.ty(column) {
            Type::Bool => return Role::Flag,
            Type::Float => return Role::Measure,
            _ if is_named_key(name) => return Role::Identifier,
            Type::Decimal(_) => return Role::Measure,
            Type::Date | Type::Time | Type::Timestamp => Role::Moment,
            Type::Int if is_moment(name) => Role::Moment,
            Type::Int if is_measure(name) => return Role::Measure,
            Type::Int => Role::Number,
            Type::Text | Type::Phone => match self.profiles[column].max_chars {
                0..=MAX_LABEL_CHARS => Role::Label,
                _ => return Role::Remark,
            },
        };
        match column {
            0 => Role::First,
            _ => role,
        }
    }
}

fn is_named_key(name: &str) -> bool {
    let words = words(name);
    let is_key = |word: Option<&String>| word.is_some_and(|w| KEY_WORDS.contains(&w.as_str()));
    let ends_in_id = words.last().is_some_and(|last| ends_in_id(last));
    is_key(words.first()) || is_key(words.last()) || ends_in_id
}

fn is_moment(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| MOMENTS.contains(&word.as_str()))
}
