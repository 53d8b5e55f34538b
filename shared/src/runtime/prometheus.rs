//! Figures in Prometheus's text format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// A page of figures.
#[derive(Debug)]
pub struct Figures {
    prefix: &'static str,
    /// What every line says of whose figures they are.
    labels: String,
    text: String,
}

/// The lines of one name.
#[derive(Debug)]
pub struct Family<'f> {
    figures: &'f mut Figures,
    name: &'f str,
}

impl Figures {
    /// An empty page. Each name begins with `prefix`, and each line has these labels before its own.
    #[must_use]
    pub fn new(prefix: &'static str, labels: &[(&str, &str)]) -> Self {
        Self {
            prefix,
            labels: written(labels),
            text: String::new(),
        }
    }

    /// Adds a gauge of one line.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.gauges(name, help).sample(&[], value);
    }

    /// Adds a counter of one line; its name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.counters(name, help).sample(&[], value);
    }

    /// Begins a gauge with lines of several labels.
    pub fn gauges<'f>(&'f mut self, name: &'f str, help: &str) -> Family<'f> {
        self.family(name, "gauge", help)
    }

    /// Begins a counter with lines of several labels; its name ends in `_total`.
    pub fn counters<'f>(&'f mut self, name: &'f str, help: &str) -> Family<'f> {
        self.family(name, "counter", help)
    }

    fn family<'f>(&'f mut self, name: &'f str, kind: &str, help: &str) -> Family<'f> {
        let prefix = self.prefix;
        // Writing to a string does not fail.
        let _ = writeln!(
            self.text,
            "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}"
        );
        Family {
            figures: self,
            name,
        }
    }

    /// The page.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// Adds a line.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let Figures {
            prefix,
            labels: common,
            text,
        } = &mut *self.figures;
        let (name, own) = (self.name, written(labels));
        let comma = if common.is_empty() || own.is_empty() {
            ""
        } else {
            ","
        };
        let _ = match (common.as_str(), own.as_str()) {
            ("", "") => writeln!(text, "{prefix}{name} {value}"),
            (common, own) => writeln!(text, "{prefix}{name}{{{common}{comma}{own}}} {value}"),
        };
    }
}

/// A label's value as the text format has it.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n")
}

fn written(labels: &[(&str, &str)]) -> String {
    let labels = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    labels.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_label_ends_no_line() {
        assert_eq!(
            written(&[("site", "a"), ("path", "C:\\x \"y\"\nz")]),
            r#"site="a",path="C:\\x \"y\"\nz""#
        );
    }
}
