//! What other roles of PostgreSQL may do with a site's tables.

use causeway_hub::testing::{HubDatabase, SHOP, TestHub, TestSite};
use causeway_tests::{DatabaseKind, StoreKind, TestDatabase};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::chatbot::journal;
use crate::clinic::Clinic;
use crate::ground::deploy;

#[tokio::test]
async fn a_role_gets_what_it_needs_and_no_more() {
    let clinic = Clinic::open().await;
    let reader = clinic.role("reader", "SELECT").await;
    let refused = reader
        .batch_execute("DELETE FROM customer")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    let bot = clinic.role("bot", "SELECT, INSERT, UPDATE, DELETE").await;
    for sql in [
        "SELECT causeway.next_key()",
        "SELECT causeway.write_journal('hcm-01', 'customer', NULL, NULL, NULL, NULL)",
        "SELECT nextval('causeway.keys')",
        "SELECT FROM causeway.journal",
        "UPDATE causeway.site SET writable = true",
        "SELECT hcm_01.\"appointment before\"()",
        "ALTER TABLE appointment DISABLE TRIGGER ALL",
        "CREATE TABLE hcm_01.mine (id int)",
        "SET session_replication_role = replica",
    ] {
        let refused = bot.batch_execute(sql).await.unwrap_err();
        let code = refused.code();
        assert_eq!(
            code,
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{sql}: {refused}"
        );
    }
    // What the loader sets counts for the owner of the tables alone.
    let forged = "SET causeway.loader = on; \
        INSERT INTO customer (customerid, fullname, email, causeway_part, causeway_clash) \
        VALUES ('x', 'X', 'x@y', 'b=0of1', true)";
    bot.batch_execute(forged).await.unwrap();
    let row = "SELECT causeway_part, causeway_clash, createdat IS NOT NULL FROM customer \
        WHERE customerid = 'x'";
    let messages = bot.simple_query(row).await.unwrap();
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..3).map(|at| row.get(at)).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(row.unwrap(), [Some("b=01of16"), Some("f"), Some("t")]);
    assert_eq!(
        journal(&clinic, "customerid").await,
        ["customer born b=01of16 x"]
    );
    let other =
        "UPDATE customer SET causeway_part = 'b=0of1', causeway_clash = true, fullname = 'Y'";
    bot.batch_execute(other).await.unwrap();
    let hidden = "SELECT DISTINCT causeway_clash FROM hcm_01.customer \
        WHERE causeway_part <> 'b=0of1'";
    let hidden = clinic.admin.query_one(hidden, &[]).await.unwrap();
    assert!(!hidden.get::<_, bool>(0));
}

#[tokio::test]
async fn roles_of_the_configuration_get_their_rights() {
    let clinic = Clinic::open().await;
    let [reader, writer] = ["reader", "writer"].map(|role| clinic.role_name(role));
    let database = HubDatabase::postgres_with_roles(&clinic.place.url(), &[&reader], &[&writer]);
    let database = database.unwrap();
    let error = database.init().await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "configuration, database: `readers` and `writers` name roles that are not there: {reader}, \
             {writer}; make them with CREATE ROLE or take them out"
        )
    );
    let make = format!("CREATE ROLE {reader}; CREATE ROLE {writer}");
    clinic.admin.batch_execute(&make).await.unwrap();
    database.init().await.unwrap();
    let rights = "SELECT grantee || ' ' || string_agg(DISTINCT privilege_type, ', ') \
        FROM information_schema.role_table_grants WHERE grantee = ANY ($1) \
        GROUP BY grantee, table_name ORDER BY 1";
    let rows = clinic
        .admin
        .query(rights, &[&vec![&reader, &writer]])
        .await
        .unwrap();
    let mut rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows.len(), 14);
    rows.dedup();
    assert_eq!(
        rows,
        [
            format!("{reader} SELECT"),
            format!("{writer} DELETE, INSERT, SELECT, UPDATE")
        ]
    );
    let bot = clinic.another("writer").await;
    bot.batch_execute("UPDATE customer SET notes = 'x'")
        .await
        .unwrap();
    // A site that is loaded for the first time.
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let database = HubDatabase::postgres_with_roles(&place.url(), &[&reader], &[&writer]);
    let test = TestHub::new(&database.unwrap()).await.unwrap();
    TestSite::with_an_apple(&test.store).await.unwrap();
    test.load_rows().await.unwrap();
    let client = place.connect().await;
    let read = format!("SET SESSION AUTHORIZATION {reader}; SELECT FROM here.item");
    client.batch_execute(&read).await.unwrap();
}

#[tokio::test]
async fn a_role_that_is_not_there_is_a_wrong_configuration() {
    let (deployment, _) = deploy((StoreKind::Folder, DatabaseKind::Postgres)).await;
    let _ = deployment.agent(&["migrate"]);
    let _ = deployment.hub(&["init"]).expect_code(0);
    for command in ["init", "load"] {
        let program = deployment.hub_program(&[command]);
        let named = program.envs([("CAUSEWAY_DATABASE__WRITERS", "nobody_there")]);
        let ended = named.run().expect_code(2);
        assert!(
            ended
                .stdout
                .contains("roles that are not there: nobody_there"),
            "{ended}"
        );
    }
}

#[tokio::test]
async fn roles_that_are_not_named_any_more_lose_what_the_hub_gave_them() {
    let clinic = Clinic::open().await;
    let [gone, less] = ["gone", "less"].map(|role| clinic.role_name(role));
    let make = format!(
        "CREATE ROLE {gone}; CREATE ROLE {less}; \
         GRANT SELECT ON hcm_01.customer TO {gone}; GRANT INSERT ON hcm_01.customer TO {less}"
    );
    clinic.admin.batch_execute(&make).await.unwrap();
    let url = clinic.place.url();
    let named = async |readers: &[&str], writers: &[&str]| {
        let database = HubDatabase::postgres_with_roles(&url, readers, writers).unwrap();
        database.init().await.unwrap();
        let sql = "SELECT grantee || ' ' || table_name || ' ' || string_agg(privilege_type, ', ' \
                ORDER BY privilege_type) \
            FROM information_schema.role_table_grants \
            WHERE grantee = ANY ($1) AND table_name IN ('customer', 'consultant') \
            GROUP BY grantee, table_name ORDER BY 1";
        let rows = clinic.admin.query(sql, &[&vec![&gone, &less]]).await;
        let rights = rows
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect::<Vec<String>>();
        let usage = "SELECT has_schema_privilege($1, 'hcm_01', 'USAGE')";
        let usage = clinic.admin.query_one(usage, &[&gone]).await.unwrap();
        (rights, usage.get::<_, bool>(0))
    };
    let all = "DELETE, INSERT, SELECT, UPDATE";
    assert_eq!(
        named(&[&gone], &[&less]).await.0,
        [
            format!("{gone} consultant SELECT"),
            format!("{gone} customer SELECT"),
            format!("{less} consultant {all}"),
            format!("{less} customer {all}"),
        ]
    );
    let (rights, usage) = named(&[&less], &[]).await;
    assert_eq!(
        rights,
        [
            format!("{gone} customer SELECT"),
            format!("{less} consultant SELECT"),
            format!("{less} customer INSERT, SELECT"),
        ]
    );
    assert!(!usage);
    // A role that was dropped, and none at all.
    let drop = format!("DROP OWNED BY {less}; DROP ROLE {less}");
    clinic.admin.batch_execute(&drop).await.unwrap();
    assert_eq!(named(&[], &[]).await.0, [format!("{gone} customer SELECT")]);
    let noted = "SELECT count(*) FROM causeway.granted";
    let noted = clinic.admin.query_one(noted, &[]).await.unwrap();
    assert_eq!(noted.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_role_that_owns_its_database_and_nothing_else_is_enough() {
    let [one, other] = [
        TestDatabase::create(DatabaseKind::Postgres).await,
        TestDatabase::create(DatabaseKind::Postgres).await,
    ];
    let id = causeway_shared::runtime::chance::random_id().unwrap();
    let (owner, writer) = (format!("owner_{id}"), format!("writer_{id}"));
    let admin = one.connect().await;
    let make = format!("CREATE ROLE {owner} LOGIN; CREATE ROLE {writer}");
    admin.batch_execute(&make).await.unwrap();
    let mut databases = Vec::new();
    for place in [&one, &other] {
        let name = place.name();
        let own = format!("ALTER DATABASE {name} OWNER TO {owner}");
        admin.batch_execute(&own).await.unwrap();
        let url = place.url().replace("//postgres@", &format!("//{owner}@"));
        databases.push(HubDatabase::postgres_with_roles(&url, &[], &[&writer]).unwrap());
    }
    let test = TestHub::new(&databases[0]).await.unwrap();
    let site = TestSite::with_an_apple(&test.store).await.unwrap();
    test.load_rows().await.unwrap();
    let write = format!(
        "SET SESSION AUTHORIZATION {writer}; UPDATE here.item SET name = 'pear' WHERE id = 1"
    );
    admin.batch_execute(&write).await.unwrap();
    assert_eq!(test.flush_rows(&site).await.unwrap(), 1);
    let second = test.with_database(&databases[1]).await.unwrap();
    second.load_rows().await.unwrap();
    second.take_over().await.unwrap();
    second.load_rows().await.unwrap();
    let write = write.replace("'pear'", "'plum'");
    let client = other.connect().await;
    client.batch_execute(&write).await.unwrap();
    assert_eq!(second.flush_rows(&site).await.unwrap(), 1);
    assert_eq!(second.rows(&site, "item").await.unwrap(), ["b=0of2 1,plum"]);
}

#[tokio::test]
async fn hubs_that_name_other_roles_do_not_take_from_each_other_in_turn() {
    let place = TestDatabase::create(DatabaseKind::Postgres).await;
    let admin = place.connect().await;
    let [first, second] = ["first", "second"].map(|role| format!("{role}_{}", place.name()));
    let make = format!("CREATE ROLE {first}; CREATE ROLE {second}");
    admin.batch_execute(&make).await.unwrap();
    let url = place.url();
    let hub = |role: &str| HubDatabase::postgres_with_roles(&url, &[role], &[]).unwrap();
    let one = TestHub::new(&hub(&first)).await.unwrap();
    let mut site = TestSite::new(&one.store, "here", SHOP).unwrap();
    let mut commit = async |name: &str| {
        let item = format!("1,{name}");
        let put = site.put("item", "b=0of2", &[item.as_str()]).await;
        put.unwrap().commit().await.unwrap();
    };
    commit("apple").await;
    one.load_all().await.unwrap();
    let two = one.with_database(&hub(&second)).await.unwrap();
    let mut seen = Vec::new();
    for name in ["pear", "plum", "fig", "lime"] {
        for hub in [&one, &two] {
            commit(&format!("{name} {}", seen.len())).await;
            hub.load_all().await.unwrap();
        }
        // Which transaction granted what.
        let granted = "SELECT role || ' ' || xmin FROM causeway.granted \
            WHERE schema_name = 'here' AND table_name = 'item' ORDER BY 1";
        let rows = admin.query(granted, &[]).await.unwrap();
        seen.push(rows.iter().map(|row| row.get(0)).collect::<Vec<String>>());
    }
    // In the first round the second hub takes back what it does not name.
    assert_eq!(seen[1].len(), 2, "{seen:?}");
    assert_eq!((&seen[1], &seen[1]), (&seen[2], &seen[3]), "{seen:?}");
    let drop = format!("DROP OWNED BY {first}, {second}; DROP ROLE {first}, {second}");
    admin.batch_execute(&drop).await.unwrap();
}
