//! `kill -9` of the real agent: at each of its requests to S3, and again and again while the site's
//! application writes.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::gateway::{Asked, Fate, Gateway, Script};
use causeway_tests::meetassist::MeetAssist;
use causeway_tests::{Finished, Program, StoreKind, soaks};
use fastrand::Rng;

use crate::ground::{assert_equal, deploy};
use crate::small::{SmallSite, assert_converges};

/// Kills a process around one of its requests.
struct Killer {
    /// Which requests count.
    counts: fn(&Asked) -> bool,
    /// Its number, once it is known.
    victim: Arc<AtomicU32>,
    /// The request's number, among those that count.
    at: u64,
    /// Whether the server has answered by then.
    answered: bool,
    /// How many such requests arrived.
    arrived: AtomicU64,
    /// The number, among all, of the request that it is killed at.
    chosen: AtomicU64,
}

/// The check sends some fifty requests before the first write, most of them alike and at once. Its
/// own tests stop it at each; a process for each would take minutes.
fn is_of_work(asked: &Asked) -> bool {
    let check = ["/check/", "check%2F"];
    !check.iter().any(|part| asked.path.contains(part))
}

/// Of a program whose reads leave nothing behind.
pub(crate) fn is_write(asked: &Asked) -> bool {
    asked.method != "GET" && asked.method != "HEAD" && is_of_work(asked)
}

impl Killer {
    fn kill(&self) {
        let victim = loop {
            match self.victim.load(Ordering::Acquire) {
                0 => thread::yield_now(),
                victim => break victim,
            }
        };
        let victim = victim.to_string();
        let killed = Command::new("kill").args(["-9", &victim]).status();
        assert!(killed.unwrap().success());
    }
}

impl Script for Killer {
    fn fate(&self, asked: &Asked) -> Fate {
        if !(self.counts)(asked) {
            return Fate::Pass;
        }
        let number = self.arrived.fetch_add(1, Ordering::AcqRel) + 1;
        if number == self.at {
            self.chosen.store(asked.number, Ordering::Release);
        }
        match number == self.at {
            false => Fate::Pass,
            true if self.answered => Fate::LoseAnswer,
            true => {
                self.kill();
                Fate::Close
            }
        }
    }

    fn answered(&self, asked: &Asked) {
        if asked.number == self.chosen.load(Ordering::Acquire) {
            self.kill();
        }
    }
}

/// Runs a program and kills it around its request `at`; false where it sent fewer.
pub(crate) async fn killed(
    deployment: &Deployment,
    program: Program,
    at: u64,
    answered: bool,
) -> bool {
    killed_at(deployment, program, (is_of_work, at), answered).await
}

/// The same, of the requests that count.
pub(crate) async fn killed_at(
    deployment: &Deployment,
    program: Program,
    (counts, at): (fn(&Asked) -> bool, u64),
    answered: bool,
) -> bool {
    let victim = Arc::new(AtomicU32::new(0));
    let killer = Killer {
        counts,
        victim: Arc::clone(&victim),
        at,
        answered,
        arrived: AtomicU64::new(0),
        chosen: AtomicU64::new(0),
    };
    let gateway = Gateway::start(&deployment.store.config().endpoint, killer).await;
    let program = program.envs([("CAUSEWAY_STORE__ENDPOINT", gateway.endpoint())]);
    let running = program.spawn();
    victim.store(running.id(), Ordering::Release);
    let ended = tokio::task::spawn_blocking(move || running.wait(Duration::from_secs(60)));
    let ended: Finished = ended.await.unwrap();
    let asked = gateway.asked();
    let counted = asked.iter().filter(|asked| counts(asked)).count();
    let reached = counted as u64 >= at;
    let code = if reached { None } else { Some(0) };
    assert_eq!(ended.code, code, "request {at}: {ended}");
    reached
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_killed_at_any_request_goes_on() {
    for answered in [false, true] {
        let mut at = 1;
        loop {
            let site = SmallSite::new(StoreKind::S3).await;
            let migrate = site.deployment.agent_program(&["migrate"]);
            let reached = killed(&site.deployment, migrate, at, answered).await;
            site.assert_converges(&format!("request {at}, answered: {answered}"));
            if !reached {
                break;
            }
            at += 1;
        }
        assert!(at > 10, "it sends requests to be killed at: {at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cycles_and_vacuums_that_are_killed_at_any_request_go_on() {
    let site = SmallSite::new(StoreKind::S3).await;
    site.sync();
    for command in ["sync", "vacuum"] {
        for answered in [false, true] {
            for at in 1.. {
                site.change();
                if command == "vacuum" {
                    site.sync();
                }
                let keep = if command == "vacuum" { "0s" } else { "30d" };
                let program = site.deployment.agent_program(&[command]);
                let program = program.envs([("CAUSEWAY_RETENTION__KEEP", keep)]);
                let reached = killed(&site.deployment, program, at, answered).await;
                let what = format!("{command}, request {at}, answered: {answered}");
                site.assert_converges(&what);
                if !reached {
                    assert!(at > 3, "{command} sends requests to be killed at: {at}");
                    break;
                }
            }
        }
    }
}

/// The site's application: changes rows in small and large transactions until it is told to stop.
fn write_until(stop: &AtomicBool, site: &MeetAssist) {
    let mut rng = Rng::with_seed(7);
    let mut id = 1_000;
    while !stop.load(Ordering::Relaxed) {
        // Opened anew now and then: its last close writes the WAL back.
        let mut db = site.open();
        db.busy_timeout(Duration::from_secs(10)).unwrap();
        for _ in 0..rng.u32(1..20) {
            let work = db.transaction().unwrap();
            for _ in 0..[1, 1, 1, 50][rng.usize(0..4)] {
                id += 1;
                let (day, of_writer) = (site.date(rng.i64(-20..5)), rng.i64(1_000..=id));
                let sql = match rng.u32(0..5) {
                    0 | 1 => format!(
                        "INSERT INTO Appointments (AppointmentId, CustomerId, Date, Time)
                         VALUES ({id}, 'fb-1', '{day}', '09:00')"
                    ),
                    2 => format!(
                        "UPDATE Appointments SET Date = '{day}' WHERE AppointmentId = {of_writer}"
                    ),
                    3 => format!("DELETE FROM Appointments WHERE AppointmentId = {of_writer}"),
                    _ => format!(
                        "UPDATE Customers SET Notes = 'note {id}' WHERE CustomerId = 'fb-{}'",
                        rng.u32(1..=30)
                    ),
                };
                work.execute_batch(&sql).unwrap();
            }
            work.commit().unwrap();
            thread::sleep(Duration::from_millis(rng.u64(0..20)));
        }
    }
}

#[tokio::test]
async fn a_service_that_is_killed_again_and_again_loses_nothing() {
    let kills = if soaks() { 200 } else { 20 };
    for (pair, journal_mode) in PAIRS.into_iter().zip(["delete", "wal"]) {
        let (deployment, site) = deploy(pair).await;
        site.execute(&format!("PRAGMA journal_mode = {journal_mode}"));
        let (site, stop) = (Arc::new(site), Arc::new(AtomicBool::new(false)));
        let writer = thread::spawn({
            let (site, stop) = (Arc::clone(&site), Arc::clone(&stop));
            move || write_until(&stop, &site)
        });
        let mut rng = Rng::with_seed(11);
        let commits = || deployment.agent(&["status"]).json()["commit"].as_u64();
        // A busy machine may get to few commits between the kills: they go on until there are some.
        for killed in 0.. {
            if killed >= kills && commits() > Some(5) {
                break;
            }
            assert!(killed < 10 * kills, "{pair:?}: {:?} commits", commits());
            let often = [("DEBOUNCE", "10ms"), ("MAX_DELAY", "50ms"), ("POLL", "1s")];
            let often = often.map(|(key, value)| (format!("CAUSEWAY_WATCH__{key}"), value));
            let agent = deployment.agent_program(&["run"]).envs(often).spawn();
            // Whatever it is at by then: its start, a scan, an upload, the commit, a rest.
            thread::sleep(Duration::from_millis(rng.u64(0..700)));
            let ended = agent.kill();
            assert_eq!(ended.code, None, "{pair:?}: it ended by itself: {ended}");
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();

        assert_converges(&deployment, &format!("{pair:?}"));
        let _ = deployment.hub(&["init"]).expect_code(0);
        deployment.load();
        assert_equal(&deployment, &site).await;
    }
}
