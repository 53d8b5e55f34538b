//! What both programs need around their work: settings, logs, exit codes, time, chance, threads.

pub mod blocking;
pub mod chance;
pub mod clock;
pub mod program;
pub mod prometheus;
pub mod regular_file;
pub mod repeats;
pub mod retry;
pub mod settings;
pub mod telemetry;
pub mod whole_file;
