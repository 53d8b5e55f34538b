//! What an event asks, told by its form.
//!
//! | event | asks |
//! |---|---|
//! | API Gateway (payload 1.0 and 2.0), function URL | an answer over HTTP |
//! | S3's notification, EventBridge's of S3 | look: refresh and load |
//! | EventBridge's schedule, `{}` | archive |
//! | `{"command": …}` | that |
//! | CloudFormation's custom resource | make, or end |

use serde::Deserialize;
use serde_json::{Map, Value};

use super::custom_resource::ResourceEvent;
use super::http_event::HttpEvent;

/// What an event asks.
pub(super) enum Event {
    Http(Box<HttpEvent>),
    Command(Command),
    Resource(Box<ResourceEvent>),
    /// S3 looks whether its notifications would be taken.
    Trial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Command {
    Load,
    Archive,
    Flush,
    Status,
    Tick,
    Token,
    Vacuum,
}

/// An event that asks for nothing that is known here.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnknownEvent {
    #[error("the event is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    #[error("the event is no object; send {{\"command\": \"status\"}}, for one")]
    NoObject,
    #[error(
        "there is no command {0}; write load, archive, flush, status, tick, token or vacuum, as in {{\"command\": \"load\"}}"
    )]
    Command(Value),
    #[error(
        "events of {0} are not taken; those of S3, of EventBridge's schedules and of API Gateway are"
    )]
    Source(String),
    #[error("the {what} cannot be read: {source}")]
    Form {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("an event with {0} is none that is known here")]
    Fields(String),
}

/// # Errors
/// [`UnknownEvent`]
pub(super) fn read(event: &[u8]) -> Result<Event, UnknownEvent> {
    let event = serde_json::from_slice(event).map_err(UnknownEvent::NotJson)?;
    let fields = match event {
        Value::Object(fields) => fields,
        Value::Null => return Ok(Event::Command(Command::Archive)),
        _ => return Err(UnknownEvent::NoObject),
    };
    let has = |name: &str| fields.contains_key(name);
    if fields.is_empty() {
        return Ok(Event::Command(Command::Archive));
    }
    if let Some(command) = fields.get("command") {
        let known = Command::deserialize(command);
        let known = known.map_err(|_| UnknownEvent::Command(command.clone()))?;
        return Ok(Event::Command(known));
    }
    if has("RequestType") && has("ResponseURL") {
        let resource = form("custom resource's event", fields)?;
        return Ok(Event::Resource(Box::new(resource)));
    }
    if has("detail-type") {
        return of_event_bridge(&fields);
    }
    if has("requestContext") && (has("httpMethod") || has("rawPath")) {
        return Ok(Event::Http(Box::new(form("request", fields)?)));
    }
    if let Some(Value::Array(records)) = fields.get("Records") {
        let source = |record: &Value| match record.get("eventSource").and_then(Value::as_str) {
            Some("aws:s3") => None,
            source => Some(source.unwrap_or("nobody").to_owned()),
        };
        return match records.iter().find_map(source) {
            Some(other) => Err(UnknownEvent::Source(other)),
            None => Ok(Event::Command(Command::Load)),
        };
    }
    if fields.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Event::Trial);
    }
    let names: Vec<&str> = fields.keys().map(String::as_str).take(10).collect();
    Err(UnknownEvent::Fields(names.join(", ")))
}

fn of_event_bridge(fields: &Map<String, Value>) -> Result<Event, UnknownEvent> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("detail-type"), text("source")) {
        ("Scheduled Event", _) => Ok(Event::Command(Command::Archive)),
        (_, "aws.s3") => Ok(Event::Command(Command::Load)),
        (kind, source) => Err(UnknownEvent::Source(format!("{source} ({kind})"))),
    }
}

fn form<T: serde::de::DeserializeOwned>(
    what: &'static str,
    fields: Map<String, Value>,
) -> Result<T, UnknownEvent> {
    let form = serde_json::from_value(Value::Object(fields));
    form.map_err(|source| UnknownEvent::Form { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(event: &str) -> String {
        match read(event.as_bytes()) {
            Ok(Event::Http(_)) => "http".to_owned(),
            Ok(Event::Command(command)) => format!("{command:?}"),
            Ok(Event::Resource(_)) => "resource".to_owned(),
            Ok(Event::Trial) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn commands_are_known_by_name() {
        assert_eq!(asked(r#"{"command":"tick"}"#), "Tick");
        insta::assert_snapshot!(asked(r#"{"command":"drop"}"#), @r#"there is no command "drop"; write load, archive, flush, status, tick, token or vacuum, as in {"command": "load"}"#);
        insta::assert_snapshot!(asked(r#"{"command":7}"#), @r#"there is no command 7; write load, archive, flush, status, tick, token or vacuum, as in {"command": "load"}"#);
    }

    #[test]
    fn nothing_and_a_bare_schedule_mean_archive() {
        for event in [
            "{}",
            "null",
            r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#,
        ] {
            assert_eq!(asked(event), "Archive", "{event}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        insta::assert_snapshot!(asked("[1]"), @r#"the event is no object; send {"command": "status"}, for one"#);
        insta::assert_snapshot!(asked(r#"{"Records":[{"eventSource":"aws:sqs","body":"x"}]}"#), @"events of aws:sqs are not taken; those of S3, of EventBridge's schedules and of API Gateway are");
        insta::assert_snapshot!(asked(r#"{"detail-type":"RDS DB Instance Event","source":"aws.rds"}"#), @"events of aws.rds (RDS DB Instance Event) are not taken; those of S3, of EventBridge's schedules and of API Gateway are");
        insta::assert_snapshot!(asked(r#"{"hello":1,"world":2}"#), @"an event with hello, world is none that is known here");
        assert!(asked("{").starts_with("the event is not JSON: "));
        assert!(
            asked(r#"{"requestContext":{},"rawPath":7}"#)
                .starts_with("the request cannot be read: ")
        );
    }
}
