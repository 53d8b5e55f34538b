//! What is counted and summed per partition, so that totals need no load.

use causeway_shared::value::Type;

use super::measures::adds_up;
use super::people::identifies_people;
use super::profile::Profile;

/// Most columns that are proposed to count rows by.
const MAX_COUNTED: usize = 6;

/// A value that stands in fewer rows than this, on average, is no state that rows are in.
const LEAST_ROWS_PER_VALUE: u64 = 4;

/// What is known of a column that is carried.
#[derive(Clone, Copy)]
pub(super) struct SummaryColumn<'t> {
    pub(super) name: &'t str,
    pub(super) ty: Type,
    pub(super) profile: &'t Profile,
    /// It is part of the key, or holds another table's keys.
    pub(super) identifies: bool,
}

pub(super) fn count_by(columns: &[Option<SummaryColumn<'_>>]) -> Vec<usize> {
    let counts = |column: &SummaryColumn<'_>| {
        let few = column.profile.distinct.as_ref().is_some_and(|distinct| {
            let least = LEAST_ROWS_PER_VALUE * distinct.len() as u64;
            let is_address = distinct.iter().any(|value| value.contains('@'));
            distinct.len() > 1 && column.profile.values >= least && !is_address
        });
        match column.ty {
            _ if column.identifies || identifies_people(column.name) => false,
            Type::Bool => column.profile.values > 0,
            Type::Text => few,
            _ => false,
        }
    };
    chosen(columns, counts).take(MAX_COUNTED).collect()
}

pub(super) fn sum(columns: &[Option<SummaryColumn<'_>>]) -> Vec<usize> {
    let adds_up = |column: &SummaryColumn<'_>| {
        let number = matches!(column.ty, Type::Int | Type::Float | Type::Decimal(_));
        number && column.profile.thousands().is_none() && !column.identifies && adds_up(column.name)
    };
    chosen(columns, adds_up).collect()
}

fn chosen<'c, 't: 'c>(
    columns: &'c [Option<SummaryColumn<'t>>],
    wanted: impl Fn(&SummaryColumn<'t>) -> bool + 'c,
) -> impl Iterator<Item = usize> + 'c {
    let columns = columns.iter().enumerate();
    columns
        .filter(move |(_, column)| column.as_ref().is_some_and(&wanted))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use causeway_shared::value::Raw;

    use super::super::profile::Orders;
    use super::*;

    fn summed(name: &str, ty: Type) -> bool {
        let profile = Profile::default();
        let column = SummaryColumn {
            name,
            ty,
            profile: &profile,
            identifies: false,
        };
        !sum(&[Some(column)]).is_empty()
    }

    #[test]
    fn amounts_are_summed() {
        assert!(summed("Total", Type::Decimal(2)) && summed("order_qty", Type::Int));
        assert!(summed("SubTotal", Type::Float) && summed("total_amount", Type::Int));
        assert!(!summed("UnitPrice", Type::Decimal(2)) && !summed("tax_rate", Type::Float));
        assert!(!summed("total", Type::Text) && !summed("year", Type::Int));
    }

    #[test]
    fn rows_are_counted_by_what_has_few_values() {
        let of = |values: &[&str]| {
            let (mut profile, orders) = (Profile::default(), Orders::new());
            values
                .iter()
                .for_each(|v| profile.look(Raw::Text(v), &orders));
            profile
        };
        let (state, name) = (of(&["open", "paid"].repeat(4)), of(&["An", "Bình", "Chi"]));
        let column = |profile| {
            Some(SummaryColumn {
                name: "c",
                ty: Type::Text,
                profile,
                identifies: false,
            })
        };
        assert_eq!(count_by(&[column(&state), column(&name)]), [0]);
    }

    #[test]
    fn rows_are_not_counted_by_people() {
        let (mut states, mut addresses) = (Profile::default(), Profile::default());
        let orders = Orders::new();
        for value in ["open", "paid"].repeat(4) {
            states.look(Raw::Text(value), &orders);
            addresses.look(Raw::Text(&format!("{value}@example.org")), &orders);
        }
        let counted = |name, profile| {
            let column = SummaryColumn {
                name,
                ty: Type::Text,
                profile,
                identifies: false,
            };
            !count_by(&[Some(column)]).is_empty()
        };
        assert!(counted("state", &states) && counted("product_name", &states));
        assert!(!counted("customer", &states) && !counted("contact_email", &states));
        assert!(!counted("reply_to", &addresses));
    }
}
