//! The reader's language, and how it writes numbers and dates.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use causeway_shared::summary::Amount;
use jiff::Zoned;
use jiff::civil::{Date, DateTime};

use super::texts::{ENGLISH, Texts, VIETNAMESE};
use crate::http::callers::cookie;
use crate::http::request::header_text;

/// The cookie that keeps the choice for a year.
const COOKIE: &str = "causeway_lang";
const YEAR_SECONDS: u32 = 365 * 24 * 3_600;

/// From here on a sum's last digits are not known, and are not shown.
const MAX_EXACT: f64 = 1e15;

/// A language of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Vietnamese,
    English,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    /// As `lang` attributes and parameters write it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    fn of_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
    }

    /// What the pages say.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::Vietnamese => &VIETNAMESE,
            Self::English => &ENGLISH,
        }
    }

    /// A count, its digits in groups of three.
    pub(super) fn number(self, count: u64) -> String {
        self.grouped(&count.to_string())
    }

    fn grouped(self, digits: &str) -> String {
        let separator = match self {
            Self::Vietnamese => '.',
            Self::English => ',',
        };
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A mean with two decimals.
    pub(super) fn mean(self, mean: f64) -> String {
        let text = format!("{mean:.2}");
        match self {
            Self::Vietnamese => text.replace('.', ","),
            Self::English => text,
        }
    }

    /// A sum: all digits of one that is exact, at most two decimals of a float.
    pub(super) fn amount(self, amount: Amount) -> String {
        match amount {
            Amount::Exact(number) => self.digits(&number.to_string()),
            Amount::Float(v) if v.abs() >= MAX_EXACT => format!("{v:e}"),
            Amount::Float(v) => {
                let text = format!("{v:.2}");
                let text = text.trim_end_matches('0').trim_end_matches('.');
                self.digits(if text == "-0" { "0" } else { text })
            }
        }
    }

    /// A number's digits with the marks of the language.
    fn digits(self, text: &str) -> String {
        let (sign, text) = match text.strip_prefix('-') {
            Some(text) => ("-", text),
            None => ("", text),
        };
        let mark = match self {
            Self::Vietnamese => ',',
            Self::English => '.',
        };
        match text.split_once('.') {
            Some((whole, decimals)) => format!("{sign}{}{mark}{decimals}", self.grouped(whole)),
            None => format!("{sign}{}", self.grouped(text)),
        }
    }

    /// How long something takes, in the largest unit of which it is a whole number.
    pub(super) fn span(self, span: Duration) -> String {
        let (days, hours, minutes, seconds) = match self {
            Self::Vietnamese => ("ngày", "giờ", "phút", "giây"),
            Self::English => ("d", "h", "min", "s"),
        };
        let all = span.as_secs();
        let units = [(86_400, days), (3_600, hours), (60, minutes)];
        let whole = |(length, _): &(u64, &str)| all > 0 && all.is_multiple_of(*length);
        let (length, unit) = units.into_iter().find(whole).unwrap_or((1, seconds));
        format!("{} {unit}", self.number(all / length))
    }

    /// A date with its year.
    pub(super) fn day(self, date: Date) -> String {
        match self {
            Self::Vietnamese => date.strftime("%d/%m/%Y").to_string(),
            Self::English => date.strftime("%-d %b %Y").to_string(),
        }
    }

    /// A month with its year.
    pub(super) fn month(self, date: Date) -> String {
        match self {
            Self::Vietnamese => date.strftime("%m/%Y").to_string(),
            Self::English => date.strftime("%b %Y").to_string(),
        }
    }

    /// A time, to the second.
    pub(super) fn moment(self, at: &Zoned) -> String {
        format!("{} {}", self.day(at.date()), at.strftime("%H:%M:%S"))
    }

    /// A timestamp, to the minute.
    pub(super) fn timestamp(self, at: DateTime) -> String {
        format!("{} {}", self.day(at.date()), at.strftime("%H:%M"))
    }

    /// A date in full, with its day of the week.
    pub(super) fn date(self, date: Date) -> String {
        let weekday = self.texts().weekdays
            [usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        format!("{weekday}, {}", self.day(date))
    }

    pub(super) fn short_date(self, date: Date) -> String {
        match self {
            Self::Vietnamese => date.strftime("%d/%m").to_string(),
            Self::English => date.strftime("%-d %b").to_string(),
        }
    }
}

/// The language of a request: what `?lang=` asks for, else what the reader chose last, else what
/// the browser prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReaderLanguage {
    pub(super) language: Language,
    /// Whether it was asked for just now, and should be kept.
    chosen: bool,
}

impl ReaderLanguage {
    fn of(query: Option<&str>, headers: &HeaderMap) -> Self {
        let asked = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .find_map(|pair| pair.strip_prefix("lang=").and_then(Language::of_code));
        if let Some(language) = asked {
            return Self {
                language,
                chosen: true,
            };
        }
        let kept = cookie(headers, COOKIE).and_then(Language::of_code);
        let language =
            kept.unwrap_or_else(|| preferred(header_text(headers, header::ACCEPT_LANGUAGE)));
        Self {
            language,
            chosen: false,
        }
    }

    /// The header that keeps a choice.
    pub(super) fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let language = self.language.code();
        let cookie = format!("{COOKIE}={language}; Path=/; Max-Age={YEAR_SECONDS}; SameSite=Lax");
        if let Some(cookie) = HeaderValue::from_str(&cookie).ok().filter(|_| self.chosen) {
            headers.insert(header::SET_COOKIE, cookie);
        }
        headers
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ReaderLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query(), &parts.headers))
    }
}

/// The first language of `Accept-Language` that the dashboard speaks. Browsers list them in order
/// of preference; Vietnamese is where nothing is said.
fn preferred(accepted: Option<&str>) -> Language {
    let ranges = accepted.unwrap_or_default().split(',');
    let primary = |range: &str| {
        let tag = range.split(';').next().unwrap_or_default();
        tag.split('-')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    ranges
        .map(primary)
        .find_map(|code| Language::of_code(&code))
        .unwrap_or(Language::Vietnamese)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1_000, 1_234_567];
        let english = numbers.map(|n| Language::English.number(n)).join(" ");
        assert_eq!(english, "0 999 1,000 1,234,567");
        assert_eq!(Language::Vietnamese.number(20_000), "20.000");
        assert_eq!(Language::Vietnamese.mean(4.256), "4,26");
    }

    #[test]
    fn spans_have_the_largest_unit() {
        let spans = [0, 90, 300, 7_200, 172_800].map(Duration::from_secs);
        let english = spans.map(|span| Language::English.span(span)).join(", ");
        assert_eq!(english, "0 s, 90 s, 5 min, 2 h, 2 d");
        assert_eq!(Language::Vietnamese.span(spans[2]), "5 phút");
    }

    #[test]
    fn amounts_are_as_exact_as_they_are_told() {
        let amounts = [0.0, -0.0, 12.5, -1_234_567.891, 1e15, 20_000.0];
        let english = amounts.map(|v| Language::English.amount(Amount::Float(v)));
        assert_eq!(english.join(" "), "0 0 12.5 -1,234,567.89 1e15 20,000");
        assert_eq!(
            Language::Vietnamese.amount(Amount::Float(58_500.5)),
            "58.500,5"
        );
        let exact = ["0", "-0.05", "-1234567.890", "123456789012345678901.2"];
        let exact = exact.map(|digits| Amount::Exact(digits.parse().unwrap()));
        let english = exact.map(|v| Language::English.amount(v)).join(" ");
        assert_eq!(
            english,
            "0 -0.05 -1,234,567.890 123,456,789,012,345,678,901.2"
        );
        assert_eq!(Language::Vietnamese.amount(exact[2]), "-1.234.567,890");
    }

    #[test]
    fn dates_are_written_as_people_read_them() {
        let day = date(2025, 11, 28);
        assert_eq!(Language::Vietnamese.date(day), "Thứ Sáu, 28/11/2025");
        assert_eq!(Language::English.date(day), "Friday, 28 Nov 2025");
    }

    #[test]
    fn the_last_choice_counts_most() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_LANGUAGE,
            "fr-FR, en-GB;q=0.8, vi".parse().unwrap(),
        );
        let code = |query, headers: &HeaderMap| ReaderLanguage::of(query, headers).language.code();
        assert_eq!(code(None, &HeaderMap::new()), "vi");
        assert_eq!(code(None, &headers), "en");
        headers.insert(header::COOKIE, "causeway_lang=vi".parse().unwrap());
        assert_eq!(code(None, &headers), "vi");
        assert_eq!(code(Some("lang=en"), &headers), "en");
        assert_eq!(code(Some("lang=xx"), &headers), "vi");
    }
}
