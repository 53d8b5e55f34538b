//! Rows that are kept whatever happens: listed, created, changed and disabled, never deleted.
//!
//! A resource is a value: its table, its statements and what may be set. All else is here.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::commit::RowKey;
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::value::{Type, Value};
use serde_json::{Map, Value as Json};

use super::appointments::{By, Written, lasting, written};
use super::error::ServiceError;
use super::field_error::{FieldError, Wrong};
use super::fields::{self, Fields, Needs, text_value};
use super::list::{List, Listing};
use super::precondition::{self, Precondition};
use super::record::{Columns, Record, Statement, read, read_within};
use super::search::Search;
use super::sites::{self, Needed};
use crate::sync::{Hub, SiteView};

/// Rows of a table that is loaded whole.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its table, and the columns that it has.
    pub(super) table: (&'static str, Columns),
    /// Other tables that its statements name.
    pub(super) others: &'static Needed,
    pub(super) key: &'static str,
    /// As messages name one row and several.
    pub(super) names: [&'static str; 2],
    /// Its filters are whether rows are disabled, what is looked for, and the key that may be meant.
    pub(super) list: List,
    /// With the key. Answers the columns of the table, and what is added up for it.
    pub(super) by_key: Statement,
    /// With the key, then for each column that may be set whether it is (`t`), and its value. Answers
    /// the key, if there is such a row.
    pub(super) change: Statement,
    /// What may be set, in the order of the statement.
    pub(super) settable: &'static [&'static str],
    /// What a new row cannot do without.
    pub(super) needed: &'static [&'static str],
    /// A key for a row that comes without one; `None`: the database gives it.
    pub(super) new_key: Option<fn(By<'_>) -> Result<String, ServiceError>>,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowsQuery {
    pub site: Option<SiteName>,
    pub isdisabled: Option<bool>,
    /// What is looked for.
    pub q: String,
}

impl Resource {
    /// Its name in addresses and files.
    pub(crate) fn name(&self) -> &'static str {
        self.names[1]
    }

    /// The table of its rows.
    pub(crate) fn table(&self) -> &'static str {
        self.table.0
    }

    /// What may be set of a row.
    pub(crate) fn settable(&self) -> &'static [&'static str] {
        self.settable
    }

    /// The column by which a row is known.
    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    /// What a new row cannot do without.
    pub(crate) fn needed(&self) -> &'static [&'static str] {
        self.needed
    }

    /// What may be said of a new row.
    pub(crate) fn new_members(&self) -> Vec<&'static str> {
        let key = self.new_key.map(|_| self.key);
        self.settable.iter().copied().chain(key).collect()
    }

    /// What is answered of a row.
    pub(crate) fn answered(&self) -> Columns {
        self.by_key.columns
    }

    /// The names of what is answered of a row.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &'static str> {
        Record::names(self.by_key.columns)
    }

    /// The type of a column.
    pub(crate) fn type_of(&self, name: &str) -> Option<Type> {
        let mut columns = self.columns().iter();
        Some(columns.find(|(column, _)| *column == name)?.1)
    }

    /// The entity tag of a row.
    pub(crate) fn tag(&self, row: &Record) -> Md5 {
        precondition::tag(row, self.columns())
    }

    /// The columns of its table.
    fn columns(&self) -> Columns {
        self.table.1
    }

    fn needed_tables(&self) -> Vec<(&'static str, Columns)> {
        [self.table].iter().chain(self.others).copied().collect()
    }

    /// The rows that a query leaves.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub(crate) async fn listing(
        &'static self,
        hub: &Hub,
        query: &RowsQuery,
    ) -> Result<Listing, ServiceError> {
        let views = self.sites(hub, query.site.as_ref()).await?;
        let [texts @ .., key] = Search::new("q", &query.q)?.parameters();
        // A key of another form is nobody's.
        let key = key.filter(|key| self.key_of(key).is_some());
        let filters = [query.isdisabled.map(flag)].into_iter();
        Ok(Listing {
            list: &self.list,
            sites: views,
            dates: None,
            filters: filters.chain(texts).chain([key]).collect(),
        })
    }

    /// The sites that have such rows, or one of them.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or a failure of the database.
    pub(crate) async fn sites(
        &self,
        hub: &Hub,
        only: Option<&SiteName>,
    ) -> Result<Vec<SiteView>, ServiceError> {
        sites::having(hub, only, &self.needed_tables(), self.name()).await
    }

    async fn site(&self, hub: &Hub, named: Option<&SiteName>) -> Result<SiteView, ServiceError> {
        sites::the_one(hub, named, &self.needed_tables(), self.name()).await
    }

    /// A row by its key.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub(crate) async fn one(
        &self,
        hub: &Hub,
        site: Option<&SiteName>,
        key: &str,
    ) -> Result<Record, ServiceError> {
        let view = self.site(hub, site).await?;
        let found = match self.key_of(key) {
            Some(key) => read(hub, &view.site, self.by_key, &[Some(key)])
                .await?
                .pop(),
            None => None,
        };
        found.ok_or_else(|| self.unknown(key))
    }

    /// A new row.
    ///
    /// # Errors
    /// [`ServiceError`]: nothing was changed.
    pub(crate) async fn create(
        &self,
        hub: &Hub,
        site: Option<&SiteName>,
        given: &Map<String, Json>,
        by: By<'_>,
    ) -> Result<Written, ServiceError> {
        let view = self.site(hub, site).await?;
        let table = self.declared(&view)?;
        let mut settable = self.settable.to_vec();
        let mut given = given.clone();
        if let Some(new_key) = self.new_key {
            settable.push(self.key);
            if given.get(self.key).is_none_or(Json::is_null) {
                given.insert(self.key.to_owned(), new_key(by)?.into());
            }
        }
        let mut row =
            fields::read(table, &settable, &given, Needs::All).map_err(ServiceError::Invalid)?;
        row.retain(|(_, value)| !value.is_null());
        require_texts(table, &row)?;
        let at = table.column(self.key);
        if self.new_key.is_none()
            && let Err(error) = hub.ensure_keys(by.now).await
        {
            tracing::warn!(%error, "the database has few keys for new rows, and gets no more");
        }
        let key = row.iter().find(|(column, _)| Some(*column) == at);
        let key = key.and_then(|(_, value)| canonical_text(value));
        match self.insert(hub, &view, table, &row, by).await {
            Ok(record) => Ok(written(hub, record, by.now).await),
            // The transaction is over: what stands there is read in another.
            Err(ServiceError::Clash(_) | ServiceError::NotUnique(_)) => {
                let present = read(hub, &view.site, self.by_key, &[key]).await?.pop();
                Err(ServiceError::KeyTaken(self.names[0], present.map(Box::new)))
            }
            Err(error) => Err(lasting(hub, &view, error).await),
        }
    }

    async fn insert(
        &self,
        hub: &Hub,
        view: &SiteView,
        table: &Table,
        row: &Fields,
        by: By<'_>,
    ) -> Result<Record, ServiceError> {
        let refused = |error| ServiceError::of_write(table, error);
        let database = hub.database();
        let begun = database.begin_write(&view.site, &view.dataset, by.actor);
        let mut write = begun.await.map_err(refused)?;
        let inserted = write.insert(table, row).await.map_err(refused)?;
        let key = table.key_of(&inserted).next().and_then(canonical_text);
        let mut read = read_within(&mut *write, &view.site, self.by_key, &[key]).await?;
        let record = read.pop().ok_or(ServiceError::Clash(None))?;
        write.commit().await.map_err(refused)?;
        Ok(record)
    }

    /// Changes what is given of a row, and leaves the rest.
    ///
    /// # Errors
    /// [`ServiceError`]: nothing was changed.
    pub(crate) async fn change(
        &self,
        hub: &Hub,
        site: Option<&SiteName>,
        (key, precondition): (&str, &Precondition),
        given: &Map<String, Json>,
        by: By<'_>,
    ) -> Result<Written, ServiceError> {
        let view = self.site(hub, site).await?;
        let table = self.declared(&view)?;
        let row = fields::read(table, self.settable, given, Needs::Given)
            .map_err(ServiceError::Invalid)?;
        require_texts(table, &row)?;
        let canonical = self.key_of(key).ok_or_else(|| self.unknown(key))?;
        let mut parameters = vec![Some(canonical)];
        for name in self.settable {
            let value = row
                .iter()
                .find(|(at, _)| table.columns[*at].name.as_str() == *name);
            parameters.push(value.map(|_| "t".to_owned()));
            parameters.push(value.and_then(|(_, value)| match value {
                Value::Bool(is) => Some(flag(*is)),
                value => canonical_text(value),
            }));
        }
        match self.update(hub, &view, &parameters, precondition, by).await {
            Ok(Some(record)) => Ok(written(hub, record, by.now).await),
            Ok(None) => Err(self.unknown(key)),
            Err(error) => Err(lasting(hub, &view, error).await),
        }
    }

    async fn update(
        &self,
        hub: &Hub,
        view: &SiteView,
        parameters: &[Option<String>],
        precondition: &Precondition,
        by: By<'_>,
    ) -> Result<Option<Record>, ServiceError> {
        let table = self.declared(view)?;
        let refused = |error| ServiceError::of_write(table, error);
        let database = hub.database();
        let begun = database.begin_write(&view.site, &view.dataset, by.actor);
        let mut write = begun.await.map_err(refused)?;
        if *precondition != Precondition::Any {
            let key = parameters[0].clone().into_iter().collect::<Vec<_>>();
            if let Ok(key) = RowKey::try_from(key) {
                // So that it stays as it is read here.
                write.lock_row(table, &key).await.map_err(refused)?;
            }
            let present = read_within(&mut *write, &view.site, self.by_key, &parameters[..1]);
            let Some(present) = present.await?.pop() else {
                return Ok(None);
            };
            precondition.check(&present, self.columns())?;
        }
        let changed = read_within(&mut *write, &view.site, self.change, parameters).await;
        if changed.map_err(refused)?.is_empty() {
            return Ok(None);
        }
        let mut read = read_within(&mut *write, &view.site, self.by_key, &parameters[..1]).await?;
        let record = read.pop();
        write.commit().await.map_err(refused)?;
        Ok(record)
    }

    fn declared<'v>(&self, view: &'v SiteView) -> Result<&'v Table, ServiceError> {
        let table = view.dataset.table(self.table.0);
        table.ok_or_else(|| {
            ServiceError::NotFound(format!("site {} has no {}", view.site, self.name()))
        })
    }

    /// A key in its canonical form; `None`: it is none.
    fn key_of(&self, key: &str) -> Option<String> {
        canonical_text(&text_value(key, self.type_of(self.key)?).ok()?)
    }

    fn unknown(&self, key: &str) -> ServiceError {
        ServiceError::NotFound(format!("there is no {} {key:?}", self.names[0]))
    }
}

/// A truth value as both databases read it where a column takes it.
fn flag(is: bool) -> String {
    if is { "1" } else { "0" }.to_owned()
}

/// Refuses texts that have to be there and say nothing.
fn require_texts(table: &Table, row: &Fields) -> Result<(), ServiceError> {
    let is_blank = |value: &Value<'_>| matches!(value, Value::Text(text) if text.trim().is_empty());
    let blank = row.iter().filter_map(|(at, value)| {
        let column = &table.columns[*at];
        let is_needed = column.not_null || table.key.contains(at);
        (is_needed && is_blank(value)).then(|| FieldError::new(column.name.as_str(), Wrong::Empty))
    });
    let blank: Vec<FieldError> = blank.collect();
    if blank.is_empty() {
        Ok(())
    } else {
        Err(ServiceError::Invalid(blank))
    }
}
