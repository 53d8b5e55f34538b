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
fn times_of_day_are_no_partitions() {
    let proposal = proposal();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "rental"), @"");
}

#[test]
fn a_payment_has_its_own_date() {
    insta::assert_snapshot!(table(&proposal(), "payment"), @"");
}

#[test]
fn a_customers_first_day_is_no_partition_while_others_refer_to_it() {
    insta::assert_snapshot!(table(&proposal(), "customer"), @"");
}

#[test]
fn values_that_contradict_their_declared_types() {
    insta::assert_snapshot!(table(&proposal(), "film"), @"");
    insta::assert_snapshot!(table(&proposal(), "actor"), @"");
}
