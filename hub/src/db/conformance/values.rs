//! What is loaded is what was committed, typed value by typed value.

use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// A table `t` with a key and one column of a type.
fn one_column(ty: &str) -> String {
    format!(
        "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\n\
         partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'id', type = 'int' }}, \
         {{ name = 'v', type = '{ty}' }}]"
    )
}

/// Loads these values of a column and reads them back, in key order.
async fn back(test: &mut TestHub, ty: &str, values: &[&str]) -> Outcome<Vec<String>> {
    let site_name = format!("type-{}", ty.replace(['(', ')'], "-"));
    let mut site = TestSite::new(&test.store, &site_name, &one_column(ty))?;
    let records = values
        .iter()
        .enumerate()
        .map(|(id, value)| format!("{id},{value}"));
    let records: Vec<String> = records.collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    site.put("t", "b=0of1", &records).await?.commit().await?;
    test.request.site = Some(site.name().clone());
    test.load_one().await?;
    let rows = test.rows(&site, "t").await?;
    let value = |row: &String| row.split_once(',').map(|(_, value)| value.to_owned());
    Ok(rows.iter().filter_map(value).collect())
}

/// Each type, loaded and read back through the canonical form.
pub async fn every_type_comes_back_as_it_was(database: &HubDatabase) -> Outcome {
    let mut test = TestHub::new(database).await?;
    for (ty, values) in [
        ("int", &["0", "-7", ""][..]),
        ("float", &["4.5", "3", "-0.1", ""]),
        ("decimal(2)", &["1.50", "-0.05", "0.00", ""]),
        ("decimal(0)", &["12", ""]),
        ("bool", &["true", "false", ""]),
        (
            "text",
            &["Nguyễn Văn A", " spaces ", "0912", "true", "1e5", ""],
        ),
        ("phone", &["0912345678", "+84 912", ""]),
        ("date", &["2025-11-28", "1900-01-01", "2199-12-31", ""]),
        ("time", &["00:00:00", "23:59:59", "09:05:00.000001", ""]),
        (
            "timestamp",
            &["2025-11-28T09:30:00", "1999-12-31T23:59:59.999999", ""],
        ),
    ] {
        assert_eq!(back(&mut test, ty, values).await?, values, "{ty}");
    }
    Ok(())
}

/// What CSV could confuse: no value, no characters, the end mark of COPY, quotes and line ends.
pub async fn null_empty_and_backslash_dot_differ(database: &HubDatabase) -> Outcome {
    let mut test = TestHub::new(database).await?;
    let values = [
        "",
        "\"\"",
        "\"\\.\"",
        "\\N",
        "NULL",
        "\"say \"\"hi\"\"\"",
        "\"a,b\"",
        "\"two\nlines\"",
        "\"\r\"",
        "\\",
        "'",
        "\u{1}\u{7f}",
    ];
    assert_eq!(back(&mut test, "text", &values).await?, values);
    Ok(())
}

/// The ends of each type's range.
pub async fn extreme_values_come_back(database: &HubDatabase) -> Outcome {
    let mut test = TestHub::new(database).await?;
    let long = "é".repeat(500_000);
    let digits = "9".repeat(38);
    let fraction = format!("-{}.{}", "9".repeat(20), "9".repeat(18));
    for (ty, values) in [
        ("int", &["9223372036854775807", "-9223372036854775808"][..]),
        (
            "float",
            &[
                "1.7976931348623157e308",
                "5e-324",
                "-2.2250738585072014e-308",
                "0.1",
            ],
        ),
        ("decimal(0)", &[&digits]),
        ("decimal(18)", &[&fraction]),
        ("text", &[&long]),
    ] {
        assert_eq!(back(&mut test, ty, values).await?, values, "{ty}");
    }
    Ok(())
}

/// The order that verification leans on is that of the canonical form, not of a language.
pub async fn texts_sort_by_bytes_and_numbers_by_value(database: &HubDatabase) -> Outcome {
    let keyed = |ty: &str| {
        format!(
            "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['k']\n\
             partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'k', type = '{ty}' }}]"
        )
    };
    let mut test = TestHub::new(database).await?;
    for (at, (ty, sorted)) in [
        ("text", &["A", "Z", "a", "z", "é", "Ừ"][..]),
        ("int", &["-10", "-9", "0", "9", "10"]),
        ("decimal(1)", &["-10.5", "-9.0", "0.5", "9.0", "10.0"]),
        ("date", &["1999-12-31", "2025-01-01"]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut site = TestSite::new(&test.store, &format!("order-{at}"), &keyed(ty))?;
        test.request.site = Some(site.name().clone());
        let mut shuffled = sorted.to_vec();
        shuffled.rotate_left(1);
        site.put("t", "b=0of1", &shuffled).await?.commit().await?;
        test.load_one().await?;
        let expected: Vec<String> = sorted.iter().map(|key| format!("b=0of1 {key}")).collect();
        assert_eq!(test.rows(&site, "t").await?, expected, "{ty}");
    }
    Ok(())
}

/// Fifty columns; names of 63 bytes that differ in their last letter only; SQL's own words.
pub async fn wide_tables_and_long_names_are_taken(database: &HubDatabase) -> Outcome {
    let long = "x".repeat(62);
    let columns: String = (0..50)
        .map(|at| format!("{{ name = 'c{at}', type = 'text' }}, "))
        .collect();
    let table = |name: &str| {
        format!(
            "[[table]]\nname = '{name}'\nkey = ['order']\npartition = {{ buckets = 1 }}\n\
             unique = [{{ columns = ['group', 'c49'] }}]\n\
             column = [{{ name = 'order', type = 'int' }}, {columns}\
             {{ name = 'group', type = 'text' }}]\n"
        )
    };
    let (first, second) = (format!("{long}a"), format!("{long}b"));
    let tables = [first.as_str(), second.as_str(), "select"];
    let dataset: String = tables.iter().map(|name| table(name)).collect();
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(
        &test.store,
        "wide",
        &format!("name = 'd'\nversion = 1\n{dataset}"),
    )?;
    let record = |key: u32| format!("{key},{},g{key}", vec!["v"; 50].join(","));
    for pass in 0..2 {
        for table in tables {
            let records = [record(pass * 2), record(pass * 2 + 1)];
            site.put(table, "b=0of1", &[&records[0], &records[1]])
                .await?;
        }
        site.commit().await?;
        assert_eq!(test.load_one().await?.rows.inserted, 6);
    }
    let rows = test.rows(&site, &second).await?;
    assert_eq!(
        rows,
        [
            format!("b=0of1 {}", record(2)),
            format!("b=0of1 {}", record(3))
        ]
    );
    Ok(())
}

/// A partition without rows is one all the same.
pub async fn an_empty_partition_is_loaded(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &[]).await?.commit().await?;
    let loaded = test.load_one().await?;
    assert_eq!((loaded.partitions.loaded, loaded.rows.inserted), (1, 0));
    assert_eq!(test.load_one().await?.partitions.loaded, 0);
    Ok(())
}

/// Figures of the window, in the form in which summaries count.
pub async fn counts_are_per_part_and_value(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("sale", "dt=2025-11-27", &["1,2025-11-27,a,paid"])
        .await?;
    site.put(
        "sale",
        "dt=2025-11-28",
        &[
            "2,2025-11-28,a,paid",
            "3,2025-11-28,b,",
            "4,2025-11-28,c,paid",
        ],
    )
    .await?;
    site.commit().await?;
    test.load_one().await?;
    let counts = |column: &'static str| {
        let (hub, name) = (test.hub.clone(), site.name().clone());
        async move {
            let mut sites = hub.sites_with_counts(Some(&name), "sale", column).await?;
            let (_, counts) = sites.remove(0);
            let shown = counts.iter().map(|count| {
                format!(
                    "{} {} {}",
                    count.part,
                    count.value.as_deref().unwrap_or("-"),
                    count.rows
                )
            });
            Outcome::Ok(shown.collect::<Vec<_>>())
        }
    };
    assert_eq!(
        counts("state").await?,
        [
            "dt=2025-11-27 paid 1",
            "dt=2025-11-28 - 1",
            "dt=2025-11-28 paid 2"
        ]
    );
    assert_eq!(
        counts("day").await?,
        ["dt=2025-11-27 2025-11-27 1", "dt=2025-11-28 2025-11-28 3"]
    );
    assert_eq!(counts("nope").await?, [""; 0]);
    Ok(())
}

/// A key without a value is refused, not made up.
pub async fn a_row_without_a_key_is_refused(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &[",a"]).await?.commit().await?;
    let loaded = test.load().await?.sites.remove(0);
    assert!(loaded.error.is_some(), "{loaded:?}");
    assert_eq!((loaded.commit, loaded.rows.inserted), (None, 0));
    Ok(())
}

/// Every table that was made has a size, which grows with its rows.
pub async fn a_table_takes_more_with_more_rows(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::with_an_apple(&test.store).await?;
    let name = site.name().clone();
    test.load_one().await?;
    let before = database.0.sizes(&name).await?;

    let rows: Vec<String> = (2..3_000)
        .map(|id| format!("{id},{}", "plum".repeat(9)))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    site.put("item", "b=1of2", &rows).await?.commit().await?;
    test.load_one().await?;
    let after = database.0.sizes(&name).await?;
    assert!(
        after["item"] > before["item"] + 100_000,
        "{before:?} {after:?}"
    );
    assert_eq!(after["sale"], before["sale"]);
    Ok(())
}
