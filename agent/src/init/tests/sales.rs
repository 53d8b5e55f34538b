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
    insta::assert_snapshot!(table(&proposal, "orders"), @r#"
    [[table]]
    name = "orders"
    key = ["orderid"]  # declared PRIMARY KEY
    partition = { by = "orderdate" }  # 30 rows on 15 dates from 2025-11-01 to 2025-11-15, at most 2 on one, by the date of each timestamp
    # Not as a unique rule: "sqlite_autoindex_Orders_1" (Slip): it cannot be judged date by date.
    summary = { sum = ["freight"] }
    lookup = ["orderid"]  # finds a row by its key without loading its date
    column = [
      { name = "orderid", type = "int", not_null = true },  # declared INTEGER, all 30 values are whole numbers
      { name = "customerid", type = "text", max = 5, not_null = true, references = "customers" },  # declared VARCHAR(5), longest 5; declared FOREIGN KEY
      { name = "orderdate", type = "timestamp", not_null = true },  # declared DATETIME, all 30 values are dates with or without a time; PLEASE CHECK: no value has a time of day but midnight ("2025-11-01 00:00:00" and "2025-11-02 00:00:00"); write date if none will
      { name = "shippeddate", type = "timestamp" },  # declared DATETIME, all 20 values are dates with or without a time; PLEASE CHECK: no value has a time of day but midnight ("2025-11-06 00:00:00" and "2025-11-07 00:00:00"); write date if none will
      { name = "freight", type = "decimal(2)" },  # declared NUMERIC, all 30 values are numbers with up to 2 decimals
      { name = "slip", type = "text" },  # declared TEXT, longest 3
    ]
    "#);
    insta::assert_snapshot!(table(&proposal, "order_details"), @r#"
    [[table]]
    name = "order_details"
    source = "Order Details"
    key = ["orderid", "productid"]  # declared PRIMARY KEY
    partition = { via = "orders", on = "orderid" }  # declared FOREIGN KEY, and each of its 30 different values is a key of "Orders", which is dated: rows are where their parent is
    summary = { sum = ["quantity"] }
    column = [
      { name = "orderid", type = "int", not_null = true, references = "orders" },  # declared INTEGER, all 30 values are whole numbers; declared FOREIGN KEY
      { name = "productid", type = "int", not_null = true, references = "products" },  # declared INTEGER, all 30 values are whole numbers; declared FOREIGN KEY
      { name = "unit_price", source = "Unit Price", type = "decimal(2)", not_null = true },  # declared NUMERIC(10,2), all 30 values are numbers with up to 2 decimals
      { name = "quantity", type = "int", not_null = true },  # declared INTEGER, all 30 values are whole numbers
      { name = "discount", type = "float", not_null = true },  # declared REAL, all 30 values are numbers
    ]
    "#);
}

#[test]
fn standing_data_is_in_buckets() {
    let proposal = proposal();
    insta::assert_snapshot!(table(&proposal, "employees"), @r#"
    [[table]]
    name = "employees"
    key = ["employeeid"]  # declared PRIMARY KEY
    # not by "BirthDate": it does not look like the day on which a row is of interest.
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "employeeid", type = "int", not_null = true },  # declared INTEGER, all 2 values are whole numbers
      { name = "lastname", type = "text", max = 20, not_null = true },  # declared VARCHAR(20), longest 7
      { name = "birthdate", type = "date" },  # declared DATE, all 2 values are dates (YYYY-MM-DD)
      { name = "reportsto", type = "int", references = "employees" },  # declared INTEGER, 1 value: whole numbers; declared FOREIGN KEY
    ]
    "#);
    insta::assert_snapshot!(table(&proposal, "employeeterritories"), @r#"
    [[table]]
    name = "employeeterritories"
    key = ["employeeid", "territoryid"]  # declared PRIMARY KEY
    partition = { buckets = 1 }  # 3 rows, about 5000 a bucket
    column = [
      { name = "employeeid", type = "int", not_null = true, references = "employees" },  # declared INTEGER, all 3 values are whole numbers; declared FOREIGN KEY
      { name = "territoryid", type = "text", not_null = true, references = "territories" },  # declared TEXT, longest 5; declared FOREIGN KEY
    ]
    "#);
    insta::assert_snapshot!(table(&proposal, "categories"), @r#"
    [[table]]
    name = "categories"
    key = ["categoryid"]  # declared PRIMARY KEY
    partition = { buckets = 1 }  # 3 rows, about 5000 a bucket
    column = [
      { name = "categoryid", type = "int", not_null = true },  # declared INTEGER, all 3 values are whole numbers
      { name = "categoryname", type = "text", max = 15, not_null = true },  # declared VARCHAR(15), longest 10
      # Left out: "Picture": 3 of 3 values cannot be carried (the first: a BLOB of 9 bytes is not
      # taken).
    ]
    "#);
    insta::assert_snapshot!(table(&proposal, "products"), @r#"
    [[table]]
    name = "products"
    key = ["productid"]  # declared PRIMARY KEY
    partition = { buckets = 1 }  # 3 rows, about 5000 a bucket
    summary = { count_by = ["discontinued"] }
    column = [
      { name = "productid", type = "int", not_null = true },  # declared INTEGER, all 3 values are whole numbers
      { name = "productname", type = "text", not_null = true },  # declared TEXT, longest 5
      { name = "categoryid", type = "int", references = "categories" },  # declared INTEGER, all 2 values are whole numbers; declared FOREIGN KEY
      { name = "unitprice", type = "decimal(2)" },  # declared NUMERIC(10,2), all 3 values are numbers with up to 2 decimals
      { name = "discontinued", type = "bool", not_null = true },  # declared BOOLEAN, all 3 values are yes or no
    ]
    "#);
}

#[test]
fn a_table_without_a_key_is_shown_but_not_declared() {
    let proposal = proposal();
    let text = proposal.dataset_toml.as_deref().unwrap();
    insta::assert_snapshot!(&text[text.find("# LEFT OUT").unwrap()..], @r#"
    # LEFT OUT: "Log": no declared key, and no columns that were tried, alone or together, differ in all
    # rows. PLEASE DECIDE: if some columns will always tell its rows apart, name them as `key` and take
    # the comment signs away; else give the table a PRIMARY KEY in its application, or the file a column
    # of numbers that stay with their rows.
    # [[table]]
    # name = "log"
    # key = []  # no declared key, and no columns that were tried, alone or together, differ in all rows
    # partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    # column = [
    #   { name = "message", type = "text" },  # declared TEXT, longest 7
    #   { name = "level", type = "text" },  # declared TEXT, longest 4
    # ]
    "#);
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
    insta::assert_snapshot!(proposal.agent_toml, @r#"
    # Proposed by `causeway-agent init`. What needs a look or a decision says so in capital letters.
    # Every other key has its default. `causeway-agent plan` shows what would be sent, and writes
    # nothing.

    site = "hcm-01"                       # PLEASE DECIDE: the name of this installation, for good
    dataset = "dataset.toml"              # proposed too; read it through
    timezone = "Asia/Ho_Chi_Minh"         # PLEASE CHECK: of timestamps, and of the dates that they are partitioned by

    [store]
    url = "file:///srv/HCM 01/causeway-store" # PLEASE DECIDE: make this folder, to try it out; for good s3://bucket/prefix

    [[source]]
    kind = "sqlite"
    path = "sales.db"

    # Found and left out:
    # - "Recent" in sales.db: a view; declare it like a table if it should be carried
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    8 tables, 76 rows: 1 by date, 1 via a parent, 6 in buckets
    "Log" is left out, behind comment signs in dataset.toml: no declared key, and no columns that were tried, alone or together, differ in all rows. PLEASE DECIDE: if some columns will always tell its rows apart, name them as `key` and take the comment signs away; else give the table a PRIMARY KEY in its application, or the file a column of numbers that stay with their rows.
    "Recent" in /srv/HCM 01/sales.db is left out: a view; declare it like a table if it should be carried
    Categories.Picture is left out: 3 of 3 values cannot be carried (the first: a BLOB of 9 bytes is not taken)
    Orders.OrderDate: PLEASE CHECK: no value has a time of day but midnight ("2025-11-01 00:00:00" and "2025-11-02 00:00:00"); write date if none will
    Orders.ShippedDate: PLEASE CHECK: no value has a time of day but midnight ("2025-11-06 00:00:00" and "2025-11-07 00:00:00"); write date if none will
    6 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn nothing_is_left_beside_the_database() {
    let site = Site::new().with_sqlite("sales.db", &format!("PRAGMA journal_mode = WAL; {SCHEMA}"));
    site.inspect().unwrap();
    assert_eq!(files_in(&site.folder), ["sales.db"]);
}
