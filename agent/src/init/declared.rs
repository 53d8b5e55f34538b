//! What a column's declared SQL type says. SQLite takes any text as a type and keeps any value.

/// The kind of values that a declared type speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    /// Nothing, or nothing known.
    Nothing,
    /// `BOOLEAN`, `BIT`
    Bool,
    /// `INTEGER`, `BIGINT`, …
    Int,
    /// `NUMERIC(10,2)`, with its digits after the point; `NUMERIC` without.
    Decimal(Option<u8>),
    /// `REAL`, `DOUBLE`, …
    Float,
    /// `NVARCHAR(40)`, with its length; `TEXT` without.
    Text(Option<u32>),
    /// `DATE`
    Date,
    /// `TIME`
    Time,
    /// `DATETIME`, `TIMESTAMP`
    Timestamp,
    /// `BLOB`, `VARBINARY(16)`, …
    Bytes,
}

impl Declared {
    /// Reads a declared type.
    pub(super) fn read(declared: &str) -> Self {
        let upper = declared.to_uppercase();
        let (name, arguments) = upper.split_once('(').unwrap_or((&upper, ""));
        let mut arguments = arguments
            .trim_end_matches([')', ' '])
            .split(',')
            .map(str::trim);
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        // TIMESTAMP before TIME, POINT before INT, and the like.
        if has(&["BOOL"]) || name.trim() == "BIT" {
            Self::Bool
        } else if has(&["DATETIME", "TIMESTAMP"]) {
            Self::Timestamp
        } else if has(&["DATE"]) {
            Self::Date
        } else if has(&["TIME"]) {
            Self::Time
        } else if has(&["BLOB", "BINARY", "BYTE", "IMAGE"]) {
            Self::Bytes
        } else if has(&[
            "CHAR",
            "CLOB",
            "TEXT",
            "STRING",
            "UUID",
            "GUID",
            "UNIQUEIDENTIFIER",
        ]) {
            Self::Text(arguments.next().and_then(|length| length.parse().ok()))
        } else if has(&["DEC", "NUM", "MONEY", "CURRENCY"]) {
            Self::Decimal(arguments.nth(1).and_then(|scale| scale.parse().ok()))
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Float
        } else if has(&["INT", "SERIAL"]) && !has(&["POINT", "INTERVAL"]) {
            Self::Int
        } else {
            Self::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types() {
        for (declared, read) in [
            ("INTEGER", Declared::Int),
            ("bigint unsigned", Declared::Int),
            ("NVARCHAR(160)", Declared::Text(Some(160))),
            ("varchar ( 40 )", Declared::Text(Some(40))),
            ("TEXT", Declared::Text(None)),
            ("NUMERIC(10, 2)", Declared::Decimal(Some(2))),
            ("decimal(5)", Declared::Decimal(None)),
            ("double precision", Declared::Float),
            ("DATETIME", Declared::Timestamp),
            ("timestamp with time zone", Declared::Timestamp),
            ("date", Declared::Date),
            ("BLOB SUB_TYPE TEXT", Declared::Bytes),
            ("bit", Declared::Bool),
            ("POINT", Declared::Nothing),
            ("", Declared::Nothing),
        ] {
            assert_eq!(Declared::read(declared), read, "{declared}");
        }
    }
}
