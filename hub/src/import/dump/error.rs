//! Why a dump cannot be read.

use std::io;

/// Why a dump cannot be read. Nothing of it is imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DumpError {
    #[error("the file cannot be read: {0}")]
    Read(#[source] io::Error),
    #[error(
        "its rows cannot be put by: {0}; there has to be room for them in the folder for temporary files"
    )]
    Spool(#[source] io::Error),
    #[error("it is {what}; {remedy}")]
    NotSql {
        what: &'static str,
        remedy: &'static str,
    },
    #[error(
        "the statement that begins on line {line} is larger than 16 MiB; dump again with smaller ones: \
         `mysqldump --net-buffer-length=1M`, `pg_dump` without --rows-per-insert, in phpMyAdmin a smaller \
         \"Maximal length of created query\""
    )]
    TooLarge { line: u64 },
    #[error("the file ends within what begins on line {line}: it is cut off; dump again")]
    CutOff { line: u64 },
    #[error(
        "the dump's last line is missing, which says that it is complete: it is cut off; dump again"
    )]
    NoEnd,
    #[error(
        "the dump ends with ROLLBACK, since sqlite3 met an error: rows are missing; dump again"
    )]
    RolledBack,
    #[error(
        "line {line}: a text has a backslash, and whether that escapes what follows depends on the database \
         that wrote it; say which with --dialect, over HTTP with `dialect=`: mysql, postgresql or sqlite"
    )]
    Backslash { line: u64 },
    #[error(
        "line {line}: the dump is in {encoding}; dump again in UTF-8 (`mysqldump --default-character-set=utf8mb4`, `pg_dump --encoding=UTF8`)"
    )]
    Encoding { line: u64, encoding: String },
    #[error("line {line}: {what} is not read; {remedy}")]
    NotRead {
        line: u64,
        what: String,
        remedy: &'static str,
    },
    #[error("line {line}: {problem}")]
    Columns { line: u64, problem: String },
    #[error(
        "line {line}: the rows of {table} do not say their columns, and no CREATE TABLE does; dump again \
         with columns (`pg_dump --column-inserts`, `mysqldump --complete-insert`)"
    )]
    NoColumns { line: u64, table: String },
    #[error(
        "line {line}: the dump sets TIME_ZONE to UTC, and without its CREATE TABLE nothing says which times \
         of {table} are in it; dump again with the table's structure, or with `mysqldump --skip-tz-utc`"
    )]
    Zone { line: u64, table: String },
    #[error(
        "line {line}: the dump has its times in zone {zone}; dump again in UTC (`mysqldump --tz-utc`)"
    )]
    OtherZone { line: u64, zone: String },
    #[error(
        "line {line}: {first} and {second} are both table {table} of the dataset; dump one of them"
    )]
    TwoTables {
        line: u64,
        table: String,
        first: String,
        second: String,
    },
}
