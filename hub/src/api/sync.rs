//! `/api/v1/sync`: how the sites stand, and where agents tell of new commits.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_shared::ids::{Seq, SiteName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::auth::Role;
use crate::http::App;
use crate::http::callers::{Notifier, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::Body;
use crate::scheduler::RefreshStatus;
use crate::sync::{SiteStatus, StatusReport};

/// How the sites stand.
#[derive(Debug, Serialize)]
pub(crate) struct Sync {
    #[serde(flatten)]
    report: Report,
    /// The hub's own rounds over the sites' logs.
    refresh: RefreshStatus,
}

#[derive(Debug, Serialize)]
struct Report {
    now: Timestamp,
    window: crate::sync::Window,
    store: String,
    database: String,
    sites: Vec<Site>,
}

/// How one site stands.
#[derive(Debug, Serialize)]
struct Site {
    #[serde(flatten)]
    status: SiteStatus,
    /// How old the loaded commit is.
    commit_age_seconds: Option<i64>,
}

impl From<StatusReport> for Report {
    fn from(report: StatusReport) -> Self {
        let site = |status: SiteStatus| {
            let age = status
                .committed_at
                .map(|at| report.now.duration_since(at).as_secs());
            Site {
                status,
                commit_age_seconds: age,
            }
        };
        Self {
            now: report.now,
            window: report.window,
            store: report.store,
            database: report.database,
            sites: report.sites.into_iter().map(site).collect(),
        }
    }
}

/// Answers with the sites, the window and the last refresh.
pub(crate) async fn status(_: Reader, State(app): State<Arc<App>>) -> Result<Json<Sync>, Problem> {
    let report = app.hub.full_status((app.clock)()).await?.into();
    Ok(Json(Sync {
        report,
        refresh: app.refresher.status(),
    }))
}

/// A site's new commit.
#[derive(Debug, Deserialize)]
pub(crate) struct News {
    site: SiteName,
    seq: Seq,
}

/// What becomes of it.
#[derive(Debug, Serialize)]
pub(crate) struct Accepted {
    accepted: bool,
}

/// Takes note that a site has a new commit: the next refresh begins at once. What is said is only
/// a reason to look, so that it may be late, wrong or repeated.
pub(crate) async fn notify(
    Notifier(caller): Notifier,
    State(app): State<Arc<App>>,
    Body(news): Body<News>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    if caller.role == Role::Agent && caller.site.as_ref() != Some(&news.site) {
        let detail = match &caller.site {
            Some(own) => format!("this token is for site {own}, not for {}", news.site),
            None => format!(
                "this token names no site; make one with `causeway-hub token create --role agent \
                 --site {}`",
                news.site
            ),
        };
        return Err(Problem::new(Code::Forbidden, detail));
    }
    tracing::debug!(site = %news.site, seq = %news.seq, by = caller.name, "told of a commit");
    app.hub.expect_site(news.site);
    app.refresher.wake();
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted: true })))
}
