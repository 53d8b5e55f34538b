//! A service for tests: a store in memory with one site, its rows loaded into SQLite, and the
//! clock standing still at 09:30 on 28 November 2025 in Ho Chi Minh City.
//!
//! SQLite, since PostgreSQL would need a server: the SQL of both is held to one suite
//! (`db/conformance.rs`), and the service's own tests are about what is made of its answers.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::response::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use causeway_shared::commit::{
    Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject, Writer,
};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, Seq, SiteName};
use causeway_shared::layout::{LogKey, SESSIONS, TOKENS, WhichLog};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt as _;

use super::router;
use crate::auth::{Role, Token, Tokens};
use crate::config::{AuthMode, DatabaseConfig, HubConfig};
use crate::http::App;
use crate::http::callers::COOKIE;
use crate::sync::{Hub, LoadRequest};
use crate::testing::{Outcome, TestSite};

const APPOINTMENTS: &str = "\
appointmentid,consultantid,customerid,date,time,duration,meetingurl,status,description,createdat,updatedat
1,,c1,2025-11-28,09:00:00,60,,pending,,2025-11-20T08:00:00,
2,,c1,2025-11-28,10:00:00,60,,cancelled,,2025-11-20T08:00:00,
";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_764_297_000).unwrap()
}

/// A service and a token of each role.
pub(crate) struct Testbed {
    pub(crate) viewer: Token,
    pub(crate) admin: Token,
    pub(crate) agent: Token,
    pub(crate) app: Arc<App>,
    router: Router,
    folder: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// A refusal: status, code, and the fields that it is about.
pub(crate) fn refusal(answer: &Answer) -> (u16, String, String) {
    let problem = json_of(answer);
    let fields = problem["errors"].as_array().into_iter().flatten();
    let fields: Vec<&str> = fields.map(|e| e["field"].as_str().unwrap()).collect();
    let code = problem["code"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), code, fields.join(" "))
}

pub(crate) fn refused(status: u16, code: &str, fields: &str) -> (u16, String, String) {
    (status, code.to_owned(), fields.to_owned())
}

impl Testbed {
    pub(crate) async fn new() -> Self {
        Self::with_mode(AuthMode::Token).await
    }

    pub(crate) async fn with_mode(mode: AuthMode) -> Self {
        let store: Store = Arc::new(MemoryStore::new());
        write_site(&store).await;
        Self::over(mode, store).await
    }

    /// A service with a [day](write_day) of each of these sites.
    pub(crate) async fn with_a_day(sites: &[&str]) -> Self {
        Self::with_a_day_and(sites, |_| {}).await
    }

    /// The same, configured in another way.
    pub(crate) async fn with_a_day_and(
        sites: &[&str],
        configure: impl FnOnce(&mut HubConfig),
    ) -> Self {
        let store: Store = Arc::new(MemoryStore::new());
        for site in sites {
            write_day(&store, site).await.unwrap();
        }
        Self::configured(store, configure).await
    }

    /// A service of a site whose dataset is not MeetAssist's.
    pub(crate) async fn with_a_shop() -> Self {
        let store: Store = Arc::new(MemoryStore::new());
        TestSite::with_an_apple(&store).await.unwrap();
        Self::over(AuthMode::Token, store).await
    }

    /// A service of what is in a store.
    pub(crate) async fn over(mode: AuthMode, store: Store) -> Self {
        Self::configured(store, |config| config.auth.mode = mode).await
    }

    async fn configured(store: Store, configure: impl FnOnce(&mut HubConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("hub").display());
        let mut config = HubConfig::default();
        config.auth.mode = AuthMode::Token;
        configure(&mut config);
        config.database.url.clone_from(&url);
        let database = DatabaseConfig {
            url,
            ..DatabaseConfig::default()
        };
        let database = crate::db::open(&database).await.unwrap();
        let hub = Hub::with(config, Arc::clone(&store), database).unwrap();
        hub.init().await.unwrap();
        let report = hub.load(&LoadRequest::at(now())).await.unwrap();
        for site in &report.sites {
            assert_eq!(site.error, None);
        }
        let tokens = Tokens::new(&store);
        let (viewer, _) = tokens
            .create("eye", Role::Viewer, None, now())
            .await
            .unwrap();
        let (admin, _) = tokens
            .create("ann", Role::Admin, None, now())
            .await
            .unwrap();
        let (agent, _) = tokens
            .create("hcm-01", Role::Agent, SiteName::new("hcm-01").ok(), now())
            .await
            .unwrap();
        let app = Arc::new(App::new(hub, now));
        Self {
            router: router(Arc::clone(&app)),
            app,
            viewer,
            admin,
            agent,
            folder,
        }
    }

    /// The service as it is after a restart.
    pub(crate) fn restarted(&self) -> Self {
        self.restarted_over(Arc::clone(self.app.hub.store()))
    }

    /// The service as it is where the store does not answer any more, and the database has the copies of who may
    /// call, which are made aside.
    pub(crate) async fn without_its_store(&self) -> Self {
        for key in [TOKENS, SESSIONS] {
            while self.app.hub.database().copied(key).await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        }
        let store = Arc::clone(self.app.hub.store());
        self.restarted_over(Arc::new(FailingStore::new(store, [Fault::StopAt(1)])))
    }

    fn restarted_over(&self, store: Store) -> Self {
        let hub = &self.app.hub;
        let config = hub.config().clone();
        let hub = Hub::with(config, store, Arc::clone(hub.database())).unwrap();
        let app = Arc::new(App::new(hub, now));
        Self {
            router: router(Arc::clone(&app)),
            app,
            viewer: self.viewer.clone(),
            admin: self.admin.clone(),
            agent: self.agent.clone(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Takes the database away from under the service.
    pub(crate) fn lose_the_database(&self) {
        while let Err(error) = std::fs::remove_dir_all(self.folder.path()) {
            // The copies of who may call are made aside, and SQLite makes a file for that.
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::DirectoryNotEmpty,
                "{error}"
            );
        }
    }

    /// A GET with the viewer's token.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.viewer.reveal());
        let request = Request::get(path).header(header::AUTHORIZATION, bearer);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A POST of JSON with a token.
    pub(crate) async fn post(&self, token: &Token, path: &str, body: &str) -> Answer {
        self.call(Method::POST, token, path, body).await
    }

    /// A request with a token; an empty body has no type, others are JSON.
    pub(crate) async fn call(
        &self,
        method: Method,
        token: &Token,
        path: &str,
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {}", token.reveal());
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, bearer);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// The cookie of a browser that has signed in with the viewer's token.
    pub(crate) async fn cookie(&self) -> String {
        self.cookie_of(&self.viewer).await
    }

    pub(crate) async fn cookie_of(&self, token: &Token) -> String {
        let authenticator = &self.app.authenticator;
        let caller = authenticator.by_token(token, now()).await.unwrap();
        let begun = authenticator
            .begin_session(&caller.unwrap(), None, now())
            .await;
        format!("{COOKIE}={}", begun.unwrap().reveal())
    }

    /// A GET that shows a session's cookie.
    pub(crate) async fn visit(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.send_for_bytes(request).await;
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body).unwrap(),
        }
    }

    /// Sends a request whose answer may be no text.
    pub(crate) async fn send_for_bytes(&self, request: Request<Body>) -> (Parts, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, to_bytes(body, 1 << 20).await.unwrap().to_vec())
    }
}

/// Writes a site with one commit: two appointments of today.
async fn write_site(store: &Store) {
    let site = SiteName::new("hcm-01").unwrap();
    let (table, part) = (
        Name::new("appointment").unwrap(),
        Part::new("dt=2025-11-28").unwrap(),
    );
    let dataset = Dataset::meetassist().unwrap();
    let log = SiteLog::new(Arc::clone(store), site.clone());
    log.write_dataset(&dataset).await.unwrap();
    let md5 = Md5::of(APPOINTMENTS.as_bytes());
    let compressed = zstd::bulk::compress(APPOINTMENTS.as_bytes(), 3).unwrap();
    let summary = r#"{"count_by":{"status":{"values":{"pending":1,"cancelled":1}}}}"#;
    let object = PartitionObject {
        md5,
        rows: 2,
        bytes: compressed.len() as u64,
        summary: serde_json::from_str(summary).unwrap(),
    };
    let key = LogKey::Object(table.clone(), part, md5).of(WhichLog::Agent, &site);
    store.put(&key, compressed.into()).await.unwrap();
    let commit = Commit {
        format: FORMAT,
        site,
        head: Head {
            seq: Seq(1),
            at: now(),
            epoch: 1,
            writer: Writer {
                id: "w".into(),
                host: "h".into(),
            },
            dataset: dataset.md5(),
        },
        changes: vec![Change {
            table,
            part,
            now: Now::Object(object),
        }],
        more: NoLookups::default(),
    };
    log.append(commit).await.unwrap();
}

/// Writes a site with a day of appointments and slots. Consultant 1 has a slot that is booked at
/// 09:00, free ones at 10:00 and 14:00, one at 11:00 that a program booked without taking the slot,
/// and one at 15:00 that is not available. Consultant 2 is disabled. On a date that is not loaded
/// consultant 1 has a free slot of half an hour at 08:00 and one of an hour at 09:00. Of two programs the first
/// has a participant who registered and one who cancelled.
async fn write_day(store: &Store, site: &str) -> Outcome {
    let mut site = TestSite::of(store, site, Dataset::meetassist()?)?;
    let customers = [
        "c1,Nguyễn An,an@example.vn,,,2025-01-01T00:00:00,false,",
        "c2,<b>Bình</b>,binh@example.vn,,,2025-01-01T00:00:00,false,",
    ];
    let consultants = [
        "1,Lê Dung,dung@example.vn,,,,,2020-01-01,2020-01-01T00:00:00,false",
        "2,Phạm Em,em@example.vn,,,,,2020-01-01,2020-01-01T00:00:00,true",
    ];
    let slots = [
        "1,1,2025-11-28,09:00:00,10:00:00,false",
        "2,1,2025-11-28,10:00:00,11:00:00,true",
        "3,1,2025-11-28,11:00:00,12:00:00,true",
        "4,1,2025-11-28,14:00:00,15:00:00,true",
        "5,1,2025-11-28,15:00:00,16:00:00,false",
        "6,2,2025-11-28,09:00:00,10:00:00,true",
    ];
    let appointments = [
        "1,1,c1,2025-11-28,09:00:00,60,,confirmed,,2025-11-20T08:00:00,",
        "2,1,c2,2025-11-28,11:00:00,60,,pending,,2025-11-20T08:00:00,",
        "3,,c1,2025-11-28,16:00:00,60,,completed,,2025-11-20T08:00:00,",
        "4,1,c1,2025-11-28,10:00:00,60,,cancelled,,2025-11-20T08:00:00,",
    ];
    let programs = [
        "1,Hướng nghiệp 12,2025-12-05,Ngày hội,,Sở Giáo dục,https://example.vn/p,false,upcoming,2025-11-01T00:00:00",
        "2,<i>Old</i>,2025-03-01,,,,,false,completed,2025-02-01T00:00:00",
    ];
    let participants = [
        "1,c1,2025-11-02T08:00:00,registered",
        "1,c2,2025-11-03T08:00:00,cancelled",
    ];
    site.put("communityprogram", "b=0of1", &programs).await?;
    site.put("programparticipant", "b=0of4", &participants)
        .await?;
    site.put("customer", "b=07of16", &customers).await?;
    site.put("consultant", "b=0of1", &consultants).await?;
    site.put("consultantschedule", "dt=2025-11-28", &slots)
        .await?;
    let later = [
        "7,1,2025-12-20,08:00:00,08:30:00,true",
        "8,1,2025-12-20,09:00:00,10:00:00,true",
    ];
    site.put("consultantschedule", "dt=2025-12-20", &later)
        .await?;
    site.put("appointment", "dt=2025-11-28", &appointments)
        .await?;
    site.commit().await
}
