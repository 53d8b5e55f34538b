//! What a site holds, by plain SQL: its SQLite file and CSV files copied into one in-memory
//! database, without any of Causeway's own code, to compare with what arrives.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::meetassist::MeetAssist;

/// A table's rows, keyed by their key columns as text; every value as canonical text.
pub type Rows = BTreeMap<String, Vec<Option<String>>>;

/// Each table of MeetAssist as SQL that gives its declared columns, in order, with defaults
/// applied and rows that lose a unique value left out: what Causeway has to make of the site's rows.
const TABLES: [(&str, usize, &str); 7] = [
    (
        "customer",
        1,
        "SELECT customerid, fullname, email, phonenumber, dateofbirth,
         coalesce(replace(createdat, ' ', 'T'), '2000-01-01T00:00:00'),
         iif(coalesce(isdisabled, 0), 'true', 'false'), notes FROM Customers",
    ),
    (
        "consultant",
        1,
        "SELECT consultantid, fullname, email, NULL, NULL, nullif(specialties, ''), NULL, joindate,
         joindate || 'T00:00:00', iif(isdisabled IN ('true', '1'), 'true', 'false')
         FROM consultant",
    ),
    (
        "consultantschedule",
        1,
        "SELECT scheduleid, consultantid, date, starttime, endtime,
         iif(coalesce(isavailable, 1), 'true', 'false') FROM Slots",
    ),
    (
        "appointment",
        1,
        "SELECT appointmentid, consultantid, customerid, date,
         iif(length(time) = 5, time || ':00', time), coalesce(duration, 60),
         meetingurl, coalesce(status, 'pending'), description,
         coalesce(replace(createdat, ' ', 'T'), date || 'T00:00:00'), updatedat FROM Appointments AS a
         WHERE coalesce(status, '') = 'cancelled' OR NOT EXISTS (
           SELECT 1 FROM Appointments AS b WHERE b.appointmentid < a.appointmentid
           AND (b.consultantid, b.date, b.time) = (a.consultantid, a.date, a.time)
           AND coalesce(b.status, '') <> 'cancelled')",
    ),
    (
        "appointmentfeedback",
        1,
        "SELECT appointmentid, rating, customerfeedback, createdat FROM AppointmentFeedback",
    ),
    (
        "communityprogram",
        1,
        "SELECT programid, programname, date, NULL, NULL, NULL, NULL, 'false',
         coalesce(nullif(status, ''), 'upcoming'), date || 'T00:00:00' FROM communityprogram",
    ),
    (
        "programparticipant",
        2,
        "SELECT programid, customerid, replace(registeredtime, ' ', 'T'), status
         FROM programparticipant",
    ),
];

/// The site, copied.
#[derive(Debug)]
pub struct Mirror {
    db: Connection,
}

impl Mirror {
    /// Copies a site as it is now.
    ///
    /// # Panics
    /// Where a file cannot be read.
    #[must_use]
    pub fn of(site: &MeetAssist) -> Self {
        let db = Connection::open_in_memory().unwrap();
        let file = site.database();
        db.execute("ATTACH ?1 AS site", [file.to_str().unwrap()])
            .unwrap();
        for name in ["Customers", "Slots", "Appointments"] {
            db.execute_batch(&format!(
                "CREATE TABLE main.{name} AS SELECT * FROM site.{name}"
            ))
            .unwrap();
        }
        db.execute_batch("DETACH site").unwrap();
        for name in [
            "consultant",
            "AppointmentFeedback",
            "communityprogram",
            "programparticipant",
        ] {
            copy_csv(&db, name, &site.csv(name));
        }
        Self { db }
    }

    /// All rows of a table, as they should arrive.
    ///
    /// # Panics
    /// For a table that MeetAssist does not have.
    #[must_use]
    pub fn rows(&self, table: &str) -> Rows {
        let (_, key, sql) = TABLES.iter().find(|(name, _, _)| *name == table).unwrap();
        read_rows(&self.db, sql, *key)
    }

    /// Changes the copy, as the cloud changed what it has of the site.
    ///
    /// # Panics
    /// Where the SQL fails.
    pub fn execute(&self, sql: &str) {
        self.db
            .execute_batch(sql)
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// One number, by SQL over the site's own tables.
    ///
    /// # Panics
    /// Where the SQL fails.
    #[must_use]
    pub fn number(&self, sql: &str) -> f64 {
        self.db
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }
}

/// The names of MeetAssist's tables.
pub fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(name, _, _)| *name)
}

/// Rows that a query on a SQLite database gives, keyed by their first columns.
///
/// # Panics
/// Where the SQL fails.
#[must_use]
pub fn read_rows(db: &Connection, sql: &str, key_columns: usize) -> Rows {
    let mut statement = db.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut found = Rows::new();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<_> = (0..columns)
            .map(|at| as_text(row.get_ref(at).unwrap()))
            .collect();
        found.insert(key_of(&values, key_columns), values);
    }
    found
}

/// A row's key as text.
#[must_use]
pub fn key_of(values: &[Option<String>], columns: usize) -> String {
    let parts: Vec<_> = values[..columns]
        .iter()
        .map(|v| v.as_deref().unwrap_or(""))
        .collect();
    parts.join("/")
}

fn as_text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(v) => Some(v.to_string()),
        ValueRef::Real(v) => Some(v.to_string()),
        ValueRef::Text(v) => Some(String::from_utf8(v.to_vec()).unwrap()),
        ValueRef::Blob(_) => panic!("a BLOB"),
    }
}

fn copy_csv(db: &Connection, table: &str, file: &std::path::Path) {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let columns = reader
        .headers()
        .unwrap()
        .iter()
        .collect::<Vec<_>>()
        .join(", ");
    db.execute_batch(&format!("CREATE TABLE {table} ({columns})"))
        .unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let places = vec!["nullif(?, '')"; record.len()].join(", ");
        db.execute(
            &format!("INSERT INTO {table} VALUES ({places})"),
            rusqlite::params_from_iter(record.iter()),
        )
        .unwrap();
    }
    // Ratings come as text; the dataset says that they are numbers.
    if table == "AppointmentFeedback" {
        db.execute_batch("UPDATE AppointmentFeedback SET rating = rating + 0.0")
            .unwrap();
    }
}
