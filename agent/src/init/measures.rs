//! Names of numbers that measure something: what adds up, and what never tells rows apart.

use super::names::{speaks_of, words};

/// Names of numbers that add up.
const AMOUNTS: [&str; 27] = [
    "amount",
    "total",
    "subtotal",
    "sum",
    "quantity",
    "qty",
    "paid",
    "payment",
    "cost",
    "fee",
    "fees",
    "tax",
    "freight",
    "revenue",
    "hours",
    "minutes",
    "units",
    "points",
    "salary",
    "balance",
    "count",
    "tien",
    "tong",
    "soluong",
    "thanhtien",
    "sotien",
    "phi",
];

/// Names of numbers that do not, whatever else they say.
const NOT_AMOUNTS: [&str; 8] = [
    "price", "rate", "percent", "ratio", "discount", "average", "avg", "max",
];

/// Names of further numbers that measure something.
const MEASURES: [&str; 45] = [
    "age",
    "area",
    "budget",
    "calories",
    "cases",
    "clicks",
    "close",
    "confirmed",
    "deaths",
    "distance",
    "duration",
    "elevation",
    "expenses",
    "height",
    "high",
    "humidity",
    "income",
    "latitude",
    "length",
    "longitude",
    "low",
    "mean",
    "median",
    "min",
    "open",
    "population",
    "pressure",
    "profit",
    "rainfall",
    "rating",
    "recovered",
    "sales",
    "score",
    "size",
    "speed",
    "steps",
    "stock",
    "temp",
    "temperature",
    "value",
    "views",
    "visitors",
    "volume",
    "votes",
    "weight",
];

/// Whether numbers of this name add up.
pub(super) fn adds_up(name: &str) -> bool {
    let last = words(name).pop().unwrap_or_default();
    speaks_of(name, &AMOUNTS) && !speaks_of(&last, &NOT_AMOUNTS)
}

/// Whether numbers of this name measure something.
pub(super) fn is_measure(name: &str) -> bool {
    [&AMOUNTS[..], &NOT_AMOUNTS, &MEASURES]
        .iter()
        .any(|measures| speaks_of(name, measures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_by_their_names() {
        for name in [
            "Volume",
            "deaths",
            "new_cases",
            "UnitPrice",
            "total_amount",
            "Adj Close",
        ] {
            assert!(is_measure(name), "{name}");
        }
        for name in ["id", "year", "station", "rank", "room"] {
            assert!(!is_measure(name), "{name}");
        }
    }
}
