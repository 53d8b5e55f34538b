//! Loads while others write: what they staged is what the rows have to become, or they stage again.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::{
    Body, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, Store, StoreError, Version,
};
use causeway_shared::value::{Type, Value};
use jiff::civil::{Date, date};
use tokio::time::timeout;

use crate::db::Query;
use crate::sync::DateRange;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// A day in no window.
const COLD: Date = date(2025, 12, 24);

type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A store that does something the first time that an object is read, before it answers.
struct Meddling {
    inner: Store,
    /// A part of the object's key.
    object: &'static str,
    work: Mutex<Option<Work>>,
    reads: AtomicU64,
}

impl fmt::Debug for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meddling").field(&self.object).finish()
    }
}

impl Meddling {
    fn new(
        test: &TestHub,
        object: &'static str,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(&test.store),
            object,
            work: Mutex::new(Some(Box::pin(work))),
            reads: AtomicU64::new(0),
        })
    }
}

#[async_trait]
impl ObjectStore for Meddling {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        if key.contains(self.object) {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let work = self.work.lock();
            let work = work.unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                work.await.map_err(|error| StoreError::Unavailable {
                    action: "read",
                    key: key.to_owned(),
                    detail: error.to_string(),
                    source: None,
                })?;
            }
        }
        self.inner.get(key).await
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        self.inner.get_if_changed(key, version).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.inner.head(key).await
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        self.inner.create(key, body).await
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        self.inner.put(key, body).await
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        self.inner.replace(key, body, was).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.inner.list(prefix, after).await
    }

    async fn is_blank(&self) -> Result<bool, StoreError> {
        self.inner.is_blank().await
    }

    fn requests(&self) -> RequestCounts {
        self.inner.requests()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// What is done while a date is staged.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    /// A row of a table changes.
    Run(&'static str),
    /// That, and it is flushed.
    Flush(&'static str),
    /// A row is born in the shop, of this key (none: the database's own) and day.
    Bear(Option<&'static str>, Date),
}

/// Brings a cold date, with something done while that is staged. Returns how often its object was read.
async fn bring(test: &TestHub, site: &TestSite, what: Meanwhile) -> Outcome<u64> {
    let (database, dataset) = (Arc::clone(&test.database), site.dataset().clone());
    let (hub, name, now) = (test.hub.clone(), site.name().clone(), test.request.now);
    hub.ensure_keys(now).await?;
    let work = async move {
        let mut write = database.begin_write(&name, &dataset, "ann").await?;
        match what {
            Meanwhile::Run(sql) | Meanwhile::Flush(sql) => {
                write.query(sql, &[], &[]).await?;
            }
            Meanwhile::Bear(key, day) => {
                let key = key.map(|key| (0, Value::Text(key.into())));
                let values = [(1, Value::Date(day)), (2, Value::Text("z".into()))];
                let values: Vec<_> = key.into_iter().chain(values).collect();
                let table = dataset.table("sale").ok_or("no such table")?;
                write.insert(table, &values).await?;
            }
        }
        write.commit().await?;
        if let Meanwhile::Flush(_) = what {
            hub.flush_site(&name, now).await?;
        }
        Ok(())
    };
    let store = Meddling::new(test, "/sale/dt=2025-12-24/", work);
    let meddled = test.with_store(Arc::clone(&store) as Store)?;
    let cold = DateRange::day(COLD);
    meddled.hub.bring(site.name(), cold, now).await?;
    Ok(store.reads.load(Ordering::Relaxed))
}

async fn loaded(test: &TestHub, dataset: &str, keys: [&str; 3]) -> Outcome<TestSite> {
    let mut site = TestSite::new(&test.store, "here", dataset)?;
    let [a, b, c] = keys;
    let sales = [
        format!("{a},2025-11-28,a,paid"),
        format!("{b},2025-11-28,b,paid"),
    ];
    let sales: Vec<&str> = sales.iter().map(String::as_str).collect();
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.put(
        "sale",
        "dt=2025-12-24",
        &[&format!("{c},2025-12-24,c,paid")],
    )
    .await?;
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

/// What is there in the end is what the store says, whichever of it was flushed.
async fn ends_well(test: &TestHub, site: &TestSite, sales: &[&str]) -> Outcome {
    assert_eq!(test.rows(site, "sale").await?, sales);
    assert_eq!(test.verify(false).await?.differences, []);
    while test.flush(site).await?.edits > 0 {}
    test.load_one().await?;
    assert_eq!(test.rows(site, "sale").await?, sales);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// Whoever writes to other dates does not keep a cold one waiting, whether that is flushed or not.
pub async fn a_cold_date_is_staged_once_beside_writers(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = loaded(&test, SHOP, ["1", "2", "3"]).await?;
    let change = "UPDATE sale SET state = 'void' WHERE id = 1";
    assert_eq!(bring(&test, &site, Meanwhile::Run(change)).await?, 1);
    let stored = test.database.stored(site.name()).await?;
    assert_eq!(stored.state.edits_waiting, 1, "it waits as before");
    let mut sales = [
        "dt=2025-11-28 1,2025-11-28,a,void",
        "dt=2025-11-28 2,2025-11-28,b,paid",
        "dt=2025-12-24 3,2025-12-24,c,paid",
    ];
    ends_well(&test, &site, &sales).await?;
    evict(&test).await?;
    let change = "UPDATE sale SET state = 'void' WHERE id = 2";
    assert_eq!(bring(&test, &site, Meanwhile::Flush(change)).await?, 1);
    let stored = test.database.stored(site.name()).await?;
    assert_eq!(stored.state.edits_waiting, 0);
    assert_eq!(stored.rows_at.edits_seq, stored.edits.seq());
    sales[1] = "dt=2025-11-28 2,2025-11-28,b,void";
    ends_well(&test, &site, &sales).await
}

/// Takes the cold date out.
async fn evict(test: &TestHub) -> Outcome {
    let mut later = test.another()?;
    let days = (0..62).map(|n| date(2024, 1, 1).saturating_add(jiff::Span::new().days(n)));
    later.request.dates = days.map(DateRange::day).collect();
    later.request.now += jiff::SignedDuration::from_hours(1);
    later.load_one().await?;
    Ok(())
}

/// A row of the cold date itself, and of a key that it has.
pub async fn a_cold_date_that_is_written_to_is_staged_again(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let text = SHOP.replace(
        "partition = { by = \"day\" }\nunique",
        "partition = { by = \"day\" }\nmerge = \"site\"\nunique",
    );
    let text = text.replacen(
        "type = \"int\" },\n  { name = \"day\"",
        "type = \"text\" },\n  { name = \"day\"",
        1,
    );
    let site = loaded(&test, &text, ["a", "b", "c"]).await?;
    let born = Meanwhile::Bear(Some("n"), COLD);
    assert!(bring(&test, &site, born).await? > 1);
    let sales = [
        "dt=2025-11-28 a,2025-11-28,a,paid",
        "dt=2025-11-28 b,2025-11-28,b,paid",
        "dt=2025-12-24 c,2025-12-24,c,paid",
        "dt=2025-12-24 n,2025-12-24,z,",
    ];
    ends_well(&test, &site, &sales).await?;
    evict(&test).await?;
    // The site has that key in the date that is staged.
    let born = Meanwhile::Bear(Some("c"), date(2025, 11, 28));
    assert!(bring(&test, &site, born).await? > 1);
    let rows = test.rows(&site, "sale").await?;
    let of_key: Vec<_> = rows.iter().filter(|row| row.contains(" c,")).collect();
    assert_eq!(of_key.len(), 1, "{rows:?}");
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A store that is read and takes no writes: cold dates, and what the site commits of other rows, are loaded
/// all the same. What waits is in nobody's way, and what the site does to those rows waits for it.
pub async fn rows_that_nobody_changed_are_loaded_though_no_change_can_be_flushed(
    database: &HubDatabase,
) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test, SHOP, ["1", "2", "3"]).await?;
    let change = "UPDATE sale SET state = 'void' WHERE id = 1";
    test.change(&site, change).await?;
    let refuses = FailingStore::new(Arc::clone(&test.store), [Fault::RefuseWritesOf("/edits/")]);
    let unwritten = test.with_store(Arc::new(refuses))?;
    let flushed = unwritten.flush(&site).await;
    assert!(flushed.is_err(), "{flushed:?}");
    let (cold, now) = (DateRange::day(COLD), test.request.now);
    unwritten.hub.bring(site.name(), cold, now).await?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.commit().await?;
    unwritten.load_one().await?;
    assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
    let mut sales = [
        "dt=2025-11-28 1,2025-11-28,a,void",
        "dt=2025-11-28 2,2025-11-28,b,paid",
        "dt=2025-12-24 3,2025-12-24,c,paid",
    ];
    assert_eq!(test.rows(&site, "sale").await?, sales);
    let stored = test.database.stored(site.name()).await?;
    assert_eq!(stored.state.edits_waiting, 1, "it waits as before");

    let theirs = ["1,2025-11-28,x,paid", "2,2025-11-28,y,paid"];
    site.put("sale", "dt=2025-11-28", &theirs).await?;
    site.commit().await?;
    let error = unwritten.load_one().await.err().ok_or("it was loaded")?;
    assert!(error.to_string().contains("/edits/"), "{error}");
    assert_eq!(test.rows(&site, "sale").await?, sales);
    test.load_one().await?;
    sales[0] = "dt=2025-11-28 1,2025-11-28,x,void";
    sales[1] = "dt=2025-11-28 2,2025-11-28,y,paid";
    ends_well(&test, &site, &sales).await
}

/// A table that is new in the dataset is fetched before the others, which get columns, are locked.
pub async fn tables_are_used_while_a_dataset_change_fetches_rows(
    database: &HubDatabase,
) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test, SHOP, ["1", "2", "3"]).await?;
    let before = site.dataset().clone();
    let state = "{ name = \"state\", type = \"text\" },";
    let paid = "{ name = \"paid\", type = \"bool\", default = false },";
    let visit = "[[table]]\nname = \"visit\"\nkey = [\"id\"]\npartition = { buckets = 1 }\n\
                 column = [{ name = \"id\", type = \"int\" }]\n";
    site.declare(&(SHOP.replace(state, &format!("{state}\n  {paid}")) + visit))?;
    site.put("visit", "b=0of1", &["7", "8"]).await?;
    site.commit().await?;
    let (database, name) = (Arc::clone(&test.database), site.name().clone());
    let work = async move {
        let used = async {
            let query = Query {
                sql: "SELECT count(*) FROM sale".into(),
                parameters: Vec::new(),
                types: vec![Type::Int],
            };
            let read = database.query(&name, &[query], &BTreeSet::new()).await?;
            assert_eq!(read, Some(vec![vec![vec![Value::Int(2)]]]));
            let mut write = database.begin_write(&name, &before, "ann").await?;
            let change = "UPDATE sale SET state = 'void' WHERE id = 1";
            write.query(change, &[], &[]).await?;
            write.commit().await?;
            Outcome::Ok(())
        };
        // Where they are locked, this waits for the load, and the load for this.
        timeout(Duration::from_secs(20), used).await?
    };
    let store = Meddling::new(&test, "/visit/", work);
    let meddled = test.with_store(Arc::clone(&store) as Store)?;
    meddled.load_one().await?;
    assert_eq!(test.rows(&site, "visit").await?, ["b=0of1 7", "b=0of1 8"]);
    let sales = [
        "dt=2025-11-28 1,2025-11-28,a,void,false",
        "dt=2025-11-28 2,2025-11-28,b,paid,false",
    ];
    ends_well(&test, &site, &sales).await
}
