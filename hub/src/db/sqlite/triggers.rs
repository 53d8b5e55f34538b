//! The triggers of a site's tables, rendered from the dataset: they refuse a change that a rule
//! forbids, and keep the journal.
//!
//! They call functions that only the hub's write connections have ([`functions`](super::functions)),
//! so a change by another program fails as a whole; reading needs none of them.
//! What SQLite's triggers cannot do, filling in values, [`fill`](super::fill) does before the
//! insert.
//!
//! A table may be called `new` or `old`. So every table in a `FROM` goes by an alias, and where a
//! statement's own table cannot, `NEW` stands in a subquery without one.

mod after;
mod judge;

use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use causeway_shared::dataset::{Dataset, Partitioning, Table, TableId};
use causeway_shared::ids::{Md5, Name, SiteName};

use super::functions::REFUSAL;
use crate::db::rules;
use crate::db::sql::{CLASH, PART, list, literal, names, quote};

/// Most columns of one call: two values each, of the 127 arguments that SQLite before 3.48 takes. An
/// older one could not even read the file.
const COLUMNS_PER_CALL: usize = 60;

/// When a table's triggers run. SQLite reads the one that was made last first: it is to miss
/// [`REFUSAL`] before any other function.
const EVENTS: [&str; 6] = [
    "AFTER INSERT",
    "BEFORE INSERT",
    "AFTER UPDATE",
    "BEFORE UPDATE",
    "AFTER DELETE",
    "BEFORE DELETE",
];

/// Columns by which triggers know which of the two rows they mean.
#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

impl Side {
    fn column(self, name: &str) -> String {
        match self {
            Self::Old => format!("OLD.{}", quote(name)),
            Self::New => format!("NEW.{}", quote(name)),
        }
    }
}

/// All triggers of a site's tables, as this program makes them.
pub(super) struct Made {
    site: String,
    drop: String,
    create: String,
    triggers: u64,
    md5: String,
    zone: Option<String>,
}

impl Made {
    /// `zone` says what time it is for rows that are born here.
    pub(super) fn of(site: &SiteName, dataset: &Dataset, zone: &TimeZone) -> Self {
        let tables = dataset.tables.ids();
        let make: String = tables.map(|id| create(dataset, id)).collect();
        let zone = zone.iana_name().map(str::to_owned);
        let made_from = format!("{make}{}", zone.as_deref().unwrap_or_default());
        Self {
            site: site.to_string(),
            drop: dataset
                .tables
                .iter()
                .map(|table| drop(&table.name))
                .collect(),
            triggers: EVENTS.len() as u64 * dataset.tables.iter().count() as u64,
            create: make,
            md5: Md5::of(made_from.as_bytes()).to_string(),
            zone,
        }
    }

    /// Notes that they are the ones.
    pub(super) fn mark(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mark = include_str!("sql/triggers_mark.sql");
        connection.execute(mark, params![self.site, self.md5, self.zone])?;
        Ok(())
    }

    /// Whether the tables have them.
    pub(super) fn are_there(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let found = include_str!("sql/triggers_read.sql");
        let found = connection.query_row(found, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let found: Option<(Option<String>, u64)> = found.optional()?;
        Ok(found
            .is_some_and(|(md5, count)| md5.as_ref() == Some(&self.md5) && count >= self.triggers))
    }

    /// Makes them in place of others.
    pub(super) fn bring(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.are_there(connection)? {
            return Ok(());
        }
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(&self.drop)?;
        transaction.execute_batch(&self.create)?;
        self.mark(&transaction)?;
        transaction.commit()
    }
}

/// What the triggers of one table are made from.
struct Renderer<'d> {
    dataset: &'d Dataset,
    id: TableId,
    table: &'d Table,
}

/// Makes the triggers of a table that has none.
pub(super) fn create(dataset: &Dataset, id: TableId) -> String {
    let table = &dataset.tables[id];
    let renderer = Renderer { dataset, id, table };
    let changed = renderer.when_changed();
    let bodies = [
        ("", renderer.after_insert()),
        ("", renderer.before_insert()),
        (changed.as_str(), renderer.after_update()),
        ("", renderer.before_update()),
        ("", renderer.after_delete()),
        ("", refuse_if_read_only()),
    ];
    let triggers = EVENTS.into_iter().zip(bodies);
    let create = triggers.map(|(event, (when, body))| {
        format!(
            "CREATE TRIGGER main.{} {event} ON {}{when} BEGIN\n{body}END;\n",
            name(&table.name, event),
            quote(table.name.as_str()),
        )
    });
    create.collect()
}

/// Drops the triggers of a table, those that are there.
pub(super) fn drop(table: &Name) -> String {
    let drop = EVENTS.map(|event| format!("DROP TRIGGER IF EXISTS main.{};\n", name(table, event)));
    drop.concat()
}

fn name(table: &Name, event: &str) -> String {
    quote(&format!("{table} {}", event.to_lowercase()))
}

/// A statement that refuses where a condition holds. The message is an SQL expression.
fn refuse(state: &str, message: &str, condition: &str) -> String {
    format!("    SELECT causeway_refuse('{state} ' || {message}) WHERE {condition};\n")
}

/// A statement that calls a function which refuses.
fn select(function: &str) -> String {
    format!("    SELECT {function};\n")
}

fn refuse_if_read_only() -> String {
    select(&format!("{REFUSAL}()"))
}

impl Renderer<'_> {
    fn before_insert(&self) -> String {
        let filled = refuse(
            "0A000",
            "'a row is inserted through the hub, which fills in its key and its partition'",
            "NOT causeway_fills()",
        );
        [refuse_if_read_only(), filled, self.judge(false)].concat()
    }

    fn before_update(&self) -> String {
        let key = refuse(
            "0A000",
            &literal(&rules::message_of_changed_key(self.table)),
            &self.differ(&self.table.key),
        );
        // The triggers put the part right, which nobody can keep a writer from doing.
        let (old, new) = (Side::Old.column(PART), Side::New.column(PART));
        let own = self.own_part().unwrap_or_else(|| old.clone());
        let hidden = format!(
            "{old} IS NOT {new} AND {new} IS NOT {own} OR {} AND NOT {}",
            Side::New.column(CLASH),
            Side::Old.column(CLASH),
        );
        let hidden = refuse("0A000", "'only the hub writes its own columns'", &hidden);
        [refuse_if_read_only(), key, hidden, self.judge(true)].concat()
    }

    fn after_insert(&self) -> String {
        [
            self.references(false),
            self.unique_across_parts(false),
            self.journal(false, true),
        ]
        .concat()
    }

    fn after_update(&self) -> String {
        [
            self.references(true),
            self.unmark(),
            self.unique_across_parts(true),
            self.journal(true, true),
            self.put_right(),
            self.take_along(),
        ]
        .concat()
    }

    fn after_delete(&self) -> String {
        [self.needed(), self.journal(true, false)].concat()
    }

    /// The condition that columns of the old and the new row differ.
    fn differ(&self, columns: &[usize]) -> String {
        let row = |side: Side| self.row(side, columns);
        format!("{} IS NOT {}", row(Side::Old), row(Side::New))
    }

    fn column(&self, side: Side, at: usize) -> String {
        side.column(self.table.columns[at].name.as_str())
    }

    fn row(&self, side: Side, columns: &[usize]) -> String {
        let values = columns.iter().map(|at| self.column(side, *at));
        format!("({})", list(values))
    }

    fn when_changed(&self) -> String {
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let moved = match self.table.partition {
            Partitioning::Via { .. } => format!(
                " OR {} IS NOT {}",
                Side::Old.column(PART),
                Side::New.column(PART)
            ),
            _ => String::new(),
        };
        format!(" WHEN {}{moved}", self.differ(&all))
    }

    /// The part that the new row's values give, as an SQL expression. `None`: the key gives it.
    fn own_part(&self) -> Option<String> {
        match self.table.partition {
            Partitioning::Buckets { .. } => None,
            Partitioning::By { column } => Some(format!(
                "'dt=' || substr({}, 1, 10)",
                self.column(Side::New, column)
            )),
            Partitioning::Via { parent, on } => {
                let (parent, key) = self.parent(parent);
                Some(format!(
                    "(SELECT causeway_parent.{} FROM {parent} AS causeway_parent \
                     WHERE causeway_parent.{key} = {})",
                    quote(PART),
                    self.column(Side::New, on),
                ))
            }
        }
    }

    /// The columns, as many as one call takes.
    fn columns_by_call(&self) -> impl Iterator<Item = Vec<usize>> {
        let columns: Vec<usize> = (0..self.table.columns.len()).collect();
        let calls: Vec<_> = columns
            .chunks(COLUMNS_PER_CALL)
            .map(<[usize]>::to_vec)
            .collect();
        calls.into_iter()
    }

    /// A call of one of the functions about values of the table, from a column on.
    fn call(&self, function: &str, from: usize, values: impl Iterator<Item = String>) -> String {
        let table = literal(self.table.name.as_str());
        format!("causeway_{function}({table}, {from}, {})", list(values))
    }

    /// A table that others refer to, and its key, which is of one column.
    fn parent(&self, parent: TableId) -> (String, String) {
        let parent = &self.dataset.tables[parent];
        (quote(parent.name.as_str()), names(parent, &parent.key))
    }
}
