//! Appointments, listed.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::ids::SiteName;
use causeway_shared::value::Type;

use super::sites;
use super::statements::LISTED;
use crate::services::days::require_readable;
use crate::services::error::ServiceError;
use crate::services::fields::{require_value, text_value};
use crate::services::list::{List, Listing};
use crate::services::search::Search;
use crate::stats::meetassist::{APPOINTMENT, STATUS};
use crate::sync::{DateRange, Hub};

/// By date, time and number.
pub(super) static LIST: List = List {
    statement: LISTED,
    order: &["date", "time", "appointmentid"],
};

/// Which appointments are asked for.
#[derive(Debug, Clone)]
pub(crate) struct ListQuery {
    pub site: Option<SiteName>,
    pub dates: DateRange,
    pub status: Option<String>,
    pub consultantid: Option<i64>,
    pub customerid: Option<String>,
    /// What is looked for in the customer, the consultant's name and the description.
    pub q: String,
}

/// Appointments of some dates. Those that are not in the database are loaded.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn listing(hub: &Hub, query: &ListQuery) -> Result<Listing, ServiceError> {
    require_readable(hub, query.dates)?;
    let views = sites(hub, query.site.as_ref()).await?;
    for view in &views {
        let of = (APPOINTMENT, STATUS);
        require_value(&view.dataset, of, query.status.as_deref()).map_err(ServiceError::Invalid)?;
    }
    Ok(Listing {
        list: &LIST,
        sites: views,
        dates: Some(query.dates),
        filters: filters(query)?,
    })
}

/// The filters as parameters of the statement.
pub(super) fn filters(query: &ListQuery) -> Result<Vec<Option<String>>, ServiceError> {
    let customer = match &query.customerid {
        Some(id) => text_value(id, Type::Text)
            .map(|value| canonical_text(&value))
            .map_err(|message| ServiceError::invalid("customerid", message))?,
        None => None,
    };
    let [folded, digits, other, key] = Search::new("q", &query.q)?.parameters();
    Ok(vec![
        Some(query.dates.from().to_string()),
        Some(query.dates.to().to_string()),
        query.status.clone(),
        query.consultantid.map(|id| id.to_string()),
        customer,
        folded,
        digits,
        other,
        key,
    ])
}
