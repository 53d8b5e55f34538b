//! End-to-end tests, one program for all of them: see `./test`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests end where they cannot go on"
)]

mod admin_day;
mod all_the_way;
mod api_fuzz;
mod archive;
mod archive_pages;
mod asleep;
mod aws;
mod booking;
mod buckets;
mod chart;
mod chatbot;
mod clinic;
mod clock;
mod closed_output;
mod connections;
mod crash;
mod damage;
mod damage_table;
mod database;
mod dataset_bookings;
mod dataset_writers;
mod day_pages;
mod delta;
mod edits_pages;
mod every_page;
mod everybody;
mod faults;
mod fifty_clients;
mod figures_pages;
mod first_load;

mod function;
mod ground;
mod guards;
mod harness;
mod history;
mod hostile_stores;
mod hub_kills;
mod idle;
mod import;
mod init;
mod isolation;
mod keyboard;
mod kills;
mod large_file;
mod large_site;
mod lock_order;
mod model;
mod moments;
mod moves;
mod not_files;
mod old_edits;
mod orders;
mod pages;
mod past;
mod quarantine;
mod random;
mod read_only;
mod rebuild;
mod refused_writes;
mod restarts;
mod restored;
mod roles;
mod samples;
mod slow_clients;
mod small;
mod source;
mod spine;
mod sql_edits;
mod sql_races;
mod store;
mod store_away;
mod take_over;
mod trigger_races;
mod triggers;
mod two_sides;
mod units;
mod uploads;
mod window;
mod without_edits;
