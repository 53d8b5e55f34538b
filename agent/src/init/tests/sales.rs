//! A wholesaler's database: dated orders with their lines, territories shared by employees, a log
//! without a key, pictures.

use super::*;

const SCHEMA: &str = r#"
CREATE TABLE Categories (CategoryID INTEGER PRIMARY KEY, CategoryName VARCHAR(15) NOT NULL, Picture BLOB);
CREATE TABLE Customers (CustomerID VARCHAR(5) PRIMARY KEY, CompanyName VARCHAR(40) NOT NULL, Country VARCHAR(15), Phone VARCHAR(24));
CREATE TABLE Employees (EmployeeID INTEGER PRIMARY KEY, LastName VARCHAR(20) NOT NULL, BirthDate DATE, ReportsTo INTEGER REFERENCES Employees);
CREATE TABLE Territories (TerritoryID TEXT PRIMARY KEY, Description TEXT NOT NULL);
CREATE TABLE EmployeeTerritories (
  EmployeeID INTEGER NOT NULL REFERENCES Employees (EmployeeID),
  TerritoryID TEXT NOT NULL REFERENCES Territories (TerritoryID),
  PRIMARY KEY (EmployeeID, TerritoryID));
CREATE TABLE Products (ProductID INTEGER PRIMARY KEY, ProductName TEXT NOT NULL, CategoryID INTEGER REFERENCES Categories,
  UnitPrice NUMERIC(10,2), Discontinued BOOLEAN NOT NULL);
CREATE TABLE Orders (OrderID INTEGER PRIMARY KEY, CustomerID VARCHAR(5) NOT NULL REFERENCES Customers, OrderDate DATETIME NOT NULL,
  ShippedDate DATETIME, Freight NUMERIC, Slip TEXT, UNIQUE (Slip));
CREATE TABLE "Order Details" (OrderID INTEGER NOT NULL REFERENCES Orders (OrderID), ProductID INTEGER NOT NULL REFERENCES Products,
  "Unit Price" NUMERIC(10,2) NOT NULL, Quantity INTEGER NOT NULL, Discount REAL NOT NULL, PRIMARY KEY (OrderID, ProductID));
CREATE TABLE Log (Message TEXT, Level TEXT);
CREATE VIEW Recent AS SELECT * FROM Orders;

WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2) INSERT INTO Categories SELECT i + 1, 'Category ' || i, zeroblob(9) FROM n;
INSERT INTO Customers VALUES ('ALFKI', 'Alfred', 'Germany', '030-0074321'), ('BERGS', 'Berglund', 'Sweden', '0921-12 34 65'),
  ('CACTU', 'Cactus', NULL, '(1) 135-5555');
INSERT INTO Employees VALUES (1, 'Davolio', '1948-12-08', NULL), (2, 'Fuller', '1952-02-19', 1);
INSERT INTO Territories VALUES ('01581', 'West'), ('01730', 'East');
INSERT INTO EmployeeTerritories VALUES (1, '01581'), (1, '01730'), (2, '01581');
INSERT INTO Products VALUES (1, 'Chai', 1, 18, 0), (2, 'Chang', 2, 19.5, 1), (3, 'Syrup', NULL, 10.25, 0);
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29)
  INSERT INTO Orders SELECT 10248 + i, CASE i % 2 WHEN 0 THEN 'ALFKI' ELSE 'BERGS' END,
    datetime('2025-11-01', (i / 2) || ' days'), CASE i % 3 WHEN 0 THEN NULL ELSE datetime('2025-11-05', i || ' days') END, i * 1.25, 'S' || i FROM n;
INSERT INTO "Order Details" SELECT OrderID, 1 + OrderID % 3, 9.75, OrderID % 7, 0.05 FROM Orders;
INSERT INTO Log VALUES ('started', 'info'), ('started', 'info');
"#;

fn proposal() -> Proposal {
    Site::new().with_sqlite("sales.db", SCHEMA).propose()
}

#[test]
fn orders_are_dated_and_their_lines_go_with_them() {
    let proposal = proposal();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "orders"), @"");
    insta::assert_snapshot!(table(&proposal, "order_details"), @"");
}

#[test]
fn standing_data_is_in_buckets() {
    let proposal = proposal();
    insta::assert_snapshot!(table(&proposal, "employees"), @"");
    insta::assert_snapshot!(table(&proposal, "employeeterritories"), @"");
    insta::assert_snapshot!(table(&proposal, "categories"), @"");
    insta::assert_snapshot!(table(&proposal, "products"), @"");
}

#[test]
fn a_table_without_a_key_is_shown_but_not_declared() {
    let proposal = proposal();
    let text = proposal.dataset_toml.as_deref().unwrap();
    insta::assert_snapshot!(&text[text.find("# LEFT OUT").unwrap()..], @"");
    assert!(dataset(&proposal).table("log").is_none());
    // With the comment signs taken away and a key named, it is a table.
    let uncommented = text.replace("# key = []", "key = [\"message\"]");
    let start = uncommented.find("# [[table]]").unwrap();
    let uncommented = uncommented[..start].to_owned()
        + &uncommented[start..]
            .replace("\n# ", "\n")
            .replacen("# ", "", 1);
    assert!(
        Dataset::from_toml(&uncommented)
            .unwrap()
            .table("log")
            .is_some(),
        "{uncommented}"
    );
}

#[test]
fn the_configuration_says_where_it_all_is() {
    let proposal = proposal();
    insta::assert_snapshot!(proposal.agent_toml, @"");
    insta::assert_snapshot!(proposal.notes.join("\n"), @"");
}

#[test]
fn nothing_is_left_beside_the_database() {
    let site = Site::new().with_sqlite("sales.db", &format!("PRAGMA journal_mode = WAL; {SCHEMA}"));
    site.inspect().unwrap();
    assert_eq!(files_in(&site.folder), ["sales.db"]);
}
