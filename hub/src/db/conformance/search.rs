//! The texts that lists search: kept by the database, and folded as the program folds what is looked for.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::value::{Type, Value};

use crate::db::Query;
use crate::searched::fold;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// Customers, with more columns.
fn people(more: &str) -> String {
    format!(
        "name = 'people'\nversion = 1\n[[table]]\nname = 'customer'\nkey = ['id']\n\
         partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'id', type = 'int' }}, \
         {{ name = 'fullname', type = 'text' }}{more}]"
    )
}

/// The numbers of the customers whose searched texts have a folded text.
pub(in crate::db) async fn found(test: &TestHub, site: &TestSite, text: &str) -> Outcome<String> {
    let query = Query {
        sql: "SELECT id FROM customer WHERE strpos(causeway_search, $1) > 0 ORDER BY id".into(),
        parameters: vec![Some(text.to_owned())],
        types: vec![Type::Int],
    };
    let (database, queries) = (&test.database, [query]);
    let nothing = Default::default();
    let answers = database.query(site.name(), &queries, &nothing).await?;
    let rows = answers.into_iter().flatten().flatten();
    let ids = rows.map(|row| match row[0] {
        Value::Int(id) => id.to_string(),
        _ => "?".to_owned(),
    });
    Ok(ids.collect::<Vec<_>>().join(" "))
}

/// A site with customers, loaded.
pub(in crate::db) async fn loaded(test: &TestHub) -> Outcome<TestSite> {
    let mut site = TestSite::new(&test.store, "here", &people(""))?;
    let rows = ["1,Nguyễn Đức  An", "2,Trần Bình", "3,"];
    site.put("customer", "b=0of1", &rows).await?;
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

/// Whoever writes a row, and however it comes.
pub async fn searched_texts_are_kept_by_the_database(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    assert_eq!(found(&test, &site, "nguyen duc an").await?, "1");
    test.change(
        &site,
        "UPDATE customer SET fullname = 'ĐÀO AN' WHERE id = 2",
    )
    .await?;
    test.hub.ensure_keys(test.request.now).await?;
    let (name, dataset) = (site.name(), site.dataset());
    let mut write = database.0.begin_write(name, dataset, "lan").await?;
    let table = dataset.table("customer").ok_or("no customers")?;
    let born = [(1, Value::Text("Hồ Á".into()))];
    let born = write.insert(table, &born).await?;
    write.commit().await?;
    assert_eq!(found(&test, &site, "dao an").await?, "2");
    let key = table.key_of(&born).next().and_then(canonical_text);
    assert_eq!(Some(found(&test, &site, "ho a").await?), key);

    // A dataset brings another text.
    site.declare(&people(", { name = 'phonenumber', type = 'phone' }"))?;
    let rows = ["1,An,0912 345 678", "2,Trần Bình,+84 (91) 234-5679", "3,,"];
    site.put("customer", "b=0of1", &rows)
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    assert_eq!(found(&test, &site, "91234567").await?, "1 2");
    assert_eq!(found(&test, &site, "dao an").await?, "2");
    assert_eq!(found(&test, &site, "an\n0912345678").await?, "1");
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// Each letter that is one of ASCII's with marks or a stroke. Capitals of other letters are small ones where the
/// database's locale says so.
pub async fn texts_are_folded_alike_by_database_and_program(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &people(""))?;
    let latin = ('A'..='\u{24f}').chain('\u{1e00}'..='\u{1eff}');
    let is_of_ascii = |c: &char| c.is_alphabetic() && fold(&c.to_string()).is_ascii();
    let letters: Vec<char> = latin.filter(is_of_ascii).collect();
    let texts: Vec<String> = letters.chunks(50).map(String::from_iter).collect();
    let rows: Vec<String> = (1..)
        .zip(&texts)
        .map(|(id, text)| format!("{id},{text}"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    site.put("customer", "b=0of1", &rows)
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    assert!(texts.len() > 10);
    for (id, text) in (1..).zip(&texts) {
        let ids = found(&test, &site, &fold(text)).await?;
        assert!(
            ids.split(' ').any(|found| found == format!("{id}")),
            "{text}"
        );
    }
    Ok(())
}
