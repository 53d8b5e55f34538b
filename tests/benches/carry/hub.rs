//! What the hub's service costs over ten years of partitions: the overview, dates that are not loaded,
//! history, a booking and an idle minute; and what the archive takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use causeway_shared::runtime::clock;
use causeway_shared::store::Store;
use causeway_tests::deployment::{Deployment, Service};
use causeway_tests::gateway::{Asked, Fate, Gateway};
use causeway_tests::{DatabaseKind, StoreKind, TestStore};
use futures_util::{StreamExt as _, stream};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::json;
use tokio::time::sleep;

use crate::client::Client;
use crate::data::{self, Shape};
use crate::idle::{idle, report_idle};
use crate::measure::{cpu_time, peak_memory, resident_memory, run_program};

/// Ten years, to a few days after today.
const DAYS: i64 = 3_650;
const AHEAD: i64 = 10;
/// How long the overview is asked for.
const ASKING: Duration = Duration::from_secs(5);
/// Dates that are not loaded, one after the other.
const COLD_DATES: i64 = 60;
const BOOKINGS: usize = 20;
/// Agents at work at a time, of many.
const CARRIED_AT_ONCE: usize = 4;
/// Objects that are copied at a time.
const PUTS_AT_ONCE: usize = 32;
/// After it a service has read its logs.
pub(crate) const SETTLING: Duration = Duration::from_secs(10);
/// A service that works less than this in a second makes no partials any more.
const AT_REST: Duration = Duration::from_millis(30);
/// How long a service may take to make its partials.
const PARTIALS_LIMIT: Duration = Duration::from_secs(600);
pub(crate) const IDLE: Duration = Duration::from_secs(60);
const PROGRAM_LIMIT: Duration = Duration::from_secs(1_800);

/// A site of ten years, the dates around today loaded.
pub(crate) struct Bench {
    pub(crate) deployment: Deployment,
    shape: Shape,
    pub(crate) today: Date,
    pub(crate) token: String,
}

impl Bench {
    pub(crate) async fn prepare(appointments: i64, kind: DatabaseKind) -> Self {
        println!("\n{appointments} appointments over {DAYS} days, S3 and {kind:?}");
        let pair = (StoreKind::S3, kind);
        let deployment = Deployment::create(pair, "meetassist", data::SQLITE_SOURCE).await;
        let today = today();
        let shape = Shape {
            appointments,
            days: DAYS,
            from: today.saturating_add((AHEAD - DAYS).days()),
        };
        data::write_sqlite(&deployment.site().join("site.db"), shape);
        let migrate = deployment.agent_program(&["migrate"]);
        let migrated = migrate.time_limit(PROGRAM_LIMIT).run();
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
        let _ = deployment.hub(&["init"]).expect_code(0);
        let load = run_program("causeway-hub", &deployment.path("hub.toml"), &["load"]);
        println!("load of the window          {load}");
        let token = deployment.token("admin", &[]);
        Self {
            deployment,
            shape,
            today,
            token,
        }
    }

    async fn serve(&self) -> Service {
        let service = self.deployment.serve(&[]);
        sleep(SETTLING).await;
        service
    }

    async fn connect(&self, service: &Service) -> Client {
        Client::connect(&service.url, &self.token).await
    }

    async fn service(&self) {
        let service = self.serve().await;
        report_memory("service after its start", &service);
        partials(&service).await;
        overview(&service, &self.token).await;
        // A connection on which nothing is asked for a while is closed.
        let mut client = self.connect(&service).await;
        cold_dates(&service, &mut client, self.shape, self.today).await;
        report_memory("service after cold dates", &service);
        history(&service, &mut client, self.shape, self.today).await;
        report_memory("service after history", &service);
        bookings(&mut client, self.today, BOOKINGS).await;
        let _ = service.running.terminate();
    }

    /// As CSV and as Delta tables, each from nothing.
    async fn archive(&self) {
        for (format, days) in [("csv", 1), ("delta", 2)] {
            archive(&self.deployment, format, "first").await;
            archive(&self.deployment, format, "nothing changed").await;
            let service = self.serve().await;
            let mut client = self.connect(&service).await;
            // It changes an appointment and a slot.
            bookings(&mut client, self.today.saturating_add(days.days()), 1).await;
            let _ = service.running.terminate();
            archive(&self.deployment, format, "after one booking").await;
        }
    }
}

pub(crate) async fn measure(appointments: i64, kinds: &[DatabaseKind]) {
    for kind in kinds {
        let bench = Bench::prepare(appointments, *kind).await;
        bench.service().await;
        idle(&bench.deployment).await;
    }
}

/// What publishing takes; the database has no part in it.
pub(crate) async fn measure_archive(appointments: i64) {
    Bench::prepare(appointments, DatabaseKind::Sqlite)
        .await
        .archive()
        .await;
}

fn today() -> Date {
    clock::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn ms(of: Duration) -> f64 {
    of.as_secs_f64() * 1_000.0
}

/// Median, 95th of a hundred and most.
pub(crate) fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| ms(times[(times.len() - 1) * share / 100]);
    format!(
        "median {:.1} ms, p95 {:.1} ms, at most {:.1} ms of {}",
        at(50),
        at(95),
        at(100),
        times.len()
    )
}

fn cpu_of(service: &Service) -> Duration {
    cpu_time(&format!("/proc/{}", service.running.id())).unwrap()
}

fn report_memory(when: &str, service: &Service) {
    let proc = format!("/proc/{}", service.running.id());
    println!(
        "{when:27} resident {} MiB, at most {} MiB",
        resident_memory(&proc).unwrap() >> 20,
        peak_memory(&proc).unwrap() >> 20
    );
}

/// Waits until what the service prepares in the background is there: it would count as others' work.
pub(crate) async fn partials(service: &Service) {
    let (start, cpu) = (Instant::now(), cpu_of(service));
    let mut quiet = 0;
    // It looks for what is missing every few seconds.
    while quiet < 7 && start.elapsed() < PARTIALS_LIMIT {
        let before = cpu_of(service);
        sleep(Duration::from_secs(1)).await;
        quiet = match cpu_of(service) - before < AT_REST {
            true => quiet + 1,
            false => 0,
        };
    }
    println!(
        "figures of the past         {:.1} s in the background, {:.0} ms of processor time",
        start.elapsed().as_secs_f64(),
        ms(cpu_of(service) - cpu)
    );
}

async fn overview(service: &Service, token: &str) {
    for clients in [1, 4] {
        let cpu = cpu_of(service);
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let mut client = Client::connect(&service.url, token).await;
            tasks.spawn(async move {
                let mut asked = 0_u32;
                while start.elapsed() < ASKING {
                    client.get("/api/v1/overview").await;
                    asked += 1;
                }
                asked
            });
        }
        let asked: u32 = tasks.join_all().await.into_iter().sum();
        let (took, cpu) = (start.elapsed(), cpu_of(service) - cpu);
        println!(
            "overview, {clients} at once         {:.0} a second, {:.2} ms of processor time each (aim 1000)",
            f64::from(asked) / took.as_secs_f64(),
            ms(cpu) / f64::from(asked)
        );
    }
}

async fn cold_dates(service: &Service, client: &mut Client, shape: Shape, today: Date) {
    let mut times = Vec::new();
    let before = cpu_of(service);
    for n in 0..COLD_DATES {
        // A step that shares no factor with the number of days.
        let back = 100 + n * 1_009 % (shape.days - 200);
        let date = today.saturating_sub(back.days());
        let path = format!("/api/v1/appointments?date={date}&limit=500");
        let start = Instant::now();
        let body = client.get(&path).await;
        times.push(start.elapsed());
        let listed: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(listed["total"].as_u64().unwrap() > 0, "{date}: {listed}");
    }
    let cpu = ms(cpu_of(service) - before) / times.len() as f64;
    println!(
        "date that is not loaded     {}, {cpu:.1} ms of processor time each (aim 150)",
        spread(times)
    );
}

async fn history(service: &Service, client: &mut Client, shape: Shape, today: Date) {
    let from = today.saturating_sub((shape.days - AHEAD - 1).days());
    let consultants = format!("/api/v1/stats/consultants?from={from}&to={today}");
    let customer = |n: i64| format!("/api/v1/customers/fb-{n}/appointments");
    let row = |n: i64| format!("/api/v1/appointments/{n}");
    for (what, path) in [
        ("consultants, ten years", consultants.clone()),
        ("the same again", consultants),
        ("a customer's history", customer(7)),
        ("the same again", customer(7)),
        ("another's", customer(8)),
        ("a row by its number", row(shape.appointments / 3)),
        ("another", row(shape.appointments / 5)),
    ] {
        let (start, before) = (Instant::now(), cpu_of(service));
        let body = client.get(&path).await;
        println!(
            "{what:27} {:.1} ms, {} kB, {} ms of processor time",
            ms(start.elapsed()),
            body.len() / 1_000,
            ms(cpu_of(service) - before)
        );
    }
}

async fn bookings(client: &mut Client, date: Date, count: usize) {
    let mut times = Vec::new();
    for n in 0..count {
        let booking = json!({"customerid": format!("fb-{n}"), "date": date.saturating_add(1.day()),
            "time": format!("{:02}:{:02}", 8 + n / 60, n % 60)});
        let start = Instant::now();
        let body = client.post("/api/v1/appointments", &booking).await;
        times.push(start.elapsed());
        let booked: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(booked["flushed"], true, "{booked}");
    }
    println!("booking, with its flush     {}", spread(times));
}

async fn archive(deployment: &Deployment, format: &str, what: &str) {
    let hub = deployment
        .hub_program(&["archive", "run"])
        .envs([("CAUSEWAY_ARCHIVE__FORMATS__0", format)]);
    let running = hub.time_limit(PROGRAM_LIMIT).spawn();
    let (finished, peak) = running.wait_measured(PROGRAM_LIMIT);
    let run = finished.json();
    let tables = run["tables"].as_object().unwrap();
    let count = |name: &str| -> u64 {
        let of = tables.values().map(|table| table[name].as_u64());
        of.map(Option::unwrap).sum()
    };
    println!(
        "archive as {format}, {what}: {} s, {} rows in {} files, {} written, peak {} MiB, requests {}",
        run["seconds"],
        count("records"),
        count("partitions"),
        count("published"),
        peak >> 20,
        run["requests"]
    );
}

/// Carries the same rows to the store as those of many sites, a few at once.
fn carry_sites(deployment: &Deployment, sites: u32) {
    let agent = fs::read_to_string(deployment.path("agent.toml")).unwrap();
    let carry = |n: u32| {
        let name = format!("site-{n:04}");
        let agent = agent
            .replace("hcm-01", &name)
            .replace("\"state\"", &format!("\"{name}\""));
        let config = format!("{name}.toml");
        fs::write(deployment.path(&config), agent).unwrap();
        let migrated = deployment.agent_with(&config, &["migrate"]);
        assert!(matches!(migrated.code, Some(0 | 3)), "{migrated}");
        fs::remove_dir_all(deployment.path(&name)).unwrap();
    };
    let (start, next) = (Instant::now(), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..CARRIED_AT_ONCE {
            scope.spawn(|| {
                let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                numbers.take_while(|n| *n < sites).for_each(carry);
            });
        }
    });
    println!(
        "carried to the store        {:.1} s",
        start.elapsed().as_secs_f64()
    );
}

/// Has a store hold what a folder holds. By plain PUTs, many at once: SeaweedFS sleeps for a second at many a
/// create-only one.
async fn copy_to(store: &Store, folder: &Path) {
    let start = Instant::now();
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            // What the folder's own writers keep beside the objects.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    let copied = files.len();
    let put = async |file: PathBuf| {
        let key = file.strip_prefix(folder).unwrap().to_str().unwrap();
        let body = fs::read(&file).unwrap();
        store.put(key, body.into()).await.unwrap();
    };
    stream::iter(files)
        .for_each_concurrent(PUTS_AT_ONCE, put)
        .await;
    println!(
        "copied to S3                {:.1} s, {copied} objects",
        start.elapsed().as_secs_f64()
    );
}

/// Many sites in one hub that nothing happens at. They are carried to a folder, where the hub loads them first:
/// nothing of that is measured but the load.
pub(crate) async fn measure_sites(sites: u32, kinds: &[DatabaseKind]) {
    for kind in kinds {
        println!("\n{sites} sites, S3 and {kind:?}");
        let pair = (StoreKind::Folder, *kind);
        let deployment = Deployment::create(pair, "meetassist", data::SQLITE_SOURCE).await;
        let shape = Shape {
            appointments: 300,
            days: 30,
            from: today().saturating_sub(15.days()),
        };
        data::write_sqlite(&deployment.site().join("site.db"), shape);
        carry_sites(&deployment, sites);
        let _ = deployment.hub(&["init"]).expect_code(0);
        let load = run_program("causeway-hub", &deployment.path("hub.toml"), &["load"]);
        println!("first load                  {load}");
        let load = run_program("causeway-hub", &deployment.path("hub.toml"), &["load"]);
        println!("load again                  {load}");
        let token = deployment.token("admin", &[]);
        let s3 = TestStore::create(StoreKind::S3);
        copy_to(&s3.open().await, deployment.store.folder().unwrap()).await;
        let gateway = Gateway::start(&s3.config().endpoint, |_: &Asked| Fate::Pass).await;
        let (variables, endpoint) = (s3.env(), gateway.endpoint());
        let variables = variables.iter().map(|(name, value)| (&**name, &**value));
        let more = [
            ("CAUSEWAY_STORE__ENDPOINT", endpoint.as_str()),
            ("CAUSEWAY_REFRESH__EVERY", "30s"),
        ];
        let service = deployment.serve(&variables.chain(more).collect::<Vec<_>>());
        sleep(SETTLING).await;
        partials(&service).await;
        report_idle(&service, &gateway, &deployment).await;
        report_memory("service", &service);
        let mut client = Client::connect(&service.url, &token).await;
        for what in ["overview of all sites", "the same again"] {
            let start = Instant::now();
            client.get("/api/v1/overview").await;
            println!("{what:27} {:.1} ms", ms(start.elapsed()));
        }
    }
}
