//! Who writes a site's log: one writer at a time, and how a second one is found out.

use causeway_shared::catalog::Head;
use causeway_shared::commit::{Commit, Writer};
use causeway_shared::ids::Seq;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A writer, and how many there were before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id and its machine.
    pub writer: Writer,
    /// Its epoch, from 1.
    pub epoch: u64,
}

/// The writer that an agent is kept from writing by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Its machine.
    pub host: String,
    /// Its epoch.
    pub epoch: u64,
    /// The commit that shows it.
    pub seq: Seq,
    /// That commit's time.
    pub at: Timestamp,
}

impl Fence {
    fn of(writer: &Writer, epoch: u64, seq: Seq, at: Timestamp) -> Self {
        Self {
            host: writer.host.clone(),
            epoch,
            seq,
            at,
        }
    }
}

/// What an agent that knows the head of the log may call itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// What it was.
    Keep,
    /// A new writer of this epoch.
    New {
        /// The epoch.
        epoch: u64,
    },
}

/// Decides who an agent is, once it has read the log's head.
///
/// A writer of this host goes on where the log stands, as a new writer if it is not the one that
/// wrote last (its state was lost). Another host's log is only taken over on purpose, and so is
/// this host's once the agent was `fenced`.
///
/// # Errors
/// The [`Fence`] that keeps it from writing.
pub fn claim(
    own: &Identity,
    head: Option<&Head>,
    fenced: bool,
    take_over: bool,
) -> Result<Claim, Fence> {
    let Some(head) = head else {
        return Ok(Claim::Keep);
    };
    let same_writer = head.writer == own.writer && head.epoch == own.epoch;
    if same_writer || head.epoch < own.epoch {
        return Ok(Claim::Keep);
    }
    let same_host = head.writer.host == own.writer.host;
    if (same_host && !fenced) || take_over {
        Ok(Claim::New {
            epoch: head.epoch + 1,
        })
    } else {
        Err(Fence::of(&head.writer, head.epoch, head.seq, head.at))
    }
}

/// What it means that a commit's number is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The commit there is this very one: its answer was lost.
    LostAnswer,
    /// The state is older than the log, which an equal or earlier writer of ours wrote on: read
    /// the log and plan again.
    Behind,
    /// Another writer has replaced this one.
    Fenced(Fence),
}

/// Judges the commit found where ours was to go.
#[must_use]
pub fn judge(own: &Commit, theirs: &Commit) -> Verdict {
    // The time differs when a commit is tried again.
    let same = own.writer == theirs.writer
        && own.epoch == theirs.epoch
        && own.dataset == theirs.dataset
        && own.changes == theirs.changes;
    if same {
        return Verdict::LostAnswer;
    }
    let other_host = own.writer.host != theirs.writer.host;
    if theirs.epoch > own.epoch || (theirs.epoch == own.epoch && other_host) {
        return Verdict::Fenced(Fence::of(
            &theirs.writer,
            theirs.epoch,
            theirs.seq,
            theirs.at,
        ));
    }
    Verdict::Behind
}

#[cfg(test)]
mod tests {
    use causeway_shared::commit::{Change, FORMAT, NoLookups, Now};
    use causeway_shared::ids::{Md5, Name, Part, SiteName};

    use super::*;

    fn writer(text: &str) -> Writer {
        let (id, host) = text.split_once('@').unwrap();
        Writer {
            id: id.into(),
            host: host.into(),
        }
    }

    fn claimed(own: (&str, u64), head: Option<(&str, u64)>, flags: &str) -> Result<Claim, Fence> {
        let head = head.map(|(of, epoch)| Head {
            seq: Seq(7),
            at: Timestamp::UNIX_EPOCH,
            epoch,
            writer: writer(of),
            dataset: Md5::of(b""),
        });
        let own = Identity {
            writer: writer(own.0),
            epoch: own.1,
        };
        claim(
            &own,
            head.as_ref(),
            flags.contains("fenced"),
            flags.contains("take-over"),
        )
    }

    #[test]
    fn who_may_write() {
        let new = |epoch| Ok(Claim::New { epoch });
        let own = ("a@here", 1);
        // An empty log, one's own log.
        assert_eq!(claimed(own, None, ""), Ok(Claim::Keep));
        assert_eq!(claimed(own, Some(("a@here", 1)), ""), Ok(Claim::Keep));
        assert_eq!(
            claimed(own, Some(("a@here", 1)), "take-over"),
            Ok(Claim::Keep)
        );
        // The state was lost, or its copy is older than its loss.
        assert_eq!(claimed(("new@here", 1), Some(("a@here", 1)), ""), new(2));
        assert_eq!(claimed(own, Some(("b@here", 2)), ""), new(3));
        // Another host, on purpose and not.
        assert_eq!(claimed(own, Some(("b@there", 1)), "take-over"), new(2));
        let fence = claimed(own, Some(("b@there", 4)), "").unwrap_err();
        assert_eq!(
            (fence.host.as_str(), fence.epoch, fence.seq),
            ("there", 4, Seq(7))
        );
        // A copy of the whole machine has its writer's id, but not its host.
        assert!(claimed(("a@copy", 1), Some(("a@here", 1)), "").is_err());
        // Fenced on one host by a second state there.
        assert!(claimed(own, Some(("b@here", 2)), "fenced").is_err());
        assert_eq!(
            claimed(own, Some(("b@here", 2)), "fenced take-over"),
            new(3)
        );
        // A claim that is not in the log yet.
        assert_eq!(
            claimed(("a@here", 2), Some(("b@there", 1)), ""),
            Ok(Claim::Keep)
        );
    }

    fn commit(of: &str, epoch: u64, part: &str) -> Commit {
        Commit {
            format: FORMAT,
            site: SiteName::new("a").unwrap(),
            seq: Seq(2),
            at: Timestamp::UNIX_EPOCH,
            epoch,
            writer: writer(of),
            dataset: Md5::of(b""),
            changes: vec![Change {
                table: Name::new("t").unwrap(),
                part: Part::new(part).unwrap(),
                now: Now::removed(),
            }],
            lookups: NoLookups,
        }
    }

    #[test]
    fn what_a_taken_number_means() {
        let judged =
            |of, epoch, part| judge(&commit("a@here", 2, "b=0of1"), &commit(of, epoch, part));
        assert_eq!(judged("a@here", 2, "b=0of1"), Verdict::LostAnswer);
        assert_eq!(judged("a@here", 2, "b=1of2"), Verdict::Behind);
        assert_eq!(judged("b@here", 2, "b=0of1"), Verdict::Behind);
        assert!(matches!(judged("b@here", 3, "b=0of1"), Verdict::Fenced(_)));
        assert!(matches!(judged("b@there", 2, "b=0of1"), Verdict::Fenced(_)));
        assert!(matches!(judged("b@there", 3, "b=0of1"), Verdict::Fenced(_)));
        // The writer that is being replaced got in first: it is found out at its next commit.
        assert_eq!(judged("b@there", 1, "b=0of1"), Verdict::Behind);
    }
}
