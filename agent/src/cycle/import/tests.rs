mod beside;
mod lost;
mod references;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use causeway_shared::layout::{LogKey, quarantine_prefix};
use causeway_shared::object::ObjectReader;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, StoreConfig, list_all};
use causeway_shared::value::Raw;
use jiff::tz::TimeZone;

use super::*;
use crate::config::AgentConfig;
use crate::progress::Silent;
use crate::source::{FileRows, RowSpool};
use crate::testing::Site;

/// A store to import into, as site `a`.
struct Cloud {
    folder: TempDir,
    store: Store,
    files: AtomicUsize,
}

const APPOINTMENTS: &str = "appointmentid,customerid,date,time,status\n";

impl Cloud {
    fn new() -> Self {
        Self::of(Arc::new(MemoryStore::new()))
    }

    fn of(store: Store) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            store,
            files: AtomicUsize::new(0),
        }
    }

    fn path(&self, what: &str) -> std::path::PathBuf {
        let file = self.files.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{file}-{what}"))
    }

    fn agent(&self, store: Store) -> Agent {
        let config = AgentConfig::for_import(
            SiteName::new("a").unwrap(),
            Dataset::meetassist().unwrap(),
            TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            toml::from_str::<StoreConfig>("url = 'file:///s'").unwrap(),
            self.path("state"),
        );
        Agent::with_store(config, store).unwrap()
    }

    /// A request to import CSV files, each a table's name and its text.
    fn request(&self, files: &[(&str, &str)]) -> ImportRequest {
        let dataset = Dataset::meetassist().unwrap();
        let file = |(table, text): &(&str, &str)| {
            let path = self.path("rows.csv");
            fs::write(&path, text).unwrap();
            let file = ImportedFile {
                name: format!("{table}.csv"),
                rows: FileRows::Csv(path),
            };
            (dataset.tables.id(table).unwrap(), file)
        };
        ImportRequest {
            files: files.iter().map(file).collect(),
            add: false,
            dry_run: false,
            take_over: false,
            allow_shrink: false,
        }
    }

    async fn run(&self, request: &ImportRequest) -> Result<ImportReport, AgentError> {
        let agent = self.agent(Arc::clone(&self.store));
        import(&agent, request, Arc::new(Silent)).await
    }

    async fn replace(&self, files: &[(&str, &str)]) -> ImportReport {
        self.run(&self.request(files)).await.unwrap()
    }

    async fn add(&self, files: &[(&str, &str)]) -> ImportReport {
        let request = ImportRequest {
            add: true,
            ..self.request(files)
        };
        self.run(&request).await.unwrap()
    }

    /// The committed rows of a table, in the order of their records.
    async fn rows(&self, table: &str) -> Vec<String> {
        let agent = self.agent(Arc::clone(&self.store));
        let catalog = agent.log().read_catalog().await.unwrap();
        let declared = agent.config().dataset.table(table).unwrap();
        let mut rows = Vec::new();
        for (part, entry) in catalog.table(table) {
            let key = LogKey::Object(declared.name.clone(), part, entry.object.md5);
            let fetched = self.store.get(&agent.log().key(&key)).await.unwrap();
            let mut reader = ObjectReader::new(declared, &entry.object).unwrap();
            let bytes = fetched.bytes(1 << 20).await.unwrap();
            reader.give(bytes.into());
            let mut each = |record: &[u8]| rows.push(String::from_utf8_lossy(record).into_owned());
            while reader.step(&mut each).unwrap() {}
            reader.finish().unwrap();
        }
        rows.sort();
        rows
    }

    async fn lists(&self) -> Vec<String> {
        let prefix = quarantine_prefix(&SiteName::new("a").unwrap());
        let listed = list_all(&*self.store, &prefix, None).await.unwrap();
        let name = |key: &str| {
            Path::new(key)
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        listed.iter().map(|object| name(&object.key)).collect()
    }
}

fn appointments(rows: &[&str]) -> String {
    format!("{APPOINTMENTS}{}\n", rows.join("\n"))
}

#[tokio::test]
async fn a_table_in_the_file_replaces_that_table_and_others_stay() {
    let cloud = Cloud::new();
    let consultants = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n";
    let first = appointments(&[
        "1,c,2025-11-28,09:00,pending",
        "2,c,2025-11-29,09:00,pending",
    ]);
    let both = [("consultant", consultants), ("appointment", first.as_str())];
    let report = cloud.replace(&both).await;
    assert_eq!((report.commit, report.rows.scanned), (Some(Seq(1)), 3));
    assert_eq!(
        cloud.replace(&both).await.commit,
        None,
        "the same file again"
    );

    let second = appointments(&["2,c,2025-11-29,10:00,confirmed"]);
    let report = cloud.replace(&[("appointment", &second)]).await;
    assert_eq!(
        (report.commit, report.partitions.removed),
        (Some(Seq(2)), 1)
    );
    assert_eq!(
        cloud.rows("appointment").await,
        ["2,,c,2025-11-29,10:00:00,60,,confirmed,,2025-11-29T00:00:00,"]
    );
    assert_eq!(cloud.rows("consultant").await.len(), 1);
}

#[tokio::test]
async fn a_plan_says_what_an_import_would_do_and_writes_nothing() {
    let cloud = Cloud::new();
    let rows = appointments(&[
        "1,c,2025-11-28,09:00,pending",
        "x,c,2025-11-28,10:00,pending",
    ]);
    let request = ImportRequest {
        dry_run: true,
        ..cloud.request(&[("appointment", &rows)])
    };
    let plan = cloud.run(&request).await.unwrap();
    assert_eq!(cloud.store.requests().put, 0);
    let done = cloud.replace(&[("appointment", &rows)]).await;
    assert_eq!(plan.changes, done.changes);
    assert_eq!((plan.rows, plan.commit), (done.rows, None));
}

#[tokio::test]
async fn a_table_that_would_shrink_is_held_back_until_that_is_allowed() {
    let cloud = Cloud::new();
    let rows: Vec<String> = (0..200)
        .map(|id| format!("{id},c,2025-11-{:02},09:00,pending", id % 28 + 1))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    cloud
        .replace(&[("appointment", &appointments(&rows))])
        .await;
    let few = appointments(&rows[..100]);
    let held = cloud.replace(&[("appointment", &few)]).await;
    assert_eq!((held.commit, held.exit()), (None, Exit::Look));
    assert_eq!(cloud.rows("appointment").await.len(), 200);
    let request = ImportRequest {
        allow_shrink: true,
        ..cloud.request(&[("appointment", &few)])
    };
    assert_eq!(cloud.run(&request).await.unwrap().commit, Some(Seq(2)));
    assert_eq!(cloud.rows("appointment").await.len(), 100);
}

#[tokio::test]
async fn a_table_whose_file_lacks_values_that_it_had_is_held_back() {
    let cloud = Cloud::new();
    let with = "appointmentid,customerid,date,time,description\n1,c,2025-11-28,09:00,mine\n";
    cloud.replace(&[("appointment", with)]).await;
    let without = appointments(&["1,c,2025-11-28,09:00,pending"]);
    let held = cloud.replace(&[("appointment", &without)]).await;
    assert_eq!((held.commit, held.exit()), (None, Exit::Look));
    let columns = Reason::ColumnsGone {
        columns: vec![Name::new("description").unwrap()],
    };
    assert_eq!(held.held[0].reason, columns);
    let added = cloud.add(&[("appointment", &without)]).await;
    assert_eq!((added.commit, added.held.len()), (None, 0));
    // `status`, which had its default alone, and columns without any value are no loss.
    let less = "appointmentid,customerid,date,time,description\n1,c,2025-11-28,10:00,mine\n";
    assert_eq!(
        cloud.replace(&[("appointment", less)]).await.commit,
        Some(Seq(2))
    );
    let request = ImportRequest {
        allow_shrink: true,
        ..cloud.request(&[("appointment", &without)])
    };
    assert_eq!(cloud.run(&request).await.unwrap().commit, Some(Seq(3)));
}

#[tokio::test]
async fn the_site_of_an_agent_is_refused_unless_it_is_replaced() {
    let site = Site::new();
    site.sync().await;
    let cloud = Cloud::of(Arc::clone(&site.store));
    let mut request = cloud.request(&[(
        "appointment",
        &appointments(&["1,c,2025-11-28,09:00,pending"]),
    )]);
    request.add = true;
    let refused = cloud.run(&request).await.unwrap_err();
    assert!(matches!(&refused, AgentError::Fenced { fence, .. } if fence.host == "one"));
    assert_eq!(site.commits().await, [1]);
    request.take_over = true;
    // Where nothing changes the agent has to find that out all the same.
    let dataset = Dataset::meetassist().unwrap();
    let columns = dataset.table("appointment").unwrap().columns.iter();
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    let same = format!(
        "{}\n{}\n",
        names.join(","),
        cloud.rows("appointment").await[0]
    );
    let same = ImportRequest {
        files: cloud.request(&[("appointment", &same)]).files,
        ..request.clone()
    };
    for commit in [Some(Seq(2)), None] {
        assert_eq!(cloud.run(&same).await.unwrap().commit, commit);
    }
    assert_eq!(cloud.run(&request).await.unwrap().commit, Some(Seq(3)));
    // The agent finds that out, and writes nothing any more.
    site.write_appointments(0..119, "pending");
    let fenced = crate::cycle::sync::sync(&site.agent(), crate::SyncOptions::default()).await;
    assert!(matches!(fenced, Err(AgentError::Fenced { .. })));
}

#[tokio::test]
async fn imports_at_once_come_one_after_the_other() {
    let cloud = Cloud::new();
    cloud
        .replace(&[(
            "appointment",
            &appointments(&["1,c,2025-11-28,09:00,pending"]),
        )])
        .await;
    let texts: Vec<String> = (2..6)
        .map(|id| appointments(&[&format!("{id},c,2025-11-28,{:02}:00,pending", id + 8)]))
        .collect();
    let adding = texts
        .iter()
        .map(|text| async { cloud.add(&[("appointment", text)]).await });
    let reports = futures_util::future::join_all(adding).await;
    let mut commits: Vec<_> = reports.iter().filter_map(|report| report.commit).collect();
    commits.sort();
    assert_eq!(commits, [2, 3, 4, 5].map(Seq));
    assert_eq!(cloud.rows("appointment").await.len(), 5);
}

#[tokio::test]
async fn killed_at_any_request_the_same_import_goes_on() {
    let first = appointments(&[
        "1,c,2025-11-28,09:00,pending",
        "2,c,2025-11-29,09:00,pending",
    ]);
    let second = appointments(&[
        "2,c,2025-11-29,10:00,pending",
        "x,c,2025-11-29,11:00,pending",
    ]);
    for fault in [
        Fault::StopAt as fn(u64) -> Fault,
        Fault::LoseAnswerAt,
        Fault::StopAfter,
    ] {
        let mut step = 1;
        loop {
            let cloud = Cloud::new();
            cloud.replace(&[("appointment", &first)]).await;
            let failing = FailingStore::new(Arc::clone(&cloud.store), [fault(step)]);
            let failing: Arc<FailingStore> = Arc::new(failing);
            let request = ImportRequest {
                add: true,
                ..cloud.request(&[("appointment", &second)])
            };
            let agent = cloud.agent(failing.clone());
            let _ = import(&agent, &request, Arc::new(Silent)).await;
            let reached = failing.calls() >= step;
            cloud.run(&request).await.unwrap();
            assert_eq!(
                cloud.rows("appointment").await,
                [
                    "1,,c,2025-11-28,09:00:00,60,,pending,,2025-11-28T00:00:00,",
                    "2,,c,2025-11-29,10:00:00,60,,pending,,2025-11-29T00:00:00,",
                ],
                "step {step}"
            );
            assert_eq!(cloud.lists().await, ["appointment.csv"], "step {step}");
            if !reached {
                break;
            }
            step += 1;
        }
        assert!(step > 4, "the import has requests to be killed at");
    }
}

#[tokio::test]
async fn rows_put_by_come_back_as_they_were() {
    let cloud = Cloud::new();
    let dataset = Dataset::meetassist().unwrap();
    let id = dataset.tables.id("communityprogram").unwrap();
    let mut spool = RowSpool::create(cloud.path("rows"), &dataset.tables[id]).unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let wide = spool
        .statement(&names(&[
            "programid",
            "ProgramName",
            "date",
            "url",
            "extra",
        ]))
        .unwrap();
    let narrow = spool
        .statement(&names(&["date", "programid", "programname"]))
        .unwrap();
    assert!(spool.statement(&names(&["DATE", "Date"])).is_err());
    let date = Raw::Text("2025-11-28");
    spool
        .row(
            3,
            &wide,
            &[
                Raw::Int(1),
                Raw::Text("Một"),
                date,
                Raw::Text("u"),
                Raw::Null,
            ],
        )
        .unwrap();
    spool
        .row(4, &narrow, &[date, Raw::Int(2), Raw::Text("Hai")])
        .unwrap();
    spool.row(5, &narrow, &[date, Raw::Int(3)]).unwrap();
    spool
        .row(6, &narrow, &[date, Raw::Int(4), Raw::Blob(b"x")])
        .unwrap();
    spool
        .malformed(7, "now() is not computed", "now()")
        .unwrap();
    assert_eq!(spool.rows(), 5);
    let mut request = cloud.request(&[]);
    let file = ImportedFile {
        name: "dump.sql".into(),
        rows: FileRows::Spooled(spool.finish().unwrap()),
    };
    request.files.insert(id, file);
    let report = cloud.run(&request).await.unwrap();
    assert_eq!((report.rows.scanned, report.rows.quarantined), (5, 3));
    let rows = cloud.rows("communityprogram").await;
    assert_eq!(
        rows[0],
        "1,Một,2025-11-28,,,,u,false,upcoming,2025-11-28T00:00:00"
    );
    assert_eq!(
        rows[1],
        "2,Hai,2025-11-28,,,,,false,upcoming,2025-11-28T00:00:00"
    );
    let list = "sites/a/quarantine/communityprogram.csv";
    let list = cloud
        .store
        .get(list)
        .await
        .unwrap()
        .bytes(1 << 20)
        .await
        .unwrap();
    let list = String::from_utf8(list).unwrap();
    for part in [
        "dump.sql,line 5",
        "dump.sql,line 6",
        "now() is not computed",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
}
