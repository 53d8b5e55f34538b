//! What every store must do, as cases that each implementation runs as its own tests:
//!
//! ```ignore
//! causeway_shared::store_conformance!(async { (store, guard) });
//! ```
//!
//! The expression opens an empty store; the guard, whatever it is, lives as long as the test.
//! What a store itself finds damaged, and how its own writes can break off, differs: each
//! implementation tests that beside its code. The cases here hold for all of them.

mod failures;
mod lists;
mod reads;
mod writes;

pub use failures::*;
pub use lists::*;
pub use reads::*;
pub use writes::*;

use std::error::Error;

use super::{Body, Store, StoreError};

/// How a case ends; what it does not expect from the store is an error, not a panic.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Makes a test of every case of the suite.
#[macro_export]
macro_rules! store_conformance {
    ($open:expr) => {
        $crate::store_conformance! { @cases $open;
            a_written_body_is_read_back,
            an_empty_body_is_an_object,
            the_keys_of_the_layout_work,
            keys_that_lead_elsewhere_are_refused,
            a_missing_key_is_told_by_every_operation,
            metadata_agrees_wherever_it_is_asked_for,
            an_unchanged_object_is_not_read_again,
            a_large_file_is_streamed,
            a_reader_that_takes_less_gets_an_error,
            a_reader_sees_one_whole_body,
            create_writes_only_once,
            create_has_one_winner,
            put_writes_over_what_is_there,
            replace_needs_the_version_that_is_there,
            replace_loses_no_update_in_a_race,
            delete_removes_and_may_be_repeated,
            a_deleted_key_can_be_created_again,
            a_prefix_is_a_string_and_no_folder,
            keys_are_listed_in_byte_order,
            listing_goes_on_after_a_key,
            a_long_listing_comes_in_pages,
            it_keeps_what_causeway_relies_on,
            every_request_is_counted,
            a_write_without_a_body_leaves_nothing,
            an_abandoned_write_leaves_all_or_nothing,
        }
    };
    (@cases $open:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> $crate::store::conformance::Outcome {
                let (store, _guard) = $open.await;
                $crate::store::conformance::$case(&store).await
            }
        )+
    };
}

/// A body of these bytes.
fn body(text: &str) -> Body {
    Body::Bytes(text.to_owned().into())
}

/// The whole body of an object, as text.
async fn read(store: &Store, key: &str) -> Result<String, StoreError> {
    let content = store.get(key).await?.bytes(1 << 20).await?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}
