//! The order of day, month and year in a source: one for all its columns, since that is what can
//! be declared.

use causeway_shared::runtime::program::count;
use causeway_shared::value::{DateOrder, Type};

use super::profile::Profile;

/// What a file's or a database's columns say about the order of dates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Votes {
    /// Columns of dates like `2025-11-28`.
    iso: Vec<String>,
    /// Columns of dates like `28/11/2025`, some day of which is no month.
    dmy: Vec<String>,
    /// Columns of dates like `11/28/2025`, some day of which is no month.
    mdy: Vec<String>,
    /// Columns of which all days and months are 1 to 12.
    either: Vec<String>,
}

/// The order that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proposed {
    pub(super) order: DateOrder,
    /// Why, for a person, where the order has to be declared.
    pub(super) why: Option<String>,
    /// The values tell the order. If not, a person has to decide, and `order` only serves to look
    /// at the values meanwhile.
    pub(super) is_certain: bool,
}

impl Votes {
    pub(super) fn add(&mut self, column: &str, profile: &Profile) {
        let is = |order| profile.fits(Type::Date, order) || profile.fits(Type::Timestamp, order);
        let said = match (is(DateOrder::Iso), is(DateOrder::Dmy), is(DateOrder::Mdy)) {
            (true, ..) => &mut self.iso,
            (_, true, true) => {
                self.either.push(format!("{column} ({})", profile.samples));
                return;
            }
            (_, true, false) => &mut self.dmy,
            (_, false, true) => &mut self.mdy,
            (false, false, false) => return self.add_nearly(column, profile),
        };
        said.push(column.to_owned());
    }

    /// Counts a column of which a few values are no dates, where the others tell the order.
    fn add_nearly(&mut self, column: &str, profile: &Profile) {
        let trial = |order| {
            let of = |ty| profile.trial(ty, order);
            let mut nearly = [of(Type::Date), of(Type::Timestamp)].into_iter();
            nearly.find(|trial| trial.nearly_fits())
        };
        let orders = [DateOrder::Iso, DateOrder::Dmy, DateOrder::Mdy].map(trial);
        let (said, trial) = match orders {
            [None, Some(trial), None] => (&mut self.dmy, trial),
            [None, None, Some(trial)] => (&mut self.mdy, trial),
            _ => return,
        };
        let but = count(trial.refused, "value");
        said.push(format!("{column} (but for {but})"));
    }

    /// Adds another file's votes.
    pub(super) fn merge(&mut self, other: &Self) {
        self.iso.extend_from_slice(&other.iso);
        self.dmy.extend_from_slice(&other.dmy);
        self.mdy.extend_from_slice(&other.mdy);
        self.either.extend_from_slice(&other.either);
    }

    /// The orders that lose nothing: none, if its columns are of no dates at all.
    pub(super) fn wanted(&self) -> Option<DateOrder> {
        let nothing = self.iso.len() + self.dmy.len() + self.mdy.len() + self.either.len() == 0;
        (!nothing).then(|| self.propose().order)
    }

    /// Only days up to 12 were seen, so that another file may tell.
    pub(super) fn is_open(&self) -> bool {
        self.iso.len() + self.dmy.len() + self.mdy.len() == 0
    }

    /// The order in which most columns are dates.
    pub(super) fn propose(&self) -> Proposed {
        let (dmy, mdy) = (self.dmy.len(), self.mdy.len());
        let written_with_year_last = dmy.max(mdy) + self.either.len();
        if written_with_year_last <= self.iso.len() {
            return Proposed {
                order: DateOrder::Iso,
                why: self.iso_and_others(),
                is_certain: true,
            };
        }
        let (order, form, certain) = if mdy > dmy {
            (DateOrder::Mdy, "MM/DD/YYYY", &self.mdy)
        } else {
            (DateOrder::Dmy, "DD/MM/YYYY", &self.dmy)
        };
        let why = if certain.is_empty() {
            format!(
                "PLEASE DECIDE: in {} every day and month is 1 to 12, so that their order cannot be \
                 told: dmy (28/11) or mdy (11/28); take the comment sign away from one of these \
                 lines, else rows with such dates go to quarantine",
                self.either.join(", ")
            )
        } else {
            let others = if order == DateOrder::Dmy {
                &self.mdy
            } else {
                &self.dmy
            };
            let mut why = format!("certain: {} can only be {form}", certain.join(", "));
            let others: Vec<&str> = self.iso.iter().chain(others).map(String::as_str).collect();
            if !others.is_empty() {
                why.push_str(&format!(
                    "; {} have another order and become text",
                    others.join(", ")
                ));
            }
            if !self.either.is_empty() {
                why.push_str(&format!(
                    "; PLEASE DECIDE: in {} every day and month is 1 to 12, so that their order \
                     cannot be told, and they are read as {form} too; if that is wrong, give their \
                     files a source of their own",
                    self.either.join(", ")
                ));
            }
            why
        };
        Proposed {
            order,
            why: Some(why),
            is_certain: !certain.is_empty(),
        }
    }

    /// What stays text where ISO dates win.
    fn iso_and_others(&self) -> Option<String> {
        let others: Vec<&str> = [&self.dmy, &self.mdy, &self.either]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        (!others.is_empty()).then(|| {
            format!(
                "{} have dates as 2025-11-28; {} have the year last and become text",
                self.iso.join(", "),
                others.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::value::Raw;

    use super::super::profile::Orders;
    use super::*;

    fn proposed(columns: &[&[&str]]) -> String {
        let (mut votes, orders) = (Votes::default(), Orders::new());
        for (at, values) in columns.iter().enumerate() {
            let mut profile = Profile::default();
            values
                .iter()
                .for_each(|v| profile.look(Raw::Text(v), &orders));
            votes.add(&format!("c{at}"), &profile);
        }
        let proposed = votes.propose();
        format!("{:?}: {}", proposed.order, proposed.why.unwrap_or_default())
    }

    #[test]
    fn orders() {
        insta::assert_snapshot!(proposed(&[&["2025-11-28"], &["x"]]), @"Iso: ");
        insta::assert_snapshot!(proposed(&[&["28/11/2025 9:30"], &["01/02/2025"]]), @r#"Dmy: certain: c0 can only be DD/MM/YYYY; PLEASE DECIDE: in c1 ("01/02/2025") every day and month is 1 to 12, so that their order cannot be told, and they are read as DD/MM/YYYY too; if that is wrong, give their files a source of their own"#);
        insta::assert_snapshot!(proposed(&[&["11/28/2025"]]), @"Mdy: certain: c0 can only be MM/DD/YYYY");
        insta::assert_snapshot!(proposed(&[&["01/02/2025", "03/04/2025"]]), @r#"Dmy: PLEASE DECIDE: in c0 ("01/02/2025" and "03/04/2025") every day and month is 1 to 12, so that their order cannot be told: dmy (28/11) or mdy (11/28); take the comment sign away from one of these lines, else rows with such dates go to quarantine"#);
        insta::assert_snapshot!(proposed(&[&["28/11/2025"], &["11/28/2025"], &["13/1/2025"]]), @"Dmy: certain: c0, c2 can only be DD/MM/YYYY; c1 have another order and become text");
        insta::assert_snapshot!(proposed(&[&["28/11/2025"], &["2025-11-28"]]), @"Iso: c1 have dates as 2025-11-28; c0 have the year last and become text");
    }
}
