//! A rental shop's database: times of day wherever there are dates, `last_update` everywhere,
//! types that only SQLite lets stand.

use super::*;

const SCHEMA: &str = r#"
CREATE TABLE actor (actor_id numeric NOT NULL PRIMARY KEY, last_name VARCHAR(45) NOT NULL, last_update TIMESTAMP NOT NULL);
CREATE TABLE film (film_id INT NOT NULL PRIMARY KEY, title VARCHAR(10) NOT NULL, release_year YEAR, rental_rate DECIMAL(4,2) NOT NULL,
  length SMALLINT, rating VARCHAR(10), special BLOB SUB_TYPE TEXT, last_update TIMESTAMP NOT NULL);
CREATE TABLE film_actor (actor_id INT NOT NULL, film_id INT NOT NULL, PRIMARY KEY (actor_id, film_id),
  FOREIGN KEY (actor_id) REFERENCES actor (actor_id), FOREIGN KEY (film_id) REFERENCES film (film_id));
CREATE TABLE customer (customer_id INT PRIMARY KEY, email VARCHAR(50), active CHAR(1) NOT NULL, create_date DATE NOT NULL);
CREATE UNIQUE INDEX one_email ON customer (email);
CREATE TABLE rental (rental_id INT NOT NULL PRIMARY KEY, rental_date TIMESTAMP NOT NULL, customer_id INT NOT NULL,
  return_day DATE, FOREIGN KEY (customer_id) REFERENCES customer (customer_id));
CREATE UNIQUE INDEX one_rental ON rental (rental_date, customer_id);
CREATE TABLE payment (payment_id INT PRIMARY KEY, rental_id INT, amount DECIMAL(5,2) NOT NULL, payment_day DATE NOT NULL,
  FOREIGN KEY (rental_id) REFERENCES rental (rental_id));
CREATE UNIQUE INDEX one_payment ON payment (rental_id);

INSERT INTO actor VALUES (1, 'GUINESS', '2021-03-06 15:51:59'), (2, 'WAHLBERG', '2021-03-06 15:51:59');
INSERT INTO film VALUES (1, 'ACADEMY DINOSAUR', '2006', 0.99, 86, 'PG', 'Trailers', '2021-03-06 15:52:00'),
  (2, 'ACE', NULL, 4.5, 'long', 'G', NULL, '2021-03-06 15:52:00');
INSERT INTO film_actor VALUES (1, 1), (2, 1), (2, 2);
INSERT INTO customer VALUES (1, 'mary@example.org', '1', '2025-01-05'), (2, NULL, '0', '2025-02-07');
INSERT INTO rental VALUES (1, '2025-05-24 22:53:30', 1, '2025-05-26'), (2, '2025-05-24 22:54:33', 2, NULL);
INSERT INTO payment VALUES (1, 1, 2.99, '2025-05-24'), (2, NULL, 4.99, '2025-05-25');
"#;

fn proposal() -> Proposal {
    Site::new().with_sqlite("rental.sqlite3", SCHEMA).propose()
}

#[test]
fn a_moment_is_partitioned_by_its_date() {
    let proposal = proposal();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "rental"), @r#"
    [[table]]
    name = "rental"
    key = ["rental_id"]  # declared PRIMARY KEY
    partition = { by = "rental_date" }  # 2 rows, all on 2025-05-24, by the date of each timestamp; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    unique = [{ columns = ["rental_date", "customer_id"] }]  # declared UNIQUE
    lookup = ["rental_id"]  # finds a row by its key without loading its date
    column = [
      { name = "rental_id", type = "int", not_null = true },  # declared INT, all 2 values are whole numbers
      { name = "rental_date", type = "timestamp", not_null = true },  # declared TIMESTAMP, all 2 values are dates with or without a time
      { name = "customer_id", type = "int", not_null = true, references = "customer" },  # declared INT, all 2 values are whole numbers; declared FOREIGN KEY
      { name = "return_day", type = "date" },  # declared DATE, 1 value: dates (YYYY-MM-DD)
    ]
    "#);
}

#[test]
fn a_payment_has_its_own_date() {
    insta::assert_snapshot!(table(&proposal(), "payment"), @r#"
    [[table]]
    name = "payment"
    key = ["payment_id"]  # declared PRIMARY KEY
    partition = { by = "payment_day" }  # 2 rows on 2 dates from 2025-05-24 to 2025-05-25, at most 1 on one; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    # Not as a unique rule: "one_payment" (rental_id): it cannot be judged date by date.
    summary = { sum = ["amount"] }
    lookup = ["payment_id"]  # finds a row by its key without loading its date
    column = [
      { name = "payment_id", type = "int", not_null = true },  # declared INT, all 2 values are whole numbers
      { name = "rental_id", type = "int", references = "rental" },  # declared INT, 1 value: whole numbers; declared FOREIGN KEY
      { name = "amount", type = "decimal(2)", not_null = true },  # declared DECIMAL(5,2), all 2 values are numbers with up to 2 decimals
      { name = "payment_day", type = "date", not_null = true },  # declared DATE, all 2 values are dates (YYYY-MM-DD)
    ]
    "#);
}

#[test]
fn a_customers_first_day_is_no_partition_while_others_refer_to_it() {
    insta::assert_snapshot!(table(&proposal(), "customer"), @r#"
    [[table]]
    name = "customer"
    key = ["customer_id"]  # declared PRIMARY KEY
    # not by "create_date": it does not look like the day on which a row is of interest.
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    unique = [{ columns = ["email"] }]  # declared UNIQUE
    column = [
      { name = "customer_id", type = "int", not_null = true },  # declared INT, all 2 values are whole numbers
      { name = "email", type = "text", max = 50 },  # declared VARCHAR(50), longest 16
      { name = "active", type = "text", max = 1, not_null = true },  # declared CHAR(1), longest 1
      { name = "create_date", type = "date", not_null = true },  # declared DATE, all 2 values are dates (YYYY-MM-DD)
    ]
    "#);
}

#[test]
fn values_that_contradict_their_declared_types() {
    insta::assert_snapshot!(table(&proposal(), "film"), @r#"
    [[table]]
    name = "film"
    key = ["film_id"]  # declared PRIMARY KEY
    # not by "last_update": it does not look like the day on which a row is of interest.
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "film_id", type = "int", not_null = true },  # declared INT, all 2 values are whole numbers
      { name = "title", type = "text", not_null = true },  # declared VARCHAR(10), longest 16; PLEASE CHECK: no `max`: the longest value has 16 characters, not 10
      { name = "release_year", type = "int" },  # declared YEAR, 1 value: whole numbers
      { name = "rental_rate", type = "decimal(2)", not_null = true },  # declared DECIMAL(4,2), all 2 values are numbers with up to 2 decimals
      { name = "length", type = "text" },  # declared SMALLINT, text, longest 4; PLEASE CHECK: its values are not what is declared
      { name = "rating", type = "text", max = 10 },  # declared VARCHAR(10), longest 2
      { name = "special", type = "text" },  # declared BLOB SUB_TYPE TEXT, text, longest 8
      { name = "last_update", type = "timestamp", not_null = true },  # declared TIMESTAMP, all 2 values are dates with or without a time
    ]
    "#);
    insta::assert_snapshot!(table(&proposal(), "actor"), @r#"
    [[table]]
    name = "actor"
    key = ["actor_id"]  # declared PRIMARY KEY
    # not by "last_update": it does not look like the day on which a row is of interest.
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "actor_id", type = "int", not_null = true },  # declared numeric, all 2 values are whole numbers
      { name = "last_name", type = "text", max = 45, not_null = true },  # declared VARCHAR(45), longest 8
      { name = "last_update", type = "timestamp", not_null = true },  # declared TIMESTAMP, all 2 values are dates with or without a time
    ]
    "#);
}

#[test]
fn several_unique_rules_are_one_key_of_the_file() {
    let site = Site::new().with_sqlite(
        "staff.db",
        "CREATE TABLE staff (id INTEGER PRIMARY KEY, email TEXT UNIQUE, badge TEXT UNIQUE);
         INSERT INTO staff VALUES (1, 'a@example.org', 'b1'), (2, 'b@example.org', 'b2');",
    );
    assert_eq!(
        dataset(&site.propose()).tables[causeway_shared::dataset::TableId(0)]
            .unique
            .len(),
        2
    );
}
