use super::*;

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
