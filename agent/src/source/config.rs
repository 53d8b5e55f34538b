//! A `[[source]]` as it is written in `agent.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use causeway_shared::value::{DateNumbers, DateOrder, DecimalMark, Forms, PhoneCountry};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A `[[source]]` of `agent.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What it is.
    pub kind: SourceKind,
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
    /// What a number in a date or timestamp column means; none may stand there unless declared.
    #[serde(default, with = "unless_auto")]
    pub date_numbers: Option<DateNumbers>,
    /// What stands before a number's fraction.
    #[serde(default)]
    pub decimals: DecimalMark,
    /// The country whose telephone numbers get back the zero that a spreadsheet took.
    #[serde(default, with = "unless_auto")]
    pub phone_country: Option<PhoneCountry>,
}

impl SourceConfig {
    /// A source of which nothing is declared.
    pub(crate) fn new(kind: SourceKind, path: PathBuf) -> Self {
        Self {
            kind,
            path,
            tables: BTreeMap::new(),
            encoding: Encoding::default(),
            delimiter: Delimiter::default(),
            dates: Dates::default(),
            date_numbers: None,
            decimals: DecimalMark::default(),
            phone_country: None,
        }
    }

    /// How values are written in this source.
    pub(crate) fn forms(&self, zone: TimeZone) -> Forms {
        Forms {
            zone,
            dates: self.dates.order(),
            date_numbers: self.date_numbers,
            decimals: self.decimals,
            phone_country: self.phone_country,
            refuse_cut_phones: true,
            ..Forms::default()
        }
    }
}

/// A setting that is `auto` where nothing is declared.
mod unless_auto {
    use serde::de::value::StringDeserializer;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    const AUTO: &str = "auto";

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        setting: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match setting {
            Some(declared) => declared.serialize(to),
            None => to.serialize_str(AUTO),
        }
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let text = String::deserialize(from)?;
        if text == AUTO {
            return Ok(None);
        }
        T::deserialize(StringDeserializer::new(text)).map(Some)
    }
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A SQLite file.
    Sqlite,
    /// A folder of `<table>.csv` files.
    Csv,
}

/// The encoding of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Encoding {
    /// What is certain: UTF-8, with or without a byte order mark.
    #[default]
    Auto,
    /// UTF-8.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// One byte a character, under any of the names that the WHATWG's standard gives it.
    CodePage(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// As it is written in a source's settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::CodePage(page) => page.name(),
        }
    }

    /// What decodes it.
    pub(crate) fn table(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Auto | Self::Utf8 => encoding_rs::UTF_8,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::CodePage(page) => page,
        }
    }
}

impl From<Encoding> for String {
    fn from(encoding: Encoding) -> Self {
        encoding.name().to_owned()
    }
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = [Self::Auto, Self::Utf8, Self::Utf16Le, Self::Utf16Be];
        if let Some(known) = known.into_iter().find(|known| known.name() == name) {
            return Ok(known);
        }
        let page = encoding_rs::Encoding::for_label(name.as_bytes());
        let is_text = |page: &&'static encoding_rs::Encoding| {
            page.is_single_byte() && *page != encoding_rs::X_USER_DEFINED
        };
        page.filter(is_text).map(Self::CodePage).ok_or_else(|| {
            format!(
                "unknown encoding {name:?}; known are auto, utf-8, utf-16le, utf-16be, and code \
                 pages of one byte a character, such as windows-1252, windows-1250, iso-8859-2, \
                 koi8-r and macintosh"
            )
        })
    }
}

/// What stands between the fields of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Delimiter {
    /// What the header proves: the only one with which it names declared columns.
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
    #[serde(rename = "tab", alias = "\t")]
    Tab,
    /// `|`
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    /// The bytes that may be it, each as the setting that says so.
    pub(crate) fn candidates(self) -> &'static [(u8, Self)] {
        const ALL: [(u8, Delimiter); 4] = [
            (b',', Delimiter::Comma),
            (b';', Delimiter::Semicolon),
            (b'\t', Delimiter::Tab),
            (b'|', Delimiter::Pipe),
        ];
        match self {
            Self::Auto => &ALL,
            Self::Comma => &ALL[..1],
            Self::Semicolon => &ALL[1..2],
            Self::Tab => &ALL[2..3],
            Self::Pipe => &ALL[3..],
        }
    }

    /// As it is written in a source's settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Comma => ",",
            Self::Semicolon => ";",
            Self::Tab => "tab",
            Self::Pipe => "|",
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
            Self::Auto => DateOrder::Iso,
            Self::Ymd => DateOrder::Ymd,
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
    fn code_pages_have_their_usual_names() {
        for (name, page) in [
            ("windows-1252", encoding_rs::WINDOWS_1252),
            ("iso-8859-2", encoding_rs::ISO_8859_2),
            ("KOI8-R", encoding_rs::KOI8_R),
            ("macintosh", encoding_rs::MACINTOSH),
        ] {
            let text = format!("kind = \"csv\"\npath = \"csv/\"\nencoding = \"{name}\"");
            let config = read(&text).unwrap();
            assert_eq!(config.encoding, Encoding::CodePage(page));
            let written = serde_json::to_value(config.encoding).unwrap();
            assert_eq!(
                serde_json::from_value::<Encoding>(written).unwrap(),
                config.encoding
            );
        }
        let error = read("kind = \"csv\"\npath = \"csv/\"\nencoding = \"gbk\"").unwrap_err();
        insta::assert_snapshot!(error.message(), @r#"unknown encoding "gbk"; known are auto, utf-8, utf-16le, utf-16be, and code pages of one byte a character, such as windows-1252, windows-1250, iso-8859-2, koi8-r and macintosh"#);
    }

    #[test]
    fn unknown_keys_and_values_are_errors() {
        for text in [
            "speed = 1",
            "date_numbers = \"moon\"",
            "decimals = \"dot\"",
            "phone_country = \"XX\"",
            "encoding = \"latin\"",
            "delimiter = \":\"",
            "dates = \"ydm\"",
        ] {
            let text = format!("kind = \"csv\"\npath = \"csv/\"\n{text}");
            assert!(read(&text).is_err(), "{text}");
        }
    }
}
