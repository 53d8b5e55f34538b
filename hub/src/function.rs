//! The hub as an AWS Lambda function: what the program is where `AWS_LAMBDA_RUNTIME_API` is set and
//! no subcommand is given.
//!
//! One invocation after the other: an event comes, what it asks is done, the answer goes. Between an
//! answer and the next event the process is frozen, for a second or for a day, and may never wake
//! again. So
//! - what an invocation began beside its answer has ended before it answers, or is stopped;
//! - what `serve` does by timers a *tick* does, which a schedule sends;
//! - state is made once, before the first invocation, with connections to store and database. Where
//!   that fails each invocation tries again, and its answer says why;
//! - a connection is tried before it is used, since nobody may have told that it is gone.

mod custom_resource;
mod event;
mod failure;
mod http_event;
mod keep;
mod runtime_api;
mod state;
mod work;

use std::sync::Arc;
use std::time::Duration;

use causeway_shared::runtime::program::Exit;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::config::HubConfig;
use crate::error::HubError;
use crate::http::problem::{Code, Problem};
use crate::tasks;
use event::Event;
use failure::Failure;
use runtime_api::{Answer, Invocation, RuntimeApi};
use state::State;

/// The variable that AWS names its runtime's address in.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// How long state may take before the first invocation: AWS begins anew after ten seconds.
const BEGINS_WITHIN: Duration = Duration::from_secs(8);

/// What is left of an invocation's time for stopping and answering.
const RESERVED: Duration = Duration::from_millis(700);

/// How long a request over HTTP may take: the gateway waits no longer than 30 seconds. What it began and has not
/// ended by then a tick does.
const ANSWERS_WITHIN: Duration = Duration::from_secs(28);

/// Whether the program is asked to be the function.
#[must_use]
pub fn is_asked(environment: &[(String, String)]) -> bool {
    environment.iter().any(|(name, _)| name == RUNTIME_API)
}

/// Answers invocations until the runtime is gone.
pub async fn run(environment: &[(String, String)]) -> Exit {
    let api = environment.iter().find(|(name, _)| name == RUNTIME_API);
    let api = match RuntimeApi::new(api.map_or("", |(_, address)| address)) {
        Ok(api) => api,
        Err(error) => {
            tracing::error!(%error, "the runtime's client cannot be made");
            return Exit::Failed;
        }
    };
    if keep::is_asked(environment) {
        return keep::run(&api, environment).await;
    }
    let mut function = Function {
        environment,
        state: None,
    };
    match timeout(BEGINS_WITHIN, function.state()).await {
        Ok(Ok(state)) => state.connect().await,
        Ok(Err(error)) => {
            tracing::error!(%error, "the hub cannot be opened; each request tries again")
        }
        Err(_) => tracing::error!("the hub cannot be opened in time; each request tries again"),
    }
    answer_all(&api, async |invocation| function.answer(invocation).await).await
}

/// Answers one invocation after the other, until the runtime is gone.
async fn answer_all(api: &RuntimeApi, mut answer: impl AsyncFnMut(&Invocation) -> Answer) -> Exit {
    loop {
        let invocation = match api.next().await {
            Ok(invocation) => invocation,
            Err(error) => {
                tracing::error!(%error, "the runtime gives no more invocations");
                return Exit::Failed;
            }
        };
        let span = tracing::error_span!("invocation", id = invocation.id);
        let answer = answer(&invocation).instrument(span).await;
        if let Err(error) = api.answer(&invocation.id, answer).await {
            tracing::error!(%error, "the answer cannot be given");
        }
    }
}

struct Function<'e> {
    environment: &'e [(String, String)],
    state: Option<Arc<State>>,
}

impl Function<'_> {
    /// What the invocations of the process share, made where it is not there yet.
    async fn state(&mut self) -> Result<Arc<State>, HubError> {
        if let Some(state) = &self.state {
            return Ok(Arc::clone(state));
        }
        let config = HubConfig::load(None, self.environment)?;
        let state = Arc::new(State::open(config).await?);
        self.state = Some(Arc::clone(&state));
        Ok(state)
    }

    /// What an invocation is answered with, at the latest when its time is nearly over.
    async fn answer(&mut self, invocation: &Invocation) -> Answer {
        let until = invocation.deadline - RESERVED;
        let event = match event::read(&invocation.event) {
            Ok(event) => event,
            Err(error) => return Failure::from(error).into_answer(),
        };
        let until = time_of(&event, until, Instant::now());
        let state = match timeout(until - Instant::now(), self.state()).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => return unopened(event, Failure::Hub(error)).await,
            Err(_) => return unopened(event, Failure::TimeIsOver).await,
        };
        // In a task of its own: a mistake in the program ends this invocation alone.
        let doing = tokio::spawn(do_event(event, state, until).in_current_span());
        let done = doing
            .await
            .unwrap_or_else(|stopped| Err(Failure::Stopped(stopped)));
        let stopped = tasks::end_by(until).await;
        if stopped > 0 {
            tracing::warn!(
                stopped,
                "the time was over before all was done that the request began"
            );
        }
        done.unwrap_or_else(Failure::into_answer)
    }
}

/// By when an event is to be answered.
fn time_of(event: &Event, until: Instant, now: Instant) -> Instant {
    match event {
        Event::Http(_) => until.min(now + ANSWERS_WITHIN),
        _ => until,
    }
}

async fn do_event(event: Event, state: Arc<State>, until: Instant) -> Result<Answer, Failure> {
    match event {
        Event::Http(request) => Ok(state.respond(*request, until).await),
        Event::Command(command) => work::command(&state, command, until).await,
        Event::Resource(resource) => custom_resource::answer(&state, &resource, until).await,
        Event::Trial => Ok(Answer::nothing()),
    }
}

/// The answer where there is no state to answer from.
async fn unopened(event: Event, why: Failure) -> Answer {
    tracing::error!(error = %why, "the hub cannot be opened");
    match event {
        Event::Http(request) => {
            let detail = "the hub cannot be opened; see the function's log, and try again";
            let problem = Problem::new(Code::Unavailable, detail).because(&why);
            http_event::refuse(request.form(), problem).await
        }
        Event::Resource(resource) => {
            custom_resource::fail(&resource, &why.to_string()).await;
            Answer::nothing()
        }
        _ => why.into_answer(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_answered_before_the_gateway_gives_up() {
        let now = Instant::now();
        let ends = |event: serde_json::Value, seconds| {
            let event = event::read(event.to_string().as_bytes()).unwrap();
            (time_of(&event, now + Duration::from_secs(seconds), now) - now).as_secs()
        };
        let request = json!({"requestContext": {}, "httpMethod": "GET", "path": "/"});
        assert_eq!(ends(request.clone(), 600), 28);
        assert_eq!(ends(request, 10), 10);
        assert_eq!(ends(json!({"command": "tick"}), 600), 600);
    }
}
