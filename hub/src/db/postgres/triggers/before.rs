//! Before a row is written: its key, defaults and part are filled in, and its columns judged.

use causeway_shared::dataset::{Default, Partitioning, Table};
use causeway_shared::value::{MAX_FIELD_BYTES, MAX_KEY_BYTES, Type, Value};

use super::{Triggers, changed, field, refuse, when};
use crate::db::postgres::render::{column_type, constant, target};
use crate::db::rules::{self, Rule};
use crate::db::sql::{CLASH, PART, list, literal, quote};

/// A text of so many characters may be over the limit of a field, with a quote for each of its own.
const MAY_BE_TOO_LONG: usize = MAX_FIELD_BYTES / 8;

/// Whether a row is inserted as it once was. Only the owner of the tables does that; the function runs as
/// that role.
const RESTORES: &str = "current_setting('causeway.restores', true) IS NOT DISTINCT FROM 'on' AND session_user = current_user";

/// The function's body.
pub(super) fn body(triggers: &Triggers<'_>, table: &Table) -> String {
    [
        format!("BEGIN\n    IF TG_OP = 'INSERT' THEN\n    IF NOT ({RESTORES}) THEN\n"),
        key(triggers, table),
        defaults(triggers, table),
        format!(
            "    END IF;\n    NEW.{} := false;\n    ELSE\n",
            quote(CLASH)
        ),
        key_stays(table),
        clash_mark(table),
        "    END IF;\n".to_owned(),
        one_zero(table),
        judge(table),
        part(triggers, table),
        "    RETURN NEW;\nEND".to_owned(),
    ]
    .concat()
}

/// The key of a row that is born here.
fn key(triggers: &Triggers<'_>, table: &Table) -> String {
    let Some(key) = rules::given_key(table) else {
        return String::new();
    };
    let new = field("NEW", table, key);
    let take = when(
        &format!("{new} IS NULL"),
        &format!("{new} := causeway.next_key();"),
    );
    if !triggers.refuses_given_keys(table) {
        return take;
    }
    let message = rules::message_of_given_key(table, key);
    let refuse = refuse("23514", table, key, &literal(&message));
    when(&format!("{new} IS NOT NULL"), &refuse) + &take
}

/// What missing values become. Those that are taken from other columns come last.
fn defaults(triggers: &Triggers<'_>, table: &Table) -> String {
    let (mut constants, mut columns) = (String::new(), String::new());
    for (at, column) in table.columns.iter().enumerate() {
        let Some(default) = &column.default else {
            continue;
        };
        let new = field("NEW", table, at);
        let fill = |value: &str| when(&format!("{new} IS NULL"), &format!("{new} := {value};"));
        match default {
            // A row that is born here has the time of its birth.
            _ if column.ty == Type::Timestamp => {
                let zone = literal(triggers.zone);
                let now = format!("clock_timestamp() AT TIME ZONE {zone}");
                constants += &fill(&format!("date_trunc('second', {now})"));
            }
            Default::Constant(value) => constants += &fill(&constant(value, &column_type(column))),
            Default::Column(from) => columns += &fill(&field("NEW", table, *from)),
        }
    }
    constants + &columns
}

fn key_stays(table: &Table) -> String {
    let message = literal(&rules::message_of_changed_key(table));
    let stays = |at: &usize| when(&changed(table, *at), &refuse("0A000", table, *at, &message));
    table.key.iter().map(stays).collect()
}

/// A row that clashes is judged by its unique rules again when it changes in what they look at.
fn clash_mark(table: &Table) -> String {
    let mark = quote(CLASH);
    let looked_at = table.unique.iter().flat_map(|unique| {
        let unless = unique.unless.iter().map(|(column, _)| *column);
        unique.columns.iter().copied().chain(unless)
    });
    let same = looked_at.map(|column| format!(" AND NOT ({})", changed(table, column)));
    format!(
        "    NEW.{mark} := OLD.{mark}{};\n",
        same.collect::<String>()
    )
}

/// There is one zero, without a sign.
fn one_zero(table: &Table) -> String {
    let floats = (0..table.columns.len()).filter(|at| table.columns[*at].ty == Type::Float);
    let zero = |new: String| when(&format!("{new} = 0"), &format!("{new} := 0;"));
    floats.map(|at| zero(field("NEW", table, at))).collect()
}

/// Judges what is new in the row: what is there already was judged before, perhaps by other rules.
fn judge(table: &Table) -> String {
    let rules = rules::rules(table).into_iter();
    let rules = rules.filter_map(|rule| {
        let (columns, condition) = broken(table, rule)?;
        let any_changed: Vec<_> = columns.iter().map(|at| changed(table, *at)).collect();
        let condition = match rule {
            Rule::NotNull(_) => condition,
            _ => format!("({}) AND {condition}", any_changed.join(" OR ")),
        };
        let message = literal(&rule.message(table));
        let refuse = refuse(rule.state(), table, columns[0], &message);
        Some(when(&condition, &refuse))
    });
    rules.collect()
}

/// The columns that a rule looks at, and when a row breaks it; `None` where no row of a table can.
fn broken(table: &Table, rule: Rule<'_>) -> Option<(Vec<usize>, String)> {
    let new = |at: usize| field("NEW", table, at);
    let of_column = |at: usize, operator: &str, bound: &Option<Value<'static>>| {
        let bound = constant(bound.as_ref()?, &column_type(&table.columns[at]));
        Some((vec![at], format!("{} {operator} {bound}", new(at))))
    };
    match rule {
        Rule::NotNull(at) => Some((vec![at], format!("{} IS NULL", new(at)))),
        Rule::OfType(at) => Some((vec![at], not_of_type(table, at)?)),
        Rule::Least(at) => of_column(at, "<", &table.columns[at].min),
        Rule::Greatest(at) => of_column(at, ">", &table.columns[at].max),
        Rule::MaxChars(at, max) => Some((vec![at], format!("length({}) > {max}", new(at)))),
        Rule::OneOf(at) => {
            let values = list(table.columns[at].values.iter().map(|value| literal(value)));
            Some((vec![at], format!("{} NOT IN ({values})", new(at))))
        }
        Rule::Compare(check) => {
            let (left, right) = (check.left, check.right);
            // Texts by bytes, whatever the database's collation.
            let collation = match table.columns[left].ty.is_text() {
                true => " COLLATE \"C\"",
                false => "",
            };
            let operator = check.operator.symbol();
            let holds = format!("{} {operator} {}{collation}", new(left), new(right));
            Some((vec![left, right], format!("NOT ({holds})")))
        }
        Rule::Fits(columns) => {
            // NULL where a column is: a unique rule leaves such a row out.
            let fields: Vec<_> = columns.iter().map(|at| csv(table, *at)).collect();
            let record = fields.join(" || ',' || ");
            Some((
                columns.to_vec(),
                format!("octet_length({record}) > {MAX_KEY_BYTES}"),
            ))
        }
    }
}

/// When a value that PostgreSQL takes is none of the column's type.
fn not_of_type(table: &Table, at: usize) -> Option<String> {
    let new = field("NEW", table, at);
    let column = &table.columns[at];
    match column.ty {
        Type::Int | Type::Bool => None,
        Type::Float => Some(format!("{new} IN ('NaN', 'Infinity', '-Infinity')")),
        Type::Decimal(_) => Some(format!("{new} = 'NaN'")),
        Type::Date => Some(format!("{new} NOT BETWEEN '1900-01-01' AND '2199-12-31'")),
        Type::Timestamp => Some(format!("({new} < '1900-01-01' OR {new} >= '2200-01-01')")),
        Type::Time => Some(format!("{new} = '24:00:00'")),
        Type::Text | Type::Phone => {
            let most = column.max_chars.map_or(usize::MAX, |max| max as usize);
            (most > MAY_BE_TOO_LONG).then(|| {
                format!(
                    "length({new}) > {MAY_BE_TOO_LONG} \
                     AND octet_length(causeway.csv_text({new})) > {MAX_FIELD_BYTES}"
                )
            })
        }
    }
}

/// The part, whatever the writer says it is. A row that follows a parent goes along when that is moved: the
/// parent's trigger changes the part, and whoever does gets the parent's.
fn part(triggers: &Triggers<'_>, table: &Table) -> String {
    let part = format!("NEW.{}", quote(PART));
    let old = format!("OLD.{}", quote(PART));
    match table.partition {
        Partitioning::By { column } => {
            let date = field("NEW", table, column);
            format!("    {part} := 'dt=' || {date}::date::text;\n")
        }
        Partitioning::Buckets { count } => {
            let fields = list(table.key.iter().map(|column| csv(table, *column)));
            format!(
                "    IF TG_OP = 'INSERT' THEN {part} := causeway.bucket(ARRAY[{fields}], {count}); \
                 ELSE {part} := {old}; END IF;\n"
            )
        }
        Partitioning::Via { parent, on } => {
            let missing = when("NOT FOUND", &triggers.refuse_reference(table, on, parent));
            let parent_table = &triggers.dataset.tables[parent];
            // Whoever moves the parent ends before this looks where it lies, or takes this row along.
            format!(
                "    IF {} OR TG_OP = 'UPDATE' AND {part} IS DISTINCT FROM {old} THEN\n    \
                 PERFORM causeway.keep_parent({}, {}, {}::text);\n    \
                 SELECT causeway_parent.{} INTO {part} FROM {} AS causeway_parent \
                 WHERE causeway_parent.{} = {};\n{missing}    ELSE {part} := {old}; END IF;\n",
                changed(table, on),
                literal(triggers.site.as_str()),
                literal(parent_table.name.as_str()),
                field("NEW", table, on),
                quote(PART),
                target(triggers.site, parent_table),
                triggers.key_of(parent),
                field("NEW", table, on),
            )
        }
    }
}

/// A column as a field of canonical CSV.
fn csv(table: &Table, column: usize) -> String {
    let new = field("NEW", table, column);
    match table.columns[column].ty {
        Type::Text | Type::Phone => format!("causeway.csv_text({new})"),
        Type::Float => format!("causeway.csv_float({new})"),
        Type::Time | Type::Timestamp => format!("causeway.csv_moment({new}::text)"),
        Type::Int | Type::Decimal(_) | Type::Bool | Type::Date => format!("{new}::text"),
    }
}
