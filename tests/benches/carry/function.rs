//! What the hub costs as a Lambda function: its start, requests, a tick, and reads while the database sleeps.
//!
//! The process is frozen between two requests, as AWS does it. AWS gives a function of 256 MB a seventh of a
//! processor, so the processor time is what tells how long it takes there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use causeway_tests::lambda::Function;
use causeway_tests::memory_limit::MemoryLimit;
use causeway_tests::{DatabaseKind, Program, bin};
use jiff::ToSpan as _;
use serde_json::{Value, json};

use crate::hub::{Bench, spread};
use crate::measure::{cpu_time, peak_memory};

const STARTS: usize = 5;
const ASKED: usize = 50;
const BOOKINGS: usize = 20;
/// What AWS gives the function (config/aws/app.yaml).
const MEMORY: u64 = 256 << 20;

/// The program that is measured.
struct Measured {
    path: PathBuf,
    limit: Option<MemoryLimit>,
}

impl Measured {
    fn new(program: Option<&Path>) -> Self {
        let path = program.map_or_else(|| bin("causeway-hub"), Path::to_owned);
        let bytes = fs::metadata(&path).unwrap().len();
        println!("{} of {:.1} MiB", path.display(), mib(bytes));
        let limit = MemoryLimit::new(MEMORY);
        match &limit {
            Ok(_) => println!("within {} MiB", mib(MEMORY)),
            Err(error) => println!("without a limit of memory: {error}"),
        }
        let limit = limit.ok();
        Self { path, limit }
    }

    async fn start(&self, bench: &Bench) -> Function {
        let program = Program::limited(&self.path, self.limit.as_ref());
        Function::run(program, &bench.deployment, &[]).await
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Ten years of a site, as a function on PostgreSQL and S3: of the released program, or of another one.
pub(crate) async fn measure(appointments: i64, program: Option<&Path>) {
    let bench = Bench::prepare(appointments, DatabaseKind::Postgres).await;
    let program = Measured::new(program);
    let list = format!("/api/v1/appointments?date={}", bench.today);
    let mut function = start(&program, &bench, "start to first answer", &list).await;
    let what = Asked {
        function: &function,
        token: &bench.token,
    };
    what.gets("a day's list, warm", &list).await;
    what.gets("the overview, warm", "/api/v1/overview").await;
    what.bookings(&bench).await;
    what.ticks().await;
    report_memory("function at most", &function);

    let _ = bench.deployment.hub(&["sleep"]).expect_code(0);
    let what = Asked {
        function: &function,
        token: &bench.token,
    };
    what.get("asleep: the first read", &list, 1).await;
    what.gets("asleep: a day's list", &list).await;
    report_memory("function at most", &function);
    function = start(&program, &bench, "asleep: start to first answer", &list).await;
    report_memory("function at most", &function);
}

/// Starts it several times: the last one.
async fn start(program: &Measured, bench: &Bench, what: &str, path: &str) -> Function {
    let (mut times, mut last) = (Times::default(), None);
    for _ in 0..STARTS {
        drop(last.take());
        let begun = Instant::now();
        let function = program.start(bench).await;
        let answer = function.http(&bench.token, ("GET", path), Value::Null);
        assert_eq!(answer.await.status, 200);
        times.add(begun.elapsed(), cpu_of(&function));
        last = Some(function);
    }
    times.report(what);
    last.unwrap()
}

/// One that is asked.
struct Asked<'f> {
    function: &'f Function,
    token: &'f str,
}

impl Asked<'_> {
    async fn gets(&self, what: &str, path: &str) {
        self.get(what, path, ASKED).await;
    }

    async fn get(&self, what: &str, path: &str, count: usize) {
        let mut times = Times::default();
        for _ in 0..count {
            let answer = self.function.http(self.token, ("GET", path), Value::Null);
            let answer = times.of(self.function, answer).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        times.report(what);
    }

    async fn bookings(&self, bench: &Bench) {
        let date = bench.today.saturating_add(1.day());
        let mut times = Times::default();
        for n in 0..BOOKINGS {
            let booking = json!({"customerid": format!("fb-{n}"), "date": date,
                "time": format!("08:{n:02}")});
            let post = ("POST", "/api/v1/appointments");
            let booked = self
                .function
                .http(self.token, post, Value::String(booking.to_string()));
            let booked = times.of(self.function, booked).await;
            assert_eq!(booked.json()["flushed"], true, "{booked:?}");
        }
        times.report("a booking, with its flush");
    }

    async fn ticks(&self) {
        let mut times = Times::default();
        for _ in 0..BOOKINGS {
            let tick = json!({"command": "tick"});
            times.of(self.function, self.function.invoke(&tick)).await;
        }
        times.report("a tick");
    }
}

#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    cpu: Duration,
}

impl Times {
    fn add(&mut self, wall: Duration, cpu: Duration) {
        self.wall.push(wall);
        self.cpu += cpu;
    }

    async fn of<T>(&mut self, function: &Function, asked: impl Future<Output = T>) -> T {
        let (begun, cpu) = (Instant::now(), cpu_of(function));
        let answer = asked.await;
        self.add(begun.elapsed(), cpu_of(function) - cpu);
        answer
    }

    fn report(self, what: &str) {
        let each = self.cpu.as_secs_f64() * 1_000.0 / self.wall.len() as f64;
        println!(
            "{what:30} {}, {each:.1} ms of processor time each",
            spread(self.wall)
        );
    }
}

fn cpu_of(function: &Function) -> Duration {
    cpu_time(&format!("/proc/{}", function.process.id())).unwrap()
}

fn report_memory(what: &str, function: &Function) {
    let peak = peak_memory(&format!("/proc/{}", function.process.id())).unwrap();
    println!("{what:30} {:.0} MiB", mib(peak));
}
