//! What both programs do alike at their edges: how they end, what stops them, what they print.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed, nothing lost, try again.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Done or stopped, and a person should look.
    Look = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What a command prints, and how the program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What is printed; nothing if it is empty.
    pub text: String,
    /// How the program ends.
    pub exit: Exit,
}

impl Answer {
    /// A report, as one JSON object or in words.
    #[must_use]
    pub fn of(json: bool, report: &impl Serialize, words: String, exit: Exit) -> Self {
        let json = json.then(|| serde_json::to_string(report).unwrap_or_default());
        Self {
            text: json.unwrap_or(words),
            exit,
        }
    }

    /// Nothing is left to be said.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            text: String::new(),
            exit: Exit::Done,
        }
    }
}

/// Prints a text on standard output, its last line ended once.
///
/// # Errors
/// If nobody reads it.
pub fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end())?;
    stdout.flush()
}

/// So many of something: `1 row`, `2 rows`.
#[must_use]
pub fn count(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// The environment, as far as it is text: what configurations are overridden by.
#[expect(
    clippy::disallowed_methods,
    reason = "the programs' only look at the environment"
)]
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Ready when the process is asked to end, by SIGTERM or SIGINT.
pub async fn stopped() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                terminated.recv().await;
            }
            // SIGINT still ends it.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
