//! `GET /api/v1/sync/quarantine`: rows that the sites' agents refused, each with its reason.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use causeway_shared::ids::{Name, SiteName};
use causeway_shared::quarantine::RefusedRow;
use serde::{Deserialize, Serialize};

use crate::error::HubError;
use crate::http::App;
use crate::http::callers::Reader;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::sync::Quarantine;

/// Rows of an answer, unless its caller says otherwise.
const USUAL_LIMIT: usize = 50;

/// Most rows of an answer.
const MAX_LIMIT: usize = 500;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// One site; without it all.
    site: Option<SiteName>,
    /// One table; without it all.
    table: Option<Name>,
    limit: Option<usize>,
    /// The `next` of the answer before.
    cursor: Option<usize>,
}

/// Some refused rows, the newest first.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    items: Vec<Item>,
    /// The cursor of the rows after these; null after the last that is listed.
    next: Option<usize>,
    /// All refused rows, listed or not.
    total: u64,
    tables: Vec<Table>,
}

#[derive(Debug, Serialize)]
struct Item {
    site: SiteName,
    table: Name,
    #[serde(flatten)]
    row: RefusedRow,
}

/// How many rows of a table are refused.
#[derive(Debug, Serialize)]
struct Table {
    site: SiteName,
    table: Name,
    /// Null where the list cannot be read.
    total: Option<u64>,
    error: Option<String>,
}

/// Answers with refused rows.
pub(crate) async fn list(
    _: Reader,
    State(app): State<Arc<App>>,
    Params(asked): Params<Asked>,
) -> Result<Json<Page>, Problem> {
    let limit = asked.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("write a limit from 1 to {MAX_LIMIT}");
        return Err(Problem::bad_request(detail));
    }
    let mut found = Vec::new();
    for view in app.hub.sites(asked.site.as_ref()).await? {
        let quarantine = app.hub.quarantine(&view.site, (app.clock)()).await;
        found.push((view.site, quarantine.map_err(HubError::from)?));
    }
    let is_asked = |table: &Name| asked.table.as_ref().is_none_or(|asked| asked == table);
    let tables = found
        .iter()
        .flat_map(|(site, quarantine)| totals(site, quarantine))
        .filter(|of| is_asked(&of.table));
    let tables: Vec<Table> = tables.collect();
    let mut items: Vec<Item> = found
        .iter()
        .flat_map(|(site, quarantine)| rows(site, quarantine))
        .filter(|item| is_asked(&item.table))
        .collect();
    items.sort_by_key(|item| Reverse(item.row.since));
    let start = asked.cursor.unwrap_or(0).min(items.len());
    let end = items.len().min(start.saturating_add(limit));
    Ok(Json(Page {
        next: (end < items.len()).then_some(end),
        items: items.drain(start..end).collect(),
        total: tables.iter().filter_map(|of| of.total).sum(),
        tables,
    }))
}

fn totals<'q>(site: &'q SiteName, quarantine: &'q Quarantine) -> impl Iterator<Item = Table> + 'q {
    quarantine.iter().map(|(table, rows)| Table {
        site: site.clone(),
        table: table.clone(),
        total: rows.as_ref().ok().map(|rows| rows.total),
        error: rows.as_ref().err().cloned(),
    })
}

fn rows<'q>(site: &'q SiteName, quarantine: &'q Quarantine) -> impl Iterator<Item = Item> + 'q {
    let readable = quarantine
        .iter()
        .filter_map(|(table, rows)| Some((table, rows.as_ref().ok()?)));
    readable.flat_map(|(table, rows)| {
        rows.listed.iter().map(|row| Item {
            site: site.clone(),
            table: table.clone(),
            row: row.clone(),
        })
    })
}
