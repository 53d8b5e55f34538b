//! AWS Lambda around a function that is tested: its runtime, which gives the process events and takes
//! answers, and a place for what the function tells CloudFormation. Between two invocations the process
//! is frozen, as AWS does it.

mod over_http;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use causeway_shared::runtime::{chance, clock};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub use over_http::serve_over_http;

use crate::deployment::Deployment;
use crate::{Program, Running};

/// How long an invocation may take where a test says nothing else.
const TIME: Duration = Duration::from_secs(30);
/// How long after the end of its time AWS would have killed the process.
const KILLED_AFTER: Duration = Duration::from_secs(2);

/// The runtime, and what it knows.
#[derive(Debug)]
struct Runtime {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    /// Who waits for the answer of an invocation.
    asked: Mutex<HashMap<String, oneshot::Sender<Result<Value, Value>>>>,
    /// What CloudFormation was told.
    told: Mutex<Vec<Value>>,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    event: String,
    time: Duration,
}

/// A function at work, and the runtime that it asks. Both end when it is dropped.
#[derive(Debug)]
pub struct Function {
    events: mpsc::UnboundedSender<Invocation>,
    runtime: Arc<Runtime>,
    address: String,
    /// Its process.
    pub process: Running,
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers, each once, in the order of their names.
    pub headers: Vec<(String, String)>,
    /// Its body, however it was sent.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Function {
    /// Starts the hub of a deployment as a function, with more variables in its environment.
    ///
    /// # Panics
    /// If there is no port for the runtime.
    pub async fn start(deployment: &Deployment, variables: &[(&str, &str)]) -> Self {
        Self::run(Program::new("causeway-hub"), deployment, variables).await
    }

    /// The same as a program that is given.
    ///
    /// # Panics
    /// If there is no port for the runtime.
    pub async fn run(
        program: Program,
        deployment: &Deployment,
        variables: &[(&str, &str)],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, waiting) = mpsc::unbounded_channel();
        let runtime = Arc::new(Runtime {
            events: tokio::sync::Mutex::new(waiting),
            asked: Mutex::default(),
            told: Mutex::default(),
        });
        let base = "/2018-06-01/runtime/invocation";
        let routes = Router::new()
            .route(&format!("{base}/next"), get(next))
            .route(&format!("{base}/{{id}}/response"), post(response))
            .route(&format!("{base}/{{id}}/error"), post(error))
            .route("/cloudformation", put(tell))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&runtime));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let process = program
            .envs([("AWS_LAMBDA_RUNTIME_API", &address)])
            .envs(variables.iter().copied())
            .current_dir(deployment.path(""))
            .spawn();
        Self {
            events,
            runtime,
            address,
            process,
        }
    }

    /// Invokes it: its answer.
    ///
    /// # Panics
    /// If the invocation fails.
    pub async fn invoke(&self, event: &Value) -> Value {
        let answer = self.try_invoke(event).await;
        answer.unwrap_or_else(|error| panic!("{error}: {}", self.process.stderr()))
    }

    /// Invokes it: its answer, or why it failed.
    ///
    /// # Errors
    /// What the function says of its failure.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn try_invoke(&self, event: &Value) -> Result<Value, Value> {
        self.invoke_for(event, TIME).await
    }

    /// The same with so much time for it.
    ///
    /// # Errors
    /// What the function says of its failure.
    ///
    /// # Panics
    /// If it does not answer in time, so that AWS would kill it.
    pub async fn invoke_for(&self, event: &Value, time: Duration) -> Result<Value, Value> {
        let id = chance::random_id().unwrap();
        let (told, answer) = oneshot::channel();
        self.runtime.asked().insert(id.clone(), told);
        self.process.thaw();
        let event = event.to_string();
        self.events.send(Invocation { id, event, time }).unwrap();
        let answered = timeout(time + KILLED_AFTER, answer).await;
        let answered = answered.unwrap_or_else(|_| {
            panic!("killed after {time:?}: {}", self.process.stderr());
        });
        self.process.freeze();
        answered.unwrap()
    }

    /// A request of payload 2.0, as function URLs send it, which has to be answered within `time`.
    ///
    /// # Panics
    /// If it is not, or its path has no form of a path.
    pub async fn http_for(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Value,
        time: Duration,
    ) -> HttpAnswer {
        let event = v2((method, path), headers, body);
        let answered = self.invoke_for(&event, time).await;
        http_answer(&answered.unwrap_or_else(|error| panic!("{error}")))
    }

    /// The same with a token, and all the time that it needs.
    pub async fn http(&self, token: &str, request: (&str, &str), body: Value) -> HttpAnswer {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", &*authorization),
            ("content-type", "application/json"),
        ];
        self.http_for(request, &headers, body, TIME).await
    }

    /// Where CloudFormation would be told.
    #[must_use]
    pub fn response_url(&self) -> String {
        format!("http://{}/cloudformation?signature=secret", self.address)
    }

    /// What CloudFormation was told since this was last asked.
    #[must_use]
    pub fn told(&self) -> Vec<Value> {
        std::mem::take(&mut *self.runtime.told.lock().unwrap())
    }
}

impl Runtime {
    fn asked(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Result<Value, Value>>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, id: &str, answer: Result<Value, Value>) -> StatusCode {
        match self.asked().remove(id) {
            Some(asked) => {
                let _ = asked.send(answer);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    let Some(invocation) = runtime.events.lock().await.recv().await else {
        return (StatusCode::GONE, HeaderMap::new(), String::new());
    };
    let time = i64::try_from(invocation.time.as_millis()).unwrap();
    let deadline = clock::now().as_millisecond() + time;
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
    ];
    let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    (
        StatusCode::OK,
        headers.into_iter().collect(),
        invocation.event,
    )
}

async fn response(
    State(runtime): State<Arc<Runtime>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    runtime.answered(&id, Ok(serde_json::from_slice(&body).unwrap()))
}

async fn error(
    State(runtime): State<Arc<Runtime>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    runtime.answered(&id, Err(serde_json::from_slice(&body).unwrap()))
}

async fn tell(State(runtime): State<Arc<Runtime>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // S3 refuses a type that the URL is not signed for.
    if headers
        .get("content-type")
        .is_some_and(|kind| !kind.is_empty())
    {
        return StatusCode::FORBIDDEN;
    }
    let told = serde_json::from_slice(&body).unwrap();
    runtime.told.lock().unwrap().push(told);
    StatusCode::OK
}

/// A recorded event, with `{{…}}` replaced.
///
/// # Panics
/// If there is no such file.
#[must_use]
pub fn recorded(name: &str, replace: &[(&str, &str)]) -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let file = file.join("fixtures/lambda").join(name);
    let mut text = fs::read_to_string(&file).unwrap();
    for (name, value) in replace {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A request as API Gateway's REST API sends it (payload 1.0).
#[must_use]
pub fn v1((method, path): (&str, &str), headers: &[(&str, &str)], body: Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut queries: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in reqwest::Url::parse(&format!("http://x/?{query}"))
        .unwrap()
        .query_pairs()
    {
        queries.entry(name.into()).or_default().push(value.into());
    }
    let headers: HashMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name, [value]))
        .collect();
    let mut event = recorded("api_gateway_v1.json", &[]);
    event["httpMethod"] = json!(method);
    event["path"] = json!(path);
    event["multiValueQueryStringParameters"] = json!(queries);
    event["queryStringParameters"] = Value::Null;
    event["multiValueHeaders"] = json!(headers);
    event["headers"] = Value::Null;
    event["body"] = body;
    event
}

/// A request as a function URL sends it (payload 2.0).
#[must_use]
pub fn v2((method, path): (&str, &str), headers: &[(&str, &str)], body: Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (cookies, headers): (Vec<_>, Vec<_>) =
        headers.iter().partition(|(name, _)| *name == "cookie");
    let cookies: Vec<_> = cookies.iter().map(|(_, value)| value).collect();
    let headers: HashMap<_, _> = headers.into_iter().collect();
    let mut event = recorded("function_url.json", &[]);
    event["requestContext"]["http"]["method"] = json!(method);
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!(query);
    event["headers"] = json!(headers);
    event["cookies"] = json!(cookies);
    event["body"] = body;
    event
}

/// What an answer of either form says.
///
/// # Panics
/// If it has neither.
#[must_use]
pub fn http_answer(answer: &Value) -> HttpAnswer {
    let mut headers = Vec::new();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.push((name.clone(), value.as_str().unwrap().to_owned()));
    }
    for (name, values) in answer["multiValueHeaders"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let values: Vec<_> = values.as_array().unwrap().iter().collect();
        let values: Vec<_> = values.iter().map(|value| value.as_str().unwrap()).collect();
        headers.push((name.clone(), values.join(", ")));
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.push(("set-cookie".to_owned(), cookie.as_str().unwrap().to_owned()));
    }
    headers.sort();
    let body = answer["body"].as_str().unwrap();
    HttpAnswer {
        status: u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap(),
        headers,
        body: match answer["isBase64Encoded"].as_bool().unwrap() {
            true => BASE64.decode(body).unwrap(),
            false => body.as_bytes().to_vec(),
        },
    }
}
