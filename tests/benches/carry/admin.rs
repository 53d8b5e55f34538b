//! What an admin waits for among many customers: a search, a day's list, a booking until it is in S3; each beside the
//! same SQL through the same driver, with one client and with many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use causeway_hub::testing::{register_search, search_texts};
use causeway_shared::runtime::clock;
use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::{DatabaseKind, StoreKind, TestDatabase};
use jiff::ToSpan as _;
use jiff::civil::Date;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

use crate::client::Client;
use crate::data::{self, Shape};
use crate::hub::partials;

const CUSTOMERS_LIST: &str = include_str!("../../../hub/src/services/sql/customers_list.sql");
const APPOINTMENTS_LIST: &str = include_str!("../../../hub/src/services/sql/appointments_list.sql");
/// An admin's browser, and a busy hour.
const CLIENTS: [usize; 2] = [1, 16];
/// Connections of the hub to PostgreSQL, which the SQL beside it has, too.
const CONNECTIONS: usize = 8;
/// How long each question is asked.
const ASKING: Duration = Duration::from_secs(5);
/// Appointments of each of so many days.
const A_DAY: i64 = 500;
const DAYS: i64 = 40;

/// The parameters of a statement.
type Parameters = Vec<Option<String>>;

/// What is asked: in words, of the service, and by SQL, where one statement answers it.
struct Question {
    what: &'static str,
    path: String,
    sql: Option<&'static str>,
    parameters: Parameters,
}

fn questions(today: Date) -> Vec<Question> {
    let search = |what, q: &str| {
        let asked = reqwest::Url::parse_with_params("http://hub/api/v1/customers", [("q", q)]);
        let asked = asked.unwrap();
        let [folded, digits, other] = search_texts(q);
        let filters = [None, folded, digits, other, Some(q.to_owned())];
        let page = [None, None, Some("51".to_owned())];
        Question {
            what,
            path: format!("{}?{}", asked.path(), asked.query().unwrap()),
            sql: Some(CUSTOMERS_LIST),
            parameters: filters.into_iter().chain(page).collect(),
        }
    };
    let day = Some(today.to_string());
    let filters = [day.clone(), day, None, None, None, None, None, None, None];
    let page = [None, None, None, Some("501".to_owned())];
    vec![
        search("a name (nguyen)", "nguyen"),
        search("a whole name (đặng thị yến)", "đặng thị yến"),
        search("a part of a number (0912)", "0912"),
        search("nobody (zzzz)", "zzzz"),
        Question {
            what: "a day's list of 500",
            path: format!("/api/v1/appointments?date={today}&limit=500"),
            sql: Some(APPOINTMENTS_LIST),
            parameters: filters.into_iter().chain(page).collect(),
        },
        Question {
            what: "the page of that day",
            path: format!("/appointments?date={today}"),
            sql: None,
            parameters: Vec::new(),
        },
        Question {
            what: "the overview",
            path: "/api/v1/overview".to_owned(),
            sql: None,
            parameters: Vec::new(),
        },
    ]
}

pub(crate) async fn measure(customers: i64, kinds: &[DatabaseKind]) {
    for kind in kinds {
        println!("\n{customers} customers, {A_DAY} appointments a day, S3 and {kind:?}");
        let ground = Ground::prepare((StoreKind::S3, *kind), customers).await;
        for question in questions(ground.today) {
            ground.put(question).await;
        }
        ground.book_all().await;
        println!("\nThe same, the store in a folder");
        let ground = Ground::prepare((StoreKind::Folder, *kind), customers).await;
        ground.book_all().await;
    }
}

/// A service that has all of it loaded.
struct Ground {
    deployment: Deployment,
    service: Service,
    token: String,
    today: Date,
}

impl Ground {
    async fn prepare(kinds: (StoreKind, DatabaseKind), customers: i64) -> Self {
        let deployment = Deployment::create(kinds, "meetassist", data::SQLITE_SOURCE).await;
        let today = clock::now().in_tz("Asia/Ho_Chi_Minh").unwrap().date();
        let file = deployment.site().join("site.db");
        let shape = Shape {
            appointments: A_DAY * DAYS,
            days: DAYS,
            from: today.saturating_sub((DAYS / 2).days()),
        };
        data::write_sqlite(&file, shape);
        add_customers(&file, customers);
        let migrated = deployment.agent(&["migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
        let _ = deployment.hub(&["init"]).expect_code(0);
        deployment.load();
        let token = deployment.token("admin", &[]);
        let service = deployment.serve(&[]);
        partials(&service).await;
        Self {
            deployment,
            service,
            token,
            today,
        }
    }

    async fn put(&self, question: Question) {
        let question = Arc::new(question);
        for clients in CLIENTS {
            let asked = ask(&self.service, &self.token, clients, &question).await;
            let alone = match question.sql {
                Some(sql) => Some(by_sql(&self.deployment.database, clients, &question, sql).await),
                None => None,
            };
            report(question.what, clients, &asked, alone.as_ref());
        }
    }

    async fn book_all(self) {
        let mut all = Vec::new();
        for clients in CLIENTS {
            all.push(book(&self.service, &self.token, clients, self.today).await);
        }
        // What SQL inserts waits for its flush, which a booking would have to wait for.
        let database = &self.deployment.database;
        for (clients, booked) in CLIENTS.into_iter().zip(all) {
            let alone = match database.kind() {
                DatabaseKind::Postgres => Some(insert(database, clients, self.today).await),
                // On SQLite only the hub writes.
                DatabaseKind::Sqlite => None,
            };
            let what = "a booking, with its flush";
            report(what, clients, &booked, alone.as_ref());
        }
        let _ = self.service.running.terminate();
    }
}

/// Names as they are written, some of them decomposed, and numbers of their own.
fn add_customers(file: &std::path::Path, customers: i64) {
    let site = Connection::open(file).unwrap();
    let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1),
        family (at, name) AS (VALUES (0, 'Nguyễn'), (1, 'Trần'), (2, 'Lê'), (3, 'Phạm'), (4, 'Đặng'),
            (5, 'Vũ'), (6, 'Bùi'), (7, 'Đỗ'), (8, 'Hồ'), (9, 'Nguye' || char(770, 771) || 'n')),
        middle (at, name) AS (VALUES (0, 'Văn'), (1, 'Thị'), (2, 'Đức'), (3, 'Minh'), (4, 'Hữu'), (5, 'Ngọc'),
            (6, 'Quang')),
        given (at, name) AS (VALUES (0, 'An'), (1, 'Bình'), (2, 'Châu'), (3, 'Dũng'), (4, 'Hạnh'), (5, 'Khánh'),
            (6, 'Linh'), (7, 'Nam'), (8, 'Phúc'), (9, 'Thảo'), (10, 'Yến'))
        INSERT INTO customer
        SELECT 'more-' || n, family.name || ' ' || middle.name || ' ' || given.name, 'kh' || n || '@example.vn',
            printf('09%08d', n * 7919 % 100000000), '2024-01-02 03:04:05', 0
        FROM n JOIN family ON family.at = n % 10 JOIN middle ON middle.at = n % 7 JOIN given ON given.at = n % 11";
    site.execute(sql, [customers]).unwrap();
}

/// What some clients waited, in all so long.
struct Waited {
    times: Vec<Duration>,
    took: Duration,
}

impl Waited {
    fn at(&self, share: usize) -> f64 {
        self.times[(self.times.len() - 1) * share / 100].as_secs_f64() * 1_000.0
    }

    fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    async fn of(tasks: JoinSet<Vec<Duration>>, started: Instant) -> Self {
        let mut times: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
        times.sort_unstable();
        Self {
            times,
            took: started.elapsed(),
        }
    }
}

fn report(what: &str, clients: usize, asked: &Waited, alone: Option<&Waited>) {
    let of = |waited: &Waited| {
        format!(
            "p50 {:6.1} ms, p99 {:6.1} ms, {:6.1} a second",
            waited.at(50),
            waited.at(99),
            waited.rate()
        )
    };
    let beside = alone.map_or_else(String::new, |alone| {
        format!(
            "; by SQL {}: {:+.1} ms, {:.0} %",
            of(alone),
            asked.at(50) - alone.at(50),
            100.0 * asked.rate() / alone.rate()
        )
    });
    println!("{what:28} {clients:2} at once: {}{beside}", of(asked));
}

async fn ask(service: &Service, token: &str, clients: usize, question: &Arc<Question>) -> Waited {
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for _ in 0..clients {
        let mut client = Client::connect(&service.url, token).await;
        let question = Arc::clone(question);
        tasks.spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < ASKING {
                let begun = Instant::now();
                client.get(&question.path).await;
                times.push(begun.elapsed());
            }
            times
        });
    }
    Waited::of(tasks, started).await
}

async fn by_sql(
    database: &TestDatabase,
    clients: usize,
    question: &Arc<Question>,
    sql: &'static str,
) -> Waited {
    match database.kind() {
        DatabaseKind::Postgres => by_postgres(database, clients, question, sql).await,
        DatabaseKind::Sqlite => by_sqlite(database, clients, question, sql).await,
    }
}

/// A text that PostgreSQL reads as the type that it expects there.
#[derive(Debug)]
struct Text(Option<String>);

impl ToSql for Text {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = &self.0 else {
            return Ok(IsNull::Yes);
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// As many connections as the hub has, each with the site's tables.
async fn connections(database: &TestDatabase) -> Vec<Arc<tokio_postgres::Client>> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = database.connect().await;
        client
            .batch_execute("SET search_path = hcm_01, causeway")
            .await
            .unwrap();
        connections.push(Arc::new(client));
    }
    connections
}

async fn by_postgres(
    database: &TestDatabase,
    clients: usize,
    question: &Arc<Question>,
    sql: &'static str,
) -> Waited {
    let connections = connections(database).await;
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for n in 0..clients {
        let (client, question) = (
            Arc::clone(&connections[n % CONNECTIONS]),
            Arc::clone(question),
        );
        tasks.spawn(async move {
            let statement = client.prepare(sql).await.unwrap();
            let parameters = question.parameters.iter().cloned().map(Text);
            let parameters: Vec<Text> = parameters.collect();
            let parameters: Vec<&(dyn ToSql + Sync)> =
                parameters.iter().map(|text| text as _).collect();
            let mut times = Vec::new();
            while started.elapsed() < ASKING {
                let begun = Instant::now();
                let rows = client.query(&statement, &parameters).await.unwrap();
                assert!(!rows.is_empty());
                times.push(begun.elapsed());
            }
            times
        });
    }
    Waited::of(tasks, started).await
}

async fn by_sqlite(
    database: &TestDatabase,
    clients: usize,
    question: &Arc<Question>,
    sql: &'static str,
) -> Waited {
    let url = database.url();
    let file = format!("{}/hcm-01.db", url.strip_prefix("sqlite:").unwrap());
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for _ in 0..clients {
        let (file, question) = (file.clone(), Arc::clone(question));
        tasks.spawn(async move {
            let asking = spawn_blocking(move || {
                let site = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
                let site = site.unwrap();
                register_search(&site).unwrap();
                let mut statement = site.prepare(sql).unwrap();
                // SQLite counts parameters as they come in the statement, not by their numbers.
                for (at, parameter) in question.parameters.iter().enumerate() {
                    let index = statement.parameter_index(&format!("${}", at + 1));
                    let index = index.unwrap().unwrap();
                    statement.raw_bind_parameter(index, parameter).unwrap();
                }
                let mut times = Vec::new();
                while started.elapsed() < ASKING {
                    let begun = Instant::now();
                    let mut rows = statement.raw_query();
                    let mut found = 0;
                    while let Some(row) = rows.next().unwrap() {
                        let _: rusqlite::types::Value = row.get(1).unwrap();
                        found += 1;
                    }
                    assert!(found > 0);
                    times.push(begun.elapsed());
                }
                times
            });
            asking.await.unwrap()
        });
    }
    Waited::of(tasks, started).await
}

/// Bookings that wait for a consultant, each at a time of its own.
async fn book(service: &Service, token: &str, clients: usize, today: Date) -> Waited {
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for n in 0..clients {
        let mut client = Client::connect(&service.url, token).await;
        tasks.spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < ASKING {
                let booking = json!({"customerid": format!("more-{}", n + 1), "date": today.saturating_add(1.day()),
                    "time": format!("{:02}:{:02}", 8 + n % 12, times.len() % 60)});
                let begun = Instant::now();
                let body = client.post("/api/v1/appointments", &booking).await;
                times.push(begun.elapsed());
                let booked: serde_json::Value = serde_json::from_slice(&body).unwrap();
                if booked["flushed"] != true {
                    println!("a booking that was not in the store in time: {booked}");
                }
            }
            times
        });
    }
    Waited::of(tasks, started).await
}

/// The same rows by SQL, which the triggers judge and journal; they are flushed later.
async fn insert(database: &TestDatabase, clients: usize, today: Date) -> Waited {
    let connections = connections(database).await;
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for n in 0..clients {
        let client = Arc::clone(&connections[n % CONNECTIONS]);
        let date = today.saturating_add(1.day());
        tasks.spawn(async move {
            let sql = format!(
                "INSERT INTO appointment (customerid, date, time) VALUES ('more-{}', '{date}', '08:00')",
                n + 1
            );
            let mut times = Vec::new();
            while started.elapsed() < ASKING {
                let begun = Instant::now();
                client.execute(&sql, &[]).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        });
    }
    Waited::of(tasks, started).await
}
