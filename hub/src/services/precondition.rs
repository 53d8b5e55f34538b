//! Entity tags, by which a caller changes a row only while it is as they read it.

use causeway_shared::canonical_csv::write_record;
use causeway_shared::ids::Md5;

use super::error::ServiceError;
use super::record::{Columns, Record};

/// Which rows a caller means to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Whatever they are by now.
    #[default]
    Any,
    /// Those that have one of these tags.
    Tags(Vec<Md5>),
}

/// What names a row as it is now: the MD5 of the record that these columns make, which are those of its
/// table. Names that are joined to it do not count.
pub(super) fn tag(row: &Record, own: Columns) -> Md5 {
    let mut record = Vec::new();
    write_record(Record::names(own).map(|name| row.value(name)), &mut record);
    Md5::of(&record)
}

impl Precondition {
    /// Refuses a row that is not as the caller knows it.
    ///
    /// # Errors
    /// [`ServiceError::Changed`]
    pub(super) fn check(&self, present: &Record, own: Columns) -> Result<(), ServiceError> {
        match self {
            Self::Tags(tags) if !tags.contains(&tag(present, own)) => {
                let message = "somebody changed it meanwhile; read it again".to_owned();
                let present = serde_json::to_value(present).ok();
                Err(ServiceError::Changed(message, present.map(Box::new)))
            }
            _ => Ok(()),
        }
    }
}
