//! The triggers of a site's tables: they fill in and judge what others than the loader write, and keep
//! the journal of it.
//!
//! What is the same for all tables is in `sql/trigger_functions.sql`; here are the functions that
//! each table has of its own, and the triggers themselves. Names that the dataset does not choose
//! begin with `causeway_`, which no table or column does.

mod after;
mod before;

use jiff::tz::TimeZone;
use tokio_postgres::{Client, Error};

use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Md5, SiteName};

use super::render::{index_name, lock, schema, target, trigger_name};
use super::typed;
use crate::db::rules;
use crate::db::sql::{literal, quote};

/// Whoever writes, values are read and shown in the forms of the hub's own sessions, and no name is
/// looked for where others can make some.
const SETTINGS: &str = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp \
    SET datestyle = 'ISO, YMD' SET timezone = 'UTC' SET extra_float_digits = 1 \
    SET standard_conforming_strings = on";

/// The triggers that a site's tables are to have.
pub(super) struct Statements {
    pub(super) sql: String,
    /// By which they are known.
    pub(super) md5: String,
    /// Whether the site's tables have them.
    pub(super) are_there: bool,
}

/// What makes the triggers of a site's tables.
///
/// # Errors
/// A failure of the database.
pub(super) async fn statements(
    client: &Client,
    site: &SiteName,
    dataset: &Dataset,
    zone: &TimeZone,
) -> Result<Statements, Error> {
    let read = include_str!("sql/triggers_read.sql");
    let row = typed::row(client, read, &[&site.as_str()]).await?;
    let (owner, found): (&str, Option<&str>) = (row.try_get(0)?, row.try_get(1)?);
    let triggers = Triggers {
        site,
        dataset,
        zone: zone.iana_name().unwrap_or("UTC"),
        owner,
    };
    let sql = triggers.statements();
    let md5 = Md5::of(sql.as_bytes()).to_string();
    Ok(Statements {
        are_there: found == Some(&md5),
        sql,
        md5,
    })
}

/// Makes the triggers of a site's tables, where they are not these already: `anew` where a table was
/// just made. `attempt` counts tries. Returns the MD5 by which they are known, for a site that has no row yet.
///
/// # Errors
/// A failure of the database. Where it gave up, a writer was in the way.
pub(super) async fn make(
    client: &Client,
    site: &SiteName,
    dataset: &Dataset,
    triggers: &Statements,
    anew: bool,
    attempt: usize,
) -> Result<Option<String>, Error> {
    if triggers.are_there && !anew {
        return Ok(None);
    }
    // A batch is one transaction: no table has triggers of two versions.
    let tables: Vec<&Table> = dataset.tables.iter().collect();
    let lock = lock(site, &tables, attempt);
    client.batch_execute(&(lock + &triggers.sql)).await?;
    note(client, site, &triggers.md5).await?;
    Ok(Some(triggers.md5.clone()))
}

/// Writes down which triggers a site's tables have.
pub(super) async fn note(client: &Client, site: &SiteName, md5: &str) -> Result<(), Error> {
    let set = include_str!("sql/triggers_set.sql");
    typed::execute(client, set, &[&site.as_str(), &md5]).await?;
    Ok(())
}

/// What the triggers of a site's tables are made from.
#[derive(Debug, Clone, Copy)]
struct Triggers<'a> {
    site: &'a SiteName,
    dataset: &'a Dataset,
    /// The IANA name of the zone whose time a row born here has.
    zone: &'a str,
    /// The role that owns the tables.
    owner: &'a str,
}

impl Triggers<'_> {
    /// The statements that make or replace them.
    fn statements(&self) -> String {
        let tables = self.dataset.tables.iter();
        tables.map(|table| self.of_table(table)).collect()
    }

    fn of_table(&self, table: &Table) -> String {
        let site = literal(self.site.as_str());
        let before = self.function_name(table, "before");
        let after = self.function_name(table, "after");
        let deleted = self.function_name(table, "deleted");
        let trigger = |name: &str, event: &str, level: &str, function: &str| {
            format!(
                "CREATE OR REPLACE TRIGGER {} {event} ON {} FOR EACH {level} WHEN ({}) \
                 EXECUTE FUNCTION {function};\n",
                trigger_name(name),
                target(self.site, table),
                self.not_the_loader(),
            )
        };
        [
            function(&before, &before::body(self, table)),
            function(&after, &after::body(self, table)),
            function(&deleted, &after::body_of_delete(self, table)),
            trigger(
                "writable",
                "BEFORE INSERT OR UPDATE OR DELETE",
                "STATEMENT",
                &format!("causeway.check_writable({site})"),
            ),
            trigger(
                "before",
                "BEFORE INSERT OR UPDATE",
                "ROW",
                &format!("{before}()"),
            ),
            trigger(
                "after",
                "AFTER INSERT OR UPDATE OR DELETE",
                "ROW",
                &format!("{after}()"),
            ),
            trigger(
                "deleted",
                "AFTER DELETE",
                "STATEMENT",
                &format!("{deleted}()"),
            ),
            trigger(
                "truncate",
                "BEFORE TRUNCATE",
                "STATEMENT",
                "causeway.refuse_truncate()",
            ),
        ]
        .concat()
    }

    /// The setting counts only for the role that owns the tables: others can set it as well.
    fn not_the_loader(&self) -> String {
        format!(
            "pg_catalog.current_setting('causeway.loader', true) IS DISTINCT FROM 'on' \
             OR current_user <> {}",
            literal(self.owner)
        )
    }

    /// Whether only the database gives the keys of a table.
    fn refuses_given_keys(&self, table: &Table) -> bool {
        let mut ids = self.dataset.tables.ids();
        let id = ids.find(|id| self.dataset.tables[*id].name == table.name);
        id.is_some_and(|id| rules::refuses_given_keys(self.dataset, id))
    }

    fn function_name(&self, table: &Table, what: &str) -> String {
        format!("{}.{}", schema(self.site), quote(&index_name(table, what)))
    }
}

/// A trigger's function, which nobody calls by hand.
fn function(name: &str, body: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {SETTINGS} AS {};\n\
         REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;\n",
        literal(body)
    )
}

/// A column of the row as it was or will be: `row` is OLD or NEW.
fn field(row: &str, table: &Table, column: usize) -> String {
    format!("{row}.{}", quote(table.columns[column].name.as_str()))
}

/// Whether a column has another value now. Of a row that is inserted all old values are NULL, of one
/// that is deleted all new ones.
fn changed(table: &Table, column: usize) -> String {
    format!(
        "{} IS DISTINCT FROM {}",
        field("NEW", table, column),
        field("OLD", table, column)
    )
}

/// A call that ends the statement. `message` is an SQL expression.
fn refuse(state: &str, table: &Table, column: usize, message: &str) -> String {
    format!(
        "PERFORM causeway.refuse({}, {}, {}, {message});",
        literal(state),
        literal(table.name.as_str()),
        literal(table.columns[column].name.as_str()),
    )
}

/// A statement under a condition, as a line.
fn when(condition: &str, then: &str) -> String {
    format!("    IF {condition} THEN {then} END IF;\n")
}
