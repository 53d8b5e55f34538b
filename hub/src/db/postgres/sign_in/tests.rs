use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::NoTls;

use super::*;

/// A server that lets in whoever brings the right password, and notes what was brought.
#[derive(Clone)]
struct Server {
    address: String,
    right: Arc<Mutex<&'static str>>,
    brought: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(right: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            right: Arc::new(Mutex::new(right)),
            brought: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(client).await.unwrap() });
            }
        });
        server
    }

    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let startup_bytes = client.read_u32().await? - 4;
        client
            .read_exact(&mut vec![0; startup_bytes as usize])
            .await?;
        // AuthenticationCleartextPassword, as RDS asks for a token.
        client.write_all(b"R\0\0\0\x08\0\0\0\x03").await?;
        client.read_u8().await?;
        let mut password = vec![0; (client.read_u32().await? - 4) as usize];
        client.read_exact(&mut password).await?;
        password.pop();
        let password = String::from_utf8(password).unwrap();
        let is_right = password == *self.right.lock().unwrap();
        self.brought.lock().unwrap().push(password);
        if is_right {
            // AuthenticationOk, ReadyForQuery.
            client.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await?;
            let _ = client.read(&mut [0; 64]).await;
            return Ok(());
        }
        let fields = b"SFATAL\0C28P01\0Mpassword authentication failed\0\0";
        client.write_all(b"E").await?;
        client
            .write_u32(u32::try_from(fields.len()).unwrap() + 4)
            .await?;
        client.write_all(fields).await
    }

    fn brought(&self) -> Vec<String> {
        std::mem::take(&mut self.brought.lock().unwrap())
    }

    async fn connect(&self, sign_in: &SignIn) -> Result<(), Error> {
        let url = format!("postgres://me@{}/causeway?sslmode=disable", self.address);
        let signing_in = SigningIn {
            tls: NoTls,
            sign_in: sign_in.clone(),
        };
        signing_in.connect(&url.parse().unwrap()).await.map(drop)
    }
}

type Asked = Arc<Mutex<(String, Vec<(HeaderMap, String)>)>>;

/// A stand-in for Secrets Manager: its address, and what it holds with what it was asked.
async fn secrets(password: &str) -> (String, Asked) {
    let asked: Asked = Arc::new(Mutex::new((password.to_owned(), Vec::new())));
    let answer = async |State(asked): State<Asked>, headers: HeaderMap, body: String| {
        let mut asked = asked.lock().unwrap();
        asked.1.push((headers, body));
        let secret = json!({ "username": "hub", "password": asked.0, "engine": "postgres" });
        json!({ "Name": "causeway", "SecretString": secret.to_string() }).to_string()
    };
    let routes = Router::new()
        .route("/", post(answer))
        .with_state(Arc::clone(&asked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, asked)
}

async fn by_secret(endpoint: &str) -> SignIn {
    let aws = Arc::new(Aws::for_tests(endpoint));
    let secret = aws.secret("causeway").await.unwrap();
    SignIn::Secret {
        aws,
        id: "causeway".to_owned(),
        known: Arc::new(RwLock::new(secret)),
    }
}

#[tokio::test]
async fn a_secret_is_asked_for_by_a_signed_call() {
    let (endpoint, asked) = secrets("p").await;
    by_secret(&endpoint).await;
    let (headers, body) = asked.lock().unwrap().1.remove(0);
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(text("x-amz-target"), "secretsmanager.GetSecretValue");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "SecretId": "causeway" })
    );
    let signed = text("authorization");
    assert!(
        signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{signed}"
    );
    assert!(
        signed.contains("/ap-southeast-1/secretsmanager/aws4_request"),
        "{signed}"
    );
    assert!(
        signed.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target"),
        "{signed}"
    );
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_when_the_old_one_is_refused() {
    let server = Server::start("first").await;
    let (endpoint, asked) = secrets("first").await;
    let sign_in = by_secret(&endpoint).await;
    server.connect(&sign_in).await.unwrap();
    assert_eq!(server.brought(), ["first"]);

    *server.right.lock().unwrap() = "second";
    asked.lock().unwrap().0 = "second".to_owned();
    server.connect(&sign_in).await.unwrap();
    assert_eq!(server.brought(), ["first", "second"]);
    server.connect(&sign_in).await.unwrap();
    assert_eq!(server.brought(), ["second"]);
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_not_tried_for_ever() {
    let server = Server::start("right").await;
    let (endpoint, _) = secrets("wrong").await;
    let sign_in = by_secret(&endpoint).await;
    let refused = server.connect(&sign_in).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INVALID_PASSWORD));
    assert_eq!(server.brought(), ["wrong"]);
    assert!(!format!("{refused:?} {sign_in:?}").contains("wrong"));
}

#[tokio::test]
async fn a_token_of_iam_is_the_password() {
    let server = Server::start("").await;
    let aws = Arc::new(Aws::for_tests("http://127.0.0.1:1"));
    let refused = server.connect(&SignIn::Iam { aws }).await;
    assert!(
        refused.is_err(),
        "the token is none that can be known beforehand"
    );
    let token = server.brought().remove(0);
    let asked = format!(
        "{}/?Action=connect&DBUser=me&X-Amz-Algorithm=AWS4-HMAC-SHA256&",
        server.address
    );
    assert!(token.starts_with(&asked), "{token}");
}

#[tokio::test]
async fn without_credentials_the_server_is_asked_without_a_password() {
    let server = Server::start("").await;
    let aws = Arc::new(Aws::for_tests("").without_credentials());
    let error = server.connect(&SignIn::Iam { aws }).await.unwrap_err();
    assert!(
        error.to_string().contains("password missing")
            || error.to_string().contains("configuration"),
        "{error}"
    );
}
