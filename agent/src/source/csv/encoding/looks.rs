//! What a file that was refused looks like. Nothing is decided here: a person reads it, and writes
//! the setting.

use std::fmt;

use super::guess;
use crate::source::Encoding;

/// Most bytes that are looked at.
const MAX_SAMPLE_BYTES: usize = 16 * 1024;

/// Most characters of a line that are shown.
const MAX_SHOWN_CHARS: usize = 80;

/// A strange character that stands this far in a line, or farther, is shown with what is around it.
const SURELY_SHOWN_CHARS: usize = 70;

/// UTF-16, if that is what bytes without a mark look like: of the Latin letters, digits and line
/// ends in it every other byte is 0.
pub(super) fn utf16(head: &[u8]) -> Option<Encoding> {
    let sample = &head[..head.len().min(MAX_SAMPLE_BYTES)];
    let (mut even, mut odd, mut pairs) = (0, 0, 0);
    for pair in sample.chunks_exact(2) {
        even += usize::from(pair[0] == 0);
        odd += usize::from(pair[1] == 0);
        pairs += 1;
    }
    let is_many = |zeros: usize, others: usize| zeros * 4 > pairs && zeros > 8 * others;
    if is_many(odd, even) {
        Some(Encoding::Utf16Le)
    } else if is_many(even, odd) {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

/// What to do about a file that is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Only a few bytes are damaged, as it seems.
    MendOrDeclare,
    Mend,
    /// The encoding of this name.
    Declare(&'static str),
    Save,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MendOrDeclare => f.write_str(
                "mend it, or write `encoding = \"utf-8\"` for this source, which puts such rows \
                 into quarantine",
            ),
            Self::Mend => f.write_str("mend it"),
            Self::Declare(name) => {
                write!(
                    f,
                    "if that is right, write `encoding = \"{name}\"` for this source"
                )
            }
            Self::Save => f.write_str("save it as UTF-8"),
        }
    }
}

/// The line with the first bytes that are not UTF-8, and what follows it.
pub(super) struct Line<'s> {
    pub(super) sample: &'s [u8],
    /// Whether what stands before it is UTF-8, and more than ASCII.
    pub(super) has_utf8: bool,
}

impl Line<'_> {
    /// What the file looks like, and what to do.
    pub(super) fn hint(&self) -> (String, Remedy) {
        let sample = &self.sample[..self.sample.len().min(MAX_SAMPLE_BYTES)];
        if self.has_utf8 {
            let lines = strange_lines(sample, encoding_rs::UTF_8);
            let looks = format!("what stands before it is; it reads {lines}");
            return (looks, Remedy::MendOrDeclare);
        }
        let guess = guess(sample);
        let name = guess.page.name();
        let lines = strange_lines(sample, guess.page);
        if guess.is_read() {
            let looks =
                format!("the file looks like {name}, in which that line and the next are {lines}");
            (looks, Remedy::Declare(name))
        } else {
            let looks = format!(
                "the file looks like {name}, which is not read, and in which that line and the next \
                 are {lines}"
            );
            (looks, Remedy::Save)
        }
    }
}

/// Where the last line of some bytes begins.
pub(super) fn line_start(bytes: &[u8]) -> usize {
    let end = bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
    end.map_or(0, |end| end + 1)
}

/// The first line and, of the others, the first that is not plain ASCII, or else the second.
fn strange_lines(sample: &[u8], encoding: &'static encoding_rs::Encoding) -> String {
    let mut lines = sample
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .filter(|line| !line.is_empty());
    let first = lines.next();
    let others: Vec<&[u8]> = lines.take(100).collect();
    let second = others
        .iter()
        .find(|line| !line.is_ascii())
        .or(others.first());
    let lines = first.into_iter().chain(second.copied());
    let lines: Vec<String> = lines.map(|line| decode(line, encoding)).collect();
    shown(lines.iter().map(String::as_str))
}

/// Two lines of a file, to show.
pub(crate) fn two_lines(lines: &[u8], encoding: &'static encoding_rs::Encoding) -> String {
    let lines = &lines[..lines.len().min(MAX_SAMPLE_BYTES)];
    let text = decode(lines, encoding);
    let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    shown(lines.take(2))
}

/// Bytes that are no character are shown as U+FFFD.
fn decode(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> String {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let is_none = |c: char| c.is_control() && !c.is_whitespace();
    text.replace(is_none, "\u{fffd}")
}

/// Lines in quotes, shortened.
fn shown<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let lines: Vec<String> = lines.map(show).collect();
    lines.join(" and ")
}

/// A line in quotes, shortened, with what is not plain ASCII in it.
pub(in crate::source::csv) fn show(line: &str) -> String {
    let strange = line.chars().position(|c| !c.is_ascii()).unwrap_or_default();
    let (before, from) = match strange {
        0..SURELY_SHOWN_CHARS => ("", 0),
        _ => ("…", strange - MAX_SHOWN_CHARS / 2),
    };
    let mut rest = line.chars().skip(from);
    let shown: String = rest.by_ref().take(MAX_SHOWN_CHARS).collect();
    let after = if rest.next().is_some() { "…" } else { "" };
    format!("\"{before}{shown}{after}\"")
}
