//! Where an answer ends, for the next one to go on from.

use std::fmt;
use std::str::FromStr;

use causeway_shared::ids::{Seq, SiteName};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// The place of an edit among those of all sites, the newest first. As a text it is the cursor of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EditPosition {
    /// Before all commits. Once the edit is committed, those that waited with it are listed there.
    Waiting {
        at: Timestamp,
        site: SiteName,
        id: String,
    },
    Committed {
        /// When the commit was made.
        at: Timestamp,
        site: SiteName,
        seq: Seq,
        /// How many rows of the commit come after it, which are older.
        older: usize,
    },
}

impl FromStr for EditPosition {
    type Err = &'static str;

    fn from_str(cursor: &str) -> Result<Self, Self::Err> {
        let mut parts = cursor.splitn(4, '~');
        let mut part = || parts.next().unwrap_or_default();
        let (at, site, seq, rest) = (part().parse(), SiteName::new(part()), part(), part());
        let (Ok(at), Ok(site)) = (at, site) else {
            return Err(WRONG);
        };
        if seq.is_empty() && !rest.is_empty() {
            let id = rest.to_owned();
            return Ok(Self::Waiting { at, site, id });
        }
        match (seq.parse(), rest.parse()) {
            (Ok(seq), Ok(older)) if seq > 0 => Ok(Self::Committed {
                at,
                site,
                seq: Seq(seq),
                older,
            }),
            _ => Err(WRONG),
        }
    }
}

const WRONG: &str = "write the cursor as `next` of the answer before has it";

impl fmt::Display for EditPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { at, site, id } => write!(f, "{at}~{site}~~{id}"),
            Self::Committed {
                at,
                site,
                seq,
                older,
            } => write!(f, "{at}~{site}~{seq}~{older}"),
        }
    }
}

impl Serialize for EditPosition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for cursor in [
            "2025-11-28T02:30:00.123456Z~hcm-01~42~7",
            "2025-11-28T02:30:00Z~hcm-01~~0b7c",
        ] {
            assert_eq!(cursor.parse::<EditPosition>().unwrap().to_string(), cursor);
        }
        for wrong in [
            "",
            "7",
            "2025-11-28T02:30:00Z~hcm-01~~",
            "2025-11-28T02:30:00Z~hcm-01~0~1",
            "2025-11-28T02:30:00Z~hcm-01~42~-1",
            "2025-11-28T02:30:00Z~HCM~42~1",
            "today~hcm-01~42~1",
        ] {
            assert!(wrong.parse::<EditPosition>().is_err(), "{wrong:?}");
        }
    }
}
