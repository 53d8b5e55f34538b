mod dates;
mod numbers;

use insta::assert_snapshot;

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
