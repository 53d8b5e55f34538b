//! `/api/v1/imports/uploads`: files that are too large for a request go to the store by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::callers::Editor;
use crate::http::problem::{Code, Problem};
use crate::http::request::JsonBody;
use crate::import::upload::MAX_FILE_BYTES;

/// How long a file may take until its upload begins.
const VALID_FOR: Duration = Duration::from_secs(10 * 60);

/// A file that is to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadAsked {
    /// The site, which no agent writes.
    site: SiteName,
    /// How many bytes it has, up to 1 GiB.
    #[schema(minimum = 1, maximum = 1_073_741_824)]
    bytes: u64,
    md5: Md5,
    ext: Extension,
}

/// What a file is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Extension {
    Sql,
    Csv,
}

/// How to upload it, within ten minutes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadSigned {
    /// Where to PUT it. An answer of 412 says that it is there already.
    url: String,
    /// The headers that the request has to have.
    headers: BTreeMap<String, String>,
    /// What to name it by when it is imported.
    key: String,
}

/// A file that was uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadedFile {
    /// As it was told when the upload was signed.
    key: String,
}

/// A file that was uploaded, by its key.
pub(super) struct Uploaded {
    pub(super) key: String,
    pub(super) md5: Md5,
    pub(super) extension: String,
}

/// Sign an upload of a file to the store, for exactly its bytes.
#[utoipa::path(
    post,
    path = "/api/v1/imports/uploads",
    request_body = UploadAsked,
    responses((status = 200, body = UploadSigned), (status = 409), (status = 413), (status = 415)),
)]
pub(super) async fn sign(
    _: Editor,
    State(app): State<Arc<App>>,
    JsonBody(asked): JsonBody<UploadAsked>,
) -> Result<Json<UploadSigned>, Problem> {
    if asked.bytes > MAX_FILE_BYTES {
        let detail = "the file is larger than 1 GiB; use `causeway-hub import`";
        return Err(Problem::new(Code::TooLarge, detail));
    }
    if asked.bytes == 0 {
        return Err(Problem::unreadable(
            "the body",
            "bytes",
            "the file is empty",
        ));
    }
    let extension = match asked.ext {
        Extension::Sql => "sql",
        Extension::Csv => "csv",
    };
    let key = layout::import_file(&asked.site, asked.md5, extension);
    let content = (asked.bytes, asked.md5);
    let signed = app.hub.store().sign_upload(&key, content, VALID_FOR).await;
    let Some(signed) = signed.map_err(crate::error::HubError::from)? else {
        let detail = "the store is a folder, which takes no uploads: send the file itself to POST /api/v1/imports";
        return Err(Problem::new(Code::NoUploads, detail));
    };
    Ok(Json(UploadSigned {
        url: signed.url,
        headers: signed.headers.into_iter().collect(),
        key,
    }))
}

/// The file that a body names.
pub(super) fn named(body: &[u8], site: &SiteName) -> Result<Uploaded, Problem> {
    let wrong =
        |member: &str, why: &dyn std::fmt::Display| Problem::unreadable("the body", member, why);
    let UploadedFile { key } = serde_json::from_slice(body).map_err(|error| wrong("", &error))?;
    let Some((of, md5, extension)) = layout::parse_import_file(&key) else {
        return Err(wrong("key", &"it is not of the form imports/SITE/MD5.EXT"));
    };
    if of != *site {
        return Err(wrong(
            "key",
            &format!("the file was uploaded for site {of}"),
        ));
    }
    let extension = extension.to_owned();
    Ok(Uploaded {
        md5,
        extension,
        key,
    })
}
