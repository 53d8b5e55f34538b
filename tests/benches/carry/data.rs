//! Sites of any size.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::Date;
use rusqlite::{Connection, Params};

/// All in one SQLite file.
pub(crate) const SQLITE_SOURCE: &str = "[[source]]\nkind = \"sqlite\"\npath = \"site/site.db\"\n";
/// All in one CSV folder.
pub(crate) const CSV_SOURCE: &str = "[[source]]\nkind = \"csv\"\npath = \"site\"\n";

const CONSULTANTS: i64 = 200;

/// How much, over how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) appointments: i64,
    pub(crate) days: i64,
    pub(crate) from: Date,
}

impl Shape {
    fn customers(self) -> i64 {
        self.appointments / 20
    }

    /// The day of an appointment: booked in order, with the days in their order too.
    pub(crate) fn day(self, n: i64) -> Date {
        let day = n * self.days / self.appointments;
        self.from.saturating_add(day.days())
    }
}

/// Writes a site; how many rows it has.
pub(crate) fn write_sqlite(file: &Path, shape: Shape) -> i64 {
    let mut db = Connection::open(file).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
         CREATE TABLE customer (customerid TEXT PRIMARY KEY, fullname TEXT, email TEXT,
           phonenumber TEXT, createdat TEXT, isdisabled INTEGER);
         CREATE TABLE consultant (consultantid INTEGER PRIMARY KEY, fullname TEXT, email TEXT,
           joindate TEXT);
         CREATE TABLE consultantschedule (scheduleid INTEGER PRIMARY KEY, consultantid INTEGER,
           date TEXT, starttime TEXT, endtime TEXT, isavailable INTEGER);
         CREATE TABLE appointment (appointmentid INTEGER PRIMARY KEY, consultantid INTEGER,
           customerid TEXT, date TEXT, time TEXT, duration INTEGER, meetingurl TEXT, status TEXT,
           description TEXT, createdat TEXT, updatedat TEXT);
         CREATE TABLE appointmentfeedback (appointmentid INTEGER PRIMARY KEY, rating REAL,
           customerfeedback TEXT, createdat TEXT);",
    )
    .unwrap();
    let rows = db.transaction().unwrap();
    insert(
        &rows,
        "INSERT INTO consultant VALUES (?1, 'Cố vấn ' || ?1, 'a@example.vn', '2020-01-01')",
        (0..CONSULTANTS).map(|n| [n]),
    );
    insert(
        &rows,
        "INSERT INTO customer VALUES ('fb-' || ?1, 'Nguyễn Văn ' || ?1, ?1 || '@example.vn',
         '0912345678', '2024-01-02 03:04:05', 0)",
        (0..shape.customers()).map(|n| [n]),
    );
    insert(
        &rows,
        "INSERT INTO consultantschedule VALUES (?1, ?2, ?3, ?4, '23:59:59', ?1 % 2)",
        (0..shape.appointments).map(|n| (n, n % CONSULTANTS, shape.day(n).to_string(), time(n))),
    );
    insert(
        &rows,
        "INSERT INTO appointment VALUES (?1, ?2, 'fb-' || ?3, ?4, ?5, 60,
         'https://meet.example.vn/' || ?1, 'completed', 'Tư vấn nghề nghiệp, lần ' || ?1,
         ?4 || ' 08:00:00', NULL)",
        (0..shape.appointments).map(|n| {
            let customer = n * 7919 % shape.customers();
            (
                n,
                n % CONSULTANTS,
                customer,
                shape.day(n).to_string(),
                time(n),
            )
        }),
    );
    insert(
        &rows,
        "INSERT INTO appointmentfeedback VALUES (?1, (?1 % 11) / 2.0, 'Rất hài lòng',
         '2025-01-02 03:04:05')",
        (0..shape.appointments).step_by(2).map(|n| [n]),
    );
    rows.commit().unwrap();
    CONSULTANTS + shape.customers() + 2 * shape.appointments + shape.appointments / 2
}

fn insert<P: Params>(db: &Connection, sql: &str, rows: impl Iterator<Item = P>) {
    let mut statement = db.prepare(sql).unwrap();
    for row in rows {
        statement.execute(row).unwrap();
    }
}

/// A time of day that no other appointment of the same consultant and day has.
fn time(n: i64) -> String {
    let minute = n / CONSULTANTS % 1_400;
    format!("{:02}:{:02}:00", minute / 60, minute % 60)
}

/// Writes the appointments as a CSV whose rows are in no order, and the tables they need.
pub(crate) fn write_shuffled_csv(folder: &Path, shape: Shape) {
    let mut customers = String::from("customerid,fullname,email\n");
    (0..shape.customers())
        .for_each(|n| customers += &format!("fb-{n},Nguyễn {n},{n}@example.vn\n"));
    fs::write(folder.join("customer.csv"), customers).unwrap();
    let mut file = BufWriter::new(File::create(folder.join("appointment.csv")).unwrap());
    writeln!(
        file,
        "appointmentid,customerid,date,time,duration,status,description,createdat"
    )
    .unwrap();
    for at in 0..shape.appointments {
        // A step that shares no factor with the number of rows visits each row once.
        let n = at * 700_001 % shape.appointments;
        writeln!(
            file,
            "{n},fb-{},{},{},60,completed,\"Tư vấn nghề nghiệp, lần {n}\",2025-01-02 03:04:05",
            n % shape.customers(),
            shape.day(n),
            time(n)
        )
        .unwrap();
    }
}
