//! Why a type is proposed, and what a person should look at, in words.

use causeway_shared::value::{DateOrder, DecimalMark, Type};

use super::{DATE_NAMES, Known, PLAUSIBLE_UNIX_SECONDS};
use crate::init::declared::Declared;

impl Known<'_> {
    fn all(&self) -> String {
        all(self.profile.values)
    }

    pub(super) fn untakeable(&self) -> String {
        let profile = self.profile;
        match &profile.first_untakeable {
            Some(why) => format!(
                "{} of {} values cannot be carried (the first: {why})",
                profile.untakeable,
                profile.untakeable + profile.values
            ),
            None => format!("declared {}: bytes are not carried", self.declared),
        }
    }

    pub(super) fn why(&self, declared: Declared, ty: Type) -> String {
        let words = if self.declared.is_empty() {
            String::new()
        } else {
            format!("declared {}, ", self.declared)
        };
        if self.profile.values == 0 {
            return format!("{words}no values yet");
        }
        let all = self.all();
        let order = match self.order {
            DateOrder::Iso | DateOrder::Ymd => "YYYY-MM-DD",
            DateOrder::Dmy => "DD/MM/YYYY",
            DateOrder::Mdy => "MM/DD/YYYY",
        };
        let comma = match self.with_comma() {
            Some(with) if with == ty => " behind a comma",
            _ => "",
        };
        let values = match ty {
            Type::Int => format!("{all} whole numbers"),
            Type::Float => format!("{all} numbers{comma}"),
            Type::Decimal(scale) => format!("{all} numbers with up to {scale} decimals{comma}"),
            Type::Bool => format!("{all} yes or no"),
            Type::Date if self.has_clock() => format!("{all} midnights"),
            Type::Date => format!("{all} dates ({order})"),
            Type::Time => format!("{all} times of day"),
            Type::Timestamp => format!("{all} dates with or without a time"),
            Type::Phone => "telephone numbers, kept as text".to_owned(),
            Type::Text if matches!(declared, Declared::Text(_)) => {
                format!("longest {}", self.profile.max_chars)
            }
            Type::Text => format!("text, longest {}", self.profile.max_chars),
        };
        format!("{words}{values}")
    }

    /// What a person should look at.
    pub(super) fn cautions(&self, declared: Declared, ty: Type) -> Vec<String> {
        let profile = self.profile;
        let mut cautions = Vec::new();
        let mut say = |caution: String| cautions.push(caution);
        if profile.untakeable > 0 {
            say(format!(
                "{}: those rows go to quarantine",
                self.untakeable()
            ));
        }
        if self.is_contradicted(declared) {
            say("its values are not what is declared".to_owned());
        }
        if ty.is_text() && self.question(declared, ty).is_none() {
            self.near_misses(declared, ty, &mut say);
        }
        if ty == Type::Date && self.has_clock() {
            say("write timestamp if times of day may come".to_owned());
        }
        if let (Some((least, most)), true) = (profile.ints, ty == Type::Int)
            && PLAUSIBLE_UNIX_SECONDS.contains(&least)
            && PLAUSIBLE_UNIX_SECONDS.contains(&most)
            && (matches!(declared, Declared::Date | Declared::Timestamp)
                || self.is_named(&DATE_NAMES)
                || self.is_named(&["time", "at", "created", "updated"]))
        {
            let what = "the values could be seconds since 1970; if they are, write timestamp, and \
                        `date_numbers = \"unix\"` for the source";
            say(what.to_owned());
        }
        if ty == Type::Phone && profile.texts < profile.values {
            let what = "numbers have lost their leading zeros; `phone_country` of the source puts them \
                        back";
            say(what.to_owned());
        }
        if profile.formulas > 0 {
            say(format!(
                "{} values are wrapped by a spreadsheet, =\"…\"",
                profile.formulas
            ));
        }
        cautions
    }

    /// What only a person can decide: whether points part thousands.
    pub(super) fn question(&self, declared: Declared, ty: Type) -> Option<String> {
        let number = self.profile.numbers.perhaps_thousands()?;
        let (digits, is_text) = (number.replace('.', ""), ty.is_text());
        let is_number = matches!(ty, Type::Int | Type::Float | Type::Decimal(_));
        let is_undeclared_text = ty == Type::Text && declared == Declared::Nothing;
        (is_number || is_undeclared_text).then(|| {
            let as_it_is = match is_text {
                true => "text keeps them as they are written",
                false => {
                    "if decimals, leave the type, and name the column in the summary's `sum` if its \
                     sum is wanted; if thousands, write \"text\" to have them as they are written"
                }
            };
            format!(
                "do points part thousands or decimals? Every point has three digits behind it \
                 (\"{number}\"); {as_it_is}; to have thousands as numbers, let the file say {digits}"
            )
        })
    }

    /// The declared type is one that the values speak against.
    fn is_contradicted(&self, declared: Declared) -> bool {
        let says_something = !matches!(declared, Declared::Nothing | Declared::Bytes);
        says_something && self.profile.values > 0 && self.believed(declared).is_none()
    }

    /// Types that would be right but for a few values.
    fn near_misses(&self, declared: Declared, ty: Type, say: &mut impl FnMut(String)) {
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
        if let Some(ty) = near {
            let trial = profile.trial(ty, self.order);
            let first = trial.first_refused.as_deref().unwrap_or_default();
            say(format!(
                "{} of {} values are not of type {ty} (the first: {first}); write \"{ty}\" to have \
                 their rows in quarantine instead{}",
                trial.refused,
                profile.values,
                match ty {
                    Type::Date => {
                        "; if rows belong to that day, also not_null = true, and the column as \
                         partition = { by = … }"
                    }
                    _ => "",
                },
            ));
        } else if profile.commas.nearly_fits()
            && let Some(ty) = profile.commas.ty()
        {
            let commas = &profile.commas;
            let first = commas.first_refused.as_deref().unwrap_or_default();
            let setting = match self.decimals {
                DecimalMark::Comma => "",
                DecimalMark::Point => ", and `decimals = \"comma\"` for the source,",
            };
            say(format!(
                "{} of {} values are no numbers with a decimal comma (the first: {first}); write \
                 \"{ty}\"{setting} to have their rows in quarantine instead",
                commas.refused, profile.values
            ));
        } else if profile.numbers.comma > 0 && profile.numbers.comma * 2 > profile.values {
            let what = "numbers with a decimal comma; to have them as such, write float or \
                        decimal(…), and `decimals = \"comma\"` for the source";
            say(what.to_owned());
        } else if ty == Type::Text
            && profile.numbers.padded
            && self.fits(Type::Int)
            && declared == Declared::Nothing
        {
            say("whole numbers, but leading zeros or plus signs would be lost".to_owned());
        }
    }
}

/// The beginning of a statement about all values.
fn all(values: u64) -> String {
    match values {
        1 => "1 value:".to_owned(),
        _ => format!("all {values} values are"),
    }
}
