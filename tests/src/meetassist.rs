//! A small MeetAssist site: all seven tables, three in a SQLite file under the application's own
//! names, four in CSV files, so that a `via` child lives in another source than its parent.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::ToSpan as _;
use jiff::civil::Date;
use rusqlite::Connection;

/// The `[[source]]` tables of such a site.
pub const SOURCES: &str = r#"
[[source]]
kind = "sqlite"
path = "site/meetassist.db"
tables = { appointment = "Appointments", consultantschedule = "Slots", customer = "Customers" }
[[source]]
kind = "csv"
path = "site/csv"
"#;

/// The site's tables as its application declares them.
const SCHEMA: &str = r#"
PRAGMA journal_mode = WAL;
CREATE TABLE Customers (
    CustomerId TEXT PRIMARY KEY, FullName TEXT NOT NULL, Email TEXT NOT NULL, PhoneNumber TEXT,
    DateOfBirth TEXT, CreatedAt TEXT, IsDisabled INTEGER, Notes TEXT, LastLogin TEXT);
CREATE TABLE Slots (
    ScheduleId INTEGER PRIMARY KEY, ConsultantId INTEGER NOT NULL, Date TEXT NOT NULL,
    StartTime TEXT NOT NULL, EndTime TEXT NOT NULL, IsAvailable INTEGER);
CREATE TABLE Appointments (
    AppointmentId INTEGER PRIMARY KEY, ConsultantId INTEGER, CustomerId TEXT NOT NULL,
    Date TEXT NOT NULL, Time TEXT NOT NULL, Duration INTEGER, MeetingUrl TEXT, Status TEXT,
    Description TEXT, CreatedAt TEXT, UpdatedAt TEXT);
"#;

/// Days of history and of the future.
const PAST_DAYS: i64 = 40;
const FUTURE_DAYS: i64 = 5;
const APPOINTMENTS_A_DAY: i64 = 4;

/// A site in a folder.
#[derive(Debug)]
pub struct MeetAssist {
    folder: PathBuf,
    /// The day that its window lies around.
    pub today: Date,
}

impl MeetAssist {
    /// Writes a site with 46 days of four appointments each around `today`.
    ///
    /// # Panics
    /// Where the files cannot be written.
    #[must_use]
    pub fn write(folder: &Path, today: Date) -> Self {
        let site = Self {
            folder: folder.to_owned(),
            today,
        };
        fs::create_dir(folder.join("csv")).unwrap();
        site.write_database();
        site.write_csv();
        site
    }

    fn write_database(&self) {
        let mut db = self.open();
        db.execute_batch(SCHEMA).unwrap();
        let rows = db.transaction().unwrap();
        for n in 1..=30 {
            // Each third without a phone number, each fifth without what has a default.
            rows.execute(
                "INSERT INTO Customers VALUES (?1, ?2, ?3, iif(?4 % 3, '0912 34 56 ' || ?4, NULL),
                 iif(?4 % 2, '1990-01-02', NULL), iif(?4 % 5, '2024-05-06 07:08:09', NULL),
                 iif(?4 % 5, ?4 % 7 = 0, NULL), iif(?4 = 9, 'says \"hi\", twice' || char(10), ''),
                 'ignored')",
                (
                    format!("fb-{n}"),
                    format!("Nguyễn Văn {n}"),
                    format!("c{n}@example.vn"),
                    n,
                ),
            )
            .unwrap();
        }
        let mut id = 0;
        for (day, date) in self.days() {
            for slot in 0..APPOINTMENTS_A_DAY {
                id += 1;
                let time = format!("{:02}:00:00", 9 + slot);
                let end = format!("{:02}:00:00", 10 + slot);
                let consultant = 1 + (id % 3);
                rows.execute(
                    "INSERT INTO Slots VALUES (?1, ?2, ?3, ?4, ?5, iif(?1 % 4, ?1 % 2, NULL))",
                    (id, consultant, date.to_string(), &time, &end),
                )
                .unwrap();
                let status = match (day.cmp(&0), id % 4) {
                    (_, 0) => "cancelled",
                    (std::cmp::Ordering::Less, _) => "completed",
                    (_, 1) => "confirmed",
                    _ => "pending",
                };
                rows.execute(
                    "INSERT INTO Appointments VALUES (?1, iif(?1 % 9, ?2, NULL), ?3, ?4, ?5,
                     iif(?1 % 6, 45, NULL), NULL, ?6, 'about ' || ?1,
                     iif(?1 % 8, ?4 || ' 08:00:00', NULL), NULL)",
                    (
                        id,
                        consultant,
                        format!("fb-{}", 1 + id % 30),
                        date.to_string(),
                        &time,
                        status,
                    ),
                )
                .unwrap();
            }
        }
        rows.commit().unwrap();
    }

    fn write_csv(&self) {
        self.put_csv(
            "consultant",
            "ConsultantId,FullName,Email,JoinDate,IsDisabled,Specialties\n\
             1,Trần Thị A,a@example.vn,2020-01-01,false,\"law, tax\"\n\
             2,Lê B,b@example.vn,2021-02-03,0,\n\
             3,Phạm C,c@example.vn,2022-03-04,true,careers\n",
        );
        let past = PAST_DAYS * APPOINTMENTS_A_DAY;
        let mut feedback = String::from("appointmentid,rating,customerfeedback,createdat\n");
        for id in (1..=past).filter(|id| id % 4 == 1) {
            let halves = id % 11;
            feedback += &format!(
                "{id},{}.{},thanks,2025-01-02T03:04:05\n",
                halves / 2,
                halves % 2 * 5
            );
        }
        self.put_csv("AppointmentFeedback", &feedback);
        self.put_csv(
            "communityprogram",
            &format!(
                "programid,programname,date,status\n1,Ngày hội,{},completed\n2,Hội thảo,{},upcoming\n\
                 3,Gặp gỡ,{},\n",
                self.today.saturating_sub(30.days()),
                self.today.saturating_add(30.days()),
                self.today
            ),
        );
        let mut participants = String::from("programid,customerid,registeredtime,status\n");
        for n in 1..=30 {
            let status = ["registered", "attended", "cancelled"][n % 3];
            participants += &format!("{},fb-{n},2025-03-04 05:06:07,{status}\n", 1 + n % 3);
        }
        self.put_csv("programparticipant", &participants);
    }

    /// Each day of the site, as days from today.
    fn days(&self) -> impl Iterator<Item = (i64, Date)> + use<> {
        let today = self.today;
        (-PAST_DAYS..=FUTURE_DAYS).map(move |day| (day, today.saturating_add(day.days())))
    }

    /// The first appointment of a day, counted from today.
    #[must_use]
    pub fn first_appointment(&self, day: i64) -> i64 {
        (PAST_DAYS + day) * APPOINTMENTS_A_DAY + 1
    }

    /// A date, counted from today.
    #[must_use]
    pub fn date(&self, day: i64) -> Date {
        self.today.saturating_add(day.days())
    }

    /// The site's SQLite file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join("meetassist.db")
    }

    /// One of the site's CSV files.
    #[must_use]
    pub fn csv(&self, name: &str) -> PathBuf {
        self.folder.join("csv").join(format!("{name}.csv"))
    }

    /// Writes one of the site's CSV files.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn put_csv(&self, name: &str, text: &str) {
        fs::write(self.csv(name), text).unwrap();
    }

    /// A connection as the site's application has it.
    ///
    /// # Panics
    /// Where the file cannot be opened.
    #[must_use]
    pub fn open(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    /// Changes the site's database as its application would, and closes it.
    ///
    /// # Panics
    /// Where the SQL fails.
    pub fn execute(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap();
    }
}
