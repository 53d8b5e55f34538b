//! The bucket that PostgreSQL's triggers choose for a key.

use causeway_shared::dataset::{Dataset, TableId};
use causeway_shared::ids::Part;
use causeway_shared::partition::bucket;
use causeway_shared::runtime::chance;
use causeway_shared::value::{Forms, Raw, parse};

use crate::clinic::Clinic;

/// One table for each type that a key may have, in as many buckets as there can be.
fn buckets(types: &[&str]) -> String {
    let table = |(at, ty): (usize, &&str)| {
        format!(
            "[[table]]\nname = 't{at}'\nkey = ['a', 'b']\npartition = {{ buckets = 4096 }}\n\
             column = [{{ name = 'a', type = '{ty}' }}, {{ name = 'b', type = 'text' }}]\n"
        )
    };
    let tables: String = types.iter().enumerate().map(table).collect();
    format!("name = 'd'\nversion = 1\n{tables}")
}

/// Random keys, and those that are written in more than one way.
fn keys(ty: &str) -> Vec<String> {
    let random = |_| {
        let mut bytes = [0; 8];
        chance::fill(&mut bytes).unwrap();
        let n = i64::from_le_bytes(bytes);
        let micros = n.rem_euclid(86_400_000_000);
        let day = jiff::civil::date(1900, 1, 1) + jiff::Span::new().days(n.rem_euclid(109_000));
        let time = jiff::civil::Time::midnight() + jiff::Span::new().microseconds(micros);
        match ty {
            "int" => n.to_string(),
            "float" => {
                let float = f64::from_le_bytes(bytes);
                if float.is_finite() { float } else { 0.5 }.to_string()
            }
            "decimal(2)" => format!("{}.{:02}", n / 7, n.rem_euclid(100)),
            "bool" => (n > 0).to_string(),
            "date" => day.to_string(),
            "time" => time.to_string(),
            "timestamp" => day.to_datetime(time).to_string(),
            _ => format!("{n}ễ\n"),
        }
    };
    let special: &[&str] = match ty {
        "int" => &["0", "-1", "9223372036854775807", "-9223372036854775808"],
        "float" => &[
            "0",
            "-0",
            "0.1",
            "1e23",
            "9.5e-5",
            "1e-5",
            "12345.678",
            "1e15",
            "1e16",
            "123456789012345680",
            "9007199254740993",
            "5e-324",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "4.35",
            "1e300",
            "18014398509481984",
            "8.41e21",
            "2.0e-3",
            "9.0608011534336e15",
        ],
        "decimal(2)" => &["0", "-0.05", "100", "99999999999999999999.99"],
        "date" => &["1900-01-01", "2199-12-31"],
        "time" => &[
            "00:00:00",
            "23:59:59.999999",
            "09:05:00.000001",
            "12:00:00.12",
        ],
        "timestamp" => &[
            "1900-01-01 00:00:00",
            "2199-12-31 23:59:59.999999",
            "2025-11-28 09:30:00.120000",
        ],
        "text" => &["", "\\.", "a,b", "\"", "\r", "'", "\\", " x ", "NULL"],
        _ => &[],
    };
    let special = special.iter().map(ToString::to_string);
    special.chain((0..300).map(random)).collect()
}

#[tokio::test]
async fn a_bucket_is_the_one_that_the_agent_chooses() {
    let types = [
        "int",
        "float",
        "decimal(2)",
        "bool",
        "text",
        "phone",
        "date",
        "time",
        "timestamp",
    ];
    let mut clinic = Clinic::of(&buckets(&types)).await;
    clinic.site.put("t0", "b=0000of4096", &[]).await.unwrap();
    clinic.load().await;
    let dataset = Dataset::from_toml(&buckets(&types)).unwrap();
    for (at, ty) in types.iter().enumerate() {
        let table = &dataset.tables[TableId(at)];
        let (a, b) = (keys(ty), keys("text"));
        let insert = format!(
            "INSERT INTO hcm_01.t{at} (a, b) SELECT CAST(a AS {}), b FROM unnest($1::text[], $2::text[]) \
             AS k (a, b) WHERE a IS NOT NULL ON CONFLICT DO NOTHING",
            match *ty {
                "float" => "double precision",
                "int" => "bigint",
                "decimal(2)" => "numeric",
                "phone" => "text",
                other => other,
            }
        );
        let b: Vec<String> = b.iter().cycle().take(a.len()).cloned().collect();
        clinic.admin.execute(&insert, &[&a, &b]).await.unwrap();
        let read = format!("SELECT a::text, b, causeway_part FROM hcm_01.t{at}");
        let rows = clinic.admin.query(&read, &[]).await.unwrap();
        assert!(rows.len() > 200, "{ty}");
        for row in rows {
            let value = |at: usize| {
                let text = Raw::Text(row.get(at));
                parse(text, table.columns[at].ty, &Forms::default()).unwrap()
            };
            let expected = bucket(&[value(0), value(1)], 4096, &mut Vec::new());
            let expected = Part::Bucket(expected, 4096).to_string();
            assert_eq!(row.get::<_, &str>(2), expected, "{ty} {:?}", value(0));
        }
    }
}
