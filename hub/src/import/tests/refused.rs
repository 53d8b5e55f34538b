//! What is refused: whole, or row by row.

use super::*;

/// Why a dump is refused, or how many of its rows are committed and how many refused.
async fn outcome(sql: &[u8]) -> String {
    let cloud = Cloud::new();
    match cloud.run(&[("d.sql", sql)], &Cloud::options()).await {
        Ok(imported) => {
            let rows = imported.report.rows;
            let committed = cloud.committed().await;
            assert_eq!(committed + rows.quarantined, rows.scanned);
            format!("{committed} rows, {} refused", rows.quarantined)
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_what_to_do() {
    let refused = [
        outcome(b"INSERT INTO consultant VALUES (1, 'An").await,
        outcome(b"-- MySQL dump 10.13\nSET NAMES utf8mb4;\n").await,
        outcome(b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nROLLBACK; -- due to errors\n").await,
        outcome(b"COPY public.consultant (consultantid) FROM stdin;\n1\n").await,
        outcome(b"COPY consultant FROM '/tmp/x';\n").await,
        outcome(b"INSERT INTO consultant VALUES (1, 'a\\nb');").await,
        outcome(b"INSERT INTO consultant VALUES (1, 'x');").await,
        outcome(b"INSERT INTO consultant SELECT * FROM old;").await,
        outcome(b"SET NAMES latin1;\nINSERT INTO consultant VALUES (1);").await,
        outcome(b"\xff\xfeI\0N\0").await,
        outcome(b"PGDMP\x01\x0e").await,
        outcome(b"\x1f\x8b\x08\x00").await,
        outcome(b"SQLite format 3\0").await,
        outcome(b"CREATE TABLE x (a int); INSERT INTO x VALUES (1);").await,
        outcome(b"INSERT INTO a.consultant (consultantid) VALUES (1); INSERT INTO b.consultant (consultantid) VALUES (2);").await,
        outcome(b"USE `a`; INSERT INTO consultant (consultantid) VALUES (1); USE `b`; INSERT INTO consultant (consultantid) VALUES (2);").await,
        outcome(b"-- MySQL dump\nSET TIME_ZONE='+00:00';\nINSERT INTO customer (customerid) VALUES ('a');\n-- Dump completed\n").await,
        outcome(b"SET time_zone = 'Europe/Paris';\nINSERT INTO customer (customerid) VALUES ('a');\n").await,
    ];
    insta::assert_snapshot!(refused.join("\n"), @r#"
    d.sql: the file ends within what begins on line 1: it is cut off; dump again
    d.sql: the dump's last line is missing, which says that it is complete: it is cut off; dump again
    d.sql: the dump ends with ROLLBACK, since sqlite3 met an error: rows are missing; dump again
    d.sql: the file ends within what begins on line 2: it is cut off; dump again
    d.sql: line 1: a COPY from elsewhere is not read; only COPY … FROM stdin in pg_dump's form is
    d.sql: line 1: a text has a backslash, and whether that escapes what follows depends on the database that wrote it; say which with --dialect, over HTTP with `dialect=`: mysql, postgresql or sqlite
    d.sql: line 1: the rows of consultant do not say their columns, and no CREATE TABLE does; dump again with columns (`pg_dump --column-inserts`, `mysqldump --complete-insert`)
    d.sql: line 1: an INSERT … SELECT, SET or DEFAULT VALUES is not read; only rows behind VALUES are
    d.sql: line 1: the dump is in latin1; dump again in UTF-8 (`mysqldump --default-character-set=utf8mb4`, `pg_dump --encoding=UTF8`)
    d.sql: it is in UTF-16; write it as UTF-8: PowerShell's `>` makes UTF-16, `mysqldump --result-file` does not
    d.sql: it is in pg_dump's own format; dump with `pg_dump --format=plain`
    d.sql: it is compressed; unpack it before
    d.sql: it is a SQLite database; import what `sqlite3 FILE .dump` writes, or let an agent carry it
    the files hold no row of a table of the dataset; passed over were CREATE TABLE, INSERT INTO x
    d.sql: line 1: a.consultant and b.consultant are both table consultant of the dataset; dump one of them
    d.sql: line 1: a.consultant and b.consultant are both table consultant of the dataset; dump one of them
    d.sql: line 3: the dump sets TIME_ZONE to UTC, and without its CREATE TABLE nothing says which times of customer are in it; dump again with the table's structure, or with `mysqldump --skip-tz-utc`
    d.sql: line 1: the dump has its times in zone europe/paris; dump again in UTC (`mysqldump --tz-utc`)
    "#);
}

#[tokio::test]
async fn a_statement_over_the_limit_is_refused_with_the_option_that_avoids_it() {
    let row = format!("('c', '{}'),\n", "x".repeat(1_000));
    let mut sql = b"INSERT INTO customer (customerid, fullname) VALUES\n".to_vec();
    while sql.len() < 17 << 20 {
        sql.extend_from_slice(row.as_bytes());
    }
    sql.extend_from_slice(b"('d', 'e');\n");
    let refused = outcome(&sql).await;
    assert!(
        refused.contains("line 1 ") && refused.contains("--net-buffer-length"),
        "{refused}"
    );
    let mut copy = b"COPY customer (customerid, fullname) FROM stdin;\na\tb\nc\t".to_vec();
    copy.resize(17 << 20, b'x');
    copy.extend_from_slice(b"\n\\.\n");
    let refused = outcome(&copy).await;
    assert!(refused.contains("line 3 "), "{refused}");
}

#[tokio::test]
async fn bad_rows_go_to_quarantine_and_the_rest_is_taken() {
    let head = "INSERT INTO consultant (consultantid, fullname, email, joindate) VALUES ";
    let good = "(1, 'An', 'an@x', '2020-01-01')";
    for (rows, expected) in [
        (format!("{good}, (2, 'Bo', 'bo@x')"), "1 rows, 1 refused"),
        (
            format!("{good}, (2, now(), 'bo@x', '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        (
            format!("{good}, (2, X'41', 'bo@x', '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        (
            format!("{good}, (2, 'Bo', DEFAULT, '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        // All of them on one line.
        (
            format!("{good}, (1, 'Bo', 'bo@x', '2020-01-01'), (2, 'Bo', 'bo@x', '2020-01-01')"),
            "2 rows, 1 refused",
        ),
        (format!("{good}, (), ((1)), (3"), "1 rows, 3 refused"),
        (format!("{good}; {head} {good} + 1"), "1 rows, 2 refused"),
        (
            format!("{good} (2, 'Bo', 'bo@x', '2020-01-01')"),
            "1 rows, 1 refused",
        ),
        (
            format!("{good}, (2{})", ", 2".repeat(1 << 20)),
            "1 rows, 1 refused",
        ),
        (
            format!("{good};\n# more;\n{head} (2, 'Bo', 'bo@x', '2020-01-01')"),
            "2 rows, 0 refused",
        ),
        (
            format!("{good} ON CONFLICT DO NOTHING"),
            "1 rows, 0 refused",
        ),
    ] {
        assert_eq!(
            outcome(format!("{head}{rows};").as_bytes()).await,
            expected,
            "{rows}"
        );
    }
    let not_utf8 = [head.as_bytes(), b"(1, 'Nguy\xe1n', 'x', '2020-01-01');"].concat();
    assert_eq!(outcome(&not_utf8).await, "0 rows, 1 refused");
}

#[tokio::test]
async fn a_refused_row_is_found_again_by_its_line() {
    let cloud = Cloud::new();
    let sql = "-- people\nINSERT INTO consultant (consultantid, fullname, email, joindate) VALUES\n\
               (1, 'A\nn', 'an@x', '2020-01-01'),\n(2, 'Bo', 'bo@x', 'soon');\n";
    cloud.sql(sql).await.unwrap();
    let list = cloud
        .store
        .get("sites/a/quarantine/consultant.csv")
        .await
        .unwrap();
    let list = String::from_utf8(list.bytes(1 << 20).await.unwrap()).unwrap();
    assert!(list.contains("dump.sql,line 5,joindate"), "{list}");
}

#[test]
fn what_a_file_is_shows_before_it_is_copied() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let dataset = Dataset::meetassist().unwrap();
    let refused = |name: &str| {
        let path = from.path().join(name);
        fs::write(&path, [0; 100]).unwrap();
        let given = GivenFile {
            path,
            name: name.to_owned(),
            is_upload: false,
        };
        let read = files::read(&[given], &dataset, None, to.path());
        read.unwrap_err().to_string()
    };
    let seen = ["zeros.sql", "zeros.csv"].map(refused).join("\n");
    insta::assert_snapshot!(seen, @r"
    zeros.sql: it is no text; import SQL or CSV
    zeros.csv is called like no table of the dataset, which has customer, consultant, consultantschedule, appointment, appointmentfeedback, communityprogram, programparticipant
    ");
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
}
