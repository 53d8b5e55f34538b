//! Lists: what is found, in which order, and page by page while rows are born.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use bytes::Bytes;
use causeway_shared::dataset::Dataset;
use causeway_shared::value::Value;
use futures_util::TryStreamExt as _;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::json;

use crate::services::appointments::{self, By, ListQuery};
use crate::services::customers::CUSTOMERS;
use crate::services::error::ServiceError;
use crate::services::list::Listed;
use crate::services::precondition::Precondition;
use crate::services::rows::RowsQuery;
use crate::sync::DateRange;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

const LONG_AGO: Date = date(2015, 6, 1);
const TODAY: Date = date(2025, 11, 28);

/// Customers whose names are written in every way.
const ROWS: [&str; 6] = [
    "c1,Nguyễn Đức An,an@example.vn,0912 345 678,,2015-01-01T00:00:00,false,",
    // Decomposed.
    "c2,Tra\u{302}\u{300}n Bi\u{300}nh,BINH@example.vn,+84987654321,,2015-01-01T00:00:00,false,",
    "c3,\"=SUM(1), \"\"x\"\"\",sum@example.vn,,,2015-01-01T00:00:00,false,",
    "c4,nguyen van c,c@example.vn,028.3824.1234,,2015-01-01T00:00:00,true,",
    "c5,100%_!\\[a]|(b)*,odd@example.vn,-,,2015-01-01T00:00:00,false,",
    "nguyen,Ma,ma@example.vn,,,2015-01-01T00:00:00,false,",
];

/// A site with a customer's appointment each on two dates, the first of which is not loaded.
async fn write(test: &TestHub, name: &str) -> Outcome<TestSite> {
    let mut site = TestSite::of(&test.store, name, Dataset::meetassist()?)?;
    let table = site
        .dataset()
        .table("customer")
        .ok_or("no customers")?
        .clone();
    let mut buckets: std::collections::BTreeMap<String, Vec<&str>> = Default::default();
    for row in ROWS {
        let key = Value::Text(row.split(',').next().unwrap().into());
        let part = causeway_shared::partition::own_part(&table, &[key], &mut Vec::new());
        buckets
            .entry(part.unwrap().to_string())
            .or_default()
            .push(row);
    }
    for (part, rows) in &buckets {
        site.put("customer", part, rows).await?;
    }
    let consultants = ["1,Lê Dũng,dung@example.vn,,,,,2010-01-01,2010-01-01T00:00:00,false"];
    site.put("consultant", "b=0of1", &consultants).await?;
    for (at, date) in [LONG_AGO, TODAY].into_iter().enumerate() {
        let visits = ROWS.iter().enumerate().map(|(n, row)| {
            let (customer, _) = row.split_once(',').unwrap();
            let (id, consultant) = (at * 10 + n + 1, if n == 0 { "1" } else { "" });
            format!(
                "{id},{consultant},{customer},{date},{:02}:00:00,60,,pending,\"-1+1 Tư vấn, {n}\",2015-01-01T00:00:00,",
                9 + n / 2
            )
        });
        let visits: Vec<String> = visits.collect();
        let visits: Vec<&str> = visits.iter().map(String::as_str).collect();
        site.put("appointment", &format!("dt={date}"), &visits)
            .await?;
    }
    site.commit().await?;
    Ok(site)
}

fn query(from: Date, to: Date, q: &str) -> ListQuery {
    ListQuery {
        site: None,
        dates: DateRange::new(from, to).unwrap(),
        status: None,
        consultantid: None,
        customerid: None,
        q: q.to_owned(),
    }
}

async fn page(
    test: &TestHub,
    query: &ListQuery,
    cursor: Option<&str>,
    limit: usize,
) -> Outcome<Listed> {
    let listing = appointments::listing(&test.hub, query).await?;
    Ok(listing
        .page(&test.hub, cursor, limit, test.request.now)
        .await?)
}

fn ids(listed: &Listed) -> Vec<i64> {
    let id = |row: &crate::services::record::Record| match row.value("appointmentid") {
        Value::Int(id) => *id,
        other => panic!("{other:?}"),
    };
    listed.items.iter().map(id).collect()
}

/// Without regard to case, diacritics and how they are composed; telephone numbers by their digits.
pub async fn a_list_finds_what_people_look_for(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    write(&test, "here").await?;
    test.load_one().await?;
    for (q, expected) in [
        ("nguyen", vec![11, 14, 16]),
        ("NGUYỄN", vec![11, 14]),
        ("tran binh", vec![12]),
        ("Trần  BÌNH ", vec![12]),
        ("binh@EXAMPLE", vec![12]),
        ("duc", vec![11]),
        ("Dung", vec![11]),
        ("0912", vec![11]),
        ("84912345678", vec![11]),
        ("0987 654", vec![12]),
        ("(028) 3824", vec![14]),
        ("912", vec![11]),
        ("c3", vec![13]),
        ("tu van, 4", vec![15]),
        ("=sum(", vec![13]),
        ("100%", vec![15]),
        ("%_!\\[a]|(b)*", vec![15]),
        ("' OR 1=1 --", vec![]),
        ("<script>", vec![]),
        ("", vec![11, 12, 13, 14, 15, 16]),
    ] {
        let listed = page(&test, &query(TODAY, TODAY, q), None, 50).await?;
        assert_eq!(
            (ids(&listed), listed.total),
            (expected.clone(), expected.len() as u64),
            "{q}"
        );
    }
    let first = page(&test, &query(TODAY, TODAY, ""), None, 50)
        .await?
        .items
        .remove(0);
    assert_eq!(first.text("customername"), "Nguyễn Đức An");
    assert_eq!(first.text("consultantname"), "Lê Dũng");
    Ok(())
}

/// Of several sites and dates, one of them never loaded, while rows are born before and behind.
pub async fn pages_of_a_list_survive_inserts(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = write(&test, "here").await?;
    write(&test, "there").await?;
    test.hub.load(&test.request).await?;
    let asked = query(TODAY.yesterday()?, TODAY, "");
    let first = page(&test, &asked, None, 1).await?;
    assert_eq!((ids(&first), first.total), (vec![11], 12));
    let mut born = Vec::new();
    for time in ["08:00", "09:00"] {
        let given = json!({"customerid": "c1", "date": TODAY, "time": time});
        let given = given.as_object().ok_or("no object")?;
        let by = By {
            actor: "ann",
            // Before the hours that are booked are over.
            now: test.request.now - 5.hours(),
        };
        let booked = appointments::book(&test.hub, Some(site.name()), given, by).await?;
        let Value::Int(id) = booked.record.value("appointmentid") else {
            return Err("no number".into());
        };
        born.push(*id);
    }
    let (mut seen, mut next) = (Vec::new(), first.next);
    while let Some(cursor) = next {
        let listed = page(&test, &asked, Some(&cursor.to_string()), 3).await?;
        assert_eq!(listed.total, 14);
        seen.extend(ids(&listed));
        next = listed.next;
    }
    assert_eq!(seen, [12, born[1], 13, 14, 15, 16, 11, 12, 13, 14, 15, 16]);
    let cold = page(&test, &query(LONG_AGO, LONG_AGO, "nguyen"), None, 2).await?;
    assert_eq!((ids(&cold), cold.total), (vec![1, 4], 6));
    let past_the_end = format!("there~{TODAY}~23:00:00~1");
    let none = page(&test, &asked, Some(&past_the_end), 3).await?;
    assert_eq!((ids(&none), none.total, none.next), (vec![], 14, None));
    Ok(())
}

/// All rows, whatever a page holds.
pub async fn a_list_is_answered_whole_as_csv(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    write(&test, "here").await?;
    test.load_one().await?;
    let listing = appointments::listing(&test.hub, &query(LONG_AGO, LONG_AGO, "sum@")).await?;
    let pieces = listing.csv(test.hub.clone(), test.request.now).await?;
    let pieces: Vec<Bytes> = pieces.try_collect().await?;
    let text = String::from_utf8(pieces.concat())?;
    let expected = [
        "\u{feff}site,appointmentid,consultantid,customerid,date,time,duration,meetingurl,status,description,createdat,updatedat,customername,consultantname",
        "here,3,,c3,2015-06-01,10:00:00,60,,pending,\"'-1+1 Tư vấn, 2\",2015-01-01T00:00:00,,\"'=SUM(1), \"\"x\"\"\",",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    Ok(())
}

/// A customer is made, changed column by column, found and disabled.
pub async fn rows_are_made_changed_and_listed(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    write(&test, "here").await?;
    test.load_one().await?;
    let by = By {
        actor: "ann",
        now: test.request.now,
    };
    let given = json!({"customerid": "x 1", "fullname": "Đỗ Hạnh", "email": "H@example.vn",
        "dateofbirth": "1990-02-28", "phonenumber": "+84 905 111 222"});
    let given = given.as_object().ok_or("no object")?;
    let made = CUSTOMERS.create(&test.hub, None, given, by).await?;
    assert_eq!(
        (made.record.text("fullname"), made.flushed),
        ("Đỗ Hạnh".to_owned(), true)
    );
    let taken = CUSTOMERS.create(&test.hub, None, given, by).await;
    assert!(
        matches!(taken, Err(ServiceError::KeyTaken("customer", Some(_)))),
        "{taken:?}"
    );
    let mut expected = serde_json::to_value(&made.record)?;
    let early = Precondition::Tags(vec![CUSTOMERS.tag(&made.record)]);
    let mut precondition = early.clone();
    for (name, value) in [
        ("fullname", json!("Do Hanh")),
        ("email", json!("h@example.vn")),
        ("phonenumber", json!(null)),
        ("dateofbirth", json!("2000-02-29")),
        ("dateofbirth", json!(null)),
        ("notes", json!("'; --")),
        ("isdisabled", json!(true)),
        ("isdisabled", json!(false)),
        ("isdisabled", json!(true)),
    ] {
        let change = json!({name: value});
        let change = change.as_object().ok_or("no object")?;
        let which = ("x 1", &precondition);
        let changed = CUSTOMERS.change(&test.hub, None, which, change, by).await?;
        precondition = Precondition::Tags(vec![CUSTOMERS.tag(&changed.record)]);
        expected[name] = value;
        assert_eq!(serde_json::to_value(&changed.record)?, expected, "{name}");
    }
    let late = json!({"notes": "late"});
    let late = late.as_object().ok_or("no object")?;
    let late = CUSTOMERS
        .change(&test.hub, None, ("x 1", &early), late, by)
        .await;
    assert!(matches!(late, Err(ServiceError::Changed(..))), "{late:?}");
    for (q, isdisabled, expected) in [
        ("hanh", None, vec!["x 1"]),
        ("HẠNH", Some(true), vec!["x 1"]),
        ("hạnh", Some(false), vec![]),
        ("x 1", None, vec!["x 1"]),
        ("nguyen", None, vec!["nguyen", "c1", "c4"]),
        ("nguyen", Some(true), vec!["c4"]),
        ("0912", None, vec!["c1"]),
    ] {
        let query = RowsQuery {
            isdisabled,
            q: q.to_owned(),
            ..RowsQuery::default()
        };
        // In pages of one.
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let listing = CUSTOMERS.listing(&test.hub, &query).await?;
            let listed = listing
                .page(&test.hub, cursor.as_deref(), 1, by.now)
                .await?;
            assert_eq!(listed.total, expected.len() as u64, "{q}");
            seen.extend(listed.items.iter().map(|row| row.text("customerid")));
            match listed.next {
                Some(next) => cursor = Some(next.to_string()),
                None => break,
            }
        }
        // By name, as the database sorts texts.
        seen.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(seen, expected, "{q}");
    }
    Ok(())
}
