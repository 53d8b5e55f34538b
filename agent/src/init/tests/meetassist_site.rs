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
    insta::assert_snapshot!(proposal.agent_toml, @"");
    insta::assert_snapshot!(proposal.notes.join("\n"), @"");
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
    insta::assert_snapshot!(changed.join("\n"), @"");
    let copy = dataset(&proposal);
    assert_eq!(
        copy.tables.len(),
        Dataset::meetassist().unwrap().tables.len()
    );
    insta::assert_snapshot!(sources(&proposal), @"");
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
    insta::assert_snapshot!(sources(&proposal), @"");
}
