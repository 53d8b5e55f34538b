//! An HTTP API in front of a function, for a browser.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::{Function, http_answer, v2};

/// Headers of one connection, which the server sets itself.
const PER_CONNECTION_HEADERS: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

/// Serves a function over HTTP, one request after the other, as there is one process: its address.
///
/// # Panics
/// If there is no port for it.
pub async fn serve_over_http(function: Arc<Mutex<Function>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(move |request: Request| {
        let function = Arc::clone(&function);
        async move { pass_on(&*function.lock().await, request).await }
    });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn pass_on(function: &Function, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let headers = parts.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let request = (parts.method.as_str(), path);
    let mut event = v2(request, &headers, json!(BASE64.encode(&body)));
    event["isBase64Encoded"] = json!(true);
    let answered = http_answer(&function.invoke(&event).await);
    let mut response = Response::builder().status(answered.status);
    for (name, value) in answered.headers {
        if !PER_CONNECTION_HEADERS.contains(&name.as_str()) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answered.body)).unwrap()
}
