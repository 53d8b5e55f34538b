//! `/api/v1/sync`: how the sites stand, and where agents tell of new commits.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use causeway_shared::ids::{Seq, SiteName};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Role;
use crate::http::App;
use crate::http::callers::{Editor, Notifier, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::{IsoDate, JsonBody, PathOf, RangeParams, date_of_path};
use crate::scheduler::RefreshStatus;
use crate::services::days;
use crate::sync::{DateRange, SiteStatus, StoreProblem, Window};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SyncStatus {
    now: Timestamp,
    window: Window,
    /// Dates that stay loaded until they are unpinned.
    pinned: BTreeSet<Date>,
    store: String,
    /// Why the store could not be asked how far the sites are, or is another one than was loaded.
    #[schema(value_type = Option<String>)]
    store_error: Option<StoreProblem>,
    database: String,
    sites: Vec<SyncSite>,
    /// The hub's own rounds over the sites' logs.
    refresh: RefreshStatus,
}

#[derive(Debug, Serialize, ToSchema)]
struct SyncSite {
    #[serde(flatten)]
    status: SiteStatus,
    /// How old the loaded commit is.
    commit_age_seconds: Option<i64>,
}

/// Read how the sites stand.
#[utoipa::path(
    get,
    path = "/api/v1/sync",
    responses((status = 200, body = SyncStatus)),
)]
pub(super) async fn status(
    _: Reader,
    State(app): State<Arc<App>>,
) -> Result<Json<SyncStatus>, Problem> {
    let report = app.hub.full_status((app.clock)()).await?;
    let site = |status: SiteStatus| {
        let age = |at| report.now.duration_since(at).as_secs();
        SyncSite {
            commit_age_seconds: status.committed_at.map(age),
            status,
        }
    };
    Ok(Json(SyncStatus {
        now: report.now,
        window: report.window,
        pinned: report.pinned,
        store: report.store,
        store_error: report.store_error,
        // Also where another one stands in for it.
        database: app.database_name.clone(),
        sites: report.sites.into_iter().map(site).collect(),
        refresh: app.refresher.status(),
    }))
}

/// A site's new commit.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CommitNotice {
    site: SiteName,
    seq: Seq,
}

/// What becomes of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    accepted: bool,
}

/// Takes note that a site has a new commit: the next refresh begins at once. What is said is only
/// a reason to look, so that it may be late, wrong or repeated.
#[utoipa::path(
    post,
    path = "/api/v1/sync/notify",
    request_body = CommitNotice,
    responses((status = 202, body = Accepted), (status = 415)),
)]
pub(crate) async fn notify(
    Notifier(caller): Notifier,
    State(app): State<Arc<App>>,
    JsonBody(notice): JsonBody<CommitNotice>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    if caller.role == Role::Agent && caller.site.as_ref() != Some(&notice.site) {
        let detail = match &caller.site {
            Some(own) => format!("this token is for site {own}, not for {}", notice.site),
            None => format!(
                "this token names no site; make one with `causeway-hub token create --role agent \
                 --site {}`",
                notice.site
            ),
        };
        return Err(Problem::new(Code::Forbidden, detail));
    }
    tracing::debug!(site = %notice.site, seq = %notice.seq, by = caller.name, "told of a commit");
    app.hub.expect_site(notice.site);
    app.refresher.wake();
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted: true })))
}

/// Dates that are to be loaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DatesAsked {
    from: IsoDate,
    to: IsoDate,
    /// One site only.
    site: Option<SiteName>,
}

/// The dates that are loaded now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DatesLoaded {
    from: Date,
    to: Date,
    sites: Vec<SiteName>,
}

/// Loads dates beside the window, which stay as ones that were asked for.
#[utoipa::path(
    post,
    path = "/api/v1/sync/load",
    request_body = DatesAsked,
    responses((status = 200, body = DatesLoaded), (status = 404), (status = 415)),
)]
pub(super) async fn load(
    _: Editor,
    State(app): State<Arc<App>>,
    JsonBody(asked): JsonBody<DatesAsked>,
) -> Result<Json<DatesLoaded>, Problem> {
    let given = RangeParams {
        from: Some(asked.from),
        to: Some(asked.to),
    };
    let range = given.range()?.unwrap_or(DateRange::day(asked.from.0));
    days::require_kept(&app.hub, range)?;
    let views = app.hub.sites(asked.site.as_ref()).await?;
    let sites: Vec<SiteName> = views.into_iter().map(|view| view.site).collect();
    for site in &sites {
        app.hub.bring(site, range, (app.clock)()).await?;
    }
    Ok(Json(DatesLoaded {
        from: range.from(),
        to: range.to(),
        sites,
    }))
}

/// The dates that are pinned now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pinned {
    pinned: BTreeSet<Date>,
}

/// Pins a date, and answers when every site's rows of it are there.
#[utoipa::path(
    put,
    path = "/api/v1/sync/pins/{date}",
    params(("date" = String, Path, format = Date, description = "The date.", example = "2025-12-24")),
    responses((status = 200, body = Pinned), (status = 409)),
)]
pub(super) async fn pin(
    _: Editor,
    State(app): State<Arc<App>>,
    PathOf(date): PathOf<String>,
) -> Result<Json<Pinned>, Problem> {
    let pinned = days::pin(&app.hub, date_of_path(&date)?, (app.clock)()).await?;
    Ok(Json(Pinned { pinned }))
}

/// Unpins a date: the next refresh takes its rows out, unless something else keeps them.
#[utoipa::path(
    delete,
    path = "/api/v1/sync/pins/{date}",
    params(("date" = String, Path, format = Date, description = "The date.", example = "2025-12-24")),
    responses((status = 200, body = Pinned)),
)]
pub(super) async fn unpin(
    _: Editor,
    State(app): State<Arc<App>>,
    PathOf(date): PathOf<String>,
) -> Result<Json<Pinned>, Problem> {
    let pinned = app.hub.unpin(date_of_path(&date)?).await?;
    app.refresher.wake();
    Ok(Json(Pinned { pinned }))
}
