//! `/api/v1/imports`: files as the rows of a site that no agent writes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use causeway_shared::ids::SiteName;
use causeway_shared::runtime::chance::random_id;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::http::App;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, header_text};
use crate::import::dump::Dialect;
use crate::import::jobs::{Job, Running};
use crate::import::{GivenFile, ImportOptions, Importer};

/// The largest file that is taken.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// How long the next piece of a file may take to come.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

/// The name of a file that says none.
const SQL: &str = "import.sql";

/// The route whose body is a file: it goes to disk as it comes, whatever its size.
pub(crate) fn uploads() -> Router<Arc<App>> {
    Router::new().route("/api/v1/imports", post(begin))
}

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/api/v1/imports/{id}", get(one))
}

/// How to import, as a query says it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    site: SiteName,
    #[serde(default)]
    add: Flag,
    #[serde(default)]
    dry_run: Flag,
    #[serde(default)]
    take_over: Flag,
    #[serde(default)]
    allow_shrink: Flag,
    dialect: Option<Dialect>,
    /// The file's name: what it ends in tells what it is, and of CSV the rest which table.
    name: Option<String>,
}

/// A parameter that says yes by being there: `add`, `add=1`, `add=true`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
enum Flag {
    #[default]
    #[serde(rename = "false", alias = "0")]
    No,
    #[serde(rename = "true", alias = "1", alias = "")]
    Yes,
}

impl Flag {
    fn is_set(self) -> bool {
        matches!(self, Self::Yes)
    }
}

#[derive(Debug, Serialize)]
struct Begun {
    id: String,
}

/// Takes a file and begins to import it: 202 with the number under which it can be asked for.
async fn begin(
    Editor(caller): Editor,
    State(app): State<Arc<App>>,
    Params(asked): Params<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let kind = header_text(&headers, header::CONTENT_TYPE).unwrap_or_default();
    if kind.starts_with("application/json") || kind.starts_with("multipart/") {
        let detail = "the body is the file itself; send it with `Content-Type: application/sql` or `text/csv`";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let name = match asked.name {
        Some(name) => name,
        None if kind.starts_with("text/csv") => {
            let detail = "say which table the CSV is: `name=appointment.csv` in the query";
            return Err(Problem::new(Code::BadRequest, detail));
        }
        None => SQL.to_owned(),
    };
    let options = ImportOptions {
        site: asked.site,
        add: asked.add.is_set(),
        dry_run: asked.dry_run.is_set(),
        take_over: asked.take_over.is_set(),
        allow_shrink: asked.allow_shrink.is_set(),
        dialect: asked.dialect,
    };
    let id = random_id().map_err(failed)?;
    let jobs = &app.imports;
    let running = jobs.begin(id, options.site.clone(), name.clone(), options.dry_run);
    let running = running.ok_or_else(|| {
        Problem::new(
            Code::Busy,
            "other imports are under way; try again when one has ended",
        )
    })?;
    let upload = Upload::receive(body).await?;
    let begun = Begun {
        id: running.id().to_owned(),
    };
    tracing::info!(site = %options.site, file = name, by = caller.name, "importing");
    let file = GivenFile {
        path: upload.path.clone(),
        name,
        is_upload: true,
    };
    tokio::spawn(run(app, options, file, upload, running));
    Ok((StatusCode::ACCEPTED, Json(begun)).into_response())
}

async fn run(
    app: Arc<App>,
    options: ImportOptions,
    file: GivenFile,
    upload: Upload,
    running: Running,
) {
    let importer = Importer::of(&app.hub);
    let progress = running.progress();
    let ended = importer.run(vec![file], &options, progress).await;
    drop(upload);
    if let Err(error) = &ended {
        tracing::warn!(site = %options.site, %error, "nothing was imported");
    }
    let committed = ended
        .as_ref()
        .is_ok_and(|done| done.report.commit.is_some());
    running.end(ended);
    if committed {
        app.hub.expect_site(options.site);
        app.refresher.wake();
    }
}

/// Answers with how far an import is, and what came of it.
async fn one(
    _: Reader,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<Job>, Problem> {
    let job = app.imports.get(&id);
    job.map(Json).ok_or_else(|| {
        let detail = "this hub knows no such import since its start; to be sure, import the same file \
                      again: it changes nothing where it was done";
        Problem::new(Code::NotFound, detail)
    })
}

/// A file that came with a request, until it is dropped.
struct Upload {
    path: PathBuf,
    _folder: TempDir,
}

impl Upload {
    async fn receive(body: Body) -> Result<Self, Problem> {
        let folder = TempDir::with_prefix("causeway-upload-").map_err(failed)?;
        let path = folder.path().join("file");
        let mut file = File::create(&path).await.map_err(failed)?;
        let mut pieces = body.into_data_stream();
        let mut bytes = 0;
        loop {
            let piece = timeout(PIECE_WITHIN, pieces.next()).await.map_err(|_| {
                let detail = format!(
                    "no more of the file within {} seconds",
                    PIECE_WITHIN.as_secs()
                );
                Problem::new(Code::RequestTimeout, detail)
            })?;
            let Some(piece) = piece else { break };
            let piece = piece.map_err(|error| {
                Problem::new(
                    Code::BadRequest,
                    format!("the file did not come whole: {error}"),
                )
            })?;
            bytes += piece.len() as u64;
            if bytes > MAX_FILE_BYTES {
                let detail = "the file is larger than 1 GiB; use `causeway-hub import`";
                return Err(Problem::new(Code::TooLarge, detail));
            }
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        Ok(Self {
            path,
            _folder: folder,
        })
    }
}

fn failed(error: io::Error) -> Problem {
    let detail = "the file cannot be put by; see the hub's log";
    Problem::new(Code::Internal, detail).because(error)
}

#[cfg(test)]
mod tests;
