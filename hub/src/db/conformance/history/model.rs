//! A counselling service as plain rows: what site and cloud did to them, and what that comes to.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::dataset::Dataset;
use causeway_shared::value::{Type, Value};
use fastrand::Rng;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use crate::testing::{Outcome, TestHub, TestSite};

pub(super) const CUSTOMERS: [&str; 4] = ["c0", "c1", "c2", "c3"];
const STATUSES: [&str; 3] = ["completed", "cancelled", "confirmed"];

/// An appointment as everybody should see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Visit {
    pub(super) consultant: Option<i64>,
    pub(super) customer: &'static str,
    pub(super) date: Date,
    pub(super) hour: i64,
    pub(super) status: &'static str,
    pub(super) rating: Option<f64>,
    /// What the site says of its status, where the cloud changed it.
    site_status: Option<&'static str>,
    /// Whether the site has it.
    at_site: bool,
    /// Whether the cloud deleted it.
    pub(super) gone: bool,
}

pub(super) struct Model {
    pub(super) site: TestSite,
    pub(super) visits: BTreeMap<i64, Visit>,
    /// Consultant, date and hour, by number.
    pub(super) slots: BTreeMap<i64, (i64, Date, i64)>,
    pub(super) rng: Rng,
    /// What the last commit has: records by table and date.
    committed: BTreeMap<(&'static str, Date), Vec<String>>,
}

impl Model {
    /// A site of thirty days around the window, and one of ten years before.
    pub(super) async fn new(test: &TestHub, seed: u64) -> Outcome<Self> {
        let mut site = TestSite::of(&test.store, "here", Dataset::meetassist()?)?;
        let customers = CUSTOMERS
            .map(|id| format!("{id},Name of {id},{id}@example.vn,,,2025-01-01T00:00:00,false,"));
        let customers: Vec<&str> = customers.iter().map(String::as_str).collect();
        // Their buckets do not matter here: nothing looks for them by key in the store.
        site.put_summed("customer", "b=00of16", &customers).await?;
        let consultants = [1, 2, 3].map(|id| {
            format!(
                "{id},Consultant {id},k{id}@example.vn,,,,,2020-01-01,2020-01-01T00:00:00,false"
            )
        });
        let consultants: Vec<&str> = consultants.iter().map(String::as_str).collect();
        site.put_summed("consultant", "b=0of1", &consultants)
            .await?;
        let mut model = Self {
            site,
            visits: BTreeMap::new(),
            slots: BTreeMap::new(),
            rng: Rng::with_seed(seed),
            committed: BTreeMap::new(),
        };
        for _ in 0..60 {
            model.bear();
        }
        model.commit().await?;
        Ok(model)
    }

    fn date(&mut self) -> Date {
        match self.rng.u8(..8) {
            0 => date(2015, 6, 1),
            1 => date(2025, 11, 28),
            _ => {
                let days = self.rng.i64(0..30);
                date(2025, 11, 13).saturating_add(days.days())
            }
        }
    }

    /// Somebody's free hour on a date, and whose.
    fn free(&mut self, date: Date) -> (Option<i64>, i64) {
        loop {
            let consultant = Some(self.rng.i64(0..4)).filter(|id| *id > 0);
            let hour = self.rng.i64(8..20);
            let is_taken = consultant.is_some()
                && self.visits.values().any(|visit| {
                    (visit.consultant, visit.date, visit.hour) == (consultant, date, hour)
                });
            if !is_taken {
                return (consultant, hour);
            }
        }
    }

    fn visit(&mut self) -> Visit {
        let date = self.date();
        let (consultant, hour) = self.free(date);
        Visit {
            consultant,
            customer: CUSTOMERS[self.rng.usize(..CUSTOMERS.len())],
            date,
            hour,
            status: "pending",
            rating: None,
            site_status: None,
            at_site: false,
            gone: false,
        }
    }

    /// The site bears an appointment, some of them with feedback, and a slot.
    fn bear(&mut self) {
        let rating = self
            .rng
            .bool()
            .then(|| f64::from(self.rng.u8(0..=10)) / 2.0);
        let visit = Visit {
            status: STATUSES[self.rng.usize(..STATUSES.len())],
            rating,
            at_site: true,
            ..self.visit()
        };
        let hour = if self.rng.bool() { visit.hour } else { 7 };
        let slot = (visit.consultant.unwrap_or(1), visit.date, hour);
        let id = self.visits.range(..1_000).count() as i64 + 1;
        if !self.slots.values().any(|other| *other == slot) {
            self.slots.insert(id, slot);
        }
        self.visits.insert(id, visit);
    }

    /// One of the appointments that pass a test.
    fn pick(&mut self, passes: impl Fn(&Visit) -> bool) -> Option<i64> {
        let ids = self.visits.iter().filter(|(_, visit)| passes(visit));
        let ids: Vec<i64> = ids.map(|(id, _)| *id).collect();
        self.rng.choice(ids)
    }

    /// The site changes something.
    pub(super) fn change_at_site(&mut self) {
        let is_own = |visit: &Visit| visit.at_site && visit.site_status.is_none();
        match self.rng.u8(..4) {
            0 => self.bear(),
            1 => {
                if let Some(id) = self.pick(|visit| is_own(visit) && !visit.gone)
                    && let Some(visit) = self.visits.get_mut(&id)
                {
                    visit.status = "completed";
                }
            }
            2 => {
                // To another date, whatever the cloud did to it.
                let Some(id) = self.pick(|visit| visit.at_site) else {
                    return;
                };
                let date = self.date();
                let (consultant, hour) = self.free(date);
                if let Some(visit) = self.visits.get_mut(&id) {
                    (visit.date, visit.consultant, visit.hour) = (date, consultant, hour);
                }
            }
            _ => {
                let Some(id) = self.pick(|visit| visit.at_site && visit.rating.is_none()) else {
                    return;
                };
                if let Some(visit) = self.visits.get_mut(&id) {
                    visit.at_site = false;
                    // What the cloud changed it keeps.
                    visit.gone |= visit.site_status.is_none();
                }
            }
        }
    }

    /// Somebody changes something in the cloud: what is loaded, or a birth on any date.
    pub(super) async fn change_in_cloud(&mut self, test: &TestHub) -> Outcome {
        let loaded = test.database.stored(self.site.name()).await?.loaded;
        let loaded = loaded
            .iter()
            .filter(|(key, mark)| key.0.as_str() == "appointment" && mark.version.is_some());
        let loaded: BTreeSet<Date> = loaded.filter_map(|(key, _)| key.1.date()).collect();
        let is_there = |visit: &Visit| !visit.gone && loaded.contains(&visit.date);
        let database = &test.database;
        let dataset = self.site.dataset().clone();
        let begun = database.begin_write(self.site.name(), &dataset, "admin/lan");
        let mut write = begun.await?;
        let sql = match self.rng.u8(..3) {
            0 => {
                let visit = self.visit();
                let table = dataset.table("appointment").ok_or("no such table")?;
                let column = |name: &str| table.column(name).unwrap_or(usize::MAX);
                let text = |text: &str| Value::Text(text.to_owned().into());
                let mut values = vec![
                    (column("customerid"), text(visit.customer)),
                    (column("date"), Value::Date(visit.date)),
                    (column("time"), Value::Time(time(visit.hour))),
                ];
                if let Some(consultant) = visit.consultant {
                    values.push((column("consultantid"), Value::Int(consultant)));
                }
                let row = write.insert(table, &values).await?;
                write.commit().await?;
                let Value::Int(id) = row[0] else {
                    return Err("a row without a key".into());
                };
                self.visits.insert(id, visit);
                return Ok(());
            }
            1 => match self.pick(|visit| is_there(visit) && visit.status == "confirmed") {
                None => return Ok(()),
                Some(id) => {
                    if let Some(visit) = self.visits.get_mut(&id) {
                        visit.site_status = visit.at_site.then_some(visit.status);
                        visit.status = "cancelled";
                    }
                    format!(
                        "UPDATE appointment SET status = 'cancelled' WHERE appointmentid = {id}"
                    )
                }
            },
            _ => match self.pick(|visit| is_there(visit) && visit.rating.is_none()) {
                None => return Ok(()),
                Some(id) => {
                    if let Some(visit) = self.visits.get_mut(&id) {
                        visit.gone = true;
                    }
                    format!("DELETE FROM appointment WHERE appointmentid = {id}")
                }
            },
        };
        let sql = format!("{sql} RETURNING appointmentid");
        let changed = write.query(&sql, &[], &[Type::Int]).await?;
        assert_eq!(changed.len(), 1, "{sql}");
        Ok(write.commit().await?)
    }

    /// The site commits what changed.
    pub(super) async fn commit(&mut self) -> Outcome {
        let mut now: BTreeMap<(&'static str, Date), Vec<String>> = BTreeMap::new();
        for (id, visit) in self.visits.iter().filter(|(_, visit)| visit.at_site) {
            let status = visit.site_status.unwrap_or(visit.status);
            let consultant = visit.consultant.map_or(String::new(), |id| id.to_string());
            let (customer, date, time) = (visit.customer, visit.date, time(visit.hour));
            now.entry(("appointment", date)).or_default().push(format!(
                "{id},{consultant},{customer},{date},{time},60,,{status},,2025-01-01T00:00:00,"
            ));
            if let Some(rating) = visit.rating {
                let record = format!("{id},{rating:?},,2025-01-01T00:00:00");
                let of_date = now.entry(("appointmentfeedback", date));
                of_date.or_default().push(record);
            }
        }
        for (id, (consultant, date, hour)) in &self.slots {
            let (from, to) = (time(*hour), time(*hour + 1));
            let record = format!("{id},{consultant},{date},{from},{to},true");
            let of_date = now.entry(("consultantschedule", *date));
            of_date.or_default().push(record);
        }
        for ((table, date), records) in &now {
            if self.committed.get(&(*table, *date)) != Some(records) {
                let records: Vec<&str> = records.iter().map(String::as_str).collect();
                let part = format!("dt={date}");
                self.site.put_summed(table, &part, &records).await?;
            }
        }
        for (table, date) in self.committed.keys().filter(|key| !now.contains_key(key)) {
            self.site.remove(table, &format!("dt={date}"))?;
        }
        self.committed = now;
        self.site.commit().await
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = (i64, &Visit)> {
        let visits = self.visits.iter().filter(|(_, visit)| !visit.gone);
        visits.map(|(id, visit)| (*id, visit))
    }
}

pub(super) fn time(hour: i64) -> jiff::civil::Time {
    jiff::civil::time(i8::try_from(hour).unwrap_or(0), 0, 0, 0)
}
