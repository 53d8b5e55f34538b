//! A stand-in for the calls of RDS, EventBridge and Lambda: its instance is a PostgreSQL cluster of the test's,
//! which it starts and stops.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::gateway::{HttpRequest, field, read_request};
use crate::testbed::{Cluster, Stop};

/// The names that it knows.
pub const INSTANCE: &str = "stack-database-1a2b";
/// The rule's.
pub const RULE: &str = "stack-archive-rule-1a2b";
/// The function's.
pub const FUNCTION: &str = "stack-function-1a2b";

/// The stand-in at work; it ends with the runtime it was started in.
#[derive(Debug)]
pub struct StandInAws {
    endpoint: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cluster: tokio::sync::Mutex<Cluster>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    instance: &'static str,
    rule: bool,
    /// What the function answers, and whether that is a failure of it.
    function: (String, bool),
    calls: Vec<String>,
}

impl StandInAws {
    /// Starts it with a cluster that is at work, and a rule that is off.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start(cluster: Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            cluster: tokio::sync::Mutex::new(cluster),
            state: Mutex::new(State {
                instance: "available",
                rule: false,
                function: ("{}".to_owned(), false),
                calls: Vec::new(),
            }),
        });
        let serving = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inner = Arc::clone(&serving);
                tokio::spawn(async move { serve(client, inner).await });
            }
        });
        Self { endpoint, inner }
    }

    /// The variables by which a program finds it, and what it knows.
    #[must_use]
    pub fn env(&self) -> [(&'static str, String); 5] {
        [
            ("CAUSEWAY_AWS__ENDPOINT", self.endpoint.clone()),
            ("CAUSEWAY_AWS__REGION", "ap-southeast-1".to_owned()),
            ("CAUSEWAY_AWS__INSTANCE", INSTANCE.to_owned()),
            ("CAUSEWAY_AWS__RULE", RULE.to_owned()),
            ("CAUSEWAY_AWS__FUNCTION", FUNCTION.to_owned()),
        ]
    }

    /// The calls since the last time, but for those that only look.
    ///
    /// # Panics
    /// If the stand-in did.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.state.lock().unwrap().calls)
    }

    /// How the instance stands.
    ///
    /// # Panics
    /// If the stand-in did.
    #[must_use]
    pub fn instance(&self) -> &'static str {
        self.inner.state.lock().unwrap().instance
    }

    /// What the function answers from now on, and whether it fails so.
    ///
    /// # Panics
    /// If the stand-in did.
    pub fn answer_of_function(&self, answer: &str, fails: bool) {
        self.inner.state.lock().unwrap().function = (answer.to_owned(), fails);
    }

    /// The instance starts by itself, as RDS starts it after seven days, or somebody at the console.
    ///
    /// # Panics
    /// If the cluster does not start.
    pub async fn start_instance(&self) {
        self.inner.start().await;
    }

    /// Somebody at the console stops it.
    ///
    /// # Panics
    /// If the stand-in did.
    pub async fn stop_instance(&self) {
        self.inner.stop().await;
    }
}

impl Inner {
    fn set(&self, instance: &'static str) {
        self.state.lock().unwrap().instance = instance;
    }

    async fn start(&self) {
        let mut cluster = self.cluster.lock().await;
        cluster.start_again().await.unwrap();
        self.set("available");
    }

    async fn stop(&self) {
        self.cluster.lock().await.stop(Stop::Fast).await;
        self.set("stopped");
    }
}

async fn serve(mut client: TcpStream, inner: Arc<Inner>) -> std::io::Result<()> {
    let Some(request) = read_request(&mut client).await? else {
        return Ok(());
    };
    let (status, header, body) = answer(&request, &inner);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Told\r\nContent-Length: {length}\r\nConnection: close\r\n{header}\r\n{body}"
    );
    client.write_all(answer.as_bytes()).await
}

/// Status, headers and body.
fn answer(request: &HttpRequest, inner: &Arc<Inner>) -> (u16, String, String) {
    let header = String::from_utf8_lossy(&request.header);
    let body = String::from_utf8_lossy(&request.body);
    let told = |body: &str| (200, String::new(), body.to_owned());
    let signature = field(&header, "authorization").unwrap_or_default();
    let is_signed_for =
        |service: &str| signature.contains(&format!("/ap-southeast-1/{service}/aws4_request"));
    let path = header.split(' ').nth(1).unwrap_or_default();
    let target = field(&header, "x-amz-target").unwrap_or_default();
    if !signature.starts_with("AWS4-HMAC-SHA256 Credential=") {
        return (
            403,
            String::new(),
            r#"{"__type":"MissingAuthenticationToken"}"#.into(),
        );
    }
    let mut state = inner.state.lock().unwrap();
    if path.starts_with("/2015-03-31/functions/") && is_signed_for("lambda") {
        if !path.contains(FUNCTION) {
            return (
                404,
                String::new(),
                r#"{"__type":"ResourceNotFoundException"}"#.into(),
            );
        }
        let kind = field(&header, "x-amz-invocation-type").unwrap_or_default();
        state.calls.push(format!("Invoke {kind} {body}"));
        let (answer, fails) = state.function.clone();
        return match (kind, fails) {
            ("Event", _) => (202, String::new(), String::new()),
            (_, true) => (200, "X-Amz-Function-Error: Unhandled\r\n".into(), answer),
            (_, false) => told(&answer),
        };
    }
    if target == "secretsmanager.GetSecretValue" && is_signed_for("secretsmanager") {
        let master = r#"{"username":"master","password":"hidden"}"#;
        return told(&serde_json::json!({ "SecretString": master }).to_string());
    }
    if let Some(call) = target
        .strip_prefix("AWSEvents.")
        .filter(|_| is_signed_for("events"))
    {
        if !body.contains(RULE) {
            return (
                400,
                String::new(),
                r#"{"__type":"ResourceNotFoundException"}"#.into(),
            );
        }
        if call == "DescribeRule" {
            let rule = if state.rule { "ENABLED" } else { "DISABLED" };
            return told(&format!(r#"{{"Name":"{RULE}","State":"{rule}"}}"#));
        }
        state.calls.push(call.to_owned());
        state.rule = call == "EnableRule";
        return told("{}");
    }
    if !is_signed_for("rds") || !body.contains(&format!("DBInstanceIdentifier={INSTANCE}")) {
        return refused(404, "DBInstanceNotFound");
    }
    let call = body
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    let call = call.unwrap_or_default().to_owned();
    let (from, to) = match call.as_str() {
        "StartDBInstance" => ("stopped", "starting"),
        "StopDBInstance" => ("available", "stopping"),
        _ => {
            let status = state.instance;
            let xml = format!(
                "<DescribeDBInstancesResponse><DBInstanceStatus>{status}</DBInstanceStatus></DescribeDBInstancesResponse>"
            );
            return told(&xml);
        }
    };
    if state.instance != from {
        return refused(400, "InvalidDBInstanceState");
    }
    state.instance = to;
    state.calls.push(call);
    let inner = Arc::clone(inner);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            match to {
                "starting" => inner.start().await,
                _ => inner.stop().await,
            }
        });
    });
    told("<Response/>")
}

fn refused(status: u16, code: &str) -> (u16, String, String) {
    let body = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>as it stands</Message></Error></ErrorResponse>"
    );
    (status, String::new(), body)
}
