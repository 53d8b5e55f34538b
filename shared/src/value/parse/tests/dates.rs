use jiff::civil::{date as ymd, time as hms};

use super::*;

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
