//! Progress on a terminal.

use causeway_shared::dataset::Dataset;
use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::{Progress, Step};

const SPINNER: &str = "{spinner} {msg}";
const BAR: &str = "{msg} {wide_bar} {pos}/{len} objects, {eta} left";

/// One line that shows the step in hand.
pub(super) struct Bar {
    bar: ProgressBar,
    tables: Vec<String>,
}

impl Bar {
    /// A bar for the tables of a dataset.
    pub(super) fn new(dataset: &Dataset) -> Self {
        let bar = ProgressBar::new_spinner();
        let tables = dataset
            .tables
            .iter()
            .map(|table| table.name.to_string())
            .collect();
        Self { bar, tables }
    }

    fn begin(&self, objects: u64, doing: &'static str) {
        // A template that cannot be read only costs the bar its looks.
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            self.bar.set_style(style);
        }
        self.bar.set_length(objects);
        self.bar.set_position(0);
        self.bar.set_message(doing);
    }
}

impl Progress for Bar {
    fn step(&self, step: Step) {
        match step {
            Step::Reading { table, rows } => {
                if let Ok(style) = ProgressStyle::with_template(SPINNER) {
                    self.bar.set_style(style);
                }
                let table = self.tables.get(table.0).map_or("", String::as_str);
                self.bar
                    .set_message(format!("reading {table}: {rows} rows"));
                self.bar.tick();
            }
            Step::Looking | Step::Looked { .. } | Step::Scanned => self.bar.tick(),
            Step::Sending { objects } => self.begin(objects, "sending"),
            Step::Verifying { objects } => self.begin(objects, "reading back"),
            Step::Sent { .. } | Step::Verified => self.bar.inc(1),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
