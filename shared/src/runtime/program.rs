//! What both programs do alike at their edges: how they end, what stops them, what they print.

use std::borrow::Cow;
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

/// Prints a text on standard output, its last line ended once. Whoever has read enough of it (`head`) may
/// have gone.
///
/// # Errors
/// If it cannot be written.
pub fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    let printed = writeln!(stdout, "{}", printable(text.trim_end()));
    unless_read_enough(printed.and_then(|()| stdout.flush()))
}

/// What came of printing; that the reader has gone is no failure.
///
/// # Errors
/// Any other failure.
pub fn unless_read_enough(printed: io::Result<()>) -> io::Result<()> {
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// A text that commands no terminal: a control character, which a value or a file's name may hold,
/// is shown by its number, as JSON writes it. Ends of lines and tabs stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_command = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_command) {
        return text.into();
    }
    let shown = text.chars().map(|c| match c {
        c if is_command(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    shown.collect()
}

/// So many of something: `1 row`, `2 rows`.
#[must_use]
pub fn count(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// So many bytes, for a person.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_commands_no_terminal() {
        let text = "a\tb\n\u{1b}[31mred\u{7}\u{9b}2J\r\u{7f}é";
        let shown = "a\tb\n\\u001b[31mred\\u0007\\u009b2J\\u000d\\u007fé";
        assert_eq!(printable(text), shown);
        assert!(matches!(printable("a\tb\né"), Cow::Borrowed(_)));
        // In JSON it is the same character to whoever reads it.
        let json = serde_json::to_string("\u{9b}").unwrap();
        let read: String = serde_json::from_str(&printable(&json)).unwrap();
        assert_eq!(read, "\u{9b}");
    }
}
