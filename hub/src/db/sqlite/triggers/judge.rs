//! Before a row changes: is it as the rules of its table want it?

use causeway_shared::dataset::{Operator, Partitioning};
use causeway_shared::value::{MAX_KEY_BYTES, Type, Value};

use super::{Renderer, Side, refuse};
use crate::db::rules::{self, MESSAGE_OF_MOVE, Rule};
use crate::db::sql::{PART, list, literal, quote};
use crate::db::value::canonical_text;

impl Renderer<'_> {
    /// Judges the new row by itself. What a change leaves as it was is not judged again.
    pub(super) fn judge(&self, changed: bool) -> String {
        let broken = rules::rules(self.table).into_iter().map(|rule| {
            let message = format!("{} {}", rule.state(), rule.message(self.table));
            let changed = match changed {
                true => format!("{} AND ", self.differ(&rule.columns())),
                false => String::new(),
            };
            format!(
                "        WHEN {changed}{} THEN RAISE(ABORT, {})\n",
                self.breaks(rule),
                literal(&message)
            )
        });
        format!("    SELECT CASE\n{}    END;\n", broken.collect::<String>())
    }

    /// The condition under which the new row breaks a rule; NULL counts as keeping it.
    fn breaks(&self, rule: Rule<'_>) -> String {
        let new = |at: usize| self.column(Side::New, at);
        let ty = |at: usize| self.table.columns[at].ty;
        let bound = |at: usize, operator: &str, bound: &Option<Value<'_>>| {
            let bound = bound.as_ref().map(|bound| constant(bound, ty(at)));
            compare(&new(at), operator, &bound.unwrap_or_default(), ty(at))
        };
        match rule {
            Rule::NotNull(at) => format!("{} IS NULL", new(at)),
            Rule::OfType(at) => format!(
                "{column} IS NOT NULL AND causeway_text({column}, '{}') IS NULL",
                ty(at),
                column = new(at),
            ),
            Rule::Least(at) => bound(at, "<", &self.table.columns[at].min),
            Rule::Greatest(at) => bound(at, ">", &self.table.columns[at].max),
            Rule::MaxChars(at, max) => format!("length({}) > {max}", new(at)),
            Rule::OneOf(at) => {
                let values = self.table.columns[at].values.iter();
                format!(
                    "{} NOT IN ({})",
                    new(at),
                    list(values.map(|value| literal(value)))
                )
            }
            Rule::Compare(check) => {
                let operator = match check.operator {
                    Operator::Less => ">=",
                    Operator::LessOrEqual => ">",
                    Operator::Equal => "<>",
                    Operator::NotEqual => "=",
                };
                compare(
                    &new(check.left),
                    operator,
                    &new(check.right),
                    ty(check.left),
                )
            }
            Rule::Fits(columns) => {
                let bytes = columns.iter();
                let bytes = bytes.map(|at| format!("coalesce(octet_length({}), 0)", new(*at)));
                let bytes = bytes.collect::<Vec<_>>().join(" + ");
                format!("{bytes} > {MAX_KEY_BYTES}")
            }
        }
    }

    /// Refuses a change that would put the row into another partition. Buckets follow from the key.
    pub(super) fn refuse_move(&self) -> String {
        let moves = match self.table.partition {
            Partitioning::Buckets { .. } => return String::new(),
            Partitioning::By { column } => {
                let date = |side| format!("substr({}, 1, 10)", self.column(side, column));
                format!("{} IS NOT {}", date(Side::Old), date(Side::New))
            }
            Partitioning::Via { parent, on } => {
                let (parent, key) = self.parent(parent);
                // A parent that is not there is refused as a reference.
                format!(
                    "{} AND {} <> (SELECT causeway_parent.{} FROM {parent} AS causeway_parent \
                     WHERE causeway_parent.{key} = {})",
                    self.differ(&[on]),
                    Side::Old.column(PART),
                    quote(PART),
                    self.column(Side::New, on),
                )
            }
        };
        refuse("0A000", &literal(MESSAGE_OF_MOVE), &moves)
    }
}

/// A comparison of two values of one type that is NULL where one of them is. Decimals are texts
/// here, and compared as numbers.
fn compare(left: &str, operator: &str, right: &str, ty: Type) -> String {
    match ty {
        Type::Decimal(_) => format!("causeway_compare({left}, {right}, '{ty}') {operator} 0"),
        _ => format!("{left} {operator} {right}"),
    }
}

/// A value as the tables hold it, as an SQL literal.
fn constant(value: &Value<'_>, ty: Type) -> String {
    let text = canonical_text(value).unwrap_or_default();
    match ty {
        // SQLite reads the digits of the least integer without its sign, which is one too many.
        Type::Int if text == i64::MIN.to_string() => format!("({} - 1)", i64::MIN + 1),
        Type::Int => text,
        // As a float also where it has no fraction: 1e300 has none, and more digits than an integer.
        Type::Float if text.contains(['.', 'e']) => text,
        Type::Float => format!("{text}.0"),
        Type::Bool => u8::from(text == "true").to_string(),
        Type::Text | Type::Phone | Type::Decimal(_) | Type::Date | Type::Time | Type::Timestamp => {
            literal(&text)
        }
    }
}
