//! The page of the API: its OpenAPI document for people to read. It needs no script.
//!
//! It holds no data, so whoever writes a program may read it before they have a token.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use self::view::{Answer, Schema, Section};
use super::assets::address;
use super::language::{Language, ReaderLanguage};
use super::texts::{DocsTexts, Texts};
use super::{Visitor, html, prose, signed_in};
use crate::api::openapi::document;
use crate::http::App;
use crate::http::problem::Problem;

mod view;

#[derive(Debug, Template)]
#[template(path = "docs.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    d: &'static DocsTexts,
    /// `None`: nobody has signed in.
    is_signed_in: bool,
    visitor: Option<&'p str>,
    sections: Vec<Section<'p>>,
    /// What operations refuse.
    refusals: Vec<Answer<'p>>,
    schemas: Vec<Schema<'p>>,
}

/// Answers with the page.
pub(super) async fn page(
    visitor: Result<Visitor, Response>,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    let (language, t) = (reading.language, reading.language.texts());
    let caller = visitor.as_ref().ok().map(|Visitor(caller)| caller);
    let document: &Value = document()?;
    let page = html(&Page {
        language,
        t,
        d: &t.of_docs,
        is_signed_in: caller.is_some(),
        visitor: caller.and_then(|caller| signed_in(&app, caller)),
        sections: view::sections(document),
        refusals: view::answers(document, &document["components"]["responses"]),
        schemas: view::schemas(document),
    })?;
    Ok((reading.headers(), page).into_response())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};

    use super::*;
    use crate::serve::testbed::Testbed;

    #[tokio::test]
    async fn everybody_can_read_every_operation() {
        let bed = Testbed::new().await;
        let request = Request::get("/docs?lang=en").body(Body::empty());
        let page = bed.send(request.unwrap()).await;
        assert_eq!(page.status, StatusCode::OK);
        let document = document().unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.body.contains(&format!("id=\"{id}\"")), "{path} {id}");
            }
        }
        assert!(!page.body.contains("<script") && !page.body.contains("$ref"));
        assert!(
            page.body
                .contains("The <code>next</code> of the answer before.")
        );
        // Examples are as they come.
        let shown = page
            .body
            .split("<pre>")
            .map(|part| part.split("</pre>").last());
        assert!(shown.flatten().all(|prose| !prose.contains('`')));
    }
}
