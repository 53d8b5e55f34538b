//! A MeetAssist site in PostgreSQL that takes changes, and roles that make them.

use causeway_hub::testing::{HubDatabase, TestHub, TestSite};
use causeway_tests::{DatabaseKind, TestDatabase};
use tokio_postgres::Client;

/// The embedded dataset.
pub(crate) const MEETASSIST: &str = include_str!("../../../config/meetassist.toml");

/// A site `hcm-01` whose rows are loaded.
pub(crate) struct Clinic {
    pub(crate) test: TestHub,
    pub(crate) site: TestSite,
    /// The role that owns the tables.
    pub(crate) admin: Client,
    pub(crate) place: TestDatabase,
}

impl Clinic {
    /// Two consultants, one customer, an appointment with feedback on 2025-11-28; open for changes.
    pub(crate) async fn open() -> Self {
        let mut clinic = Self::of(MEETASSIST).await;
        let consultants = [
            "1,Lê An,an@example.vn,,,,,2020-01-01,2020-01-01T00:00:00,false",
            "2,Hồ Bình,binh@example.vn,,,,,2020-01-01,2020-01-01T00:00:00,true",
        ];
        let customer =
            ["c1,Phạm Chi,chi@example.vn,0912345678,1990-02-03,2021-01-01T08:00:00,false,"];
        let appointment = ["7,1,c1,2025-11-28,08:00:00,60,,confirmed,,2025-11-20T09:30:00.120000,"];
        let feedback = ["7,4.5,tốt,2025-11-28T10:00:00"];
        for (table, part, rows) in [
            ("consultant", "b=0of1", &consultants[..]),
            ("customer", "b=09of16", &customer),
            ("appointment", "dt=2025-11-28", &appointment),
            ("appointmentfeedback", "dt=2025-11-28", &feedback),
        ] {
            clinic.site.put(table, part, rows).await.unwrap();
        }
        clinic.load().await;
        clinic
    }

    /// An empty site of another dataset.
    pub(crate) async fn of(dataset: &str) -> Self {
        let place = TestDatabase::create(DatabaseKind::Postgres).await;
        let database = HubDatabase::postgres(&place.url(), None).unwrap();
        let test = TestHub::new(&database).await.unwrap();
        let site = TestSite::new(&test.store, "hcm-01", dataset).unwrap();
        let admin = place.connect().await;
        Self {
            test,
            site,
            admin,
            place,
        }
    }

    /// Commits what was put and loads it. Nobody owns the edits yet, so this database does from here on.
    pub(crate) async fn load(&mut self) {
        self.site.commit().await.unwrap();
        self.test.load_rows().await.unwrap();
    }

    /// A role's name on the cluster, which all tests share.
    pub(crate) fn role_name(&self, role: &str) -> String {
        let url = self.place.url();
        let name = url.rsplit('/').next().unwrap();
        format!("{role}_{}", name.split('?').next().unwrap())
    }

    /// A connection of a new role that has these rights on the tables.
    pub(crate) async fn role(&self, role: &str, rights: &str) -> Client {
        let name = self.role_name(role);
        let make = format!(
            "CREATE ROLE {name}; ALTER ROLE {name} SET search_path = hcm_01; \
             GRANT USAGE ON SCHEMA hcm_01 TO {name}; \
             GRANT {rights} ON ALL TABLES IN SCHEMA hcm_01 TO {name}"
        );
        self.admin.batch_execute(&make).await.unwrap();
        self.another(role).await
    }

    /// Another connection of a role.
    pub(crate) async fn another(&self, role: &str) -> Client {
        let client = self.place.connect().await;
        let name = self.role_name(role);
        let become_it = format!("SET SESSION AUTHORIZATION {name}; SET search_path = hcm_01");
        client.batch_execute(&become_it).await.unwrap();
        client
    }
}

/// The SQLSTATE, the message and the hint of a statement that is refused.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, tokio_postgres::Error>) -> String {
    let error = result.expect_err("it was taken");
    let error = error.as_db_error().expect("it is the server's error");
    let hint = error.hint().map(|hint| format!("; {hint}"));
    format!(
        "{} {}{}",
        error.code().code(),
        error.message(),
        hint.unwrap_or_default()
    )
}

/// What another connection does while this one's transaction is open, and how that ends once it commits.
pub(crate) async fn while_open(
    clinic: &Clinic,
    (one, first): (&Client, &str),
    (other, second): (&Client, &str),
) -> Result<(), tokio_postgres::Error> {
    one.batch_execute(&format!("BEGIN; {first}")).await.unwrap();
    let commit = async {
        let waits = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waits = async || clinic.admin.query_one(waits, &[]).await.unwrap();
        while waits().await.get::<_, i64>(0) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        one.batch_execute("COMMIT").await.unwrap();
    };
    tokio::join!(other.batch_execute(second), commit).0
}
