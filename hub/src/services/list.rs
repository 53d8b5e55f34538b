//! Lists: rows of every site by an order, page by page or all of them as CSV.
//!
//! A resource has a [`List`]: a statement and its order. A [`Listing`] is that list with its filters.
//! Its pages begin behind a row's place, so that rows which are born meanwhile move nothing.

pub(super) mod csv;
mod position;

use bytes::Bytes;
use causeway_shared::value::Value;
use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

pub(crate) use self::position::Position;
use super::error::ServiceError;
use super::record::{Asked, Columns, Record, Statement, read_dates, read_one};
use crate::sync::{DateRange, Hub, SiteView};

/// Rows that are read at a time for CSV.
const CSV_ROWS: usize = 2_000;

/// A list of a resource's rows.
#[derive(Debug)]
pub(super) struct List {
    /// Its parameters are the filters, the place behind which rows are asked for (a value for each column
    /// of the order, NULL: from the first row on), and how many. It answers how many rows there are
    /// altogether, then the columns; where there are none behind the place, one row of NULLs.
    pub(super) statement: Statement,
    /// The columns by which rows come, the key last. None of them is ever NULL.
    pub(super) order: &'static [&'static str],
}

/// A list with its filters.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(super) list: &'static List,
    /// In the order of their names, as they were read for it.
    pub(super) sites: Vec<SiteView>,
    /// Dates that have to be loaded.
    pub(super) dates: Option<DateRange>,
    pub(super) filters: Vec<Option<String>>,
}

/// Some rows of a list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Listed {
    pub items: Vec<Record>,
    /// Where the next ones begin; `None`: there are no more.
    pub next: Option<Position>,
    /// How many there are altogether.
    pub total: u64,
}

impl List {
    /// Columns of the rows.
    fn columns(&self) -> Columns {
        self.statement.columns.get(1..).unwrap_or_default()
    }

    /// The statement for so many rows behind a place.
    pub(super) fn asked(
        &self,
        filters: &[Option<String>],
        after: Option<&Position>,
        rows: usize,
    ) -> Asked {
        let mut parameters = filters.to_vec();
        match after {
            Some(after) => parameters.extend(after.values().iter().cloned().map(Some)),
            None => parameters.extend(self.order.iter().map(|_| None)),
        }
        parameters.push(Some(rows.to_string()));
        self.statement.with(&parameters)
    }
}

impl Listing {
    /// Rows behind those that a cursor ends, so many at most.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub(crate) async fn page(
        &self,
        hub: &Hub,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Listed, ServiceError> {
        let after = cursor.map(|cursor| Position::parse(cursor, self.list));
        let after = after.transpose()?;
        let mut listed = Listed::default();
        for view in &self.sites {
            let site = &view.site;
            let is_passed = after.as_ref().is_some_and(|after| *site < after.site);
            let rows = match is_passed {
                true => 0,
                false => (limit + 1).saturating_sub(listed.items.len()),
            };
            let after = after.as_ref().filter(|after| after.site == *site);
            listed.add(self.list, self.read(hub, view, after, rows, now).await?);
        }
        listed.cut(self.list, limit);
        Ok(listed)
    }

    async fn read(
        &self,
        hub: &Hub,
        view: &SiteView,
        after: Option<&Position>,
        rows: usize,
        now: Timestamp,
    ) -> Result<Vec<Record>, ServiceError> {
        let asked = self.list.asked(&self.filters, after, rows);
        let Some(dates) = self.dates else {
            return Ok(read_one(hub, &view.site, &asked).await?);
        };
        let found = read_dates(hub, view, dates, &[asked], now).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// All rows as CSV, some at a time: what is read is sent before more is read. The first piece has been
    /// read when this answers, so that most errors are known by then.
    ///
    /// # Errors
    /// [`ServiceError`], here or as the stream's last item.
    pub(crate) async fn csv(
        self,
        hub: Hub,
        now: Timestamp,
    ) -> Result<impl Stream<Item = Result<Bytes, ServiceError>> + Send, ServiceError> {
        let mut header = csv::header(self.list.columns());
        let mut export = Export {
            listing: self,
            hub,
            now,
            is_begun: false,
            site: 0,
            after: None,
        };
        if let Some(rows) = export.next().await? {
            header.extend_from_slice(&rows);
        }
        let rest = stream::try_unfold(export, async |mut export| {
            Ok(export.next().await?.map(|rows| (Bytes::from(rows), export)))
        });
        Ok(stream::iter([Ok(Bytes::from(header))]).chain(rest))
    }
}

/// How far a list has been read for CSV.
struct Export {
    listing: Listing,
    hub: Hub,
    now: Timestamp,
    /// Whether rows were read, so that the sites were read some while ago.
    is_begun: bool,
    /// The site whose rows come next.
    site: usize,
    after: Option<Position>,
}

impl Export {
    /// The next rows; `None`: there are no more.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ServiceError> {
        while let Some(view) = self.listing.sites.get_mut(self.site) {
            if self.is_begun && self.listing.dates.is_some() {
                // Whoever takes the file may be slow.
                *view = self.hub.sites(Some(&view.site)).await?.remove(0);
            }
            self.is_begun = true;
            let (listing, list) = (&self.listing, self.listing.list);
            let view = &listing.sites[self.site];
            let read = listing.read(&self.hub, view, self.after.as_ref(), CSV_ROWS, self.now);
            let mut listed = Listed::default();
            listed.add(list, read.await?);
            let last = listed.items.last();
            self.after = last
                .filter(|_| listed.items.len() == CSV_ROWS)
                .and_then(|last| Position::of(last, list));
            if self.after.is_none() {
                self.site += 1;
            }
            if !listed.items.is_empty() {
                return Ok(Some(csv::rows(&listed.items)));
            }
        }
        Ok(None)
    }
}

impl Listed {
    /// Adds what the statement has found at a site.
    pub(super) fn add(&mut self, list: &List, found: Vec<Record>) {
        for (at, row) in found.into_iter().enumerate() {
            let (total, row) = row.split_first();
            if let (0, Value::Int(total)) = (at, total) {
                self.total += total.unsigned_abs();
            }
            if Position::is_of(&row, list) {
                self.items.push(row);
            }
        }
    }

    /// Leaves so many, and notes where the next ones begin.
    pub(super) fn cut(&mut self, list: &List, limit: usize) {
        if self.items.len() > limit {
            self.items.truncate(limit);
            self.next = self.items.last().and_then(|last| Position::of(last, list));
        }
    }
}
