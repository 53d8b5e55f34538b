//! Who may write a log: one writer at a time, and how a second one is found out.
//!
//! A writer has an id and a place, at which there is one writer at a time: the agent's machine, or
//! the address of the database. It gets a new id when it loses its memory. Whoever replaces a writer
//! raises the epoch, so that the replaced one finds out at its next commit.

use crate::commit::{Commit, LogHead, LogKind};

/// What a writer that knows the head of the log may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Go on as the writer that it was.
    Keep,
    /// Begin as a new writer of this epoch.
    Begin {
        /// The epoch.
        epoch: u64,
    },
}

/// Decides who a writer is once it has read the log's head.
///
/// It goes on where the log is its own, empty, or older than its epoch (it claimed the log and was
/// stopped before its first commit). Any other log it has to replace the writer of, if it
/// `may_replace` the one that wrote that head.
///
/// # Errors
/// The head that keeps it from writing.
pub fn claim<H: LogHead>(
    own: &H::Writer,
    epoch: u64,
    head: Option<&H>,
    may_replace: impl FnOnce(&H) -> bool,
) -> Result<Claim, H> {
    let Some(head) = head else {
        return Ok(Claim::Keep);
    };
    let is_own = head.writer() == own && head.epoch() == epoch;
    if is_own || head.epoch() < epoch {
        return Ok(Claim::Keep);
    }
    if may_replace(head) {
        Ok(Claim::Begin {
            epoch: head.epoch().saturating_add(1),
        })
    } else {
        Err(head.clone())
    }
}

/// By whom the number of a commit is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TakenBy {
    /// The commit there is this very one: the answer to an earlier try was lost.
    ThisCommit,
    /// What the writer knows of the log is old: an equal or earlier writer at its place wrote on.
    OwnPlace,
    /// Another writer has replaced this one.
    Another,
}

/// Judges the commit found where one's own was to go.
pub(super) fn judge<K: LogKind>(own: &Commit<K>, there: &Commit<K>) -> TakenBy {
    let (mine, theirs) = (&own.head, &there.head);
    // The time differs when a commit is tried again.
    let is_same = mine.writer() == theirs.writer()
        && mine.epoch() == theirs.epoch()
        && mine.dataset() == theirs.dataset()
        && own.changes == there.changes
        && own.more == there.more;
    if is_same {
        return TakenBy::ThisCommit;
    }
    let is_elsewhere = mine.place() != theirs.place();
    if theirs.epoch() > mine.epoch() || (theirs.epoch() == mine.epoch() && is_elsewhere) {
        TakenBy::Another
    } else {
        TakenBy::OwnPlace
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::commit::{Change, FORMAT, Head, NoLookups, Now, Writer};
    use crate::ids::{Md5, Name, Part, Seq, SiteName};

    fn head(writer: &str, epoch: u64) -> Head {
        let (id, host) = writer.split_once('@').unwrap();
        Head {
            seq: Seq(7),
            at: Timestamp::UNIX_EPOCH,
            epoch,
            writer: Writer {
                id: id.into(),
                host: host.into(),
            },
            dataset: Md5::of(b""),
        }
    }

    #[test]
    fn who_may_write() {
        let claimed = |own: (&str, u64), there: Option<(&str, u64)>, may_replace| {
            let there = there.map(|(writer, epoch)| head(writer, epoch));
            claim(&head(own.0, own.1).writer, own.1, there.as_ref(), |_| {
                may_replace
            })
        };
        let own = ("a@here", 1);
        // An empty log, its own log.
        assert_eq!(claimed(own, None, false), Ok(Claim::Keep));
        assert_eq!(claimed(own, Some(("a@here", 1)), false), Ok(Claim::Keep));
        assert_eq!(claimed(own, Some(("a@here", 1)), true), Ok(Claim::Keep));
        // Another writer's, which it may replace and may not.
        assert_eq!(
            claimed(own, Some(("b@there", 4)), true),
            Ok(Claim::Begin { epoch: 5 })
        );
        assert_eq!(
            claimed(own, Some(("b@there", 4)), false),
            Err(head("b@there", 4))
        );
        // A copy of the whole machine has its writer's id, but not its place.
        assert_eq!(
            claimed(("a@copy", 1), Some(("a@here", 1)), false),
            Err(head("a@here", 1))
        );
        // A claim that is not in the log yet.
        assert_eq!(
            claimed(("a@here", 2), Some(("b@there", 1)), false),
            Ok(Claim::Keep)
        );
    }

    #[test]
    fn what_a_taken_number_means() {
        let commit = |writer, epoch, part| -> Commit {
            Commit {
                format: FORMAT,
                site: SiteName::new("a").unwrap(),
                head: head(writer, epoch),
                changes: vec![Change {
                    table: Name::new("t").unwrap(),
                    part: Part::new(part).unwrap(),
                    now: Now::removed(),
                }],
                more: NoLookups::default(),
            }
        };
        let judged =
            |of, epoch, part| judge(&commit("a@here", 2, "b=0of1"), &commit(of, epoch, part));
        assert_eq!(judged("a@here", 2, "b=0of1"), TakenBy::ThisCommit);
        assert_eq!(judged("a@here", 2, "b=1of2"), TakenBy::OwnPlace);
        assert_eq!(judged("b@here", 2, "b=0of1"), TakenBy::OwnPlace);
        assert_eq!(judged("b@here", 3, "b=0of1"), TakenBy::Another);
        assert_eq!(judged("b@there", 2, "b=0of1"), TakenBy::Another);
        assert_eq!(judged("b@there", 3, "b=0of1"), TakenBy::Another);
        // The writer that is being replaced got in first: it finds out at its next commit.
        assert_eq!(judged("b@there", 1, "b=0of1"), TakenBy::OwnPlace);
    }
}
