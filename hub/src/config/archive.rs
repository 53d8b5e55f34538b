//! What is published, and as what.

use std::time::Duration;

use causeway_shared::runtime::settings::Span;
use serde::Deserialize;

/// The publishing of what is true.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ArchiveConfig {
    /// Whether it starts switched on; afterwards the switch in the store counts.
    pub enabled: bool,
    /// How often it runs.
    pub every: Span,
    /// As what it is published.
    pub formats: ArchiveFormats,
    /// Whether CSV files begin with a byte-order mark, for Excel.
    pub excel: bool,
    /// How long files of a Delta table stay that its newest version does without.
    pub keep: Span,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            every: Span(Duration::from_secs(300)),
            formats: ArchiveFormats(vec![ArchiveFormat::Csv]),
            excel: false,
            keep: Span(Duration::from_secs(7 * 24 * 60 * 60)),
        }
    }
}

/// As what tables are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveFormat {
    Csv,
    /// Delta Lake tables.
    Delta,
}

/// At least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct ArchiveFormats(Vec<ArchiveFormat>);

impl ArchiveFormats {
    #[must_use]
    pub(crate) fn contain(&self, format: ArchiveFormat) -> bool {
        self.0.contains(&format)
    }
}

impl TryFrom<Vec<String>> for ArchiveFormats {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Err("it names no format; write \"csv\", \"delta\" or both".to_owned());
        }
        let format = |name: &String| {
            match name.as_str() {
            "csv" => Ok(ArchiveFormat::Csv),
            "delta" if cfg!(feature = "delta") => Ok(ArchiveFormat::Delta),
            "delta" => Err(
                "this program is built without Delta tables; build it with the feature `delta`, or \
                 leave \"delta\" out"
                    .to_owned(),
            ),
            other => Err(format!("{other:?} is no format; there are \"csv\" and \"delta\"")),
        }
        };
        names.iter().map(format).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_the_archive_are_named() {
        let load = |formats: &str| {
            toml::from_str::<ArchiveConfig>(&format!("formats = {formats}"))
                .map(|archive| archive.formats.0)
                .map_err(|error| error.message().to_owned())
        };
        let delta = load("[\"delta\"]");
        assert_eq!(delta.is_ok(), cfg!(feature = "delta"), "{delta:?}");
        assert_eq!(load("[\"csv\"]"), Ok(vec![ArchiveFormat::Csv]));
        insta::assert_snapshot!(load("[]").unwrap_err(), @r#"it names no format; write "csv", "delta" or both"#);
        insta::assert_snapshot!(load("[\"xlsx\"]").unwrap_err(), @r#""xlsx" is no format; there are "csv" and "delta""#);
    }
}
