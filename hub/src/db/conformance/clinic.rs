//! A site that takes changes, for the cases about them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_shared::edits_object::Texts;
use causeway_shared::ids::Part;
use causeway_shared::value::{Type, Value};

use super::unchanged;
use crate::db::{DbError, JournalEntry, Query, Row, SiteChange, SiteWrite};
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// Doctors, their visits by day, and notes where the visits are.
pub(in crate::db) const CLINIC: &str = r#"
name = "clinic"
version = 1
[[table]]
name = "doctor"
key = ["id"]
partition = { buckets = 1 }
column = [
  { name = "id", type = "int" },
  { name = "name", type = "text", max = 5, not_null = true },
  { name = "fee", type = "decimal(2)", min = -1, max = 100 },
  { name = "since", type = "timestamp", not_null = true, default = "2000-01-01" },
  { name = "off", type = "bool", not_null = true, default = false },
]
[[table]]
name = "visit"
key = ["id"]
partition = { by = "day" }
unique = [{ columns = ["doctor", "day", "starts"], unless = { state = ["void"] } }]
check = ["starts < ends"]
column = [
  { name = "id", type = "int" },
  { name = "doctor", type = "int", references = "doctor" },
  { name = "day", type = "date", not_null = true },
  { name = "starts", type = "time", not_null = true },
  { name = "ends", type = "time" },
  { name = "state", type = "text", not_null = true, default = "open", values = ["open", "void"] },
  { name = "score", type = "float", min = 0, max = 5 },
  { name = "seen", type = "timestamp" },
  { name = "phone", type = "phone" },
]
[[table]]
name = "remark"
key = ["visit"]
partition = { via = "visit", on = "visit" }
column = [
  { name = "visit", type = "int", references = "visit" },
  { name = "body", type = "text" },
]
"#;

pub(in crate::db) const DAY: &str = "dt=2025-11-28";

/// A clinic that takes changes, with one doctor and one visit.
pub(in crate::db) struct Clinic {
    pub(in crate::db) database: HubDatabase,
    pub(in crate::db) site: TestSite,
    _hub: TestHub,
}

impl Clinic {
    pub(in crate::db) async fn open(database: &HubDatabase) -> Outcome<Self> {
        Self::with(
            database,
            CLINIC,
            &[
                (
                    "doctor",
                    "b=0of1",
                    &["1,Ada,9.50,2020-01-01T00:00:00,false"],
                ),
                (
                    "visit",
                    DAY,
                    &["7,1,2025-11-28,09:00:00,10:00:00,open,4.5,,"],
                ),
            ],
        )
        .await
    }

    /// A site `here` of these partitions.
    pub(in crate::db) async fn with(
        database: &HubDatabase,
        dataset: &str,
        partitions: &[(&str, &str, &[&str])],
    ) -> Outcome<Self> {
        let hub = TestHub::new(database).await?;
        let mut site = TestSite::new(&hub.store, "here", dataset)?;
        for (table, part, records) in partitions {
            site.put(table, part, records).await?;
        }
        site.commit().await?;
        hub.load_one().await?;
        let clinic = Self {
            database: HubDatabase(Arc::clone(&database.0)),
            site,
            _hub: hub,
        };
        clinic.take_changes(true).await?;
        clinic
            .database
            .0
            .set_keys(1_000_000_000..=1_000_000_009)
            .await?;
        Ok(clinic)
    }

    /// Lets the tables take changes, or no more.
    pub(in crate::db) async fn take_changes(&self, writable: bool) -> Outcome {
        let mut load = self.database.0.begin_load(self.site.name()).await?;
        let stored = load.stored().await?;
        load.begin(&[]).await?;
        let change = SiteChange {
            writable,
            ..unchanged(&stored, self.site.dataset())?
        };
        Ok(load.commit(&change).await?)
    }

    pub(in crate::db) async fn begin(&self) -> Result<Box<dyn SiteWrite>, DbError> {
        let (site, dataset) = (self.site.name(), self.site.dataset());
        self.database.0.begin_write(site, dataset, "ann").await
    }

    /// One statement in a transaction.
    pub(in crate::db) async fn run(
        &self,
        sql: &str,
        parameters: &[Option<&str>],
    ) -> Result<(), DbError> {
        let parameters: Vec<Option<String>> = parameters
            .iter()
            .map(|parameter| parameter.map(str::to_owned))
            .collect();
        let mut write = self.begin().await?;
        write.query(sql, &parameters, &[]).await?;
        write.commit().await
    }

    /// One row in a transaction, of values by column name.
    pub(in crate::db) async fn insert(
        &self,
        table: &str,
        values: &[(&str, Value<'static>)],
    ) -> Result<Row, DbError> {
        let table = self.site.dataset().table(table).unwrap();
        let values: Vec<_> = values
            .iter()
            .map(|(column, value)| (table.column(column).unwrap(), value.clone()))
            .collect();
        let mut write = self.begin().await?;
        let row = write.insert(table, &values).await?;
        write.commit().await?;
        Ok(row)
    }

    /// The journal, a line for each row.
    pub(in crate::db) async fn journal(&self) -> Outcome<Vec<String>> {
        Ok(self.entries().await?.iter().map(line).collect())
    }

    pub(in crate::db) async fn entries(&self) -> Outcome<Vec<JournalEntry>> {
        let mut flush = self.database.0.begin_flush(self.site.name()).await?;
        Ok(flush.journal(self.site.dataset(), 1_000).await?)
    }

    pub(in crate::db) async fn query(&self, sql: &str, types: &[Type]) -> Outcome<Vec<Row>> {
        self.read(sql, &[], types).await
    }

    pub(in crate::db) async fn read(
        &self,
        sql: &str,
        parameters: &[Option<String>],
        types: &[Type],
    ) -> Outcome<Vec<Row>> {
        let query = Query {
            sql: sql.to_owned().into(),
            parameters: parameters.to_vec(),
            types: types.to_vec(),
        };
        let name = self.site.name();
        let (queries, nothing) = ([query], BTreeSet::new());
        let answer = self.database.0.query(name, &queries, &nothing).await?;
        Ok(answer.into_iter().flatten().flatten().collect())
    }

    /// Whether nothing has changed since the load.
    pub(in crate::db) async fn is_untouched(&self) -> Outcome<bool> {
        let visits = "SELECT count(*), min(id), min(state) FROM visit";
        let visits = self
            .query(visits, &[Type::Int, Type::Int, Type::Text])
            .await?;
        let expected = [Value::Int(1), Value::Int(7), Value::Text("open".into())];
        Ok(visits == [expected] && self.journal().await?.is_empty())
    }
}

pub(in crate::db) fn text(text: &'static str) -> Value<'static> {
    Value::Text(text.into())
}

pub(in crate::db) fn visit(day: &str, starts: &str) -> Vec<(&'static str, Value<'static>)> {
    vec![
        ("doctor", Value::Int(1)),
        ("day", Value::Date(day.parse().unwrap())),
        ("starts", Value::Time(starts.parse().unwrap())),
    ]
}

/// What changed, as `table part {old} > part {new}`.
pub(in crate::db) fn line(entry: &JournalEntry) -> String {
    let side = |side: &Option<(Part, Texts)>| match side {
        None => "-".to_owned(),
        Some((part, texts)) => {
            let texts = texts.values();
            let texts = texts.map(|text| text.as_deref().unwrap_or("NULL").to_owned());
            format!("{part} {}", texts.collect::<Vec<_>>().join("|"))
        }
    };
    format!(
        "{} {} > {}",
        entry.table,
        side(&entry.old),
        side(&entry.new)
    )
}

/// State and words of a refusal.
pub(in crate::db) fn refused<T: std::fmt::Debug>(result: Result<T, DbError>) -> (String, String) {
    match result {
        Err(DbError::Rejected { state, message }) => (state, message),
        other => panic!("not refused: {other:?}"),
    }
}
