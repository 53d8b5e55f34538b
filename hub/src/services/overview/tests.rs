//! Which members the overview has.

use super::*;
use crate::config::WindowConfig;
use crate::stats::samples::{at, site, site_of};
use crate::testing::SHOP;

/// The overview's members, of the hub that has MeetAssist's dataset.
fn members(sites: Vec<SiteView>) -> Vec<String> {
    let now = at("2025-11-28T02:30:00Z").to_zoned(WindowConfig::default().timezone.0);
    let window = DateRange::around(now.date(), 1, 1);
    let sites: Vec<CountedSite> = sites.into_iter().map(|view| (view, Vec::new())).collect();
    let overview = overview(now, window, &Dataset::meetassist().unwrap(), &sites);
    let json = serde_json::to_string(&overview).unwrap();
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
    json.keys().cloned().collect()
}

#[test]
fn meetassists_figures_are_those_of_its_dataset() {
    let all = [
        "appointments",
        "consultants",
        "customers",
        "feedback",
        "fresh",
        "now",
        "participants",
        "programs",
        "tables",
        "window",
    ];
    assert_eq!(members(vec![]), all);
    assert_eq!(members(vec![site("a", &[])]), all);
    // Sakila has customers too.
    let sakila = SHOP.replace("\"item\"", "\"customer\"");
    let sakila = || site_of("b", Dataset::from_toml(&sakila).unwrap(), &[]);
    assert_eq!(
        members(vec![sakila()]),
        ["fresh", "now", "tables", "window"]
    );
    assert_eq!(members(vec![site("a", &[]), sakila()]), all);
}

#[test]
fn other_datasets_rows_are_not_meetassists() {
    let sakila = SHOP.replace("\"item\"", "\"customer\"");
    let parts = [("customer", "b=0of2", "{}", 7)];
    let sakila = site_of("b", Dataset::from_toml(&sakila).unwrap(), &parts);
    let meetassist = site("a", &[("customer", "b=00of16", "{}", 4)]);
    let sites = [(meetassist, Vec::new()), (sakila, Vec::new())];
    let now = at("2025-11-28T02:30:00Z").to_zoned(WindowConfig::default().timezone.0);
    let window = DateRange::around(now.date(), 1, 1);
    let declared = Dataset::meetassist().unwrap();
    let page = page(
        (now, window),
        1,
        &declared,
        &sites,
        RefusedTotals::default(),
    );
    let customers = page
        .overview
        .meetassist
        .map(|figures| figures.customers.total);
    assert_eq!(customers, Some(4));
    let tables = page.tables.iter().map(|of| (of.table.as_str(), of.rows));
    assert_eq!(tables.collect::<Vec<_>>(), [("customer", 11), ("sale", 0)]);
}
