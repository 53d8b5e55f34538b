//! Values of every type at its edges, each in a file of its own and all in one; a table without rows, and one whose
//! last rows go.

use std::path::Path;
use std::sync::Arc;

use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use jiff::Timestamp;

use super::{Noted, export, merged_rows};
use crate::testing::{NOON, Outcome, TestSite, archive_as};

/// Plays it, and leaves the tables in a folder with what is to be read there.
///
/// # Errors
/// What is not as it should be.
pub async fn play_edges(folder: &Path) -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    // As long as a site's name can be.
    let name = format!("a-{}", "0-".repeat(19));
    let mut site = TestSite::new(&store, &name, include_str!("edges.toml"))?;
    let columns = columns();
    let count = columns.iter().map(Vec::len).max().unwrap_or_default();
    let record = |id: usize, day: &str, of: usize| {
        let fields = columns.iter().map(|values| &*values[of % values.len()]);
        let fields: Vec<&str> = fields.collect();
        format!("{id},{day},{}", fields.join(","))
    };
    for of in 0..count {
        let day = format!("2025-10-{:02}", of + 1);
        let records = [record(of, &day, of)];
        site.put("edge", &format!("dt={day}"), &[&records[0]])
            .await?;
    }
    let records = (0..count).map(|of| record(100 + of, "2025-11-28", of));
    let records: Vec<String> = records.collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    site.put("edge", "dt=2025-11-28", &records).await?;
    site.put("_odd", "b=0of1", &["\"\"", "đặt"]).await?;
    site.put("gone", "b=0of1", &["1"]).await?;
    site.commit().await?;

    let (archive, now) = (archive_as(&store, &["delta"])?, NOON.parse::<Timestamp>()?);
    let mut noted = Noted::default();
    archive.run(now).await?;
    noted
        .note(&archive, merged_rows(&store, now).await?, now)
        .await?;
    site.remove("gone", "b=0of1")?.commit().await?;
    archive.run(now).await?;
    noted
        .note(&archive, merged_rows(&store, now).await?, now)
        .await?;
    export(&store, &noted.readable(now), folder).await
}

/// The values of each column, as canonical CSV has them; the first is NULL.
fn columns() -> Vec<Vec<String>> {
    let [nines38, nines20, nines18] = [38, 20, 18].map(|count| "9".repeat(count));
    let texts = [
        String::new(),
        "\"\"".to_owned(),
        "ệ".repeat(12_000),
        "ệ".repeat(32),
        "ệ".repeat(33),
        // A character across the 64th byte, and one across the 32nd.
        format!("{}{}", "a".repeat(31), "ệ".repeat(20)),
        format!("{}ệz", "a".repeat(63)),
        "\u{10FFFF}".repeat(40),
        "😀".to_owned(),
        // Letters apart from their marks stay so.
        "e\u{302}\u{323}".to_owned(),
        "ệ".to_owned(),
        "  hai bên  ".to_owned(),
        "\"hai\ndòng\"".to_owned(),
        "\"hai\r\ndòng\"".to_owned(),
        "\"thuế \"\"luật\"\", 'nhà'\"".to_owned(),
        "\"\\.\"".to_owned(),
        "NULL".to_owned(),
        "\t\u{7f}\u{1}".to_owned(),
        "%20+%2F".to_owned(),
    ];
    let others: [&[&str]; 9] = [
        &["", "-9223372036854775808", "9223372036854775807", "0", "-1"],
        &[
            "",
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "5e-324",
            "-5e-324",
            "0",
            "-0.5",
        ],
        &[
            "",
            &nines38,
            &format!("-{nines38}"),
            "0",
            "999999999999999",
            "1000000000000000",
            "-1000000000000000",
        ],
        &[
            "",
            &format!("{nines20}.{nines18}"),
            &format!("-{nines20}.{nines18}"),
            "0.000000000000000000",
            "0.000000000000000001",
            "-0.000999999999999999",
            "0.001000000000000000",
        ],
        &["", "true", "false"],
        &[
            "",
            "1900-01-01",
            "1969-12-31",
            "1970-01-01",
            "2024-02-29",
            "2199-12-31",
        ],
        &["", "00:00:00", "09:30:00.000001", "23:59:59.999999"],
        &[
            "",
            "1900-01-01T00:00:00",
            "1900-01-01T00:00:00.000001",
            "1969-12-31T23:59:59.999999",
            "2025-11-28T09:30:00.000500",
            "2199-12-31T23:59:59.999999",
        ],
        &["", "+84901234567"],
    ];
    let others = others.map(|values| values.iter().map(ToString::to_string).collect());
    std::iter::once(texts.to_vec()).chain(others).collect()
}
