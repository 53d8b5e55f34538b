//! A `[[source]]` as it is written in `agent.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use causeway_shared::value::DateOrder;
use serde::{Deserialize, Serialize};

/// A `[[source]]` of `agent.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What it is.
    pub kind: Kind,
    /// The SQLite file or the CSV folder, relative to the configuration file.
    pub path: PathBuf,
    /// Dataset table → its name in this source, where that differs by more than case. An empty
    /// name says that the table is not to be taken from here.
    #[serde(default)]
    pub tables: BTreeMap<String, String>,
    /// The encoding of CSV files.
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands between the fields of CSV files.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// The order of day, month and year.
    #[serde(default)]
    pub dates: Dates,
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A SQLite file.
    Sqlite,
    /// A folder of `<table>.csv` files.
    Csv,
}

/// The encoding of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// What is certain: UTF-8, with or without a byte order mark.
    #[default]
    Auto,
    /// UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Western European.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Vietnamese.
    #[serde(rename = "windows-1258")]
    Windows1258,
}

/// What stands between the fields of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Delimiter {
    /// What the header proves: the one that makes the declared key's names appear.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
    /// A tab.
    #[serde(rename = "\t", alias = "tab")]
    Tab,
}

impl Delimiter {
    /// The bytes that it may be.
    pub(crate) fn candidates(self) -> &'static [u8] {
        match self {
            Self::Auto => b",;\t",
            Self::Comma => b",",
            Self::Semicolon => b";",
            Self::Tab => b"\t",
        }
    }
}

/// The order of day, month and year in a source's dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dates {
    /// Only what is certain: `2025-11-28`.
    #[default]
    Auto,
    /// `2025-11-28`
    Ymd,
    /// `28/11/2025`
    Dmy,
    /// `11/28/2025`
    Mdy,
}

impl Dates {
    /// The order to read dates by.
    pub(crate) fn order(self) -> DateOrder {
        match self {
            Self::Auto | Self::Ymd => DateOrder::Ymd,
            Self::Dmy => DateOrder::Dmy,
            Self::Mdy => DateOrder::Mdy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SourceConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn everything_but_kind_and_path_has_a_default() {
        let config = read("kind = \"csv\"\npath = \"csv/\"").unwrap();
        assert_eq!(config.encoding, Encoding::Auto);
        assert_eq!(config.delimiter, Delimiter::Auto);
        assert_eq!(config.dates, Dates::Auto);
        assert!(config.tables.is_empty());
    }

    #[test]
    fn settings_are_written_as_documented() {
        let config = read(
            "kind = \"sqlite\"\npath = \"a.db\"\ntables = { appointment = \"Appointments\" }\n\
             encoding = \"utf-16le\"\ndelimiter = \"tab\"\ndates = \"dmy\"",
        )
        .unwrap();
        assert_eq!(config.tables["appointment"], "Appointments");
        assert_eq!(config.encoding, Encoding::Utf16Le);
        assert_eq!(config.delimiter, Delimiter::Tab);
        assert_eq!(config.dates.order(), DateOrder::Dmy);
    }

    #[test]
    fn unknown_keys_and_values_are_errors() {
        for text in [
            "speed = 1",
            "encoding = \"latin\"",
            "delimiter = \"|\"",
            "dates = \"ydm\"",
        ] {
            let text = format!("kind = \"csv\"\npath = \"csv/\"\n{text}");
            assert!(read(&text).is_err(), "{text}");
        }
    }
}
