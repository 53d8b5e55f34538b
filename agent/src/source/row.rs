//! A row as a source gives it.

use causeway_shared::value::Raw;

use super::Unreadable;

/// A row as a source gives it, good until the next one.
pub(crate) struct SourceRow<'r> {
    /// What tells it from the source's other rows during one scan: the line where it begins in a
    /// CSV file, its number (from 1) in a SQLite table; of a dump's row a number that
    /// [tells its line](LineOf).
    pub(crate) at: u64,
    /// One raw value per declared column; or what is wrong with the row as a whole.
    pub(crate) fields: Result<&'r [Raw<'r>], Malformed>,
    /// The declared columns that it says nothing of, ascending: they count as empty, and an import that adds
    /// to what is there leaves them as they are.
    pub(crate) lacks: &'r [usize],
}

/// The line on which the row of a number begins, from 1.
pub(crate) type LineOf = fn(u64) -> u64;

/// A row whose fields cannot be told apart.
pub(crate) struct Malformed {
    /// What is wrong with it.
    pub(crate) reason: String,
    /// Its text, shortened.
    pub(crate) text: String,
}

/// Why reading a table's rows ended early.
#[derive(Debug)]
pub(crate) enum RowsError<E> {
    /// The source is in the way.
    Source(Unreadable),
    /// Whoever takes the rows wants no more.
    Taker(E),
}

impl<E> From<Unreadable> for RowsError<E> {
    fn from(trouble: Unreadable) -> Self {
        Self::Source(trouble)
    }
}

/// An empty vector for items that live less long, in the allocation of one that is done with.
///
/// Values borrow from the row that they were read from, so a buffer of them cannot outlive a row;
/// collecting a drained vector in place keeps its memory across rows all the same.
pub(crate) fn reuse<In, Out>(mut done: Vec<In>) -> Vec<Out> {
    done.clear();
    done.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_across_lifetimes() {
        let long: Vec<Raw<'static>> = Vec::with_capacity(100);
        let text = String::from("short-lived");
        let mut short: Vec<Raw<'_>> = reuse(long);
        assert_eq!(short.capacity(), 100);
        short.push(Raw::Text(&text));
    }
}
