//! Why a type is proposed, in words.

use causeway_shared::value::{DateOrder, Type};

use super::Known;
use crate::init::declared::Declared;

impl Known<'_> {
    fn all(&self, ty: Type) -> String {
        let values = self.profile.values;
        match (self.odd(ty), values) {
            (Some((odd, _)), _) => format!("{} of {values} values are", values - odd),
            (None, 1) => "1 value:".to_owned(),
            (None, _) => format!("all {values} values are"),
        }
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
        let all = self.all(ty);
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
            Type::Text
                if self.is_named_code() && self.profile.trial(Type::Float, self.order).fits() =>
            {
                format!(
                    "{all} numbers, but called a code: text, longest {}",
                    self.profile.max_chars
                )
            }
            Type::Text => format!("text, longest {}", self.profile.max_chars),
        };
        format!("{words}{values}")
    }
}
