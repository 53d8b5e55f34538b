//! Before a row changes: is it as the rules of its table want it?

use causeway_shared::dataset::Operator;
use causeway_shared::value::{MAX_KEY_BYTES, Type};

use super::{Renderer, Side, refuse, select};
use crate::db::rules::{self, Rule};
use crate::db::sql::{list, literal};

impl Renderer<'_> {
    /// Judges the new row by itself. What a change leaves as it was is not judged again.
    pub(super) fn judge(&self, changed: bool) -> String {
        let calls = self.columns_by_call().map(|columns| {
            let values = columns.iter().map(|at| match changed {
                false => self.column(Side::New, *at),
                true => list([Side::Old, Side::New].map(|side| self.column(side, *at))),
            });
            let judge = self.call(
                if changed { "judge_change" } else { "judge" },
                columns[0],
                values,
            );
            select(&judge)
        });
        let across = rules::rules(self.table).into_iter().filter_map(|rule| {
            let changed = match changed {
                true => format!("{} AND ", self.differ(&rule.columns())),
                false => String::new(),
            };
            let message = literal(&rule.message(self.table));
            let condition = format!("{changed}{}", self.breaks(rule)?);
            Some(refuse(rule.state(), &message, &condition))
        });
        calls.chain(across).collect()
    }

    /// The condition under which the new row breaks a rule about several columns; NULL counts as
    /// keeping it. Of one column the functions judge.
    fn breaks(&self, rule: Rule<'_>) -> Option<String> {
        let new = |at: usize| self.column(Side::New, at);
        match rule {
            Rule::Compare(check) => {
                let operator = match check.operator {
                    Operator::Less => ">=",
                    Operator::LessOrEqual => ">",
                    Operator::Equal => "<>",
                    Operator::NotEqual => "=",
                };
                let (left, right) = (new(check.left), new(check.right));
                Some(match self.table.columns[check.left].ty {
                    // Decimals are texts here.
                    ty @ Type::Decimal(_) => {
                        format!("causeway_compare({left}, {right}, '{ty}') {operator} 0")
                    }
                    _ => format!("{left} {operator} {right}"),
                })
            }
            Rule::Fits(columns) => {
                let bytes = columns.iter();
                let bytes = bytes.map(|at| format!("coalesce(octet_length({}), 0)", new(*at)));
                let bytes = bytes.collect::<Vec<_>>().join(" + ");
                Some(format!("{bytes} > {MAX_KEY_BYTES}"))
            }
            Rule::NotNull(_) | Rule::OfType(_) | Rule::Least(_) | Rule::Greatest(_) => None,
            Rule::MaxChars(..) | Rule::OneOf(_) => None,
        }
    }
}
