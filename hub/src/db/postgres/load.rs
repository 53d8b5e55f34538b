//! One load of one site into PostgreSQL.
//!
//! The load has a connection to itself. Its lock is the connection's, its staging tables are temporary, its rows wait
//! for one COMMIT: whenever it ends before that, the connection is closed, and the server takes all of it back. Whether
//! a COMMIT whose answer was lost took place is for the next load to read.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use futures_util::SinkExt as _;
use jiff::tz::TimeZone;
use tokio::try_join;
use tokio_postgres::{CopyInSink, Error, Row};

use causeway_shared::commit::Owner;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Part, Seq, SiteName};

use super::change::{self, Found, TableChange};
use super::connection::Connections;
use super::grants::Roles;
use super::indexes::{self, Unindexed};
use super::session::{Session, Work};
use super::typed::Parameter;
use super::{error, mark, read, render, requests, triggers, typed};
use crate::db::known_sites::KnownSites;
use crate::db::{
    DbError, Look, RowSink, RowsAt, SiteChange, SiteLoad, SiteState, StoredSite, records,
};

/// How long a load waits for other programs' transactions, beside its tries.
const WRITERS_TIMEOUT: Duration = Duration::from_secs(20);

/// Tables, and the columns that each lacks.
type Lacking = Vec<(Table, Vec<usize>)>;

pub(super) struct PostgresLoad {
    client: Session,
    database: String,
    site: SiteName,
    known: Arc<KnownSites>,
    roles: Roles,
    /// What the tables lack, until it commits.
    unindexed: Vec<Unindexed>,
    /// Gives tables that its transaction fills their triggers back.
    triggers_on: String,
    /// The triggers that this load made, by their MD5.
    triggers: Option<String>,
    /// What its transaction is to change in the tables.
    change: Option<TableChange>,
}

impl PostgresLoad {
    /// Waits for a connection and the site's lock.
    pub(super) async fn begin(connections: &Connections, site: SiteName) -> Result<Self, DbError> {
        let load = Self {
            client: Session::begin(connections, Work::Load, &site).await?,
            database: connections.describe().to_owned(),
            site,
            known: Arc::clone(&connections.known),
            roles: connections.roles.clone(),
            unindexed: Vec::new(),
            triggers_on: String::new(),
            triggers: None,
            change: None,
        };
        let session = include_str!("sql/session_loader.sql");
        let session = load.batch("connecting", session);
        try_join!(session, load.forget_dropped())?;
        Ok(load)
    }

    /// Before the schema is made again, so that a crash after that leaves no marks without rows. Where there is
    /// nothing to forget nothing is written, as on a server that takes no changes.
    async fn forget_dropped(&self) -> Result<(), DbError> {
        let is_dropped = include_str!("sql/site_is_dropped.sql");
        let is_dropped = typed::row(&self.client, is_dropped, &[&self.site.as_str()]).await;
        if !is_dropped
            .map_err(|error| self.failed("reading", error))?
            .get::<_, bool>(0)
        {
            return Ok(());
        }
        let forget = include_str!("sql/site_forget.sql");
        let forgotten = typed::execute(&self.client, forget, &[&self.site.as_str()]).await;
        forgotten
            .map(|_| ())
            .map_err(|error| self.failed("forgetting", error))
    }

    fn failed(&self, action: &'static str, error: Error) -> DbError {
        error::of(&self.database, action, error)
    }

    async fn batch(&self, action: &'static str, sql: &str) -> Result<(), DbError> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| self.failed(action, error))
    }

    async fn delete(&self, sql: &str, parts: &[Part]) -> Result<u64, DbError> {
        let parts: Vec<String> = parts.iter().map(Part::to_string).collect();
        let deleted = typed::execute(&self.client, sql, &[&parts]).await;
        deleted.map_err(|error| self.failed("deleting", error))
    }

    async fn copy(&self, table: &Table, staged: bool) -> Result<Box<dyn RowSink + '_>, DbError> {
        let copy = render::copy(&self.site, table, staged);
        let copy = self.client.copy_in(&copy).await;
        Ok(Box::new(CopySink {
            copy: Box::pin(copy.map_err(|error| self.failed("copying", error))?),
            load: self,
        }))
    }

    /// Begins the transaction and locks the tables, or leaves nothing begun.
    async fn begin_locked(&self, lock: String) -> Result<(), DbError> {
        let begin = format!("BEGIN;\n{lock}");
        let locked = self.batch("locking the tables", &begin).await;
        if locked.is_err() {
            self.batch("beginning the load", "ROLLBACK").await?;
        }
        locked
    }

    /// The tables of a dataset that are missing, and the columns that others lack.
    fn compare(
        &self,
        dataset: &Dataset,
        found: Vec<Found>,
    ) -> Result<(Vec<Table>, Lacking), DbError> {
        let (mut missing, mut lacking) = (Vec::new(), Vec::new());
        for (table, found) in dataset.tables.iter().zip(found) {
            match found {
                Found::Missing => missing.push(table.clone()),
                Found::Lacking(columns) if columns.is_empty() => {}
                Found::Lacking(columns) => lacking.push((table.clone(), columns)),
                Found::Another(detail) => {
                    return Err(DbError::AnotherTable {
                        schema: self.site.schema(),
                        table: table.name.to_string(),
                        detail,
                    });
                }
            }
        }
        Ok((missing, lacking))
    }

    /// Drops indexes that the tables have outgrown, before the transaction: it needs a lock that keeps readers
    /// away. The triggers judge meanwhile what those judged.
    async fn drop_outgrown(&self, outgrown: &[String]) -> Result<(), DbError> {
        for name in outgrown {
            let sql = render::drop_index(&self.site, name);
            let drop = || self.batch("dropping an index", &sql);
            drop.retry(patiently()).when(gave_up).await?;
        }
        Ok(())
    }

    /// Begins the transaction with the tables locked and changed.
    async fn begin_changing(&mut self, change: &TableChange) -> Result<(), DbError> {
        let this = &*self;
        let attempts = AtomicUsize::new(0);
        let begin = || {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            this.begin_locked(change.lock(&this.site, attempt))
        };
        begin.retry(patiently()).when(gave_up).await?;
        self.batch("changing the tables", &change.statements(&self.site))
            .await?;
        let found = indexes::find(&self.client, &self.site).await;
        let found = found.map_err(|error| self.failed("reading", error))?;
        self.unindexed = indexes::missing(&found, &self.site, change.dataset());
        let site = Some(&self.site);
        self.roles.grant(&self.client, &self.database, site).await?;
        self.triggers = Some(change.triggers_md5().to_owned());
        Ok(())
    }
}

/// Pauses between tries to lock tables that others write to, one after another.
fn patiently() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_millis(400))
        .without_max_times()
        .with_total_delay(Some(WRITERS_TIMEOUT))
        .with_jitter()
}

/// Whether it passes by itself while the connection stands: somebody's transaction was in the way.
fn gave_up(error: &DbError) -> bool {
    matches!(error, DbError::GaveUp { .. })
}

#[async_trait]
impl SiteLoad for PostgresLoad {
    async fn stored(&mut self) -> Result<StoredSite, DbError> {
        // The lock keeps it from changing between the reads.
        match read::records(&self.client, &self.site, &self.known).await {
            Ok(Some(records)) => records.stored(&self.database, &self.known),
            Ok(None) => Ok(StoredSite::empty(SiteState::unknown(self.site.clone()))),
            Err(error) => Err(error::of_own(&self.database, "reading", error)),
        }
    }

    async fn identity(&mut self) -> Result<Owner, DbError> {
        requests::identity(&self.client, &self.database).await
    }

    async fn create_tables(&mut self, dataset: &Dataset, zone: &TimeZone) -> Result<(), DbError> {
        let (client, site) = (&*self.client, &self.site);
        let there = include_str!("sql/schema_there.sql");
        let schema = render::schema(site);
        // Asked for all at once: no other load of the site changes it meanwhile.
        let found = try_join!(
            async {
                typed::row(client, there, &[&schema])
                    .await?
                    .try_get::<_, bool>(0)
            },
            indexes::find(client, site),
            change::find(client, site, dataset),
            change::is_of_another(client, site, dataset),
            triggers::statements(client, site, dataset, zone)
        );
        let (is_there, indexes, tables, is_of_another, triggers) =
            found.map_err(|error| self.failed("reading", error))?;
        if !is_there {
            let create = render::create_schema(site);
            self.batch("creating a schema", &create).await?;
        }
        self.drop_outgrown(&indexes::outgrown(&indexes, dataset))
            .await?;
        let (missing, lacking) = self.compare(dataset, tables)?;
        if is_of_another || !lacking.is_empty() {
            self.change = Some(TableChange::new(dataset, missing, lacking, triggers));
            return Ok(());
        }
        for table in &missing {
            let create = render::create_table(&self.site, table);
            self.batch("creating a table", &create).await?;
        }
        let anew = !missing.is_empty();
        self.unindexed = indexes::missing(&indexes, &self.site, dataset);
        let this = &*self;
        let attempts = AtomicUsize::new(0);
        let make = || async {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            let (client, site) = (&this.client, &this.site);
            let made = triggers::make(client, site, dataset, &triggers, anew, attempt).await;
            made.map_err(|error| this.failed("making triggers", error))
        };
        self.triggers = make.retry(patiently()).when(gave_up).await?;
        let site = Some(&self.site);
        self.roles.grant(&self.client, &self.database, site).await
    }

    async fn is_empty(&mut self, table: &Table) -> Result<bool, DbError> {
        if self.change.is_some() {
            // The transaction keeps readers from the tables that it changes: all rows have to be there by then.
            return Ok(false);
        }
        let sql = render::is_empty(&self.site, table);
        let row = typed::row(&self.client, &sql, &[]).await;
        Ok(row.map_err(|error| self.failed("reading", error))?.get(0))
    }

    async fn stage(&mut self, table: &Table) -> Result<Box<dyn RowSink + '_>, DbError> {
        let create = render::create_staging(table);
        self.batch("staging", &create).await?;
        self.copy(table, true).await
    }

    async fn begin(&mut self, tables: &[&Table]) -> Result<(), DbError> {
        if let Some(change) = self.change.take() {
            return self.begin_changing(&change).await;
        }
        let this = &*self;
        let mut tables = tables.to_vec();
        for Unindexed { table, indexes, .. } in &this.unindexed {
            let is_listed = tables.iter().any(|other| other.name == table.name);
            if !indexes.is_empty() && !is_listed {
                tables.push(table);
            }
        }
        if tables.is_empty() {
            return self.batch("beginning the load", "BEGIN").await;
        }
        let attempts = AtomicUsize::new(0);
        let begin = || {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            this.begin_locked(render::lock(&this.site, &tables, attempt))
        };
        begin.retry(patiently()).when(gave_up).await
    }

    async fn look(&mut self) -> Result<Look, DbError> {
        let failed = |error| self.failed("reading the journal", error);
        let site = self.site.as_str();
        let lock = include_str!("sql/site_lock.sql");
        let parts = include_str!("sql/journal_parts.sql");
        let of_site: [&dyn Parameter; 1] = [&site];
        // In this order: the server answers one after the other.
        let looked = typed::both(
            typed::row_if_any(&self.client, lock, &of_site),
            typed::rows(&self.client, parts, &of_site),
        );
        let (at, parts) = looked.await.map_err(failed)?;
        let number = |row: &Row, at: usize| Seq(row.get::<_, i64>(at).unsigned_abs());
        let parts_where = |is_held: bool| {
            let rows = parts.iter().filter(|row| row.get::<_, bool>(2) == is_held);
            rows.filter_map(|row| records::partition(row.get(0), row.get(1)))
                .collect()
        };
        Ok(Look {
            journaled: parts_where(false),
            held: parts_where(true),
            start_known: at.as_ref().is_some_and(|row| row.get(2)),
            revision: at.as_ref().map_or(0, |row| number(row, 3).0),
            at: at.map_or_else(RowsAt::default, |row| RowsAt {
                seq: number(&row, 0),
                edits_seq: number(&row, 1),
            }),
        })
    }

    async fn has_journaled_keys(&mut self, table: &Table) -> Result<bool, DbError> {
        let sql = render::has_journaled_keys(table);
        let (site, table) = (self.site.as_str(), table.name.as_str());
        let row = typed::row(&self.client, &sql, &[&site, &table]).await;
        Ok(row
            .map_err(|error| self.failed("reading the journal", error))?
            .get(0))
    }

    async fn rollback(&mut self) -> Result<(), DbError> {
        self.triggers_on.clear();
        self.batch("rolling back", "ROLLBACK").await
    }

    async fn delete_parts(&mut self, table: &Table, parts: &[Part]) -> Result<u64, DbError> {
        self.delete(&render::delete_parts(&self.site, table), parts)
            .await
    }

    async fn delete_strays(&mut self, table: &Table, loaded: &[Part]) -> Result<u64, DbError> {
        self.delete(&render::delete_strays(&self.site, table), loaded)
            .await
    }

    async fn insert_staged(&mut self, table: &Table) -> Result<u64, DbError> {
        let insert = render::insert_staged(&self.site, table);
        let inserted = typed::execute(&self.client, &insert, &[]).await;
        inserted.map_err(|error| self.failed("inserting", error))
    }

    async fn fill(&mut self, table: &Table) -> Result<Box<dyn RowSink + '_>, DbError> {
        // They would let the loader's rows pass, but each by itself: without them PostgreSQL writes a page
        // of rows at once.
        let off = render::row_triggers(&self.site, table, false);
        self.batch("filling a table", &off).await?;
        self.triggers_on += &render::row_triggers(&self.site, table, true);
        self.copy(table, false).await
    }

    async fn commit(mut self: Box<Self>, change: &SiteChange<'_>) -> Result<(), DbError> {
        if !self.triggers_on.is_empty() {
            self.batch("filling tables", &self.triggers_on).await?;
        }
        let made = indexes::make(&self.client, &self.unindexed).await;
        made.map_err(|error| self.failed("indexing", error))?;
        let marked = mark::write(&self.client, &self.site, change).await;
        marked.map_err(|error| self.failed("marking", error))?;
        if let Some(md5) = &self.triggers {
            let noted = triggers::note(&self.client, &self.site, md5).await;
            noted.map_err(|error| self.failed("marking", error))?;
        }
        let set = indexes::set_keys(&self.client, &self.site, &self.unindexed).await;
        set.map_err(|error| self.failed("indexing", error))?;
        self.batch("committing", "COMMIT").await?;
        self.client.is_clean = true;
        Ok(())
    }
}

/// Rows on their way into one COPY.
struct CopySink<'l> {
    copy: Pin<Box<CopyInSink<Bytes>>>,
    load: &'l PostgresLoad,
}

#[async_trait]
impl RowSink for CopySink<'_> {
    async fn write(&mut self, records: Bytes) -> Result<(), DbError> {
        let Err(error) = self.copy.send(records).await else {
            return Ok(());
        };
        // The server stopped listening; why, it says at the end.
        let error = match self.copy.as_mut().finish().await {
            Err(reason) => reason,
            Ok(_) => error,
        };
        Err(self.load.failed("copying", error))
    }

    async fn finish(mut self: Box<Self>) -> Result<u64, DbError> {
        let rows = self.copy.as_mut().finish().await;
        rows.map_err(|error| self.load.failed("copying", error))
    }
}
