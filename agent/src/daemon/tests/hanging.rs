//! What a watchdog hears of an agent that hangs.

use causeway_shared::store::{
    Body, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, StoreError, Version,
};

use super::*;

/// A store that takes every call and answers none.
#[derive(Debug)]
struct HangingStore;

#[async_trait::async_trait]
impl ObjectStore for HangingStore {
    async fn get(&self, _: &str) -> Result<Fetched, StoreError> {
        std::future::pending().await
    }
    async fn get_if_changed(&self, _: &str, _: &Version) -> Result<Option<Fetched>, StoreError> {
        std::future::pending().await
    }
    async fn head(&self, _: &str) -> Result<ObjectMeta, StoreError> {
        std::future::pending().await
    }
    async fn create(&self, _: &str, _: Body) -> Result<Version, StoreError> {
        std::future::pending().await
    }
    async fn put(&self, _: &str, _: Body) -> Result<Version, StoreError> {
        std::future::pending().await
    }
    async fn replace(&self, _: &str, _: Body, _: &Version) -> Result<Version, StoreError> {
        std::future::pending().await
    }
    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        std::future::pending().await
    }
    async fn list(&self, _: &str, _: Option<&str>) -> Result<ListPage, StoreError> {
        std::future::pending().await
    }
    fn requests(&self) -> RequestCounts {
        RequestCounts::default()
    }
    fn describe(&self) -> String {
        "hanging:".to_owned()
    }
}

/// What a watchdog hears of an agent, until it is told that it hangs.
async fn heard_until_it_hangs(agent: Agent, observer: Arc<dyn Observer>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&path).unwrap();
    let environment = [
        (
            "NOTIFY_SOCKET".to_owned(),
            path.to_str().unwrap().to_owned(),
        ),
        ("WATCHDOG_USEC".to_owned(), "20000".to_owned()),
    ];
    let listeners = Listeners {
        service_manager: Arc::new(ServiceManager::connect(&environment, 1).unwrap()),
        observer,
    };
    // Long beside what it takes to open the state on a slow disk.
    let watchdog = Arc::new(Watchdog::new(Duration::from_millis(1_500)));
    let running = run_watched(&agent, listeners, watchdog, std::future::pending());
    let hearing = async {
        let mut heard = Vec::new();
        let mut buffer = [0; 512];
        loop {
            let length = manager.recv(&mut buffer).await.unwrap();
            let told = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if told.starts_with("STATUS=the agent hangs") {
                return heard;
            }
            heard.push(told);
        }
    };
    tokio::select! {
        ended = running => panic!("{ended:?}"),
        heard = hearing => heard,
    }
}

#[tokio::test]
async fn a_watchdog_is_left_to_its_work_where_the_store_hangs() {
    let site = Site::small();
    let config = quick(&site).config().as_ref().clone();
    let agent = Agent::with_store(config, Arc::new(HangingStore)).unwrap();
    let heard = heard_until_it_hangs(agent, nobody()).await;
    assert_eq!(heard[..2], ["READY=1", "WATCHDOG=1"]);
}

#[tokio::test]
async fn a_watchdog_is_left_to_its_work_where_a_source_hangs() {
    let site = Site::small();
    let (release, stuck) = std::sync::mpsc::channel::<()>();
    let stuck = std::sync::Mutex::new(stuck);
    // The thread that reads the first file gets no further, as on a network drive that went away.
    let observer = move |event: Event<'_>| {
        if matches!(event, Event::Step(Step::Looking)) {
            stuck.lock().unwrap().recv().unwrap_err();
        }
    };
    let heard = heard_until_it_hangs(quick(&site), Arc::new(observer)).await;
    assert_eq!(heard[..2], ["READY=1", "WATCHDOG=1"]);
    drop(release);
}
