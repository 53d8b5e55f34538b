//! Canonical CSV: the one way in which rows are written as bytes, and its reader.
//!
//! UTF-8, a header row, the declared column order, `\n` after each record. A field is quoted
//! exactly when it holds `,` `"` CR or LF, is the empty string, or is `\.` (which would end
//! PostgreSQL's COPY). NULL is an empty field without quotes. The same rows always give the same
//! bytes, so that their MD5 names them.

mod read;
mod write;

pub use read::{Field, Malformed, RecordSplitter, split_fields, unquoted};
pub use write::{Digest, canonical_text, write_header, write_record, write_value};
