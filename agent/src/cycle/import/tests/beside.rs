//! Rows of a file beside those of the store that stay.

use super::*;

#[tokio::test]
async fn add_updates_rows_by_key_and_keeps_what_the_file_lacks() {
    let cloud = Cloud::new();
    let first = "appointmentid,customerid,date,time,status,description\n\
                 1,c,2025-11-28,09:00,pending,mine\n2,c,2025-11-29,09:00,pending,two\n";
    cloud.replace(&[("appointment", first)]).await;
    // One changes its date and lacks the description, one is refused, one is new.
    let more = appointments(&[
        "1,c,2025-11-30,09:00,confirmed",
        "2,c,2025-11-29,09:00,whatever",
        "3,d,2025-11-28,11:00,pending",
    ]);
    let report = cloud.add(&[("appointment", &more)]).await;
    assert_eq!((report.rows.scanned, report.rows.quarantined), (3, 1));
    assert_eq!(report.exit(), Exit::Look);
    assert_eq!(
        cloud.rows("appointment").await,
        [
            "1,,c,2025-11-30,09:00:00,60,,confirmed,mine,2025-11-28T00:00:00,",
            "2,,c,2025-11-29,09:00:00,60,,pending,two,2025-11-29T00:00:00,",
            "3,,d,2025-11-28,11:00:00,60,,pending,,2025-11-28T00:00:00,",
        ]
    );
    assert_eq!(cloud.lists().await, ["appointment.csv"]);
    let report = cloud.add(&[("appointment", &more)]).await;
    assert_eq!(report.commit, None, "adding the same again changes nothing");
}

#[tokio::test]
async fn a_note_says_what_new_rows_have_and_that_others_keep_theirs() {
    let cloud = Cloud::new();
    let rows = appointments(&["1,c,2025-11-28,09:00,pending"]);
    let consultants = "consultantid,fullname,email,joindate\n1,An,an@x,2020-01-01\n";
    cloud
        .replace(&[("appointment", &rows), ("consultant", consultants)])
        .await;
    let notes = cloud.add(&[("consultant", consultants)]).await.notes;
    insta::assert_snapshot!(notes.join("\n"), @"table consultant has no phonenumber, imageurl, specialties, qualifications: empty in new rows; no createdat, isdisabled: the default in new rows; rows that are there keep what they have");
    let notes = cloud.replace(&[("consultant", consultants)]).await.notes;
    insta::assert_snapshot!(notes.join("\n"), @"table consultant has no phonenumber, imageurl, specialties, qualifications: empty in every row; no createdat, isdisabled: the default in every row");
}

#[tokio::test]
async fn hints_name_what_can_be_done_without_settings() {
    let cloud = Cloud::new();
    let refused = async |text: &[u8]| {
        let request = cloud.request(&[("appointment", "")]);
        let file = request.files.values().next().map(|file| &file.rows);
        let Some(FileRows::Csv(path)) = file else {
            panic!("a CSV file");
        };
        fs::write(path, text).unwrap();
        let report = cloud.run(&request).await.unwrap();
        // Feedback is held back with its appointments.
        let held = report.held.iter().take(1).map(ToString::to_string);
        let tables = report.tables.values().flat_map(|of| &of.reasons);
        let reasons = tables.map(|kind| kind.reason.clone());
        held.chain(reasons).collect::<Vec<_>>().join("\n")
    };
    let header = APPOINTMENTS.as_bytes();
    let of_code_page = b"2,Ph\xfac,2025-11-28,10:00,pending\n";
    let wide = format!("{APPOINTMENTS}1,c,2025-11-28,09:00,pending\n");
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files = [
        [header, b"1,c,03/04/2025,09:00,pending\n"].concat(),
        [header, of_code_page].concat(),
        [
            header,
            "1,Phú,2025-11-28,09:00,pending\n".as_bytes(),
            of_code_page,
        ]
        .concat(),
        wide,
        b"appointmentid;x,customerid\n1;2,c\n".to_vec(),
    ];
    let mut seen = Vec::new();
    for file in &files {
        seen.push(refused(file).await);
    }
    insta::assert_snapshot!(seen.join("\n"), @r#"
    "03/04/2025" is not certain as a value of type date; in the file, write its date as 2025-04-03 or 2025-03-04
    table appointment is held back: appointment.csv: line 2 is not UTF-8; the file looks like windows-1258, in which that line and the next are "2,Phúc,2025-11-28,10:00,pending"; save it as UTF-8
    table appointment is held back: appointment.csv: line 3 is not UTF-8; what stands before it is; it reads "2,Ph�c,2025-11-28,10:00,pending"; mend it
    table appointment is held back: appointment.csv: it looks like utf-16le without a byte order mark, in which its first lines are "appointmentid,customerid,date,time,status" and "1,c,2025-11-28,09:00,pending"; save it as UTF-8
    table appointment is held back: appointment.csv: what stands between its fields is not certain; it begins "appointmentid;x,customerid" and "1;2,c"; put a line before it that says so, like `sep=;`
    "#);
}

/// Appointments of one consultant on one day, each a number and an hour.
fn of_consultant(rows: impl IntoIterator<Item = (u32, u32)>) -> String {
    let row = |(id, hour)| format!("{id},1,c,2025-11-28,{hour:02}:00\n");
    let rows: String = rows.into_iter().map(row).collect();
    format!("appointmentid,consultantid,customerid,date,time\n{rows}")
}

/// Numbers and times of the appointments in the store.
async fn ids_and_times(cloud: &Cloud) -> Vec<String> {
    let rows = cloud.rows("appointment").await;
    let short = |row: &String| {
        let fields: Vec<&str> = row.split(',').collect();
        format!("{} {}", fields[0], &fields[4][..2])
    };
    rows.iter().map(short).collect()
}

#[tokio::test]
async fn a_row_that_is_refused_leaves_the_stores_row_as_it_is() {
    let cloud = Cloud::new();
    let first = of_consultant([(10, 9), (20, 10), (30, 11), (40, 12)]);
    cloud.replace(&[("appointment", &first)]).await;
    // The first wants what 10 has, so that 20 keeps what the second wants. The third wants what 30 has.
    let more = of_consultant([(20, 9), (25, 10), (5, 11)]);
    let report = cloud.add(&[("appointment", &more)]).await;
    assert_eq!((report.rows.scanned, report.rows.quarantined), (3, 3));
    assert_eq!(
        ids_and_times(&cloud).await,
        ["10 09", "20 10", "30 11", "40 12"]
    );
    let list = cloud.store.get("sites/a/quarantine/appointment.csv").await;
    let list = list.unwrap().bytes(1 << 20).await.unwrap();
    let list = String::from_utf8(list).unwrap();
    for place in ["line 2", "line 3", "line 4", "the row with key 30"] {
        assert!(list.contains(place), "{place}: {list}");
    }
}

#[tokio::test]
async fn a_table_in_which_too_many_rows_wait_for_each_other_is_held_back() {
    let cloud = Cloud::new();
    // With the table goes the one whose rows lie where its own do.
    for (rows, held) in [(9, 0), (23, 2)] {
        let hours = (0..=rows).map(|hour| (100 + hour, hour));
        let first: Vec<(u32, u32)> = hours.collect();
        cloud
            .replace(&[("appointment", &of_consultant(first.clone()))])
            .await;
        let before = ids_and_times(&cloud).await;
        // Each wants the hour of the one before, of which the first is not in the file.
        let earlier = first[1..].iter().map(|(id, hour)| (*id, hour - 1));
        let moved = of_consultant(earlier);
        let report = cloud.add(&[("appointment", &moved)]).await;
        assert_eq!((report.commit, report.held.len()), (None, held), "{rows}");
        assert_eq!(ids_and_times(&cloud).await, before);
    }
}

#[tokio::test]
async fn rows_that_lie_with_others_go_along() {
    let cloud = Cloud::new();
    let first = appointments(&[
        "1,c,2025-11-28,09:00,completed",
        "2,c,2025-11-29,09:00,completed",
    ]);
    let feedback = "appointmentid,rating\n1,4\n2,5\n";
    cloud
        .replace(&[("appointment", &first), ("appointmentfeedback", feedback)])
        .await;
    // The first moves, and the second is gone: nobody tells any more where its feedback lies.
    let moved = appointments(&["1,c,2025-12-24,09:00,completed"]);
    let report = cloud.replace(&[("appointment", &moved)]).await;
    assert_eq!((report.rows.scanned, report.rows.quarantined), (1, 1));
    assert_eq!(
        cloud.rows("appointmentfeedback").await,
        ["1,4,,2000-01-01T00:00:00"]
    );
    assert_eq!(cloud.lists().await, ["appointmentfeedback.csv"]);
    let agent = cloud.agent(Arc::clone(&cloud.store));
    let catalog = agent.log().read_catalog().await.unwrap();
    let parts: Vec<String> = catalog
        .table("appointmentfeedback")
        .map(|(part, _)| part.to_string())
        .collect();
    assert_eq!(parts, ["dt=2025-12-24"]);
}
