//! Rows of the journal that are of their own kind: a side of a conflict that was taken, a change that was
//! undone.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use causeway_shared::commit::{EditsLog, Operation, RowKey};
use causeway_shared::edits_object::{Conflict, Texts};
use causeway_shared::ids::Part;
use causeway_shared::log::SiteLog;
use causeway_shared::value::{Type, Value};

use super::clinic::{Clinic, DAY, line, refused};
use crate::db::JournalMark;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// A mark of visit 7.
fn mark(op: Operation, lost: &str) -> Outcome<JournalMark> {
    let taken: Conflict = serde_json::from_str(lost)?;
    Ok(JournalMark {
        op,
        part: DAY.parse()?,
        key: vec!["7".to_owned()].try_into()?,
        taken,
    })
}

/// A change is of the kind that its transaction says; one that changes no value has a row of its own, in
/// which the partition is named. A read-only database takes neither.
pub async fn a_journal_row_says_of_which_kind_it_is(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let visit = clinic.site.dataset().table("visit").unwrap();
    let take = mark(Operation::Take, r#"{"site":{"state":"void"},"cloud":null}"#)?;
    let undo = mark(Operation::Undo, "{}")?;

    let mut write = clinic.begin().await?;
    let void = "UPDATE visit SET state = 'void' WHERE id = 7";
    write.query(void, &[], &[]).await?;
    write.mark(visit, &take).await?;
    write.commit().await?;
    let mut write = clinic.begin().await?;
    write.mark(visit, &undo).await?;
    write.commit().await?;
    clinic.run("UPDATE visit SET state = 'open'", &[]).await?;
    // What is not committed is in no journal.
    let mut write = clinic.begin().await?;
    write.mark(visit, &take).await?;
    drop(write);

    let entries = clinic.entries().await?;
    let marks: Vec<_> = entries.iter().map(|entry| entry.mark.clone()).collect();
    assert_eq!(marks, [Some(take.clone()), Some(undo), None]);
    assert_eq!(
        line(&entries[0]),
        "visit dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|4.5|NULL|09:00:00|open \
         > dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|4.5|NULL|09:00:00|void"
    );
    assert_eq!(line(&entries[1]), "visit - > -");
    assert_eq!(entries[1].parts().collect::<Vec<_>>(), [DAY.parse()?]);
    assert_eq!(
        (entries[1].actor.as_str(), entries[1].id.len()),
        ("ann", 36)
    );
    // A load has to know of it.
    let mut load = clinic.database.0.begin_load(clinic.site.name()).await?;
    load.stored().await?;
    load.begin(&[]).await?;
    let part = (visit.name.clone(), DAY.parse()?);
    assert!(load.look().await?.journaled.contains(&part));
    drop(load);

    clinic.take_changes(false).await?;
    let mut write = clinic.begin().await?;
    assert_eq!(refused(write.mark(visit, &take).await).0, "25006");
    Ok(())
}

/// A row of its key, changed in some columns, deleted and put back as it was: with its key, and without
/// values for what was NULL.
pub async fn a_row_is_put_as_it_was(database: &HubDatabase) -> Outcome {
    let clinic = Clinic::open(database).await?;
    let visit = clinic.site.dataset().table("visit").unwrap();
    let (seven, eight) = (
        vec!["7".to_owned()].try_into()?,
        vec!["8".to_owned()].try_into()?,
    );
    let mut write = clinic.begin().await?;
    assert_eq!(write.lock_row(visit, &eight).await?, None);
    let (part, before) = write.lock_row(visit, &seven).await?.ok_or("no row")?;
    assert_eq!(
        (part, before["score"].as_deref()),
        (DAY.parse()?, Some("4.5"))
    );
    write
        .put_row(visit, &seven, Some(&before), Some(&before))
        .await?;
    let mut after = before.clone();
    after.extend([
        ("state".to_owned(), Some("void".to_owned())),
        ("score".to_owned(), None),
        (
            "seen".to_owned(),
            Some("2025-11-28T09:00:00.500000".to_owned()),
        ),
    ]);
    write
        .put_row(visit, &seven, Some(&before), Some(&after))
        .await?;
    assert_eq!(
        write.lock_row(visit, &seven).await?,
        Some((part, after.clone()))
    );
    write.put_row(visit, &seven, Some(&after), None).await?;
    assert_eq!(write.lock_row(visit, &seven).await?, None);
    write.put_row(visit, &seven, None, Some(&before)).await?;
    assert_eq!(
        write.lock_row(visit, &seven).await?,
        Some((part, before.clone()))
    );
    // From then on rows are born as ever.
    let given = [(0, Value::Int(9)), (1, Value::Int(1))];
    assert_eq!(refused(write.insert(visit, &given).await).0, "23514");
    drop(write);
    assert!(clinic.is_untouched().await?);

    let mut write = clinic.begin().await?;
    write
        .put_row(visit, &seven, Some(&before), Some(&after))
        .await?;
    write.commit().await?;
    let doctor = clinic.site.dataset().table("doctor").unwrap();
    let one = vec!["1".to_owned()].try_into()?;
    let mut write = clinic.begin().await?;
    let (_, before) = write.lock_row(doctor, &one).await?.ok_or("no row")?;
    let mut off = before.clone();
    off.insert("off".to_owned(), Some("true".to_owned()));
    write
        .put_row(doctor, &one, Some(&before), Some(&off))
        .await?;
    write.commit().await?;
    let is_off = clinic
        .query("SELECT off FROM doctor", &[Type::Bool])
        .await?;
    assert_eq!(is_off, [[Value::Bool(true)]]);
    let journaled = clinic.entries().await?;
    let rows = journaled
        .iter()
        .map(|entry| entry.new.as_ref().map(|(_, row)| row));
    assert_eq!(rows.collect::<Vec<_>>(), [Some(&after), Some(&off)]);

    clinic.take_changes(false).await?;
    let mut write = clinic.begin().await?;
    assert_eq!(refused(write.lock_row(visit, &seven).await).0, "25006");
    Ok(())
}

/// What a row lacked it lacks again, whatever the defaults are.
pub async fn a_row_is_put_back_without_defaults(database: &HubDatabase) -> Outcome {
    let defaults = "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id', 'code']\n\
        partition = { buckets = 1 }\ncolumn = [{ name = 'id', type = 'int' }, \
        { name = 'code', type = 'text' }, { name = 'word', type = 'text', default = 'x' }, \
        { name = 'at', type = 'timestamp', default = '2000-01-01' }]";
    let clinic = Clinic::with(database, defaults, &[("t", "b=0of1", &["1,a,b,"])]).await?;
    let t = clinic.site.dataset().table("t").unwrap();
    let key = vec!["2".to_owned(), "it's".to_owned()].try_into()?;
    let bare: Texts = [
        ("id", Some("2")),
        ("code", Some("it's")),
        ("word", None),
        ("at", None),
    ]
    .map(|(name, text)| (name.to_owned(), text.map(str::to_owned)))
    .into();
    let mut write = clinic.begin().await?;
    write.put_row(t, &key, None, Some(&bare)).await?;
    write.commit().await?;
    let mut write = clinic.begin().await?;
    let found = write.lock_row(t, &key).await?;
    assert_eq!(found, Some(("b=0of1".parse()?, bare)));
    Ok(())
}

/// A side that was taken closes the conflict, in the store as well, once.
pub async fn a_side_that_was_taken_is_folded(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let day = "dt=2025-11-28";
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", day, &sales).await?.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void'").await?;
    test.flush(&site).await?;
    let sales = ["1,2025-11-28,a,open", "2,2025-11-28,b,open"];
    site.put("sale", day, &sales).await?.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 2);

    let sale = site.dataset().table("sale").unwrap();
    let take = |id: &str| {
        Outcome::Ok(JournalMark {
            op: Operation::Take,
            part: day.parse()?,
            key: vec![id.to_owned()].try_into()?,
            taken: serde_json::from_str(r#"{"site":{"state":"open"}}"#)?,
        })
    };
    let begin = || {
        test.database
            .begin_write(site.name(), site.dataset(), "lan")
    };
    // The cloud's of one: nothing changes. The site's of the other.
    let mut write = begin().await?;
    write.mark(sale, &take("1")?).await?;
    write.commit().await?;
    let mut write = begin().await?;
    let sql = "UPDATE sale SET state = 'open' WHERE id = 2";
    write.query(sql, &[], &[]).await?;
    write.mark(sale, &take("2")?).await?;
    write.commit().await?;
    assert_eq!(test.flush(&site).await?.edits, 2);

    let log = SiteLog::<EditsLog>::of_kind(std::sync::Arc::clone(&test.store), site.name().clone());
    let catalog = log.read_catalog().await?;
    let edits = catalog
        .partitions
        .values()
        .map(|e| (e.object.edits, e.object.conflicts));
    assert_eq!(edits.collect::<Vec<_>>(), [(1, 0)]);
    let head = log.commit(catalog.seq()).await?.ok_or("no commit")?;
    let ops: Vec<_> = head
        .more
        .journal
        .iter()
        .map(|row| (row.op, row.columns.len()))
        .collect();
    assert_eq!(ops, [(Operation::Take, 0), (Operation::Take, 1)]);
    let expected = [
        "dt=2025-11-28 1,2025-11-28,a,void",
        "dt=2025-11-28 2,2025-11-28,b,open",
    ];
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.load_one().await?.conflicts, 0);
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A conflict stands until somebody has taken a side or its partition has other edits. Who takes the
/// row meanwhile waits, also where it is not there.
pub async fn a_conflict_stands_until_a_side_is_taken(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let part: Part = "dt=2025-11-28".parse()?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales)
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void'").await?;
    test.flush(&site).await?;

    let sale = site.dataset().table("sale").unwrap();
    let edits = async || {
        let history = test.hub.history(site.name(), test.request.now).await?;
        let edits = history.and_then(|history| history.edits_object(sale, part));
        Outcome::Ok(edits.ok_or("no edits")?)
    };
    let read = edits().await?;
    let begin = || {
        test.database
            .begin_write(site.name(), site.dataset(), "lan")
    };
    for id in ["1", "9"] {
        let key: RowKey = vec![id.to_owned()].try_into()?;
        let mut first = begin().await?;
        first.lock_row(sale, &key).await?;
        assert!(first.conflict_stands(&sale.name, part, read, &key).await?);
        let taken = Conflict::default();
        let op = Operation::Take;
        let mark = JournalMark {
            op,
            part,
            key: key.clone(),
            taken,
        };
        first.mark(sale, &mark).await?;

        let second = async {
            let mut second = begin().await?;
            second.lock_row(sale, &key).await?;
            second.conflict_stands(&sale.name, part, read, &key).await
        };
        tokio::pin!(second);
        let waited = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
        assert!(waited.is_err(), "{id}: {waited:?}");
        first.commit().await?;
        assert!(!second.await?, "{id}");
    }
    let two: RowKey = vec!["2".to_owned()].try_into()?;
    let mut other = begin().await?;
    assert!(other.conflict_stands(&sale.name, part, read, &two).await?);
    drop(other);
    let sql = "UPDATE sale SET state = 'held' WHERE id = 1";
    test.change(&site, sql).await?;
    test.flush(&site).await?;
    let now = edits().await?;
    let mut other = begin().await?;
    assert!(!other.conflict_stands(&sale.name, part, read, &two).await?);
    assert!(other.conflict_stands(&sale.name, part, now, &two).await?);
    Ok(())
}
