//! By which dates and timestamps rows are proposed to be partitioned.

use super::*;

/// The proposed partition of each table, with its remarks.
fn partitions(site: Site) -> String {
    let proposal = site.propose();
    dataset(&proposal);
    let text = proposal.dataset_toml.unwrap();
    let lines = text.lines().filter(|line| {
        ["name = ", "partition = ", "# not by"]
            .iter()
            .any(|start| line.starts_with(start))
    });
    lines.skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_timestamp_with_an_offset_is_on_its_date_in_the_zone_of_the_site() {
    let mut visits = String::from("id,began\n");
    (0..24).for_each(|id| visits += &format!("{id},2025-11-{:02}T16:59:59Z\n", id / 8 + 1));
    (24..48).for_each(|id| visits += &format!("{id},2025-11-{:02}T17:00:00Z\n", id / 8 + 1));
    insta::assert_snapshot!(partitions(Site::new().with_file("visits.csv", visits)), @r#"
    name = "visits"
    partition = { by = "began" }  # 48 rows on 6 dates from 2025-11-01 to 2025-11-07, at most 8 on one, by the date of each timestamp
    "#);
}

#[test]
fn what_tells_most_is_taken() {
    let mut orders = String::from("id,created_at,shipped_at,date,closed_at,paid_at\n");
    for id in 0..30 {
        let day = id % 15 + 1;
        let moment = format!("2025-11-{day:02} 10:{id:02}:00");
        let paid = if id == 7 { "" } else { &moment };
        orders += &format!("{id},{moment},{moment},2025-12-{day:02},{moment},{paid}\n");
    }
    insta::assert_snapshot!(partitions(Site::new().with_file("orders.csv", &orders)), @r#"
    name = "orders"
    partition = { by = "date" }  # 30 rows on 15 dates from 2025-12-01 to 2025-12-15, at most 2 on one
    "#);
    let without_date = orders.replace(",date,", ",day_of_birth,");
    insta::assert_snapshot!(partitions(Site::new().with_file("orders.csv", &without_date)), @r#"
    name = "orders"
    partition = { by = "shipped_at" }  # 30 rows on 15 dates from 2025-11-01 to 2025-11-15, at most 2 on one, by the date of each timestamp
    "#);
    let without = without_date.replace(",shipped_at,", ",deleted_at,");
    insta::assert_snapshot!(partitions(Site::new().with_file("orders.csv", without)), @r#"
    name = "orders"
    partition = { by = "created_at" }  # 30 rows on 15 dates from 2025-11-01 to 2025-11-15, at most 2 on one, by the date of each timestamp
    "#);
}

#[test]
fn people_do_not_lie_on_the_date_on_which_they_were_written() {
    let rows = |header: &str| {
        let mut text = header.to_owned();
        (0..30).for_each(|id| text += &format!("{id},2025-11-{:02} 10:00:00\n", id % 15 + 1));
        text
    };
    let site = Site::new()
        .with_file("customers.csv", rows("id,created_at\n"))
        .with_file("complaints.csv", rows("id,created_at\n"));
    insta::assert_snapshot!(partitions(site), @r#"
    name = "complaints"
    partition = { by = "created_at" }  # 30 rows on 15 dates from 2025-11-01 to 2025-11-15, at most 2 on one, by the date of each timestamp
    name = "customers"
    # not by "created_at": it does not look like the day on which a row is of interest.
    partition = { buckets = 1 }  # 30 rows, about 5000 a bucket
    "#);
}
