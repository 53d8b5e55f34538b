//! `/api/v1/database`: what tables there are, and how much is in them. There is no SQL here.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::SiteName;
use causeway_shared::limits;
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument as _;
use utoipa::ToSchema;

use super::overview::SitesParams;
use crate::control::{Control, DatabaseState};
use crate::error::HubError;
use crate::http::callers::{Editor, Reader};
use crate::http::problem::{Code, Problem};
use crate::http::request::Params;
use crate::http::{App, absence};
use crate::services::database::{self, TableStats};
use crate::sleep::{SleepError, ask_to_wake, fall_asleep};
use crate::tasks;

/// How long transactions that are open are waited for.
const WRITERS_WAIT: Duration = Duration::from_secs(10);

/// The datasets of the sites.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Schemas {
    items: Vec<Schema>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Schema {
    site: SiteName,
    /// As a dataset file declares it, defaults left out.
    #[schema(value_type = Object)]
    dataset: Value,
}

/// Read the tables of the sites: columns, types, keys and rules.
#[utoipa::path(
    get,
    path = "/api/v1/database/schema",
    params(SitesParams),
    responses((status = 200, body = Schemas), (status = 404)),
)]
pub(super) async fn schema(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<SitesParams>,
) -> Result<Json<Schemas>, Problem> {
    let views = app.hub.sites(of.site.as_ref()).await?;
    let schema = |(site, dataset): (SiteName, Arc<Dataset>)| {
        let parsed = serde_json::from_str(dataset.canonical_json());
        let dataset = parsed.map_err(|error| {
            let detail = format!("the dataset of site {site} cannot be shown; see the hub's log");
            Problem::new(Code::Internal, detail).because(error)
        })?;
        Ok(Schema { site, dataset })
    };
    let views = views.into_iter().map(|view| (view.site, view.dataset));
    let items = views.map(schema).collect::<Result<_, Problem>>()?;
    Ok(Json(Schemas { items }))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stats {
    /// Which database, without its password.
    database: String,
    /// What all tables take.
    bytes: u64,
    items: Vec<TableStats>,
}

/// Read what the tables of the sites hold and take.
#[utoipa::path(
    get,
    path = "/api/v1/database/stats",
    params(SitesParams),
    responses((status = 200, body = Stats), (status = 404)),
)]
pub(super) async fn stats(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(of): Params<SitesParams>,
) -> Result<Json<Stats>, Problem> {
    let sites = database::stats(&app.hub, of.site.as_ref()).await?;
    let items: Vec<TableStats> = sites.into_iter().flat_map(|of| of.tables).collect();
    Ok(Json(Stats {
        database: app.database_name.clone(),
        bytes: limits::total(items.iter().filter_map(|table| table.bytes)),
        items,
    }))
}

/// Read whether the database is awake, sleeps or is being woken.
#[utoipa::path(
    get,
    path = "/api/v1/database/sleep",
    responses((status = 200, body = DatabaseState)),
)]
pub(super) async fn state(
    _: Reader,
    State(app): State<Arc<App>>,
) -> Result<Json<DatabaseState>, Problem> {
    Ok(Json(state_of(&app).await?))
}

/// Put the database to sleep: all that it has is taken to the store, and its server is stopped. Transactions that are
/// open are waited for, for ten seconds.
#[utoipa::path(
    post,
    path = "/api/v1/database/sleep",
    responses((status = 200, body = DatabaseState), (status = 409)),
)]
pub(super) async fn sleep(
    _: Editor,
    State(app): State<Arc<App>>,
) -> Result<Json<DatabaseState>, Problem> {
    put_to_sleep(&app).await?;
    Ok(Json(state_of(&app).await?))
}

/// Have the database woken. It takes minutes until it takes changes; reads are answered meanwhile.
#[utoipa::path(
    post,
    path = "/api/v1/database/wake",
    responses((status = 200, body = DatabaseState)),
)]
pub(super) async fn wake(
    _: Editor,
    State(app): State<Arc<App>>,
) -> Result<Json<DatabaseState>, Problem> {
    have_woken(&app).await?;
    Ok(Json(state_of(&app).await?))
}

async fn state_of(app: &App) -> Result<DatabaseState, Problem> {
    let control = Control::read(app.hub.store()).await;
    Ok(control.map_err(HubError::from)?.state)
}

/// Puts the database to sleep, unless it sleeps already.
///
/// # Errors
/// Where it has to stay awake.
pub(crate) async fn put_to_sleep(app: &Arc<App>) -> Result<(), Problem> {
    if absence::why().is_some() {
        return Ok(());
    }
    let own = Arc::clone(app);
    // Whoever asks may go away, and the middle is no place to stop.
    let sleeping = async move {
        fall_asleep(&own.hub, &own.archive, WRITERS_WAIT, own.clock).await?;
        own.standby.look(&own).await;
        Ok::<_, SleepError>(())
    };
    let slept = tasks::spawn(sleeping.in_current_span()).await;
    slept.map_err(|stopped| {
        let detail = "it stopped in its middle; see the hub's log";
        Problem::new(Code::Internal, detail).because(stopped)
    })??;
    Ok(())
}

/// Has the database woken, if it sleeps.
///
/// # Errors
/// Where nobody can be asked to.
pub(crate) async fn have_woken(app: &App) -> Result<(), Problem> {
    ask_to_wake(&app.hub, (app.clock)()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::serve::testbed::{Testbed, json_of};

    #[tokio::test]
    async fn the_declared_tables_are_shown() {
        let bed = Testbed::with_a_shop().await;
        let schema = json_of(&bed.get("/api/v1/database/schema").await);
        let shown = &schema["items"][0];
        assert_eq!(
            (shown["site"].as_str(), shown["dataset"]["name"].as_str()),
            (Some("here"), Some("shop"))
        );
        let item = shown["dataset"]["table"].as_array().unwrap();
        let item = item.iter().find(|table| table["name"] == "item").unwrap();
        assert_eq!(item["key"], serde_json::json!(["id"]));
    }

    #[tokio::test]
    async fn rows_are_counted_in_all_history_and_in_the_database() {
        let bed = Testbed::with_a_day(&["hcm-01", "hcm-02"]).await;
        let stats = json_of(&bed.get("/api/v1/database/stats?site=hcm-01").await);
        let items = stats["items"].as_array().unwrap();
        let table = |name: &str| items.iter().find(|of| of["table"] == name).unwrap();
        assert_eq!(
            table("consultant")["rows"]["known"],
            table("consultant")["rows"]["loaded"]
        );
        assert!(table("appointment")["bytes"].as_u64() > Some(0));
        assert!(items.iter().all(|of| of["site"] == "hcm-01"));
        let sum: u64 = items.iter().filter_map(|of| of["bytes"].as_u64()).sum();
        assert_eq!(stats["bytes"], sum);
        assert_eq!(
            bed.get("/api/v1/database/stats?site=nowhere").await.status,
            404
        );
    }
}
