//! Rows as the dataset declares them: types, lengths and values stand there and nowhere else.

use causeway_shared::dataset::{Column, Dataset, Table};
use causeway_shared::value::{Type, Value as Bound};
use serde_json::{Map, Value, json};

use crate::api::rows::RESOURCES;
use crate::services::appointments::DURATIONS;
use crate::services::record::Columns;
use crate::services::rows::Resource;
use crate::services::schedule::MINUTES;
use crate::services::{appointments, programs, schedule};

/// A row that is answered: its schema's name, its table, and its columns, joined ones included.
type Answered = (&'static str, &'static str, Columns);

/// Those of no resource.
const ANSWERED: [Answered; 4] = [
    ("Appointment", "appointment", appointments::COLUMNS),
    ("Slot", "consultantschedule", appointments::SLOT_COLUMNS),
    ("ListedSlot", "consultantschedule", schedule::COLUMNS),
    (
        "Participant",
        "programparticipant",
        programs::PARTICIPANT_COLUMNS,
    ),
];

/// The name of a resource's schema.
pub(super) fn name_of(resource: &Resource) -> &'static str {
    match resource.table() {
        "customer" => "Customer",
        "consultant" => "Consultant",
        _ => "Program",
    }
}

/// Every schema of rows, of lists of them, and of what callers send for one.
pub(super) fn schemas(dataset: &Dataset) -> Map<String, Value> {
    let mut schemas = Map::new();
    let of_resources = RESOURCES.map(|of| (name_of(of), of.table(), of.answered()));
    for (name, table, columns) in ANSWERED.into_iter().chain(of_resources) {
        schemas.insert(name.to_owned(), answer(dataset.table(table), columns));
    }
    let names = RESOURCES.map(name_of);
    for name in ["Appointment", "ListedSlot", "Participant"]
        .iter()
        .chain(&names)
    {
        schemas.insert(format!("{name}List"), list_of(name));
    }
    for name in ["Appointment", "Slot"].iter().chain(&names) {
        schemas.insert(format!("{name}Written"), written(name));
    }
    for resource in RESOURCES {
        let table = dataset.table(resource.table());
        let name = name_of(resource);
        let new = resource.new_members();
        schemas.insert(format!("{name}New"), body(table, &new, resource.needed()));
        schemas.insert(
            format!("{name}Change"),
            body(table, resource.settable(), &[]),
        );
    }
    let table = dataset.table("appointment");
    let needed = ["customerid", "date", "time"];
    schemas.insert(
        "AppointmentNew".to_owned(),
        body(table, &appointments::BOOKED, &needed),
    );
    schemas.insert(
        "AppointmentChange".to_owned(),
        body(table, &appointments::MOVABLE, &[]),
    );
    let table = dataset.table("consultantschedule");
    schemas.insert(
        "SlotChange".to_owned(),
        body(table, &["isavailable"], &["isavailable"]),
    );
    schemas.extend(others());
    schemas
}

/// A page of a list.
fn list_of(name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next", "total"],
        "properties": {
            "items": {"type": "array", "items": row(name)},
            "next": {
                "type": ["string", "null"],
                "description": "The `cursor` of the next page; null: there is none.",
            },
            "total": {
                "type": "integer",
                "minimum": 0,
                "description": "How many the filters leave altogether.",
            },
        },
    })
}

/// A row as a change left it.
fn written(name: &str) -> Value {
    let flushed = json!({
        "type": "boolean",
        "description": "Whether the change is in the store already.",
    });
    let more = json!({
        "type": "object",
        "required": ["flushed"],
        "properties": {"flushed": flushed},
    });
    json!({"allOf": [row(name), more]})
}

fn row(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Bodies that are no rows.
fn others() -> [(String, Value); 2] {
    let time = of_time();
    let date = of_type(Type::Date);
    let assign = json!({
        "type": "object",
        "required": ["consultantid"],
        "properties": {"consultantid": of_type(Type::Int), "site": site()},
        "additionalProperties": false,
    });
    let slots = json!({
        "type": "object",
        "required": ["from", "to", "start", "end", "minutes"],
        "properties": {
            "site": site(),
            "from": date,
            "to": date,
            "start": time,
            "end": time,
            "minutes": {"type": "integer", "minimum": MINUTES.start(), "maximum": MINUTES.end()},
            "weekends": {"type": ["boolean", "null"], "description": "Whether Saturdays and Sundays get slots, too."},
        },
        "additionalProperties": false,
    });
    [
        ("AppointmentAssign".to_owned(), assign),
        ("SlotsNew".to_owned(), slots),
    ]
}

/// A row as it is answered.
fn answer(table: Option<&Table>, columns: Columns) -> Value {
    let mut properties = Map::from_iter([("site".to_owned(), site())]);
    for (name, ty) in columns {
        let column = table.and_then(|table| Some(&table.columns[table.column(name)?]));
        let is_key = column.is_some_and(|column| is_key(table, column));
        let mut schema = match column {
            Some(column) => of_column(column),
            None => of_type(*ty),
        };
        // What is joined may be missing.
        if !is_key && column.is_none_or(|column| !column.not_null) {
            nullable(&mut schema);
        }
        properties.insert((*name).to_owned(), schema);
    }
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn is_key(table: Option<&Table>, column: &Column) -> bool {
    table.is_some_and(|table| table.key.iter().any(|at| table.columns[*at] == *column))
}

/// What a caller sends: these columns and the site.
fn body(table: Option<&Table>, members: &[&str], needed: &[&str]) -> Value {
    let site = json!({"oneOf": [{"type": "null"}, site()]});
    let mut properties = Map::from_iter([("site".to_owned(), site)]);
    for name in members {
        let column = table.and_then(|table| Some(&table.columns[table.column(name)?]));
        let Some(column) = column else { continue };
        let mut schema = match column.ty {
            Type::Time => of_time(),
            _ => of_column(column),
        };
        if !column.not_null {
            nullable(&mut schema);
        } else if column.ty == Type::Text {
            // Blanks alone say nothing.
            schema["pattern"] = "\\S".into();
        }
        if *name == "duration" {
            schema["minimum"] = (*DURATIONS.start()).into();
            schema["maximum"] = (*DURATIONS.end()).into();
        }
        properties.insert((*name).to_owned(), schema);
    }
    let mut body =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !needed.is_empty() {
        body["required"] = json!(needed);
    }
    body
}

fn site() -> Value {
    row("SiteName")
}

fn nullable(schema: &mut Value) {
    schema["type"] = json!([schema["type"].take(), "null"]);
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
}

/// A time as callers write it: seconds that are none may be left out.
fn of_time() -> Value {
    json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?$", "example": "09:30"})
}

fn of_column(column: &Column) -> Value {
    let mut schema = of_type(column.ty);
    if let Some(chars) = column.max_chars {
        schema["maxLength"] = chars.into();
    }
    if !column.values.is_empty() {
        schema["enum"] = json!(column.values);
    }
    for (name, bound) in [("minimum", &column.min), ("maximum", &column.max)] {
        match bound {
            Some(Bound::Int(bound)) => schema[name] = (*bound).into(),
            Some(Bound::Float(bound)) => schema[name] = (*bound).into(),
            _ => {}
        }
    }
    schema
}

fn of_type(ty: Type) -> Value {
    match ty {
        Type::Int => json!({"type": "integer", "format": "int64"}),
        Type::Float => json!({"type": "number"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Text | Type::Phone | Type::Decimal(_) => json!({"type": "string"}),
        Type::Date => json!({"type": "string", "format": "date"}),
        Type::Time => {
            json!({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?$", "example": "09:30:00"})
        }
        Type::Timestamp => json!({"type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?$",
            "description": "In the site's time zone.", "example": "2025-11-20T08:00:00"}),
    }
}
