//! What every database must do, as cases that each implementation runs as its own tests:
//!
//! ```ignore
//! causeway_hub::database_conformance!(async { (database, guard) });
//! ```
//!
//! The expression opens an empty database; the guard, whatever it is, lives as long as the test.
//! Rows reach the database as they do in life: a site commits, a hub loads.

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::Md5;

use crate::db::{SiteChange, StoredSite};
use crate::testing::{NOON, Outcome};

mod changes;
pub(in crate::db) mod clinic;
mod conflicts;
mod dataset_changes;
mod datasets;
mod edits;
mod everybody;
mod followers;
mod history;
mod inserted_again;
mod journal;
mod keeping;
mod limits;
mod lists;
mod long_history;
mod merge_table;
mod moves;
mod moves_at_site;
mod overtaken;
mod past;
mod refusals;
pub(in crate::db) mod search;
mod sharing;
mod slots;
mod steps;
mod takes;
mod undos;
mod unique;
mod values;
mod window;
mod writes;

pub use changes::*;
pub use conflicts::*;
pub use dataset_changes::*;
pub use datasets::*;
pub use edits::*;
pub use everybody::*;
pub use followers::*;
pub use history::*;
pub use inserted_again::*;
pub use journal::*;
pub use keeping::*;
pub use limits::*;
pub use lists::*;
pub use long_history::*;
pub use merge_table::*;
pub use moves::*;
pub use moves_at_site::*;
pub use overtaken::*;
pub use past::*;
pub use refusals::*;
pub use search::*;
pub use sharing::*;
pub use slots::*;
pub use steps::*;
pub use takes::*;
pub use undos::*;
pub use unique::*;
pub use values::*;
pub use window::*;
pub use writes::*;

/// What a load writes down that changes nothing.
pub(in crate::db) fn unchanged<'a>(
    stored: &'a StoredSite,
    dataset: &'a Dataset,
) -> Outcome<SiteChange<'a>> {
    Ok(SiteChange {
        was: &stored.catalog,
        now: &stored.catalog,
        edits_was: &stored.edits,
        edits: &stored.edits,
        settled: &stored.settled,
        dataset,
        loaded: &[],
        evicted: &[],
        flushed: &[],
        wanted: stored.wanted.unwrap_or(Md5::of(b"")),
        asked: &[],
        forgotten: &[],
        writable: false,
        at: NOON.parse()?,
    })
}

/// Makes a test of every case of the suite.
#[macro_export]
macro_rules! database_conformance {
    ($open:expr) => {
        $crate::database_conformance! { @cases $open;
            every_type_comes_back_as_it_was,
            null_empty_and_backslash_dot_differ,
            extreme_values_come_back,
            texts_sort_by_bytes_and_numbers_by_value,
            wide_tables_and_long_names_are_taken,
            rows_as_wide_as_a_page_are_taken,
            names_that_meet_the_databases_own_are_taken,
            every_dataset_that_is_valid_is_taken,
            an_empty_partition_is_loaded,
            a_row_without_a_key_is_refused,
            counts_are_per_part_and_value,
            a_table_takes_more_with_more_rows,
            rows_follow_the_commits,
            a_row_moves_between_dates,
            two_rows_swap_a_unique_value,
            keys_move_between_rows,
            the_window_rolls,
            a_table_by_a_timestamp_follows_the_window,
            dates_that_were_asked_for_are_loaded,
            a_date_that_somebody_reads_is_loaded,
            dates_are_read_with_their_rows_though_others_take_their_place,
            a_date_is_kept_by_who_asked_last,
            a_pinned_date_stays,
            an_outline_is_a_part_of_the_whole,
            nights_that_nobody_was_awake_for_pass_at_once,
            a_night_that_brings_nothing_is_noted_once,
            hubs_of_one_database_share_a_window,
            a_command_goes_by_the_window_of_a_service,
            pins_are_known_while_the_store_is_away,
            the_last_of_two_hubs_leaves_the_newest_pins,
            a_load_without_change_writes_nothing,
            a_load_of_the_window_reads_the_same_whatever_the_history_is,
            a_table_that_is_new_in_the_dataset_is_made,
            a_dataset_that_does_not_fit_is_refused,
            a_past_state_is_loaded_beside,
            a_past_state_is_that_of_a_time,
            a_past_state_needs_a_database_of_its_own,
            a_dataset_change_is_followed_in_place,
            tables_are_used_while_a_dataset_change_fetches_rows,
            asked_dates_outlive_another_number_of_buckets,
            a_held_table_keeps_its_buckets,
            rows_without_a_column_take_its_new_default,
            kept_rows_outlive_a_dataset_change,
            a_dataset_that_cannot_be_followed_changes_nothing,
            a_held_table_that_cannot_be_read_is_named,
            the_hub_is_made_any_number_of_times,
            a_database_without_the_hub_says_so,
            what_was_committed_is_read_back,
            a_note_keeps_the_newest_commit_seen,
            the_last_copy_of_a_file_is_kept,
            a_copy_is_replaced_while_it_is_the_one_seen,
            a_new_database_is_sealed_by_one_at_a_time,
            a_key_that_is_there_already_is_told_as_that,
            a_damaged_object_leaves_the_last_good_data,
            a_damaged_site_does_not_stop_the_others,
            a_dropped_load_leaves_nothing,
            another_hub_reads_what_one_loaded,
            readers_see_the_state_before_until_the_commit,
            a_second_load_waits_and_has_nothing_left_to_do,
            sites_keep_apart,
            rows_that_nobody_journaled_are_found,
            a_flush_takes_changes_to_the_store,
            a_load_keeps_what_waits_in_the_journal,
            a_cold_date_is_staged_once_beside_writers,
            a_cold_date_that_is_written_to_is_staged_again,
            rows_that_nobody_changed_are_loaded_though_no_change_can_be_flushed,
            a_conflict_is_settled_by_rule_and_counted,
            rows_that_clash_are_loaded_and_marked,
            a_clash_is_a_conflict_until_one_of_the_rows_goes,
            a_database_made_anew_names_new_conflicts_alone,
            one_database_owns_the_edits,
            a_flush_that_stops_anywhere_is_made_good,
            rows_in_dates_of_the_cloud_alone_are_kept,
            a_date_of_the_cloud_alone_that_a_flush_empties_is_none,
            edits_follow_another_number_of_buckets,
            a_child_of_the_cloud_follows_its_parent,
            a_child_that_is_kept_follows_its_parent,
            a_row_is_inserted_again_beside_its_moved_parent,
            a_moved_row_comes_back_without_a_conflict,
            a_key_of_ones_own_is_looked_for_everywhere,
            a_site_that_was_never_loaded_is_taken_over,
            a_row_that_is_moved_takes_along_what_follows_it,
            a_row_that_follows_another_parent_goes_there,
            a_moved_row_is_at_its_new_date_alone,
            a_row_that_is_moved_back_is_as_the_site_has_it,
            what_the_site_does_to_a_moved_row_is_a_conflict,
            so_is_what_it_does_to_one_that_was_moved_far,
            an_edit_goes_along_wherever_the_site_moves_its_row,
            a_flush_of_moves_that_stops_anywhere_is_made_good,
            a_row_that_is_born_here_is_filled_in,
            keys_come_from_the_databases_block,
            the_newest_changes_are_read_first,
            rules_of_columns_are_kept,
            keys_and_parts_are_not_the_writers,
            references_are_kept,
            unique_rules_are_kept,
            a_rule_across_partitions_holds_for_writers_and_stops_no_load,
            a_clash_mark_ends_with_its_reason,
            an_update_that_changes_nothing_leaves_no_trace,
            the_journal_keeps_what_the_site_had,
            the_journal_has_canonical_texts,
            large_deletes_are_held_back,
            a_change_that_is_not_committed_leaves_nothing,
            two_writers_wait_for_each_other,
            a_read_only_database_names_the_owner,
            names_that_triggers_use_are_taken,
            a_flush_takes_rows_out_of_the_journal,
            a_second_flush_waits,
            a_journal_row_says_of_which_kind_it_is,
            a_row_is_put_as_it_was,
            a_conflict_stands_until_a_side_is_taken,
            a_row_is_put_back_without_defaults,
            a_side_that_was_taken_is_folded,
            the_merge_table,
            everybody_shows_the_owners_rows,
            an_edit_is_taken_back_and_that_too,
            what_went_on_is_not_taken_back,
            an_appointment_comes_back_with_its_slot,
            a_database_knows_who_it_is,
            a_query_takes_texts_for_every_type,
            partials_are_kept_by_site_name_and_partition,
            history_is_what_all_rows_say,
            a_list_finds_what_people_look_for,
            searched_texts_are_kept_by_the_database,
            texts_are_folded_alike_by_database_and_program,
            pages_of_a_list_survive_inserts,
            a_list_is_answered_whole_as_csv,
            a_move_takes_one_slot_and_frees_another,
            steps_take_and_free_slots,
            rows_are_made_changed_and_listed,
            slots_are_made_where_there_are_none,
            a_slot_is_closed_and_opened,
            a_slot_is_free_as_availability_and_appointments_say,
            a_slot_is_opened_by_its_number,
            consultants_and_programs_are_made_and_changed,
        }
    };
    (@cases $open:expr; $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> $crate::testing::Outcome {
                let (database, _guard) = $open.await;
                $crate::testing::conformance::$case(&database).await
            }
        )+
    };
}
