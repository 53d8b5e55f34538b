//! What is held back, and what lets it go.

use jiff::tz::TimeZone;

use super::*;
use causeway_shared::dataset::Dataset;

#[tokio::test]
async fn an_agent_without_a_source_is_refused() {
    let site = Site::small();
    let mut config = site.config("one", "state-one");
    config.sources.clear();
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    for error in [
        preview(&agent, Arc::new(Silent)).await.unwrap_err(),
        sync(&agent, SyncOptions::default()).await.unwrap_err(),
        verify(&agent, false, Arc::new(Silent)).await.unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "source: there is none; name a SQLite file or a CSV folder under [[source]]"
        );
        assert_eq!((error.exit(), error.is_retryable()), (Exit::Usage, false));
    }
}

#[tokio::test]
async fn a_shrunken_table_is_held_until_a_person_accepts_it() {
    let site = Site::new();
    site.sync().await;
    site.write_appointments(0..20, "pending");
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\n1,Bo,b@x,2020-01-01\n",
    );
    let report = site.sync().await;
    assert_eq!((report.partitions.changed, report.exit()), (1, Exit::Look));
    // It stays so, without a request, until somebody looks.
    let again = site.sync().await;
    assert_eq!((again.requests.total(), again.exit()), (0, Exit::Look));
    let accepting = SyncOptions {
        allow_shrink: true,
        ..SyncOptions::default()
    };
    let accepted = sync(&site.agent(), accepting).await.unwrap();
    assert_eq!(
        (accepted.partitions.removed, accepted.exit()),
        (10, Exit::Done)
    );
    site.assert_converged().await;
}

#[tokio::test]
async fn a_changed_zone_moves_rows_between_dates_and_holds_nothing() {
    let site = Site::small();
    let mut text = String::from("id,at\n");
    (0..120).for_each(|id| text += &format!("{id},2025-01-{:02}T20:00:00Z\n", id / 10 + 1));
    site.write("visit", &text);
    let agent = |zone: &str| {
        let mut config = site.config("one", "state-one");
        config.dataset = Dataset::from_toml(
            "name = 'visits'\nversion = 1\n[[table]]\nname = 'visit'\nkey = ['id']\n\
             partition = { by = 'at' }\ncolumn = [{ name = 'id', type = 'int' }, \
             { name = 'at', type = 'timestamp', not_null = true }]",
        )
        .unwrap();
        config.zone = TimeZone::get(zone).unwrap();
        config.zone_name = zone.to_owned();
        Agent::with_store(config, Arc::clone(&site.store)).unwrap()
    };
    let dates = async |agent: &Agent| {
        let catalog = agent.log().read_catalog().await.unwrap();
        let parts = catalog.partitions.keys().map(|(_, part)| part.to_string());
        (parts.clone().min().unwrap(), parts.max().unwrap())
    };
    let utc = agent("UTC");
    sync(&utc, SyncOptions::default()).await.unwrap();
    let range = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(dates(&utc).await, range("dt=2025-01-01", "dt=2025-01-12"));

    let east = agent("Asia/Ho_Chi_Minh");
    let report = sync(&east, SyncOptions::default()).await.unwrap();
    assert_eq!((report.held.len(), report.exit()), (0, Exit::Done));
    assert_eq!(
        (report.partitions.changed, report.partitions.removed),
        (12, 1)
    );
    assert_eq!(dates(&east).await, range("dt=2025-01-02", "dt=2025-01-13"));
}

#[tokio::test]
async fn a_table_that_a_wider_guard_lets_go_goes() {
    let site = Site::new();
    site.sync().await;
    site.write_appointments(0..80, "pending");
    assert_eq!(site.sync().await.exit(), Exit::Look);
    let mut config = site.config("one", "state-one");
    config.guard.shrink = 0.5;
    let agent = Agent::with_store(config, Arc::clone(&site.store)).unwrap();
    let report = sync(&agent, SyncOptions::default()).await.unwrap();
    assert_eq!((report.partitions.removed, report.exit()), (4, Exit::Done));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_missing_file_is_held_whatever_is_accepted_and_goes_on_when_it_is_back() {
    let site = Site::new();
    site.sync().await;
    fs::remove_file(site.csv("appointment")).unwrap();
    let accepting = SyncOptions {
        allow_shrink: true,
        ..SyncOptions::default()
    };
    let report = sync(&site.agent(), accepting).await.unwrap();
    assert_eq!((report.commit, report.held.len()), (None, 1));
    assert!(report.held[0].to_string().contains("appointment"));
    site.write_appointments(0..120, "confirmed");
    let back = site.sync().await;
    assert_eq!((back.partitions.changed, back.held.len()), (1, 0));
    site.assert_converged().await;
}

#[tokio::test]
async fn a_table_that_two_files_fit_is_held_and_the_others_go_on() {
    let site = Site::new();
    site.sync().await;
    fs::copy(site.csv("consultant"), site.csv("Consultant")).unwrap();
    site.write_appointments(0..120, "confirmed");
    let report = site.sync().await;
    assert_eq!((report.partitions.changed, report.exit()), (1, Exit::Look));
    let held = report.held[0].to_string();
    assert!(held.contains("both fit table consultant"), "{held}");
    // It stays so, whatever else happens, until one of them goes.
    site.write_appointments(0..120, "cancelled");
    assert_eq!(site.sync().await.held.len(), 1);
    fs::remove_file(site.csv("consultant")).unwrap();
    assert_eq!(site.sync().await.exit(), Exit::Done);
    site.assert_converged().await;
}

#[tokio::test]
async fn what_was_written_while_two_files_fit_goes_once_the_newcomer_is_taken_away() {
    let site = Site::new();
    site.sync().await;
    fs::copy(site.csv("consultant"), site.csv("Consultant")).unwrap();
    site.refuse_a_consultant();
    assert_eq!(site.sync().await.held.len(), 1);
    fs::remove_file(site.csv("Consultant")).unwrap();
    let report = site.sync().await;
    assert_eq!((report.held.len(), report.rows.quarantined), (0, 1));
    site.assert_converged().await;
}

#[tokio::test]
async fn what_nobody_declared_is_told_once() {
    let site = Site::new();
    let told = async || {
        let here = site.csv("").parent().unwrap().display().to_string();
        let notes = site.sync().await.notes.into_iter();
        notes
            .filter(|note| !note.contains(" has no "))
            .map(|note| note.replace(&here, "csv"))
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert_eq!(told().await, "");
    site.write("extra", "a\n1\n");
    insta::assert_snapshot!(told().await, @"extra of csv is not in the dataset and is left alone");
    site.write("extra", "a\n2\n");
    assert_eq!(told().await, "");
    let header = "consultantid,fullname,email,joindate,shoes";
    site.write(
        "consultant",
        &format!("{header}\n1,An,an@x,2020-01-01,40\n"),
    );
    insta::assert_snapshot!(told().await, @"column shoes of table consultant is not in the dataset and is left alone");
    site.write(
        "consultant",
        &format!("{header}\n1,An,an@x,2020-01-01,41\n"),
    );
    assert_eq!(told().await, "");
    site.write(
        "consultant",
        &format!("{header},hat\n1,An,an@x,2020-01-01,41,58\n"),
    );
    insta::assert_snapshot!(told().await, @"columns shoes, hat of table consultant are not in the dataset and are left alone");
}

#[tokio::test]
async fn columns_that_no_source_has_are_told_in_a_line_for_each_table() {
    let notes = Site::small().sync().await.notes;
    insta::assert_snapshot!(notes.join("\n"), @"
    table appointment has no consultantid, meetingurl, description, updatedat: empty in every row
    table consultant has no phonenumber, imageurl, specialties, qualifications: empty in every row; no createdat, isdisabled: the default in every row
    ");
}

#[tokio::test]
async fn a_column_that_vanishes_holds_its_table() {
    let site = Site::new();
    let consultant = |name: &str, phone: bool| {
        let (column, value) = if phone {
            (",phonenumber", ",0912345678")
        } else {
            ("", "")
        };
        let header = format!("consultantid,fullname,email,joindate{column}");
        site.write(
            "consultant",
            &format!("{header}\n1,{name},a@x,2020-01-01{value}\n"),
        );
    };
    consultant("An", true);
    site.sync().await;
    consultant("An", false);
    site.write_appointments(0..120, "confirmed");
    let report = site.sync().await;
    assert_eq!((report.partitions.changed, report.exit()), (1, Exit::Look));
    insta::assert_snapshot!(
        report.held[0],
        @"table consultant is held back: its source no longer has column phonenumber, and every row would lose its value"
    );
    // It is back.
    consultant("Bo", true);
    assert_eq!(site.sync().await.partitions.changed, 1);

    consultant("Bo", false);
    let planned = preview(&site.agent(), Arc::new(Silent)).await.unwrap();
    let held = site.sync().await.held;
    assert_eq!((planned.held, held.len()), (held.clone(), 1));
    // It is meant to go.
    let accepting = SyncOptions {
        allow_shrink: true,
        ..SyncOptions::default()
    };
    let accepted = sync(&site.agent(), accepting).await.unwrap();
    assert_eq!(
        (accepted.partitions.changed, accepted.exit()),
        (1, Exit::Done)
    );
    consultant("An", false);
    assert_eq!(site.sync().await.exit(), Exit::Done);
    site.assert_converged().await;
}

#[tokio::test]
async fn a_column_that_held_nothing_may_vanish() {
    let site = Site::new();
    let row = |column: &str, value: &str| {
        format!("consultantid,fullname,email,joindate{column}\n1,An,a@x,2020-01-01{value}\n")
    };
    site.write("consultant", &row(",phonenumber", ","));
    site.sync().await;
    site.write("consultant", &row("", ""));
    let report = site.sync().await;
    assert_eq!((report.commit, report.exit()), (None, Exit::Done));
}

#[tokio::test]
async fn refused_rows_are_looked_at_once() {
    let site = Site::new();
    site.sync().await;
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\nx,,,\n",
    );
    let report = site.sync().await;
    assert_eq!((report.rows.quarantined, report.exit()), (1, Exit::Look));
    site.write(
        "consultant",
        "consultantid,fullname,email,joindate\n2,Bo,b@x,2020-01-01\nx,,,\n",
    );
    let next = site.sync().await;
    assert_eq!((next.rows.quarantined, next.exit()), (1, Exit::Done));
}
