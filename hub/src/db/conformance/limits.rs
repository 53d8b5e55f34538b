//! What the dataset's validator and the agent's judge let through, the database takes: rows as wide
//! as a page, and names that meet the database's own.

use causeway_shared::canonical_csv::write_record;
use causeway_shared::dataset::{MAX_ROW_WIDTH, row_width};
use causeway_shared::value::Value;
use jiff::civil::{date, time};

use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// Columns of every type in turn, as many as a table may have.
const WIDE_COLUMNS: usize = 1_500;
const WIDE_TYPES: [&str; 9] = [
    "text",
    "bool",
    "int",
    "decimal(2)",
    "date",
    "timestamp",
    "decimal(18)",
    "time",
    "float",
];

/// Numbers that look random and are the same in every run.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }

    /// A text, some that can be compressed to a few bytes, some that cannot.
    pub(super) fn text(&mut self) -> String {
        const LENGTHS: [usize; 12] = [0, 1, 7, 22, 23, 24, 25, 31, 40, 126, 127, 600];
        let length = LENGTHS[self.below(LENGTHS.len())];
        match self.below(2) {
            0 => "a".repeat(length),
            _ => (0..length)
                .map(|_| char::from(b'!' + u8::try_from(self.below(90)).unwrap_or(0)))
                .collect(),
        }
    }

    fn value(&mut self, ty: &str) -> Value<'static> {
        let scaled = |numbers: &mut Self| match numbers.below(4) {
            0 => 0,
            1 => -7,
            2 => 10_i128.pow(36) + 1,
            _ => -(10_i128.pow(38) - 1),
        };
        match ty {
            "bool" => Value::Bool(self.below(2) == 0),
            "int" => Value::Int(self.below(1_000) as i64),
            "decimal(2)" => Value::Decimal(scaled(self), 2),
            "decimal(18)" => Value::Decimal(scaled(self), 18),
            "date" => Value::Date(date(2025, 11, 28)),
            "timestamp" => Value::Timestamp(date(2025, 11, 28).at(9, 30, 0, 1_000)),
            "time" => Value::Time(time(9, 30, 0, 0)),
            "float" => Value::Float(0.1),
            _ => Value::Text(self.text().into()),
        }
    }

    /// A row that a page just holds.
    fn row(&mut self, id: i64) -> Vec<Value<'static>> {
        let mut row = vec![Value::Null; WIDE_COLUMNS];
        row[0] = Value::Int(id);
        let values_of_ten = 1 + self.below(10);
        for at in 1..WIDE_COLUMNS {
            if self.below(10) < values_of_ten {
                row[at] = self.value(WIDE_TYPES[at % WIDE_TYPES.len()]);
                if row_width(&row) > MAX_ROW_WIDTH {
                    row[at] = Value::Null;
                    break;
                }
            }
        }
        row
    }
}

/// Rows that are as wide as the agent lets through.
pub async fn rows_as_wide_as_a_page_are_taken(database: &HubDatabase) -> Outcome {
    let columns: String = (1..WIDE_COLUMNS)
        .map(|at| {
            format!(
                ", {{ name = 'c{at}', type = '{}' }}",
                WIDE_TYPES[at % WIDE_TYPES.len()]
            )
        })
        .collect();
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(
        &test.store,
        "wide",
        &format!(
            "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\n\
             partition = {{ buckets = 1 }}\ncolumn = [{{ name = 'id', type = 'int' }}{columns}]"
        ),
    )?;
    let mut numbers = Numbers(1);
    let records: Result<Vec<String>, _> = (0..60)
        .map(|id| {
            let mut record = Vec::new();
            write_record(&numbers.row(id), &mut record);
            record.pop();
            String::from_utf8(record)
        })
        .collect();
    let records = records?;
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    site.put("t", "b=0of1", &records).await?.commit().await?;
    assert_eq!(test.load_one().await?.rows.inserted, 60);
    let rows = test.rows(&site, "t").await?;
    let expected: Vec<String> = records
        .iter()
        .map(|record| format!("b=0of1 {record}"))
        .collect();
    assert_eq!(rows, expected);
    Ok(())
}

/// Tables named as an index of another table might be, or as a word of the loader's SQL.
pub async fn names_that_meet_the_databases_own_are_taken(database: &HubDatabase) -> Outcome {
    let tables = [
        "a",
        "a_pkey",
        "a_day_idx",
        "a_causeway_part_idx",
        "a_day_v_idx",
        "excluded",
        "t",
        "_a",
        "main",
        "temp",
        "sqlite",
        "pg_class",
    ];
    let table = |name: &&str| {
        format!(
            "[[table]]\nname = '{name}'\nkey = ['day', 'excluded']\npartition = {{ by = 'day' }}\n\
             unique = [{{ columns = ['day', 'rowid'] }}]\n\
             column = [{{ name = 'day', type = 'date', not_null = true }}, \
             {{ name = 'excluded', type = 'int' }}, {{ name = 'rowid', type = 'text' }}, \
             {{ name = 'oid', type = 'text' }}]\n"
        )
    };
    let tables_toml: String = tables.iter().map(table).collect();
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(
        &test.store,
        "names",
        &format!("name = 'd'\nversion = 1\n{tables_toml}"),
    )?;
    for (pass, value) in ["x", "y"].into_iter().enumerate() {
        for name in tables {
            let records = [
                format!("2025-11-28,1,{value},{name}"),
                format!("2025-11-28,2,{name},{value}"),
            ];
            site.put(name, "dt=2025-11-28", &[&records[0], &records[1]])
                .await?;
        }
        site.commit().await?;
        let loaded = test.load_one().await?;
        assert_eq!(loaded.rows.inserted, 2 * tables.len() as u64, "pass {pass}");
    }
    for name in tables {
        let expected = [
            format!("dt=2025-11-28 2025-11-28,1,y,{name}"),
            format!("dt=2025-11-28 2025-11-28,2,{name},y"),
        ];
        assert_eq!(test.rows(&site, name).await?, expected, "{name}");
    }
    Ok(())
}
