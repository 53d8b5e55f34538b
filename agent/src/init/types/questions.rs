//! What a person has to look at (`PLEASE CHECK`) or to decide (`PLEASE DECIDE`) of a column.

use causeway_shared::value::{DateNumbers, DecimalMark, Forms, Raw, Type, parse};

use super::{DATE_NAMES, Known, PLAUSIBLE_UNIX_SECONDS};
use crate::init::declared::Declared;
use crate::init::groups::Mark;

fn check(what: impl AsRef<str>) -> String {
    format!("PLEASE CHECK: {}", what.as_ref())
}

fn decide(what: impl AsRef<str>) -> String {
    format!("PLEASE DECIDE: {}", what.as_ref())
}

impl Known<'_> {
    pub(super) fn questions(&self, declared: Declared, ty: Type) -> Vec<String> {
        let profile = self.profile;
        let mut asked = Vec::new();
        if profile.untakeable > 0 {
            asked.push(check(format!(
                "{}: those rows go to quarantine",
                self.untakeable()
            )));
        }
        if let Some((odd, samples)) = self.odd(ty) {
            let right = match ty {
                Type::Phone => "",
                _ => ", which is right for a line of totals",
            };
            asked.push(decide(format!(
                "{} not of type {ty} ({samples}): such rows go to quarantine{right}; to carry them, \
                 write \"text\"",
                self.some_are(odd)
            )));
        } else if self.is_contradicted(declared) {
            asked.push(check("its values are not what is declared"));
        }
        let about_numbers = self
            .thousands(declared, ty)
            .or_else(|| self.lost_digits(declared, ty));
        match about_numbers {
            Some(question) => asked.push(question),
            None if ty.is_text() => asked.extend(self.near_miss(declared).map(check)),
            None => {}
        }
        asked.extend(self.midnights(declared, ty).map(check));
        if self.may_be_unix_seconds(declared, ty) {
            asked.push(check(
                "the values could be seconds since 1970; if they are, write timestamp, and \
                 `date_numbers = \"unix\"` for the source",
            ));
        }
        if self.may_be_digits_of_dates(declared, ty) {
            asked.push(check(format!(
                "the values could be dates, written as YYYYMMDD ({}); if they are, write \"date\", and \
                 `date_numbers = \"yyyymmdd\"` for the source",
                profile.samples
            )));
        }
        if ty == Type::Phone && profile.texts < profile.values {
            asked.push(check(
                "numbers have lost their leading zeros; `phone_country` of the source puts them \
                 back",
            ));
        }
        if profile.formulas > 0 {
            asked.push(check(format!(
                "{} values are wrapped by a spreadsheet, =\"…\"",
                profile.formulas
            )));
        }
        asked
    }

    fn some_are(&self, some: u64) -> String {
        let are = if some == 1 { "is" } else { "are" };
        format!("{some} of {} values {are}", self.profile.values)
    }

    /// The declared type is one that the values speak against.
    fn is_contradicted(&self, declared: Declared) -> bool {
        let says_something = !matches!(declared, Declared::Nothing | Declared::Bytes);
        says_something && self.profile.values > 0 && self.believed(declared).is_none()
    }

    /// A mark that parts thousands, or may.
    fn thousands(&self, declared: Declared, ty: Type) -> Option<String> {
        let (mark, groups) = self.profile.thousands()?;
        let is_number = matches!(ty, Type::Int | Type::Float | Type::Decimal(_));
        let is_text_by_values = ty == Type::Text && !matches!(declared, Declared::Text(_));
        if !is_number && !is_text_by_values {
            return None;
        }
        let (marks, samples) = (mark.plural(), &groups.samples);
        let number = groups.first_without_marks.as_deref().unwrap_or_default();
        if groups.is_certain && mark != Mark::Point {
            return Some(check(format!(
                "{marks} part thousands ({samples}), and a number with them is not read; text keeps \
                 them as they are written; to have numbers, let the file say {number}"
            )));
        }
        let mark = marks.trim_end_matches('s');
        let answers = match (ty.is_text(), self.decimals, mark) {
            (false, ..) => {
                "if decimals, leave the type, and name the column in the summary's `sum` if its sum \
                 is wanted; if thousands, write \"text\" to have them as they are written"
            }
            (true, DecimalMark::Comma, "comma") => {
                "text keeps them as they are written; if decimals, write \"decimal(3)\""
            }
            (true, DecimalMark::Point, "comma") => {
                "text keeps them as they are written; if decimals, write \"decimal(3)\", and \
                 `decimals = \"comma\"` for the source"
            }
            (true, ..) => "text keeps them as they are written",
        };
        Some(decide(format!(
            "do {marks} part thousands or decimals? Every {mark} has three digits behind it \
             ({samples}); {answers}; to have thousands as numbers, let the file say {number}"
        )))
    }

    /// What a number would lose, or a value like those loses one day.
    fn lost_digits(&self, declared: Declared, ty: Type) -> Option<String> {
        let (profile, codes) = (self.profile, &self.profile.codes);
        if ty == Type::Int && self.is_named_id() {
            let fewest = codes.fewest_digits.filter(|fewest| *fewest > 1)?;
            return Some(check(format!(
                "every value has {fewest} digits or more ({}); if some begin with a zero one day, \
                 write \"text\", since as int they go to quarantine",
                profile.samples
            )));
        }
        let is_number = profile.trial(Type::Float, self.order).fits();
        if !is_number || ty != Type::Text || matches!(declared, Declared::Text(_)) {
            return None;
        }
        let scale = profile.numbers.most_written().unwrap_or_default();
        let exact = match profile.numbers.decimal_scale(scale) {
            Some(0) => "int".to_owned(),
            Some(scale) => format!("decimal({scale})"),
            None => "float".to_owned(),
        };
        if self.is_named_code() {
            None
        } else if codes.padded.added > 0 {
            let drop = match exact.as_str() {
                "int" => ", leading_zeros = \"drop\"",
                _ => "",
            };
            Some(decide(format!(
                "numbers, of which leading zeros or a plus would be lost ({}); text keeps them; if \
                 they say nothing, write type = \"{exact}\"{drop}",
                codes.padded.and_of(&profile.samples)
            )))
        } else if codes.exponents.added > 0 {
            Some(decide(format!(
                "codes, or numbers with an exponent ({})? Text keeps them as they are written; if \
                 they are numbers, write \"float\"",
                codes.exponents.and_of(&profile.samples)
            )))
        } else if codes.trailing_zeros.added > 0 {
            Some(decide(format!(
                "versions, or numbers with zeros at the end ({})? Text keeps them as they are \
                 written; if they are numbers, write \"{exact}\"",
                codes.trailing_zeros.and_of(&profile.samples)
            )))
        } else if profile.numbers.too_long_for_float {
            Some(check(format!(
                "numbers, some of more digits than a float holds ({}); text keeps them as they are \
                 written; to have numbers, write \"{exact}\"",
                profile.samples
            )))
        } else {
            None
        }
    }

    /// Moments of which none has a time of day.
    fn midnights(&self, declared: Declared, ty: Type) -> Option<String> {
        let samples = &self.profile.samples;
        if ty == Type::Date && self.has_clock() {
            Some(format!(
                "all times of day are midnight ({samples}); write timestamp if others may come"
            ))
        } else if ty == Type::Timestamp
            && declared == Declared::Timestamp
            && self.profile.values > 0
            && self.fits(Type::Date)
        {
            Some(format!(
                "no value has a time of day but midnight ({samples}); write date if none will"
            ))
        } else {
            None
        }
    }

    fn may_be_unix_seconds(&self, declared: Declared, ty: Type) -> bool {
        let are_plausible = self.profile.ints.is_some_and(|(least, most)| {
            PLAUSIBLE_UNIX_SECONDS.contains(&least) && PLAUSIBLE_UNIX_SECONDS.contains(&most)
        });
        ty == Type::Int
            && are_plausible
            && (matches!(declared, Declared::Date | Declared::Timestamp)
                || self.is_named(&DATE_NAMES)
                || self.is_named(&["time", "at", "created", "updated"]))
    }

    /// `20251128`, in a column that is named or declared as a date's.
    fn may_be_digits_of_dates(&self, declared: Declared, ty: Type) -> bool {
        let forms = Forms {
            date_numbers: Some(DateNumbers::Digits),
            ..Forms::default()
        };
        let is_date = |v| parse(Raw::Int(v), Type::Date, &forms).is_ok();
        let are_dates = |(least, most)| is_date(least) && is_date(most);
        ty == Type::Int
            && self.profile.ints.is_some_and(are_dates)
            && (declared == Declared::Date || self.is_named(&DATE_NAMES))
    }

    /// A type that would be right but for a few values.
    fn near_miss(&self, declared: Declared) -> Option<String> {
        let profile = self.profile;
        let expected = match declared {
            Declared::Text(_) => vec![Type::Date, Type::Timestamp],
            _ => vec![
                Type::Int,
                Type::Float,
                Type::Date,
                Type::Timestamp,
                Type::Time,
                Type::Bool,
            ],
        };
        let near = expected
            .into_iter()
            .find(|ty| profile.trial(*ty, self.order).nearly_fits());
        let commas = &profile.commas;
        if let Some(ty) = near {
            let trial = profile.trial(ty, self.order);
            let partition = match ty {
                Type::Date => {
                    "; if rows belong to that day, also not_null = true, and the column as \
                     partition = { by = … }"
                }
                _ => "",
            };
            Some(format!(
                "{} not of type {ty} (such as {}); write \"{ty}\" to have their rows in quarantine \
                 instead{partition}",
                self.some_are(trial.refused),
                trial.refused_samples
            ))
        } else if commas.nearly_fits()
            && let Some(ty) = commas.ty()
        {
            let setting = match self.decimals {
                DecimalMark::Comma => "",
                DecimalMark::Point => ", and `decimals = \"comma\"` for the source,",
            };
            Some(format!(
                "{} no numbers with a decimal comma (such as {}); write \"{ty}\"{setting} to have \
                 their rows in quarantine instead",
                self.some_are(commas.refused),
                commas.refused_samples
            ))
        } else if profile.numbers.comma > 0 && profile.numbers.comma * 2 > profile.values {
            Some(format!(
                "numbers with a decimal comma ({}); to have them as such, write float or \
                 decimal(…), and `decimals = \"comma\"` for the source",
                profile.samples
            ))
        } else {
            None
        }
    }
}
