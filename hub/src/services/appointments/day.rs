//! What the dashboard's page of a day shows.

use causeway_shared::commit::Owner;
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;
use jiff::Timestamp;
use jiff::civil::Date;

use super::history::by_id;
use super::list::{LIST, ListQuery, filters};
use super::sites;
use super::statements::CUSTOMERS;
use crate::services::error::ServiceError;
use crate::services::list::{Listed, Position};
use crate::services::record::{Record, read_dates};
use crate::services::schedule::{self, SLOTS};
use crate::services::search::Search;
use crate::sync::{DateRange, Hub, SiteView};

/// Most appointments of a page.
const MAX_APPOINTMENTS: usize = 500;
/// Most slots of a page.
const MAX_SLOTS: usize = 5_000;
/// Most customers that are offered.
pub(crate) const MAX_CUSTOMERS: usize = 50;

/// What is asked of a day.
#[derive(Debug, Clone, Default)]
pub(crate) struct DayQuery {
    /// Without it the first site that has appointments.
    pub site: Option<SiteName>,
    /// Without it today.
    pub date: Option<Date>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Part of a customer's name, e-mail address or telephone number, or their id.
    pub find: String,
    /// An appointment that is to be moved to the day.
    pub moves: Option<i64>,
}

/// A day of a site.
#[derive(Debug)]
pub(crate) struct DayPage {
    pub date: Date,
    pub today: Date,
    /// The sites that have appointments, this page's first where none was named.
    pub sites: Vec<SiteName>,
    pub site: SiteName,
    pub writes: Writes,
    pub rows: DayRows,
    /// The appointment that is to be moved to the day.
    pub moving: Option<Record>,
}

/// The rows of a day.
#[derive(Debug, Default)]
pub(crate) struct DayRows {
    pub appointments: Listed,
    /// All slots, by time.
    pub slots: Vec<Record>,
    /// Customers that were looked for, by name; one more than [`MAX_CUSTOMERS`] where there are more.
    pub customers: Vec<Record>,
}

impl DayRows {
    /// The slots that can be booked, those that have begun too, by consultant and time.
    pub(crate) fn free_slots(&self) -> Vec<&Record> {
        let slots = self.slots.iter();
        let mut free: Vec<&Record> = slots.filter(|slot| schedule::is_bookable(slot)).collect();
        free.sort_by_key(|slot| {
            let number = match slot.value("consultantid") {
                Value::Int(number) => *number,
                _ => 0,
            };
            (slot.text("consultantname"), number)
        });
        free
    }
}

/// Whether a site's rows can be changed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Writes {
    Taken,
    /// Not yet: the hub has to read first what the store holds.
    NotYet,
    /// The hub's configuration forbids it.
    Never,
    /// Another database's edits count.
    Elsewhere(Owner),
}

/// Reads a day.
///
/// # Errors
/// [`ServiceError::NotFound`] where no site has appointments, or a failure of the database.
pub(crate) async fn day(
    hub: &Hub,
    asked: &DayQuery,
    now: Timestamp,
) -> Result<DayPage, ServiceError> {
    let views = sites(hub, None).await?;
    let is_asked = |view: &&SiteView| asked.site.as_ref().is_none_or(|site| view.site == *site);
    let Some(view) = views.iter().find(is_asked) else {
        // Says why.
        return Err(match sites(hub, asked.site.as_ref()).await {
            Err(error) => error,
            Ok(_) => ServiceError::NotFound("the site has just been loaded".to_owned()),
        });
    };
    let today = super::today(hub, now);
    let date = asked.date.unwrap_or(today);
    let moving = match asked.moves {
        Some(id) => Some(by_id(hub, Some(&view.site), id, now).await?),
        None => None,
    };
    Ok(DayPage {
        date,
        moving,
        today,
        writes: writes(hub, view).await,
        rows: rows(hub, view, asked, date, now).await?,
        site: view.site.clone(),
        sites: views.iter().map(|view| view.site.clone()).collect(),
    })
}

async fn rows(
    hub: &Hub,
    view: &SiteView,
    asked: &DayQuery,
    date: Date,
    now: Timestamp,
) -> Result<DayRows, ServiceError> {
    let day = DateRange::day(date);
    let query = ListQuery {
        site: None,
        dates: day,
        status: None,
        consultantid: None,
        customerid: None,
        q: String::new(),
    };
    let after = asked.cursor.as_deref();
    let after = after.map(|cursor| Position::parse(cursor, &LIST));
    let after = after.transpose()?;
    let looked_for = Search::new("find", &asked.find)?.parameters().into_iter();
    let most = Some((MAX_CUSTOMERS + 1).to_string());
    let customers: Vec<_> = looked_for.chain([most]).collect();
    let statements = [
        SLOTS.asked(
            &schedule::filters(day, None, super::local(hub, now)),
            None,
            MAX_SLOTS,
        ),
        CUSTOMERS.with(&customers),
        LIST.asked(&filters(&query)?, after.as_ref(), MAX_APPOINTMENTS + 1),
    ];
    let found = read_dates(hub, view, day, &statements, now).await?;
    let mut found = found.into_iter();
    let mut slots = Listed::default();
    slots.add(&SLOTS, found.next().unwrap_or_default());
    let mut rows = DayRows {
        slots: slots.items,
        customers: found.next().unwrap_or_default(),
        appointments: Listed::default(),
    };
    rows.appointments.add(&LIST, found.flatten().collect());
    rows.appointments.cut(&LIST, MAX_APPOINTMENTS);
    Ok(rows)
}

/// Whether a site's rows can be changed here.
pub(super) async fn writes(hub: &Hub, view: &SiteView) -> Writes {
    if view.edits.writable {
        return Writes::Taken;
    }
    let own = hub.database().identity().await.ok();
    match view.edits.head.as_ref().map(|head| &head.writer) {
        Some(owner) if own.is_none_or(|own| own.id != owner.id) => Writes::Elsewhere(owner.clone()),
        _ if !hub.config().edits.write => Writes::Never,
        _ => Writes::NotYet,
    }
}
