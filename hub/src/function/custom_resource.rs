//! The hub's database as a resource of CloudFormation's: made and loaded with the stack, flushed and sealed
//! before that goes.
//!
//! CloudFormation waits an hour for an answer at the URL that it names, so whatever happens is
//! answered there.

use std::time::Duration;

use backon::Retryable as _;
use causeway_shared::runtime::retry;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::failure::Failure;
use super::runtime_api::Answer;
use super::state::State;
use super::work;
use crate::control::{Control, SleepState};
use crate::db::DbError;
use crate::db::postgres::Master;
use crate::error::HubError;
use crate::sleep::{SleepError, ask_to_wake, seal, server_answers, unseal};

/// How long telling CloudFormation may take.
const TELLS_WITHIN: Duration = Duration::from_secs(10);
/// What is kept of an invocation's time for telling it.
const RESERVED: Duration = Duration::from_secs(3);
/// How long transactions that are open are waited for before the database goes.
const WAITS_FOR_WRITERS: Duration = Duration::from_secs(20);
/// How long a database that is to go takes no changes; one that is still there then takes some again.
const SEALED_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a server that is being started may take to answer, and how often it is asked.
const PING_WITHIN: Duration = Duration::from_secs(2);
const PING_EVERY: Duration = Duration::from_secs(1);
/// How long it may take to take that back.
const UNSEALS_WITHIN: Duration = Duration::from_secs(1);
/// Most of a reason that is told: CloudFormation takes 4 KB in all.
const MAX_REASON_CHARS: usize = 1_000;

/// The resource. It has one name for ever: by another CloudFormation would delete it after an update.
const NAME: &str = "causeway-hub";
/// One that was never made, so that nothing is flushed when CloudFormation takes it away again.
const UNMADE: &str = "causeway-hub-unmade";

/// What CloudFormation asks. Not `Debug`: whoever has the URL may answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceEvent {
    request_type: String,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    #[serde(default)]
    stack_id: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Properties,
    /// The database server's master, where the keeper hands it on: it makes the role that the hub signs in as.
    master: Option<Master>,
}

/// What the template says of it. CloudFormation sends every value as a text.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Properties {
    /// `true`: this database becomes the owner of all sites' edits.
    take_over: String,
}

/// Does what is asked, and tells CloudFormation.
///
/// # Errors
/// [`Failure::NotTold`]; what was asked is done or has failed all the same.
pub(super) async fn answer(
    state: &State,
    event: &ResourceEvent,
    until: Instant,
) -> Result<Answer, Failure> {
    let until = until.checked_sub(RESERVED).unwrap_or(until);
    let done = match event.request_type.as_str() {
        "Create" | "Update" => make(state, event, until).await,
        "Delete" => end(state, event, until).await,
        other => Err(format!("{other} is nothing that this resource can do")),
    };
    if let Err(reason) = &done {
        tracing::error!(reason, "the resource's {} failed", event.request_type);
    }
    tell(event, done).await.map_err(Failure::NotTold)?;
    Ok(Answer::nothing())
}

/// Tells CloudFormation that nothing could be done.
pub(super) async fn fail(event: &ResourceEvent, reason: &str) {
    if let Err(error) = tell(event, Err(reason.to_owned())).await {
        tracing::error!(%error, "CloudFormation cannot be answered");
    }
}

/// Makes or upgrades the database's tables and loads them. A site that fails is no failure of the stack,
/// nor is one that takes long: the next tick goes on.
async fn make(state: &State, event: &ResourceEvent, until: Instant) -> Result<(), String> {
    let (hub, clock) = (state.hub(), state.app.clock);
    let making = async {
        let database = Control::read(hub.store()).await?.state.database;
        if database != SleepState::Awake {
            let sleeps = database == SleepState::Asleep || !server_answers(hub, PING_WITHIN).await;
            if event.request_type == "Update" && sleeps {
                // Whoever wakes it makes or upgrades its tables, and loads them.
                return Ok(false);
            }
            // One that is new is not to sleep on because the one before it did.
            ask_to_wake(hub, clock()).await?;
            while !server_answers(hub, PING_WITHIN).await {
                sleep(PING_EVERY).await;
            }
        }
        if let Some(master) = &event.master {
            master.admit(&hub.config().database).await?;
        }
        hub.init().await?;
        if event.resource_properties.take_over == "true" {
            hub.take_over(None, clock()).await?;
        }
        // A stack that stays after all, or a snapshot of one that went.
        unseal(hub, clock()).await?;
        Ok::<_, SleepError>(true)
    };
    let made = timeout_at(until, making).await;
    let is_made = made.map_err(|_| Failure::TimeIsOver.to_string())?;
    if !is_made.map_err(|error| error.to_string())? {
        return Ok(());
    }
    let loaded = work::load(state, until).await;
    loaded.map(drop).map_err(|error| error.to_string())
}

/// Has the database take no more changes, and takes all that it has to the store. Tables stay as they are: whoever
/// deletes the database keeps a snapshot.
async fn end(state: &State, event: &ResourceEvent, until: Instant) -> Result<(), String> {
    if event.physical_resource_id.as_deref() == Some(UNMADE) {
        return Ok(());
    }
    let hub = state.hub();
    let control = Control::read(hub.store()).await;
    let control = control.map_err(|error| error.to_string())?;
    if control.state.database == SleepState::Asleep {
        // The store has had all of it since then, and its server is not there.
        return Ok(());
    }
    let sealing = seal(hub, WAITS_FOR_WRITERS, SEALED_FOR, state.app.clock);
    match timeout_at(until, sealing).await {
        Ok(Ok(_)) => Ok(()),
        // Nobody has ever changed anything in it.
        Ok(Err(SleepError::Hub(HubError::Database(DbError::NotInitialised { .. })))) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            let unsealing = unseal(hub, (state.app.clock)());
            if !matches!(timeout(UNSEALS_WITHIN, unsealing).await, Ok(Ok(()))) {
                tracing::warn!("the database cannot be told to take changes again");
            }
            Err(Failure::TimeIsOver.to_string())
        }
    }
}

/// Answers at the URL that CloudFormation named.
async fn tell(event: &ResourceEvent, done: Result<(), String>) -> reqwest::Result<()> {
    let given = event.physical_resource_id.as_deref();
    let id = match &done {
        Err(_) if event.request_type == "Create" => UNMADE,
        _ => given.unwrap_or(NAME),
    };
    let reason = done.as_ref().err();
    let reason = reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect::<String>());
    let body = json!({
        "Status": if done.is_ok() { "SUCCESS" } else { "FAILED" },
        "Reason": reason.unwrap_or_default(),
        "PhysicalResourceId": id,
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
    });
    let body = body.to_string();
    let client = Client::builder().timeout(TELLS_WITHIN).build()?;
    let put = || async {
        // The URL is signed for no type of content.
        let put = client.put(&event.response_url).header(CONTENT_TYPE, "");
        let told = put.body(body.clone()).send().await;
        // An error would say the URL, which whoever reads the log could answer at.
        told.and_then(reqwest::Response::error_for_status)
            .map_err(reqwest::Error::without_url)
    };
    put.retry(retry::a_few_times()).await.map(drop)
}
