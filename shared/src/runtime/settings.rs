//! Configuration files: TOML, with any key overridden by the environment.
//!
//! `CAUSEWAY_` and the key's path, its levels joined by `__`: `CAUSEWAY_STORE__URL`,
//! `CAUSEWAY_SOURCE__0__PATH`. A variable's text takes the type that its key has; of a list, commas stand between the
//! entries.

mod tree;
mod units;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use units::{Bytes, Span};

use super::regular_file;
use tree::Node;

/// What every variable that sets a key begins with.
pub const PREFIX: &str = "CAUSEWAY_";

/// Most bytes that a configuration file, or a dataset file beside it, may have.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file that was asked for cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}, column {column}: {detail}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there, in the parser's words. Not the line itself: it may hold a token.
        detail: String,
    },
    /// A key is unknown, missing or of another type.
    #[error("{place}: {detail}")]
    Invalid {
        /// The file, or what stands in for it.
        place: String,
        /// Which key, and what is wrong with it.
        detail: String,
    },
    /// A variable sets what the configuration does not have, or to a value of another type.
    #[error("environment variable {variable}: {problem}")]
    Variable {
        /// The variable.
        variable: String,
        /// What is wrong.
        problem: String,
    },
}

/// Reads the configuration at `path`; without a path the file `default_file` in the working
/// directory, if it is there, else the built-in defaults. Then sets what the environment sets.
///
/// Returns the configuration and the folder that its relative paths are relative to.
///
/// # Errors
/// [`SettingsError`], naming file and key.
pub fn load<T: DeserializeOwned>(
    path: Option<&Path>,
    default_file: &str,
    environment: &[(String, String)],
) -> Result<(T, PathBuf), SettingsError> {
    let default_file = Path::new(default_file);
    let (file, text) = match path {
        Some(path) => (path, read(path)?),
        None if default_file.exists() => (default_file, read(default_file)?),
        None => (default_file, String::new()),
    };
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    Ok((parse(&text, file, environment)?, folder))
}

/// Reads a configuration from its text; errors name `file`.
///
/// # Errors
/// [`SettingsError`], naming the key.
pub fn parse<T: DeserializeOwned>(
    text: &str,
    file: &Path,
    environment: &[(String, String)],
) -> Result<T, SettingsError> {
    let parsed: toml::Table = toml::from_str(text).map_err(|error| syntax(file, text, &error))?;
    let mut tree = Node::from(toml::Value::Table(parsed));
    for (variable, value) in environment {
        if let Some(name) = variable.strip_prefix(PREFIX) {
            tree.set(name, value)
                .map_err(|problem| SettingsError::Variable {
                    variable: variable.clone(),
                    problem: problem.to_owned(),
                })?;
        }
    }
    T::deserialize(tree).map_err(|error| {
        let mut variables = environment.iter().map(|(variable, _)| variable);
        let to_blame = variables.find(|variable| {
            let name = variable.strip_prefix(PREFIX);
            name.is_some_and(|name| error.is_about(name))
        });
        match to_blame {
            Some(variable) => SettingsError::Variable {
                variable: variable.clone(),
                problem: error.to_string(),
            },
            None => SettingsError::Invalid {
                place: if text.is_empty() {
                    "configuration".into()
                } else {
                    file.display().to_string()
                },
                detail: error.to_string(),
            },
        }
    })
}

fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    SettingsError::Syntax {
        path: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        detail: error.message().to_owned(),
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    regular_file::read_text(path, MAX_BYTES).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        site: String,
        #[serde(default)]
        excel: bool,
        #[serde(default)]
        store: Store,
        #[serde(default)]
        source: Vec<Source>,
        #[serde(default)]
        readers: Vec<String>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Store {
        url: String,
        #[serde(default)]
        days: u32,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Source {
        path: PathBuf,
    }

    fn loaded(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.toml");
        std::fs::write(&file, text).unwrap();
        let environment: Vec<_> = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let loaded = load(Some(&file), "agent.toml", &environment);
        loaded
            .map(|(settings, _)| settings)
            .map_err(|error| match error {
                SettingsError::Invalid { detail, .. } => detail,
                other => other.to_string(),
            })
    }

    #[test]
    fn the_environment_overrides_the_file_and_takes_each_keys_type() {
        let settings = loaded(
            "site = \"a\"\n[store]\nurl = \"file:///x\"\n",
            &[
                ("CAUSEWAY_SITE", "123"),
                ("CAUSEWAY_EXCEL", "true"),
                ("CAUSEWAY_STORE__DAYS", "7"),
                ("CAUSEWAY_SOURCE__0__PATH", "db.sqlite"),
                ("CAUSEWAY_READERS", "reports, audit"),
                ("PATH", "/bin"),
            ],
        );
        let expected = Settings {
            site: "123".into(),
            excel: true,
            store: Store {
                url: "file:///x".into(),
                days: 7,
            },
            source: vec![Source {
                path: "db.sqlite".into(),
            }],
            readers: vec!["reports".into(), "audit".into()],
        };
        assert_eq!(settings, Ok(expected));
        let none = loaded(
            "site = \"a\"\nreaders = [\"x\"]",
            &[("CAUSEWAY_READERS", "")],
        );
        assert_eq!(none.unwrap().readers, [""; 0]);
        let one_by_one = [("CAUSEWAY_READERS__0", "a"), ("CAUSEWAY_READERS__1", "b")];
        assert_eq!(
            loaded("site = \"a\"", &one_by_one).unwrap().readers,
            ["a", "b"]
        );
    }

    #[test]
    fn unknown_and_mistyped_keys_are_errors() {
        let error = loaded("site = \"a\"\nsitee = 1", &[]).unwrap_err();
        assert_eq!(
            error,
            "unknown field `sitee`, expected one of `site`, `excel`, `store`, `source`, `readers`"
        );
        let error = loaded("site = \"a\"", &[("CAUSEWAY_STORE__URLL", "x")]).unwrap_err();
        assert_eq!(
            error,
            "environment variable CAUSEWAY_STORE__URLL: store: unknown field `urll`, expected `url` or `days`"
        );
        let other_program = ("CAUSEWAY_REGION", "x");
        let error = loaded("site = \"a\"", &[("CAUSEWAY_SITE", "b"), other_program]).unwrap_err();
        assert_eq!(
            error,
            "environment variable CAUSEWAY_REGION: unknown field `region`, expected one of `site`, `excel`, `store`, `source`, `readers`"
        );
        let error = loaded("site = \"a\"", &[("CAUSEWAY_STORE__DAYS", "many")]).unwrap_err();
        assert_eq!(
            error,
            "environment variable CAUSEWAY_STORE__DAYS: store.days: \"many\" is not a whole number"
        );
        // What the file says, or does not, is the file's.
        let error = loaded("site = \"a\"\nstore = {}", &[("CAUSEWAY_STORE__DAYS", "7")]);
        assert_eq!(error.unwrap_err(), "store: missing field `url`");
        let error = loaded("sitee = 1", &[("CAUSEWAY_SITE", "b")]).unwrap_err();
        assert_eq!(
            error,
            "unknown field `sitee`, expected one of `site`, `excel`, `store`, `source`, `readers`"
        );
        let error = loaded("site = \"a\"\n[store]\nurl = 1", &[]).unwrap_err();
        assert_eq!(error, "store.url: an integer where a string is expected");
    }

    #[test]
    fn no_error_shows_a_value() {
        let error = loaded("[store]\nurl = s3cret", &[]).unwrap_err();
        assert!(error.ends_with("agent.toml, line 2, column 7: string values must be quoted, expected literal string"), "{error}");
        let error = loaded("site = \"a\"\nstore = \"s3cret\"", &[]).unwrap_err();
        assert_eq!(error, "store: a string where struct Store is expected");
    }
}
