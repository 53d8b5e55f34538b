//! The keeper as a function: each event means "look", whatever it is. Only what CloudFormation asks goes on to the
//! hub's function, which answers it from within the network.

use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::Exit;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::custom_resource::{self, ResourceEvent};
use super::event::{self, Event};
use super::failure::Failure;
use super::runtime_api::{Answer, Invocation, RuntimeApi};
use super::{RESERVED, answer_all};
use crate::aws::{self, Aws};
use crate::config::{HubConfig, KEEPER};
use crate::db::postgres::Master;
use crate::error::HubError;
use crate::sleep::keeper;
use crate::sync::open_store;

/// Whether the program is asked to be the keeper.
pub(super) fn is_asked(environment: &[(String, String)]) -> bool {
    let mut keeper = environment.iter().filter(|(name, _)| name == KEEPER);
    keeper.any(|(_, value)| value == "1")
}

/// Answers invocations until the runtime is gone.
pub(super) async fn run(api: &RuntimeApi, environment: &[(String, String)]) -> Exit {
    let answer = async |invocation: &Invocation| {
        let left = (invocation.deadline - RESERVED).saturating_duration_since(Instant::now());
        let doing = async {
            match event::read(&invocation.event) {
                Ok(Event::Resource(resource)) => {
                    hand_on(environment, &resource, &invocation.event).await
                }
                _ => round(environment).await,
            }
        };
        let answer = timeout(left, doing).await;
        answer.unwrap_or_else(|_| Failure::TimeIsOver.into_answer())
    };
    answer_all(api, answer).await
}

/// Has the hub's function do what CloudFormation asks, and answer it. Where that fails, CloudFormation is told here.
async fn hand_on(
    environment: &[(String, String)],
    resource: &ResourceEvent,
    event: &[u8],
) -> Answer {
    let handing = async {
        let config = HubConfig::load(None, environment).map_err(|error| error.to_string())?;
        let aws = Aws::open(&config)
            .await
            .map_err(|error| error.to_string())?;
        let event: Value = serde_json::from_slice(event).map_err(|error| error.to_string())?;
        let event = with_master(&config, &aws, event).await?;
        let function = &config.aws.function;
        let told = aws.invoke(function, aws::Invocation::Answered, &event);
        told.await.map(drop).map_err(|error| error.to_string())
    };
    if let Err(why) = handing.await {
        tracing::error!(
            why,
            "the hub's function does not do what CloudFormation asks"
        );
        custom_resource::fail(resource, &why).await;
    }
    Answer::nothing()
}

/// With the master of the database's server, who makes the role that the hub signs in as. CloudFormation hands no
/// secret to a custom resource, and the hub's function does not reach where it is kept.
async fn with_master(config: &HubConfig, aws: &Aws, mut event: Value) -> Result<Value, String> {
    let secret = &config.database.secret;
    if secret.is_empty() || event["RequestType"] == "Delete" {
        return Ok(event);
    }
    let secret = aws.secret(secret).await;
    let master = secret.map(Master::from);
    event["Master"] = json!(master.map_err(|error| error.to_string())?);
    Ok(event)
}

async fn round(environment: &[(String, String)]) -> Answer {
    let opened = async {
        let config = HubConfig::load(None, environment)?;
        let store = open_store(&config).await?;
        Ok::<_, HubError>((config, store))
    };
    let (config, store) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return Failure::Hub(error).into_answer(),
    };
    let error = match keeper::round(&store, &config, clock::now()).await {
        Ok(report) if report.error.is_none() => {
            return Answer::Done(json!(report).to_string());
        }
        Ok(report) => report.error.unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    // A failed invocation is what alarms see.
    Failure::Keeper(error).into_answer()
}
