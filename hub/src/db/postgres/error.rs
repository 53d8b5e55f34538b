//! What an error of PostgreSQL means. Its words never hold the password.

use std::error::Error as _;
use std::io;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::connection::POOL_TIMEOUT;
use crate::db::{DbError, Source, rules, sql};

/// An error, with what was tried.
pub(super) fn of(database: &str, action: &'static str, error: Error) -> DbError {
    let database = database.to_owned();
    let detail = words(&error);
    if let Some(detail) = distrust(&error) {
        return DbError::Untrusted {
            database,
            detail,
            source: Some(Box::new(error)),
        };
    }
    let is_gone = error.is_closed() || is_of_network(&error);
    let code = error.code().cloned();
    let source: Option<Source> = Some(Box::new(error));
    let Some(code) = code else {
        return match is_gone {
            true => DbError::Unreachable {
                database,
                detail,
                source,
            },
            // What it answered, or what this program was to send, is not what it has to be.
            false => DbError::Refused {
                database,
                action,
                detail,
                source,
            },
        };
    };
    match code {
        SqlState::UNIQUE_VIOLATION => DbError::Clash {
            database,
            detail,
            source,
        },
        SqlState::DISK_FULL => DbError::Full {
            database,
            action,
            detail,
            source,
        },
        SqlState::READ_ONLY_SQL_TRANSACTION => DbError::ReadOnlyServer {
            database,
            detail,
            source,
        },
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::QUERY_CANCELED
        | SqlState::OUT_OF_MEMORY => DbError::GaveUp {
            database,
            action,
            detail,
            source,
        },
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => DbError::Unreachable {
            database,
            detail,
            source,
        },
        _ => DbError::Refused {
            database,
            action,
            detail,
            source,
        },
    }
}

/// An error of a statement that changes rows: what a rule forbids is the writer's affair.
pub(super) fn of_write(database: &str, error: Error) -> DbError {
    let Some(db) = error.as_db_error() else {
        return of(database, "writing", error);
    };
    let message = match *db.code() {
        SqlState::UNIQUE_VIOLATION => match db.detail() {
            Some(detail) => {
                rules::message_of_clash(db.table().unwrap_or_default(), columns_of(detail))
            }
            // A trigger's own words.
            None => db.message().to_owned(),
        },
        SqlState::CHECK_VIOLATION
        | SqlState::FOREIGN_KEY_VIOLATION
        | SqlState::NOT_NULL_VIOLATION
        | SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::FEATURE_NOT_SUPPORTED
        | SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED => match db.hint() {
            Some(hint) => format!("{}; {hint}", db.message()),
            None => db.message().to_owned(),
        },
        // A text that is no value of its column.
        ref code if code.code().starts_with("22") => {
            return DbError::Rejected {
                state: SqlState::CHECK_VIOLATION.code().to_owned(),
                message: words(&error),
            };
        }
        _ => return of(database, "writing", error),
    };
    DbError::Rejected {
        state: db.code().code().to_owned(),
        message,
    }
}

/// The columns of a rule, in the detail `Key (a, b)=(1, 2) already exists.`
fn columns_of(detail: &str) -> &str {
    let columns = detail.strip_prefix("Key (");
    let columns = columns.and_then(|columns| columns.split_once(")=("));
    columns.map_or("values", |(columns, _)| sql::without_part(columns))
}

/// An error of a query on the hub's own tables, which may not be there.
pub(super) fn of_own(database: &str, action: &'static str, error: Error) -> DbError {
    match error.code() {
        Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME) => {
            DbError::NotInitialised {
                database: database.to_owned(),
            }
        }
        _ => of(database, action, error),
    }
}

/// An error of the pool.
pub(super) fn of_pool(database: &str, error: PoolError) -> DbError {
    match error {
        PoolError::Backend(error) => of(database, "connecting", error),
        PoolError::Timeout(TimeoutType::Wait) => DbError::Busy {
            what: "every connection that `connections` under [database] allows".to_owned(),
            waited_s: POOL_TIMEOUT.as_secs(),
            is_at_work: false,
        },
        other => DbError::Unreachable {
            database: database.to_owned(),
            detail: other.to_string(),
            source: Some(Box::new(other)),
        },
    }
}

/// Why the server's certificate is not believed, if that is the trouble.
fn distrust(error: &Error) -> Option<String> {
    let handshake = error.source()?.downcast_ref::<io::Error>()?;
    match handshake.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(why) => Some(why.to_string()),
        _ => None,
    }
}

/// Whether the network is in the way.
fn is_of_network(error: &Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.any(|cause| cause.is::<io::Error>())
}

/// The server's message and detail, or the whole chain of a client's error.
fn words(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        return match db.detail() {
            Some(detail) => format!("{} ({detail})", db.message()),
            None => db.message().to_owned(),
        };
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
