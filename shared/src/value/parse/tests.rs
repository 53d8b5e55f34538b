use insta::assert_snapshot;
use jiff::civil::{date as ymd, time as hms};

use super::*;

fn from(text: &str, ty: Type) -> Result<Value<'_>, Refusal> {
    let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
    parse(
        Raw::Text(text),
        ty,
        &Forms {
            zone,
            ..Forms::default()
        },
    )
}

#[test]
fn integers_may_come_as_text_or_whole_floats() {
    for raw in [
        Raw::Int(12),
        Raw::Real(12.0),
        Raw::Text(" 12 "),
        Raw::Text("12.0"),
    ] {
        assert_eq!(
            parse(raw, Type::Int, &Forms::default()),
            Ok(Value::Int(12)),
            "{raw:?}"
        );
    }
    for raw in [
        Raw::Real(12.5),
        Raw::Text("12.5"),
        Raw::Text("1e3"),
        Raw::Text("x"),
    ] {
        assert!(parse(raw, Type::Int, &Forms::default()).is_err(), "{raw:?}");
    }
}

#[test]
fn a_whole_number_keeps_its_leading_zeros_and_its_plus_or_is_refused() {
    let refused = |text, ty| from(text, ty).unwrap_err().to_string();
    assert_snapshot!(refused("01067", Type::Int), @r#""01067" would lose its leading zeros as a value of type int: declare the column as text, or, if that loses nothing, write `leading_zeros = "drop"` for it in the dataset"#);
    assert_snapshot!(refused("+15", Type::Int), @r#""+15" would lose its plus as a value of type int: declare the column as text, or, if that loses nothing, write `leading_zeros = "drop"` for it in the dataset"#);
    let dropped = |text, ty| {
        read(Raw::Text(text), ty, |forms| {
            forms.drop_leading_zeros = true;
        })
    };
    for ty in [Type::Int, Type::Decimal(0)] {
        for (text, number) in [
            ("01067", "1067"),
            ("-007", "-7"),
            (" 00 ", "0"),
            ("007.0", "7"),
            ("+15", "15"),
        ] {
            assert!(refused(text, ty).contains("would lose its"), "{text}");
            assert_eq!(dropped(text, ty), number);
        }
        for (text, number) in [("0", "0"), ("-0", "0"), ("0.0", "0"), ("10", "10")] {
            assert_eq!(read(Raw::Text(text), ty, |_| {}), number);
        }
    }
    // What a source holds as a number has none; what is measured has no use for them.
    assert_eq!(read(Raw::Int(15), Type::Int, |_| {}), "15");
    assert_eq!(read(Raw::Text("+01.50"), Type::Decimal(2), |_| {}), "1.50");
    assert_eq!(read(Raw::Text("+01.50"), Type::Float, |_| {}), "1.5");
    // No number at all, or none of this type.
    assert_snapshot!(refused("0x10", Type::Int), @r#""0x10" is not a value of type int"#);
    assert_snapshot!(refused("00012345678901234567890", Type::Int), @r#""00012345678901234567890" is not a value of type int"#);
}

#[test]
fn three_digits_behind_a_mark_may_be_thousands() {
    for ty in [Type::Int, Type::Decimal(0), Type::Decimal(2)] {
        let refused = from("150.000", ty).unwrap_err().to_string();
        assert!(!refused.contains("decimals"), "{refused}");
        let refused = from("1,000", ty).unwrap_err().to_string();
        assert!(!refused.contains("decimals"), "{refused}");
        assert!(from("150.00", ty).is_ok());
    }
    assert_eq!(
        from("1.500", Type::Decimal(3)),
        Ok(Value::Decimal(1_500, 3))
    );
}

#[test]
fn seconds_that_read_as_something_else_are_refused() {
    let forms = Forms {
        date_numbers: Some(DateNumbers::Unix),
        ..Forms::default()
    };
    for (seconds, is_taken) in [
        (1_764_294_600, true),
        (-86_400, true),
        (20_251_128, false),
        (45_989, false),
    ] {
        let parsed = parse(Raw::Int(seconds), Type::Timestamp, &forms);
        assert_eq!(parsed.is_ok(), is_taken, "{seconds}: {parsed:?}");
    }
}

#[test]
fn a_whole_number_beyond_a_float_is_refused_however_it_is_stored() {
    let refused = "9007199254740993 does not fit type float exactly";
    let of_int = parse(Raw::Int((1 << 53) + 1), Type::Float, &Forms::default());
    assert_eq!(of_int.unwrap_err().to_string(), refused);
    for text in [
        "9007199254740993",
        "-9007199254740993",
        "9007199254740993.0",
        "9007199254740992.5",
        "123456789012345678901234567890123456789012",
    ] {
        let refusal = from(text, Type::Float).unwrap_err().to_string();
        assert_eq!(refusal, format!("{text:?} does not fit type float exactly"));
    }
    for (text, float) in [
        ("9007199254740992", 2f64.powi(53)),
        ("9007199254740994.00", 2f64.powi(53) + 2.0),
        ("0.10000000000000001", 0.1),
        ("1e300", 1e300),
        ("9.007199254740993e15", 2f64.powi(53)),
    ] {
        assert_eq!(from(text, Type::Float), Ok(Value::Float(float)), "{text}");
    }
}

#[test]
fn a_part_of_a_date_is_no_number_for_a_date() {
    for kind in DateNumbers::ALL {
        for text in ["11.2025", "28.11", "2025.11", "2025"] {
            let parsed = read(Raw::Text(text), Type::Timestamp, |forms| {
                forms.date_numbers = Some(kind)
            });
            assert!(!parsed.contains('T'), "{kind:?}: {parsed}");
        }
    }
    let unix_ms = |v| {
        read(Raw::Int(v), Type::Timestamp, |forms| {
            forms.date_numbers = Some(DateNumbers::UnixMs)
        })
    };
    assert_snapshot!(unix_ms(20_251_128), @"20251128 is not a value of type timestamp");
}

#[test]
fn decimals_are_never_rounded() {
    assert_eq!(from("-1.5", Type::Decimal(2)), Ok(Value::Decimal(-150, 2)));
    assert_eq!(from("1.5000", Type::Decimal(2)), Ok(Value::Decimal(150, 2)));
    assert!(from("1.505", Type::Decimal(2)).is_err());
    assert!(from(".", Type::Decimal(2)).is_err());
    assert!(from(&"9".repeat(39), Type::Decimal(0)).is_err());
    let real = parse(Raw::Real(0.1), Type::Decimal(2), &Forms::default());
    assert_eq!(real, Ok(Value::Decimal(10, 2)));
}

#[test]
fn floats_have_one_zero_and_no_infinity() {
    assert_eq!(
        from("-0", Type::Float).map(|v| format!("{v:?}")),
        Ok("Float(0.0)".into())
    );
    assert!(from("inf", Type::Float).is_err());
    let read = |raw| parse(raw, Type::Float, &Forms::default());
    assert_eq!(read(Raw::Int(i64::MIN)), Ok(Value::Float(-(2f64.powi(63)))));
    assert!(read(Raw::Int(i64::MAX)).is_err());
    assert!(from("NaN", Type::Float).is_err());
}

#[test]
fn timestamps_with_an_offset_become_local() {
    let nine = ymd(2025, 11, 28).to_datetime(hms(9, 30, 0, 0));
    for text in [
        "2025-11-28T02:30:00Z",
        "2025-11-28 09:30",
        "2025-11-28T04:30:00+02:00",
    ] {
        assert_eq!(
            from(text, Type::Timestamp),
            Ok(Value::Timestamp(nine)),
            "{text}"
        );
    }
    assert_eq!(
        from("2025-11-28 09:30:00.1234567", Type::Timestamp),
        Ok(Value::Timestamp(ymd(2025, 11, 28).to_datetime(hms(
            9,
            30,
            0,
            123_456_000
        )))),
    );
}

#[test]
fn an_offset_is_less_than_sixteen_hours() {
    let at = |offset: &str| from(&format!("2025-11-28T09:30:00{offset}"), Type::Timestamp).is_ok();
    for offset in [
        "Z", "z", "+07", "+0700", "+07:00", "-12:00", "+14:00", "+15:59",
    ] {
        assert!(at(offset), "{offset}");
    }
    for offset in [
        "+24:00", "-24", "+16:00", "+07:60", "+7", "+", "UTC", "Z+01:00",
    ] {
        assert!(!at(offset), "{offset}");
    }
}

#[test]
fn the_date_of_a_midnight_is_the_one_that_is_written() {
    let date = Ok(Value::Date(ymd(2016, 4, 29)));
    for text in [
        "2016-04-29T00:00:00Z",
        "2016-04-29 00:00+07:00",
        "2016-04-29T00:00:00.000-05:00",
    ] {
        assert_eq!(from(text, Type::Date), date, "{text}");
    }
    for text in [
        "2016-04-28T17:00:00Z",
        "2016-04-29T00:00:00+24:00",
        "2016-04-29Z",
        "2016-04-29T00:00:00ZZ",
    ] {
        assert!(from(text, Type::Date).is_err(), "{text}");
    }
}

#[test]
fn dates_are_iso_unless_declared() {
    assert_eq!(
        from("2025-11-28", Type::Date),
        Ok(Value::Date(ymd(2025, 11, 28)))
    );
    assert_eq!(
        from("2025-11-28 00:00:00", Type::Date),
        Ok(Value::Date(ymd(2025, 11, 28)))
    );
    for refused in [
        "28/11/2025",
        "2025-11-28 10:00:00",
        "2025-02-30",
        "1899-12-31",
        "x",
    ] {
        assert!(from(refused, Type::Date).is_err(), "{refused}");
    }
    let forms = Forms {
        dates: DateOrder::Dmy,
        ..Forms::default()
    };
    assert_eq!(
        parse(Raw::Text("8/11/2025"), Type::Date, &forms),
        Ok(Value::Date(ymd(2025, 11, 8)))
    );
}

/// A text's value in Vietnam under declared forms, as canonical CSV, or why it is refused.
fn read(raw: Raw<'_>, ty: Type, declare: impl FnOnce(&mut Forms)) -> String {
    let mut forms = Forms {
        zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        ..Forms::default()
    };
    declare(&mut forms);
    match parse(raw, ty, &forms) {
        Ok(value) => {
            let mut canonical = Vec::new();
            crate::canonical_csv::write_value(&value, &mut canonical);
            String::from_utf8(canonical).unwrap()
        }
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_date_that_may_be_two_days_is_refused_with_both_settings() {
    let auto = |text| read(Raw::Text(text), Type::Date, |_| {});
    assert_snapshot!(auto("03/04/2025"), @r#""03/04/2025" is a value of type date only where that is declared: write `dates = "dmy"` (2025-04-03) or `dates = "mdy"` (2025-03-04) for its source"#);
    assert_snapshot!(auto("28/11/2025"), @r#""28/11/2025" is a value of type date only where that is declared: write `dates = "dmy"` (2025-11-28) for its source"#);
    assert_snapshot!(auto("2025/11/28"), @r#""2025/11/28" is a value of type date only where that is declared: write `dates = "ymd"` (2025-11-28) for its source"#);
    assert_snapshot!(auto("28/11/25"), @r#""28/11/25" is not a value of type date"#);
    assert_snapshot!(auto("soon"), @r#""soon" is not a value of type date"#);
}

#[test]
fn a_declared_order_takes_its_dates_and_iso_ones() {
    let dmy = |text, ty| read(Raw::Text(text), ty, |forms| forms.dates = DateOrder::Dmy);
    assert_snapshot!(dmy("3/4/2025", Type::Date), @"2025-04-03");
    assert_snapshot!(dmy("03.04.2025", Type::Date), @"2025-04-03");
    assert_snapshot!(dmy("2025-04-03", Type::Date), @"2025-04-03");
    assert_snapshot!(dmy("28/11/2025 9:30", Type::Timestamp), @"2025-11-28T09:30:00");
    assert_snapshot!(dmy("28/11/2025 2:30:05 CH", Type::Timestamp), @"2025-11-28T14:30:05");
    assert_snapshot!(dmy("11/28/2025", Type::Date), @r#""11/28/2025" is not a value of type date"#);
    let ymd = |text| {
        read(Raw::Text(text), Type::Date, |forms| {
            forms.dates = DateOrder::Ymd
        })
    };
    assert_snapshot!(ymd("2025/4/3"), @"2025-04-03");
    let mdy = |text| {
        read(Raw::Text(text), Type::Timestamp, |forms| {
            forms.dates = DateOrder::Mdy
        })
    };
    assert_snapshot!(mdy("11/28/2025 12:05 AM"), @"2025-11-28T00:05:00");
}

#[test]
fn times_may_be_of_twelve_hours() {
    let time = |text| read(Raw::Text(text), Type::Time, |_| {});
    assert_snapshot!(time("9:05"), @"09:05:00");
    assert_snapshot!(time("2:30 PM"), @"14:30:00");
    assert_snapshot!(time("12:00am"), @"00:00:00");
    assert_snapshot!(time("9:00 SA"), @"09:00:00");
    assert_snapshot!(time("13:00 PM"), @r#""13:00 PM" is not a value of type time"#);
    assert_snapshot!(time("24:00"), @r#""24:00" is not a value of type time"#);
}

#[test]
fn of_a_source_without_settings_a_refusal_names_what_to_write() {
    let of_import = |raw, ty| read(raw, ty, |forms| forms.has_settings = false);
    let seen = [
        of_import(Raw::Text("03/04/2025"), Type::Date),
        of_import(Raw::Text("03/03/2025"), Type::Date),
        of_import(Raw::Int(1_764_297_000), Type::Date),
        of_import(Raw::Text("28/11/2025 9:30"), Type::Timestamp),
        of_import(Raw::Int(1_764_297_000), Type::Timestamp),
        of_import(Raw::Text("4,5"), Type::Float),
    ];
    assert_snapshot!(seen.join("\n"), @r#"
    "03/04/2025" is not certain as a value of type date; in the file, write its date as 2025-04-03 or 2025-03-04
    "03/03/2025" is not certain as a value of type date; in the file, write its date as 2025-03-03
    1764297000 is not certain as a value of type date; in the file, write its date as 2025-11-28
    "28/11/2025 9:30" is not certain as a value of type timestamp; in the file, write its date as 2025-11-28
    1764297000 is not certain as a value of type timestamp; in the file, write its date as 2025-11-28T09:30:00
    "4,5" is not certain as a value of type float; in the file, write its decimal mark as a point
    "#);
}

#[test]
fn a_number_for_a_date_is_refused_with_the_settings_that_give_it_a_meaning() {
    let auto = |raw, ty| read(raw, ty, |_| {});
    assert_snapshot!(auto(Raw::Int(1_764_297_000), Type::Timestamp), @r#"1764297000 is a value of type timestamp only where that is declared: write `date_numbers = "unix"` (2025-11-28T09:30:00) for its source"#);
    assert_snapshot!(auto(Raw::Text("45989"), Type::Date), @r#""45989" is a value of type date only where that is declared: write `date_numbers = "excel"` (2025-11-28T00:00:00) for its source"#);
    assert_snapshot!(auto(Raw::Real(2_461_007.604_166_667), Type::Timestamp), @r#"2461007.604166667 is a value of type timestamp only where that is declared: write `date_numbers = "julian"` (2025-11-28T09:30:00) for its source"#);
    assert_snapshot!(auto(Raw::Text("20251128"), Type::Date), @r#""20251128" is a value of type date only where that is declared: write `date_numbers = "yyyymmdd"` (2025-11-28T00:00:00) for its source"#);
}

#[test]
fn declared_numbers_are_dates_and_timestamps() {
    let unix = |raw, ty| {
        read(raw, ty, |forms| {
            forms.date_numbers = Some(DateNumbers::Unix)
        })
    };
    assert_snapshot!(unix(Raw::Int(1_764_297_000), Type::Timestamp), @"2025-11-28T09:30:00");
    assert_snapshot!(unix(Raw::Text("1764297000.25"), Type::Timestamp), @"2025-11-28T09:30:00.250000");
    assert_snapshot!(unix(Raw::Text("2025-11-28 09:30"), Type::Timestamp), @"2025-11-28T09:30:00");
    // A midnight in Vietnam, a midnight in Greenwich, and half past nine.
    assert_snapshot!(unix(Raw::Int(1_764_262_800), Type::Date), @"2025-11-28");
    assert_snapshot!(unix(Raw::Int(1_764_288_000), Type::Date), @"2025-11-28");
    assert_snapshot!(unix(Raw::Int(1_764_297_000), Type::Date), @"1764297000 does not fit type date exactly");
    assert_snapshot!(unix(Raw::Int(1_764_297_000_000), Type::Timestamp), @"1764297000000 is not a value of type timestamp");
    let of = |kind, raw, ty| read(raw, ty, |forms| forms.date_numbers = Some(kind));
    assert_snapshot!(of(DateNumbers::UnixMs, Raw::Int(1_764_297_000_250), Type::Timestamp), @"2025-11-28T09:30:00.250000");
    assert_snapshot!(of(DateNumbers::Julian, Raw::Real(2_461_007.604_166_667), Type::Timestamp), @"2025-11-28T09:30:00");
    assert_snapshot!(of(DateNumbers::Julian, Raw::Real(2_461_007.5), Type::Date), @"2025-11-28");
    assert_snapshot!(of(DateNumbers::Excel, Raw::Text("45989"), Type::Date), @"2025-11-28");
    assert_snapshot!(of(DateNumbers::Excel, Raw::Text("45989.395833333"), Type::Timestamp), @"2025-11-28T09:30:00");
    assert_snapshot!(of(DateNumbers::Digits, Raw::Text("20251128"), Type::Date), @"2025-11-28");
    assert_snapshot!(of(DateNumbers::Digits, Raw::Real(20_251_128.0), Type::Date), @"2025-11-28");
    assert_snapshot!(of(DateNumbers::Digits, Raw::Int(20_251_128), Type::Timestamp), @"2025-11-28T00:00:00");
    for odd in [
        "20250229",
        "20251328",
        "2025112",
        "202511280",
        "-20251128",
        "20251128.5",
    ] {
        let read = of(DateNumbers::Digits, Raw::Text(odd), Type::Date);
        assert_eq!(read, format!("{odd:?} is not a value of type date"));
    }
    assert_snapshot!(of(DateNumbers::Excel, Raw::Int(60), Type::Date), @"60 is not a value of type date");
    assert_snapshot!(of(DateNumbers::Excel, Raw::Int(59), Type::Date), @"1900-02-28");
}

#[test]
fn a_decimal_comma_is_taken_where_it_is_declared() {
    let auto = |text, ty| read(Raw::Text(text), ty, |_| {});
    assert_snapshot!(auto("4,5", Type::Float), @r#""4,5" is a value of type float only where that is declared: write `decimals = "comma"` for its source"#);
    assert_snapshot!(auto("4,5", Type::Decimal(2)), @r#""4,5" is a value of type decimal(2) only where that is declared: write `decimals = "comma"` for its source"#);
    assert_snapshot!(auto("4,5,6", Type::Float), @r#""4,5,6" is not a value of type float"#);
    let comma = |text, ty| read(Raw::Text(text), ty, |f| f.decimals = DecimalMark::Comma);
    assert_snapshot!(comma("4,5", Type::Float), @"4.5");
    assert_snapshot!(comma("-4,50", Type::Decimal(1)), @"-4.5");
    assert_snapshot!(comma("60,0", Type::Int), @"60");
    assert_snapshot!(comma("1.234", Type::Float), @r#""1.234" is not a value of type float where `decimals = "comma"`, since its point may part thousands or be a decimal mark; write 1234,5 or 1.234,5 there, or, where its source writes 1234.5 throughout, take `decimals` away"#);
    assert_snapshot!(comma("1.234,50", Type::Decimal(2)), @"1234.50");
    assert_snapshot!(comma("-1.234.567,8", Type::Float), @"-1234567.8");
    assert_snapshot!(comma("58.500,00", Type::Int), @"58500");
    // Two points are no decimal marks.
    assert_snapshot!(comma("1.234.567", Type::Int), @"1234567");
    assert_snapshot!(comma("-1.234.567", Type::Decimal(2)), @"-1234567.00");
    assert_snapshot!(comma("12.345.678.901", Type::Float), @"12345678901");
    for odd in [
        "1.2345,6",
        "12.34,5",
        "1234.567,8",
        "0.123,4",
        ".123,4",
        "1.234,",
        "1.234,5,6",
        "1,234.5",
        "1..234,5",
        "0.123.456",
        "1.234.56",
        "1234.567.890",
        "1..234",
        ".123.456",
        "1.234.567.",
    ] {
        let refused = comma(odd, Type::Float);
        assert!(refused.contains("decimal mark; write 1234,5"), "{refused}");
    }
    assert_snapshot!(auto("58.500,50", Type::Float), @r#""58.500,50" is a value of type float only where that is declared: write `decimals = "comma"` for its source"#);
    assert_snapshot!(comma("x.y", Type::Float), @r#""x.y" is not a value of type float"#);
}

#[test]
fn booleans_have_many_words() {
    let bool = |raw| read(raw, Type::Bool, |_| {});
    for raw in [
        Raw::Text("TRUE"),
        Raw::Text("Yes"),
        Raw::Text("1.0"),
        Raw::Int(1),
        Raw::Real(1.0),
    ] {
        assert_eq!(bool(raw), "true", "{raw:?}");
    }
    for raw in [
        Raw::Text("f"),
        Raw::Text("Off"),
        Raw::Text("0"),
        Raw::Int(0),
    ] {
        assert_eq!(bool(raw), "false", "{raw:?}");
    }
    assert_snapshot!(bool(Raw::Int(2)), @"2 is not a value of type bool");
    assert_snapshot!(bool(Raw::Text("maybe")), @r#""maybe" is not a value of type bool"#);
}
