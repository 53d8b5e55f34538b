//! An agent that runs, on a small site.

mod hanging;

use causeway_shared::ids::Seq;
use causeway_shared::store::failing::{FailingStore, Fault};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::cycle::sync::sync;
use crate::error::Exit;
use crate::progress::Step;
use crate::testing::Site;

/// An agent of a site that looks often.
fn quick(site: &Site) -> Agent {
    let mut config = site.config("one", "state-one");
    config.watch.poll = Duration::from_millis(20);
    config.watch.debounce = Duration::from_millis(10);
    Agent::with_store(config, Arc::clone(&site.store)).unwrap()
}

async fn committed(site: &Site, seq: u64) {
    while site.agent().log().commit(Seq(seq)).await.unwrap().is_none() {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn changes_are_pushed_until_it_is_told_to_stop() {
    let site = Site::small();
    let agent = quick(&site);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        run(&agent, Listeners::default(), async {
            stopped.await.unwrap_or(())
        })
        .await
    });
    committed(&site, 1).await;
    site.write_appointments(0..30, "confirmed");
    committed(&site, 2).await;
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    // Its lock is free again.
    site.sync().await;
    site.assert_converged().await;
}

#[tokio::test]
async fn it_stops_when_another_machine_takes_over() {
    let site = Site::small();
    site.sync().await;
    let agent = quick(&site);
    let running = tokio::spawn(async move {
        run(&agent, Listeners::default(), std::future::pending())
            .await
            .unwrap_err()
    });
    let take_over = SyncOptions {
        take_over: true,
        ..SyncOptions::default()
    };
    sync(&site.agent_on("two", Arc::clone(&site.store)), take_over)
        .await
        .unwrap();
    site.write_appointments(0..30, "confirmed");
    let error = running.await.unwrap();
    assert!(matches!(error, AgentError::Fenced { .. }), "{error}");
}

#[tokio::test]
async fn a_file_without_an_end_is_taken_soon_and_long_before_the_poll() {
    let site = Site::small();
    let mut config = site.config("one", "state-one");
    config.watch.poll = Duration::from_secs(3_600);
    config.watch.debounce = Duration::from_millis(10);
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let running =
        tokio::spawn(
            async move { run(&agent, Listeners::default(), std::future::pending()).await },
        );
    committed(&site, 1).await;
    let text = std::fs::read_to_string(site.csv("consultant")).unwrap();
    site.write("consultant", text.replace("An,", "Bo,").trim_end());
    committed(&site, 2).await;
    running.abort();
}

#[tokio::test]
async fn an_event_wakes_it_long_before_the_poll() {
    let site = Site::small();
    let mut config = site.config("one", "state-one");
    config.watch.poll = Duration::from_secs(3_600);
    config.watch.debounce = Duration::from_millis(10);
    let figures = config.state_dir.with_extension("prom");
    config.metrics_file = Some(figures.clone());
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let running =
        tokio::spawn(
            async move { run(&agent, Listeners::default(), std::future::pending()).await },
        );
    committed(&site, 1).await;
    site.write_appointments(0..30, "confirmed");
    committed(&site, 2).await;
    running.abort();
    let _ = running.await;
    let page = std::fs::read_to_string(figures).unwrap();
    assert!(page.contains("causeway_agent_cycles_total{"), "{page}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_service_manager_hears_of_start_cycle_and_stop() {
    let site = Site::small();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let environment = [(
        "NOTIFY_SOCKET".to_owned(),
        path.to_str().unwrap().to_owned(),
    )];
    let manager_line = ServiceManager::connect(&environment, 1).unwrap();
    let hear = || {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let agent = quick(&site);
    let running = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or(()) };
        let listeners = Listeners {
            service_manager: Arc::new(manager_line),
            ..Listeners::default()
        };
        run(&agent, listeners, stopped).await
    });
    committed(&site, 1).await;
    site.write_appointments(0..30, "confirmed");
    // Begun after the first cycle was told of.
    committed(&site, 2).await;
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let first = "STATUS=last commit: 1; 0 rows in quarantine, 0 tables held back";
    assert_eq!([hear(), hear()], ["READY=1", first]);
    let rest: Vec<String> = std::iter::repeat_with(hear)
        .take_while(|told| told != "STOPPING=1")
        .collect();
    assert!(
        rest.iter().all(|told| told.starts_with("STATUS=")),
        "{rest:?}"
    );
}

/// What an agent that runs tells, as far as it is news.
#[derive(Debug, PartialEq)]
enum Heard {
    Commit(u64),
    Failure(String),
}

/// Runs an agent in the background; what it tells.
fn observed(agent: Agent) -> mpsc::UnboundedReceiver<Heard> {
    let (tell, heard) = mpsc::unbounded_channel();
    let observer = move |event: Event<'_>| {
        let heard = match event {
            Event::Ended(report) => report.commit.map(|seq| Heard::Commit(seq.0)),
            Event::Failed { error, .. } => Some(Heard::Failure(error.to_string())),
            Event::Step(_) => None,
        };
        // Whoever no longer listens has heard enough.
        let _ = heard.map(|heard| tell.send(heard));
    };
    let listeners = Listeners {
        observer: Arc::new(observer),
        ..Listeners::default()
    };
    tokio::spawn(async move { run(&agent, listeners, std::future::pending()).await });
    heard
}

#[tokio::test]
async fn an_observer_hears_of_a_failure_and_of_what_follows() {
    let site = Site::small();
    let store = FailingStore::new(Arc::clone(&site.store), [Fault::UnavailableAt(1)]);
    let agent = Agent::with_store(quick(&site).config().as_ref().clone(), Arc::new(store));
    let mut heard = observed(agent.unwrap());
    let failure = heard.recv().await.unwrap();
    assert!(
        matches!(&failure, Heard::Failure(error) if error.contains("made to fail")),
        "{failure:?}"
    );
    assert_eq!(heard.recv().await, Some(Heard::Commit(1)));
}

#[tokio::test]
async fn the_hub_is_told_of_each_commit_though_it_does_not_answer() {
    let site = Site::small();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = quick(&site).config().as_ref().clone();
    config.hub = Some(crate::config::HubConfig {
        url: format!("http://{}", listener.local_addr().unwrap()),
        token: String::new(),
    });
    let mut heard = observed(Agent::with_store(config, Arc::clone(&site.store)).unwrap());
    let mut unanswered = Vec::new();
    for seq in 1..=2 {
        assert_eq!(heard.recv().await, Some(Heard::Commit(seq)));
        let (mut told, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            told.read_buf(&mut request).await.unwrap();
        }
        let request = String::from_utf8(request).unwrap();
        assert!(request.contains(&format!("\"seq\":{seq},")), "{request}");
        unanswered.push(told);
        site.write_appointments(0..30, "confirmed");
    }
}

#[tokio::test]
async fn without_its_store_it_looks_at_no_source() {
    let site = Site::small();
    let stopped = Arc::new(FailingStore::new(
        Arc::clone(&site.store),
        [Fault::StopAt(1)],
    ));
    let config = quick(&site).config().as_ref().clone();
    let agent = Agent::with_store(config, stopped).unwrap();
    let (tell, mut heard) = mpsc::unbounded_channel();
    let observer = move |event: Event<'_>| {
        let _ = match event {
            Event::Failed { failures, .. } => tell.send(format!("failure {failures}")),
            other => tell.send(format!("{other:?}")),
        };
    };
    let listeners = Listeners {
        observer: Arc::new(observer),
        ..Listeners::default()
    };
    tokio::spawn(async move { run(&agent, listeners, std::future::pending()).await });
    assert_eq!(heard.recv().await.unwrap(), "failure 1");
    assert_eq!(heard.recv().await.unwrap(), "failure 2");
}

#[tokio::test]
async fn what_a_poll_has_seen_is_not_looked_at_again() {
    let site = Site::small();
    let (tell, mut looked) = mpsc::unbounded_channel();
    let observer = move |event: Event<'_>| {
        let _ = match event {
            Event::Step(Step::Looked { .. }) => tell.send("look"),
            Event::Ended(_) => tell.send("end"),
            _ => Ok(()),
        };
    };
    let listeners = Listeners {
        observer: Arc::new(observer),
        ..Listeners::default()
    };
    let agent = quick(&site);
    tokio::spawn(async move { run(&agent, listeners, std::future::pending()).await });
    while looked.recv().await.unwrap() != "end" {}
    let polls: Vec<_> = [looked.recv().await, looked.recv().await].into();
    assert_eq!(polls, [Some("look"), Some("end")]);
}

#[tokio::test]
async fn a_folder_store_that_is_not_mounted_is_waited_for_and_not_written_to() {
    let site = Site::small();
    let store = tempfile::tempdir().unwrap();
    let mounted = store.path().join("mounted");
    let away = store.path().join("away");
    std::fs::create_dir(&mounted).unwrap();
    let agent = || async {
        let mut config = quick(&site).config().as_ref().clone();
        config.store.url = format!("file://{}", mounted.display());
        Agent::open(config).await.unwrap()
    };
    sync(&agent().await, SyncOptions::default()).await.unwrap();
    std::fs::rename(&mounted, &away).unwrap();
    let mut heard = observed(agent().await);
    let failure = heard.recv().await.unwrap();
    assert!(
        matches!(&failure, Heard::Failure(error) if error.contains("mount the disk it lies on")),
        "{failure:?}"
    );
    // Its mount point alone.
    std::fs::create_dir(&mounted).unwrap();
    site.write_appointments(0..30, "confirmed");
    let blank = loop {
        match heard.recv().await.unwrap() {
            Heard::Failure(error) if error.contains("no such folder") => {}
            other => break other,
        }
    };
    assert!(
        matches!(&blank, Heard::Failure(error) if error.contains("holds nothing at all")),
        "{blank:?}"
    );
    assert_eq!(std::fs::read_dir(&mounted).unwrap().count(), 0);
    std::fs::remove_dir(&mounted).unwrap();
    std::fs::rename(&away, &mounted).unwrap();
    while heard.recv().await.unwrap() != Heard::Commit(2) {}
}

#[tokio::test]
async fn one_cycle_does_not_write_into_an_empty_mount_point_either() {
    let site = Site::small();
    let store = tempfile::tempdir().unwrap();
    let mounted = store.path().join("mounted");
    std::fs::create_dir(&mounted).unwrap();
    let mut config = quick(&site).config().as_ref().clone();
    config.store.url = format!("file://{}", mounted.display());
    let sync = async || {
        let agent = Agent::open(config.clone()).await.unwrap();
        sync(&agent, SyncOptions::default()).await
    };
    sync().await.unwrap();
    std::fs::rename(&mounted, store.path().join("away")).unwrap();
    std::fs::create_dir(&mounted).unwrap();
    // Nothing to commit, but a list of refused rows to write.
    site.refuse_a_consultant();
    assert!(sync().await.unwrap().quarantine_grew);
    assert_eq!(std::fs::read_dir(&mounted).unwrap().count(), 0);
    site.write_appointments(0..30, "confirmed");
    let error = sync().await.unwrap_err();
    assert_eq!(error.exit(), Exit::Look, "{error}");
    assert_eq!(std::fs::read_dir(&mounted).unwrap().count(), 0);
}
