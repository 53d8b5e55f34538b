//! Sites that hold MeetAssist's tables, under whatever names.

use super::*;

const APPLICATION: &str = r#"
CREATE TABLE tblCustomers (CustomerId TEXT PRIMARY KEY, FullName TEXT, Email TEXT, PhoneNumber TEXT, DateOfBirth TEXT, CreatedAt TEXT,
  IsDisabled INTEGER, Notes TEXT, LastLogin TEXT);
CREATE TABLE Appointments (AppointmentId INTEGER PRIMARY KEY, ConsultantId INTEGER, CustomerId TEXT, Date TEXT, Time TEXT, Duration INTEGER,
  MeetingUrl TEXT, Status TEXT, Description TEXT, CreatedAt TEXT, UpdatedAt TEXT);
CREATE TABLE APPOINTMENT_FEEDBACK (AppointmentId INTEGER PRIMARY KEY, Rating REAL, CustomerFeedback TEXT, CreatedAt TEXT);
CREATE TABLE Settings (k TEXT, v TEXT);
INSERT INTO tblCustomers VALUES ('fb-1', 'An', 'an@example.org', '0912', NULL, NULL, 0, NULL, NULL), ('fb-2', 'Bình', NULL, NULL, NULL, NULL, 0, NULL, NULL);
INSERT INTO Appointments VALUES (1, NULL, 'fb-1', '2025-11-28', '09:30', 60, NULL, 'pending', NULL, NULL, NULL),
  (2, NULL, 'fb-1', '28.11.25', '10:30', 60, NULL, 'Maybe', NULL, NULL, NULL);
INSERT INTO APPOINTMENT_FEEDBACK VALUES (1, 4.5, NULL, NULL);
"#;

#[test]
fn tables_under_other_names() {
    let proposal = Site::new().with_sqlite("app.data", APPLICATION).propose();
    assert_eq!(proposal.dataset_toml, None);
    insta::assert_snapshot!(proposal.agent_toml, @r#"
    # Proposed by `causeway-agent init`. What needs a look or a decision says so in capital letters.
    # Every other key has its default. `causeway-agent plan` shows what would be sent, and writes
    # nothing.

    site = "hcm-01"                       # PLEASE DECIDE: the name of this installation, for good
    dataset = "meetassist"                # built in; 3 of its 7 tables were found
    timezone = "Asia/Ho_Chi_Minh"         # PLEASE CHECK: of timestamps, and of the dates that they are partitioned by

    [store]
    url = "file:///srv/HCM 01/causeway-store" # PLEASE DECIDE: make this folder, to try it out; for good s3://bucket/prefix

    # "APPOINTMENT_FEEDBACK" is appointmentfeedback: 4 of its 4 columns are there; 1 row.
    # "Appointments" is appointment: 11 of its 11 columns are there; 2 rows.
    # - PLEASE CHECK: many of 2 values of date are not of type date (such as "28.11.25"); their rows go
    # to quarantine
    # - PLEASE CHECK: status has "Maybe"; only pending, confirmed, completed, cancelled are allowed,
    # other rows go to quarantine
    # "tblCustomers" is customer: 8 of its 8 columns are there; 2 rows.
    # - PLEASE CHECK: 1 row without email, which every row must have; such rows go to quarantine
    # - left alone: LastLogin
    [[source]]
    kind = "sqlite"
    path = "app.data"
    tables = { appointment = "Appointments", appointmentfeedback = "APPOINTMENT_FEEDBACK", customer = "tblCustomers" }

    # Found and left out:
    # - "Settings" in app.data: not one of MeetAssist's tables; it is left alone
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    MeetAssist: 3 tables, 5 rows
    "Settings" in /srv/HCM 01/app.data is left out: not one of MeetAssist's tables; it is left alone
    Appointments: PLEASE CHECK: many of 2 values of date are not of type date (such as "28.11.25"); their rows go to quarantine
    Appointments: PLEASE CHECK: status has "Maybe"; only pending, confirmed, completed, cancelled are allowed, other rows go to quarantine
    tblCustomers: PLEASE CHECK: 1 row without email, which every row must have; such rows go to quarantine
    6 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn columns_under_other_names_make_a_copy_of_the_dataset() {
    let proposal = Site::new()
        .with_file("customer.csv", "Customer ID,Full Name,E-mail,phone number,createdat,isdisabled,notes\nfb-1,An,an@example.org,0912,,false,\n")
        .with_file("consultant.csv", "consultantid;fullname;email;joindate;isdisabled\n1;Lan;lan@example.org;31/12/2024;0\n")
        .propose();
    let text = proposal.dataset_toml.as_deref().unwrap();
    let changed: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("source = "))
        .collect();
    insta::assert_snapshot!(changed.join("\n"), @r#"
    { name = "customerid", source = "Customer ID", type = "text", max = 50, not_null = true },
    { name = "fullname", source = "Full Name", type = "text", max = 100, not_null = true },
    { name = "email", source = "E-mail", type = "text", max = 100, not_null = true },
    { name = "phonenumber", source = "phone number", type = "phone" },
    "#);
    let copy = dataset(&proposal);
    assert_eq!(
        copy.tables.len(),
        Dataset::meetassist().unwrap().tables.len()
    );
    insta::assert_snapshot!(sources(&proposal), @r#"
    # "consultant" is consultant: 5 of its 10 columns are there; 1 row.
    # - no column phonenumber: it stays empty
    # - no column imageurl: it stays empty
    # - no column specialties: it stays empty
    # - no column qualifications: it stays empty
    # - no column createdat: rows take its default
    # "customer" is customer: 3 of its 8 columns are there; 1 row.
    # - customerid is "Customer ID" there
    # - fullname is "Full Name" there
    # - email is "E-mail" there
    # - phonenumber is "phone number" there
    # - no column dateofbirth: it stays empty
    [[source]]
    kind = "csv"
    path = "./"
    # certain: consultant.joindate can only be DD/MM/YYYY.
    dates = "dmy"
    "#);
}

#[test]
fn other_tables_of_such_names_are_not_meetassists() {
    let site = Site::new().with_sqlite(
        "shop.db",
        "CREATE TABLE customer (customerid INTEGER PRIMARY KEY, email TEXT, city TEXT);
         CREATE TABLE appointment (appointmentid INTEGER PRIMARY KEY, doctor TEXT);",
    );
    assert_eq!(dataset(&site.propose()).name, "shop");
}

#[test]
fn two_files_with_the_same_tables() {
    let proposal = Site::new()
        .with_sqlite("app.db", APPLICATION)
        .with_sqlite("backup/app.db.bak", APPLICATION)
        .propose();
    insta::assert_snapshot!(sources(&proposal), @r#"
    # "APPOINTMENT_FEEDBACK" is appointmentfeedback: 4 of its 4 columns are there; 1 row.
    # "Appointments" is appointment: 11 of its 11 columns are there; 2 rows.
    # - PLEASE CHECK: many of 2 values of date are not of type date (such as "28.11.25"); their rows go
    # to quarantine
    # - PLEASE CHECK: status has "Maybe"; only pending, confirmed, completed, cancelled are allowed,
    # other rows go to quarantine
    # "tblCustomers" is customer: 8 of its 8 columns are there; 2 rows.
    # - PLEASE CHECK: 1 row without email, which every row must have; such rows go to quarantine
    # - left alone: LastLogin
    [[source]]
    kind = "sqlite"
    path = "app.db"
    tables = { appointment = "Appointments", appointmentfeedback = "APPOINTMENT_FEEDBACK", customer = "tblCustomers" }

    # Found and left out:
    # - "Settings" in app.db: not one of MeetAssist's tables; it is left alone
    # - "APPOINTMENT_FEEDBACK" in backup/app.db.bak: not one of MeetAssist's tables; it is left alone
    # - "Appointments" in backup/app.db.bak: not one of MeetAssist's tables; it is left alone
    # - "Settings" in backup/app.db.bak: not one of MeetAssist's tables; it is left alone
    # - "tblCustomers" in backup/app.db.bak: not one of MeetAssist's tables; it is left alone
    "#);
}
