//! Pages of figures, as visitors see them.

use axum::http::{StatusCode, header};
use jiff::civil::date;

use super::*;
use crate::serve::testbed::{Answer, Testbed};

async fn bed() -> Testbed {
    Testbed::with_a_day(&["hcm-01"]).await
}

async fn visit(bed: &Testbed, path: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie().await);
    bed.visit(path, &cookie).await
}

/// A figure as the page shows it.
fn figure(html: &str, name: &str) -> String {
    let (_, rest) = html
        .split_once(&format!("data-figure=\"{name}\">"))
        .unwrap_or_else(|| panic!("{name}: {html}"));
    rest.split_once('<').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_quarter_of_the_consultants_is_a_chart_and_a_table() {
    let bed = bed().await;
    let html = visit(&bed, "/stats/consultants").await.body;
    assert!(html.contains("<p>1 Oct 2025 – 31 Dec 2025</p>"), "{html}");
    let sums = ["consultants", "appointments", "completed", "slots"].map(|of| figure(&html, of));
    assert_eq!(sums, ["2", "3", "0", "2 / 8"]);
    // Who did the most comes first.
    let row = "<a href=\"/consultants/1?site=hcm-01\">Lê Dung</a></th><td>0</td><td>1</td><td>1</td><td>1</td>";
    assert!(html.contains(row), "{html}");
    assert_eq!(html.matches("<rect class=\"s-").count(), 3, "{html}");
    for shown in [
        "<a href=\"/stats/consultants?from=2025-10-01&#38;to=2025-12-31\" aria-current=\"true\">This quarter</a>",
        "<a href=\"/stats/consultants?from=2025-07-01&#38;to=2025-09-30\">Last quarter</a>",
        "<a href=\"/stats/customers?from=2025-10-01&#38;to=2025-12-31\">Customers</a>",
        "Every day of the range counts",
        "commit 1",
        "up to date",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
}

#[tokio::test]
async fn a_range_is_an_address_and_a_file() {
    let bed = bed().await;
    let range = "from=2025-11-28&to=2025-11-28&site=hcm-01";
    let html = visit(&bed, &format!("/stats/consultants?{range}"))
        .await
        .body;
    assert_eq!(figure(&html, "slots"), "2 / 6");
    let link = "href=\"/stats/consultants.csv?site=hcm-01&#38;from=2025-11-28&#38;to=2025-11-28\" download";
    assert!(html.contains(link), "{html}");
    let file = visit(&bed, &format!("/stats/consultants.csv?{range}")).await;
    assert_eq!(file.header(header::CONTENT_TYPE), "text/csv; charset=utf-8");
    insta::assert_snapshot!(file.body.trim_start_matches('\u{feff}'), @r"
    site,consultantid,fullname,pending,confirmed,completed,cancelled,average_rating,slots_offered,slots_used
    hcm-01,1,Lê Dung,1,1,0,1,,5,2
    hcm-01,2,Phạm Em,0,0,0,0,,1,0
    ");
}

#[tokio::test]
async fn new_customers_are_counted_by_month() {
    let bed = bed().await;
    let html = visit(&bed, "/stats/customers").await.body;
    assert!(html.contains("<p>1 Dec 2024 – 30 Nov 2025</p>"), "{html}");
    assert_eq!(figure(&html, "customers"), "2");
    assert!(html.contains("Jan 2025</th><td>2</td>"), "{html}");
    let file = visit(&bed, "/stats/customers.csv?from=2025-01-01&to=2025-02-28").await;
    let expected = "month,total\n2025-01,2\n2025-02,0\n";
    assert_eq!(file.body.trim_start_matches('\u{feff}'), expected);
}

#[tokio::test]
async fn programs_of_a_year_have_their_participants() {
    let bed = bed().await;
    let html = visit(&bed, "/stats/programs").await.body;
    assert_eq!(figure(&html, "programs"), "2");
    assert_eq!(figure(&html, "participants"), "2");
    assert!(html.contains("&#60;i&#62;Old&#60;/i&#62;") && !html.contains("<i>Old"));
    let row = "Hướng nghiệp 12</a></th><td>5 Dec 2025</td><td>Upcoming</td><td>0</td><td>1</td><td>1</td>";
    assert!(html.contains(row), "{html}");
    let none = visit(&bed, "/stats/programs?from=2020-01-01&to=2020-12-31")
        .await
        .body;
    assert!(
        none.contains("Nothing was found.") && !none.contains("<svg"),
        "{none}"
    );
}

#[tokio::test]
async fn a_range_that_is_none_is_refused_with_a_page() {
    let bed = bed().await;
    for asked in [
        "from=2025-12-01&to=2025-11-01",
        "from=28.11.2025",
        "from=2000-01-01&to=2025-11-01",
        "site=%20",
    ] {
        for path in ["/stats/consultants", "/stats/customers.csv"] {
            let answer = visit(&bed, &format!("{path}?{asked}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {asked}");
            assert!(answer.body.contains("That did not work"), "{path} {asked}");
        }
    }
    let answer = bed.visit("/stats/programs", "").await;
    assert_eq!(answer.header(header::LOCATION), "/login");
}

#[test]
fn ranges_end_with_their_months() {
    let range = |from: Date, to: Date| DateRange::new(from, to).unwrap();
    assert_eq!(
        ranges(date(2026, 2, 28)),
        [
            range(date(2026, 2, 1), date(2026, 2, 28)),
            range(date(2026, 1, 1), date(2026, 3, 31)),
            range(date(2025, 10, 1), date(2025, 12, 31)),
            range(date(2026, 1, 1), date(2026, 12, 31)),
            range(date(2025, 3, 1), date(2026, 2, 28)),
        ]
    );
}
