//! The hub's database on a real PostgreSQL server.

use causeway_hub::testing::{HubDatabase, SHOP, TestHub, TestSite};
use causeway_tests::{DatabaseKind, TestDatabase, certificate};

causeway_hub::database_conformance!(empty());

/// A database without the hub's tables.
async fn empty() -> (HubDatabase, TestDatabase) {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    (HubDatabase::postgres(&place.url(), None).unwrap(), place)
}

/// A hub over such a database, and a site with one item that is loaded.
async fn loaded() -> (HubDatabase, TestHub, TestSite, TestDatabase) {
    let (database, place) = empty().await;
    let test = TestHub::new(&database).await.unwrap();
    let mut site = TestSite::new(&test.store, "here", SHOP).unwrap();
    put(&mut site, "1,apple").await;
    test.load_rows().await.unwrap();
    (database, test, site, place)
}

async fn put(site: &mut TestSite, item: &str) {
    let put = site.put("item", "b=0of2", &[item]).await.unwrap();
    put.commit().await.unwrap();
}

#[tokio::test]
async fn a_hub_of_a_newer_version_is_refused() {
    let (database, _, _, place) = loaded().await;
    let client = place.connect().await;
    let newer = "UPDATE causeway.version SET version = 99";
    client.batch_execute(newer).await.unwrap();
    let another = HubDatabase::postgres(&place.url(), None).unwrap();
    for error in [
        another.count_sites().await.unwrap_err(),
        database.init().await.unwrap_err(),
    ] {
        assert!(
            error.to_string().ends_with("upgrade causeway-hub"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_table_that_somebody_else_made_is_refused() {
    let (database, place) = empty().await;
    let test = TestHub::new(&database).await.unwrap();
    let mut site = TestSite::new(&test.store, "here", SHOP).unwrap();
    let client = place.connect().await;
    let theirs = "CREATE SCHEMA here CREATE TABLE item (id bigint, title text)";
    client.batch_execute(theirs).await.unwrap();
    put(&mut site, "1,apple").await;
    let error = test.load_rows().await.unwrap_err().to_string();
    assert!(
        error.contains("here.item is not as the dataset declares it"),
        "{error}"
    );
    assert!(
        error.contains("column title text, which is not declared"),
        "{error}"
    );
}

#[tokio::test]
async fn a_writer_that_takes_its_time_is_waited_for() {
    let (_, test, mut site, place) = loaded().await;
    let writer = place.connect().await;
    let write = "SET causeway.loader = on; BEGIN; UPDATE here.item SET name = 'plum' WHERE id = 1";
    writer.batch_execute(write).await.unwrap();
    put(&mut site, "1,pear").await;
    let finish = async {
        // Longer than the loader waits for one lock.
        tokio::time::sleep(std::time::Duration::from_secs(7)).await;
        writer.batch_execute("COMMIT").await.unwrap();
    };
    let (loaded, ()) = tokio::join!(test.load_rows(), finish);
    assert_eq!(loaded.unwrap(), 1);
    assert_eq!(test.rows(&site, "item").await.unwrap(), ["b=0of2 1,pear"]);
}

#[tokio::test]
async fn connections_that_the_server_ended_are_opened_again() {
    let (database, test, mut site, place) = loaded().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE pid <> pg_backend_pid() AND datname = current_database()";
    place.connect().await.batch_execute(end).await.unwrap();
    assert_eq!(database.count_sites().await.unwrap(), 1);
    place.connect().await.batch_execute(end).await.unwrap();
    put(&mut site, "1,pear").await;
    assert_eq!(test.load_rows().await.unwrap(), 1);
}

#[tokio::test]
async fn rows_that_hold_a_unique_value_are_named_with_what_to_do() {
    let (_, test, mut site, place) = loaded().await;
    let row = ["1,2025-11-28,a,paid"];
    site.put("sale", "dt=2025-11-28", &row)
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
    test.load_rows().await.unwrap();
    let theirs = "SET causeway.loader = on; INSERT INTO here.sale (id, day, slot) VALUES (1000000000, '2025-11-28', 'b')";
    place.connect().await.batch_execute(theirs).await.unwrap();
    let rows = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &rows)
        .await
        .unwrap()
        .commit()
        .await
        .unwrap();
    let error = test.load_rows().await.unwrap_err().to_string();
    assert!(
        error.contains("(day, slot)=(2025-11-28, b) already exists"),
        "{error}"
    );
    assert!(error.contains("verify --repair"), "{error}");
}

#[tokio::test]
async fn a_server_that_insists_on_tls_is_reached_and_known() {
    let (_, place) = empty().await;
    let reached = async |url: &str, root: Option<&str>| {
        let root = root.map(certificate);
        let database = HubDatabase::postgres(url, root.as_deref()).unwrap();
        let reached = database.init().await;
        reached.map_err(|error| error.to_string())
    };
    let url = place.tls_url();
    let by_name = url.replace("127.0.0.1", "localhost");
    let asked = async |query: &str, root| reached(&format!("{url}{query}"), root).await;

    for (query, root) in [
        ("", None),
        ("sslmode=require", None),
        ("sslmode=verify-ca", Some("ca.crt")),
        ("sslmode=verify-full", Some("ca.crt")),
        ("", Some("ca.crt")),
        // Its very own certificate, as one that is self-signed is named.
        ("", Some("server.crt")),
    ] {
        assert_eq!(asked(query, root).await, Ok(()), "{query} {root:?}");
    }
    let error = asked("sslmode=disable", None).await.unwrap_err();
    assert!(error.contains("pg_hba.conf rejects connection"), "{error}");
    // Not one of the system's.
    let error = asked("sslmode=verify-full", None).await.unwrap_err();
    assert!(
        error.contains("name the PEM file of its issuer's certificate"),
        "{error}"
    );

    let named = format!("{by_name}sslmode=verify-ca");
    assert_eq!(reached(&named, Some("ca.crt")).await, Ok(()));
    for root in ["ca.crt", "server.crt"] {
        let error = reached(&by_name, Some(root)).await.unwrap_err();
        assert!(
            error.contains("not valid for name \"localhost\""),
            "{error}"
        );
    }
}

#[tokio::test]
async fn rows_are_loaded_over_tls() {
    let (_, place) = empty().await;
    let root = certificate("ca.crt");
    let database = HubDatabase::postgres(&place.tls_url(), Some(&root)).unwrap();
    let test = TestHub::new(&database).await.unwrap();
    let mut site = TestSite::new(&test.store, "here", SHOP).unwrap();
    put(&mut site, "1,apple").await;
    test.load_rows().await.unwrap();
    let client = place.connect().await;
    let row = client.query_one("SELECT name FROM here.item", &[]).await;
    assert_eq!(row.unwrap().get::<_, String>(0), "apple");
}

#[tokio::test]
async fn a_database_of_the_version_before_keeps_what_waits_to_be_flushed() {
    let clinic = crate::clinic::Clinic::open().await;
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    let waits = "UPDATE customer SET notes = 'waits' WHERE customerid = 'c1'";
    bot.batch_execute(waits).await.unwrap();
    let before = "ALTER TABLE causeway.site DROP COLUMN place, DROP COLUMN wanted; DROP FUNCTION causeway.place(); \
        ALTER TABLE causeway.journal DROP COLUMN mark; ALTER TABLE hcm_01.customer DROP COLUMN causeway_search; \
        DELETE FROM causeway.copy WHERE key = 'sleep'; UPDATE causeway.version SET version = 5";
    clinic.admin.batch_execute(before).await.unwrap();

    let upgraded = HubDatabase::postgres(&clinic.place.url(), None).unwrap();
    upgraded.init().await.unwrap();
    clinic.test.load_rows().await.unwrap();
    let rows = clinic.test.rows(&clinic.site, "customer").await.unwrap();
    assert!(rows[0].ends_with(",waits"), "{rows:?}");
    assert_eq!(clinic.test.differences().await.unwrap(), [""; 0]);
    let goes_on = "UPDATE customer SET notes = NULL";
    bot.batch_execute(goes_on).await.unwrap();
    let searched = "SELECT causeway_search FROM hcm_01.customer WHERE customerid = 'c1'";
    let searched = clinic.admin.query_one(searched, &[]).await.unwrap();
    let expected = "pham chi\nchi@example.vn\n0912345678";
    assert_eq!(searched.get::<_, &str>(0), expected);
    let told = "SELECT body FROM causeway.copy WHERE key = 'sleep'";
    let told = clinic.admin.query_one(told, &[]).await.unwrap();
    assert_eq!(told.get::<_, &[u8]>(0), b"");
}

/// It holds no edits: its tables are made anew, and what others have beside them stays.
#[tokio::test]
async fn a_database_of_an_early_layout_is_emptied_and_loaded_again() {
    let (database, place) = empty().await;
    let client = place.connect().await;
    let early = include_str!("layout_4.sql");
    client.batch_execute(early).await.unwrap();
    let error = database.count_sites().await.unwrap_err();
    assert!(error.to_string().contains("causeway-hub init"), "{error}");
    let test = TestHub::new(&database).await.unwrap();
    let mut site = TestSite::new(&test.store, "here", SHOP).unwrap();
    put(&mut site, "1,apple").await;
    assert_eq!(test.load_rows().await.unwrap(), 1);
    assert_eq!(test.rows(&site, "item").await.unwrap(), ["b=0of2 1,apple"]);
    assert_eq!(test.differences().await.unwrap(), [""; 0]);
    let theirs = client.query_one("SELECT note FROM here.theirs", &[]).await;
    assert_eq!(theirs.unwrap().get::<_, &str>(0), "kept");
    test.change(&site, "UPDATE item SET name = 'pear' WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(test.flush_rows(&site).await.unwrap(), 1);
}

/// The tables stay the same ones when their dataset changes: whoever was granted something keeps it, and a
/// view goes on. Somebody who reads meanwhile is waited for, and is nobody's victim.
#[tokio::test]
async fn a_dataset_change_leaves_views_and_grants() {
    let (_, test, mut site, place) = loaded().await;
    let client = place.connect().await;
    let theirs = "CREATE VIEW public.names AS SELECT * FROM here.item; \
        GRANT SELECT (id) ON here.item TO PUBLIC; GRANT SELECT ON here.sale TO PUBLIC";
    client.batch_execute(theirs).await.unwrap();
    let tables = "SELECT string_agg(oid::text || relname || relacl::text, ' ' ORDER BY relname) \
        FROM pg_class WHERE relnamespace = 'here'::regnamespace AND relkind = 'r'";
    let before: String = client.query_one(tables, &[]).await.unwrap().get(0);
    let longer = SHOP.replace(
        "name = \"name\", type = \"text\" }",
        "name = \"name\", type = \"text\" }, { name = \"grade\", type = \"text\", not_null = true, \
         default = \"it's\" }, { name = \"n\", type = \"int\" }",
    );
    site.declare(&longer).unwrap();
    put(&mut site, "1,apple,a,7").await;

    let reader = place.connect().await;
    reader
        .batch_execute("BEGIN; SELECT * FROM public.names")
        .await
        .unwrap();
    let reads = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        reader
            .batch_execute("SELECT * FROM here.item; COMMIT")
            .await
    };
    let (read, rows) = tokio::join!(reads, test.load_rows());
    read.unwrap();
    assert_eq!(rows.unwrap(), 1);
    let after: String = client.query_one(tables, &[]).await.unwrap().get(0);
    assert_eq!(after, before);
    let row = client
        .query_one("SELECT name FROM public.names", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, String>(0), "apple");
    let row = client
        .query_one("SELECT grade, n FROM here.item", &[])
        .await
        .unwrap();
    assert_eq!(
        (row.get::<_, String>(0), row.get::<_, i64>(1)),
        ("a".to_owned(), 7)
    );
    let insert = "INSERT INTO here.item (id, name) VALUES (5, 'fig') RETURNING grade";
    let row = client.query_one(insert, &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "it's");
}

/// A view of everything shows what lists search too, which is made anew where a dataset brings more to search.
#[tokio::test]
async fn a_view_of_everything_outlives_more_texts_to_search() {
    let (database, place) = empty().await;
    let test = TestHub::new(&database).await.unwrap();
    let people = |more: &str| {
        format!(
            "name = 'people'\nversion = 1\n[[table]]\nname = 'customer'\nkey = ['id']\n\
             partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'id', type = 'int' }}, \
             {{ name = 'fullname', type = 'text' }}{more}]"
        )
    };
    let mut site = TestSite::new(&test.store, "here", &people("")).unwrap();
    let client = place.connect().await;
    let email = ", { name = 'email', type = 'text' }";
    let phone = format!("{email}, {{ name = 'phonenumber', type = 'phone' }}");
    for (view, more, row) in [
        ("first", "", "1,Lê Ân"),
        ("second", email, "1,Lê Ân,an@x.vn"),
        ("third", &phone, "1,Lê Ân,an@x.vn,0912 345"),
    ] {
        site.declare(&people(more)).unwrap();
        let put = site.put("customer", "b=0of1", &[row]).await.unwrap();
        put.commit().await.unwrap();
        test.load_rows().await.unwrap();
        let view = format!("CREATE VIEW public.{view} AS SELECT * FROM here.customer");
        client.batch_execute(&view).await.unwrap();
    }
    let searched = async |from: &str| {
        let sql = format!("SELECT causeway_search FROM {from}");
        client
            .query_one(&sql, &[])
            .await
            .unwrap()
            .get::<_, String>(0)
    };
    assert_eq!(searched("public.first").await, "le an");
    assert_eq!(searched("public.second").await, "le an\nan@x.vn");
    assert_eq!(searched("here.customer").await, "le an\nan@x.vn\n0912345");
    assert_eq!(test.differences().await.unwrap(), [""; 0]);
}
