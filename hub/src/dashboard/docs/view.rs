//! The document as the page shows it: references followed, schemas in a few words.

use serde_json::{Map, Value};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The operations about one thing.
#[derive(Debug)]
pub(super) struct Section<'d> {
    pub(super) tag: &'d str,
    pub(super) operations: Vec<Operation<'d>>,
}

#[derive(Debug)]
pub(super) struct Operation<'d> {
    pub(super) id: &'d str,
    pub(super) method: String,
    pub(super) path: &'d str,
    pub(super) summary: &'d str,
    pub(super) description: &'d str,
    pub(super) is_open: bool,
    pub(super) parameters: Vec<Member<'d>>,
    pub(super) bodies: Vec<Content<'d>>,
    pub(super) answers: Vec<Answer<'d>>,
}

/// A parameter, or a member of an object.
#[derive(Debug)]
pub(super) struct Member<'d> {
    pub(super) name: &'d str,
    /// In which part of a request it is; empty for a member.
    pub(super) place: &'d str,
    pub(super) is_needed: bool,
    pub(super) kind: Kind<'d>,
    pub(super) description: &'d str,
}

/// What a value may be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kind<'d> {
    pub(super) text: String,
    /// The schema that says more.
    pub(super) schema: Option<&'d str>,
}

#[derive(Debug)]
pub(super) struct Answer<'d> {
    /// Its status; of one that many operations share, its name.
    pub(super) status: &'d str,
    /// The name of an answer that many operations share: it is told once for all.
    pub(super) shared: Option<&'d str>,
    pub(super) description: &'d str,
    pub(super) contents: Vec<Content<'d>>,
    pub(super) headers: Vec<&'d str>,
}

/// A body: of which type, what it holds, and examples with their names.
#[derive(Debug)]
pub(super) struct Content<'d> {
    pub(super) media_type: &'d str,
    pub(super) kind: Kind<'d>,
    pub(super) examples: Vec<(&'d str, String)>,
}

#[derive(Debug)]
pub(super) struct Schema<'d> {
    pub(super) name: &'d str,
    pub(super) description: &'d str,
    pub(super) members: Vec<Member<'d>>,
    /// What it is where it has no members.
    pub(super) kind: Kind<'d>,
}

/// All operations, in the order of their addresses.
pub(super) fn sections(document: &Value) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let tag = text(&operation["tags"][0]);
            let shown = of_operation(document, method, path, operation);
            match sections.iter_mut().find(|section| section.tag == tag) {
                Some(section) => section.operations.push(shown),
                None => sections.push(Section {
                    tag,
                    operations: vec![shown],
                }),
            }
        }
    }
    sections
}

/// The schemas that others refer to.
pub(super) fn schemas(document: &Value) -> Vec<Schema<'_>> {
    let schemas = members(&document["components"]["schemas"]);
    schemas.map(|named| of_schema(document, named)).collect()
}

fn of_schema<'d>(document: &'d Value, (name, schema): (&'d str, &'d Value)) -> Schema<'d> {
    Schema {
        name,
        description: description(schema),
        members: of_object(document, schema),
        kind: kind(schema),
    }
}

fn of_operation<'d>(
    document: &'d Value,
    method: &str,
    path: &'d str,
    operation: &'d Value,
) -> Operation<'d> {
    let parameter = |given| {
        let parameter = resolved(document, given);
        Member {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            is_needed: parameter["required"] == true,
            kind: kind(&parameter["schema"]),
            description: description(parameter),
        }
    };
    Operation {
        id: text(&operation["operationId"]),
        method: method.to_ascii_uppercase(),
        path,
        summary: text(&operation["summary"]),
        description: description(operation),
        is_open: operation["security"].as_array().is_some_and(Vec::is_empty),
        parameters: list(&operation["parameters"]).map(parameter).collect(),
        bodies: contents(document, &operation["requestBody"]),
        answers: answers(document, &operation["responses"]),
    }
}

/// Answers by their statuses, or those that operations share by their names.
pub(super) fn answers<'d>(document: &'d Value, given: &'d Value) -> Vec<Answer<'d>> {
    let answer = |(status, answer)| Answer {
        status,
        shared: named(answer),
        description: description(answer),
        contents: contents(document, answer),
        headers: members(&answer["headers"]).map(|(name, _)| name).collect(),
    };
    members(given).map(answer).collect()
}

fn contents<'d>(document: &'d Value, body: &'d Value) -> Vec<Content<'d>> {
    let content = |(media_type, content): (&'d str, &'d Value)| {
        let one = content.get("example").map(|example| ("", pretty(example)));
        let named = members(&content["examples"]);
        let named =
            named.map(|(name, example)| (name, pretty(&resolved(document, example)["value"])));
        Content {
            media_type,
            kind: kind(&content["schema"]),
            examples: one.into_iter().chain(named).collect(),
        }
    };
    members(&body["content"]).map(content).collect()
}

/// The members of an object, those that it takes from others included.
fn of_object<'d>(document: &'d Value, schema: &'d Value) -> Vec<Member<'d>> {
    let schema = resolved(document, schema);
    let own = members(&schema["properties"]).map(|(name, of)| Member {
        name,
        place: "",
        is_needed: list(&schema["required"]).any(|needed| *needed == *name),
        kind: kind(of),
        description: description(of),
    });
    let others = list(&schema["allOf"]).flat_map(|part| of_object(document, part));
    own.chain(others).collect()
}

/// A schema in a few words.
fn kind(schema: &Value) -> Kind<'_> {
    if let Some(name) = named(schema) {
        return Kind {
            text: String::new(),
            schema: Some(name),
        };
    }
    let mut kind = Kind::default();
    for alternative in list(&schema["oneOf"]).chain(list(&schema["allOf"])) {
        kind.add(self::kind(alternative));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect(),
        one => vec![text(one)],
    };
    for name in types.into_iter().filter(|name| !name.is_empty()) {
        match name {
            "array" => {
                let items = self::kind(&schema["items"]);
                kind.add(Kind {
                    text: format!("array of {}", items.text),
                    ..items
                });
            }
            "string" if !text(&schema["format"]).is_empty() => kind.say(text(&schema["format"])),
            name => kind.say(name),
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values
            .iter()
            .map(text)
            .filter(|value| !value.is_empty())
            .collect();
        kind.text = format!("{}: {}", kind.text, values.join(", "));
    }
    for (bound, sign) in [("minimum", "≥"), ("maximum", "≤")] {
        if let Some(bound) = schema[bound].as_number() {
            kind.text += &format!(" {sign} {bound}");
        }
    }
    if let Some(chars) = schema["maxLength"].as_number() {
        kind.text += &format!(" of at most {chars} characters");
    }
    kind
}

impl Answer<'_> {
    /// Whether it is one that operations share.
    pub(super) fn is_refusal(&self) -> bool {
        self.status.starts_with(char::is_alphabetic)
    }
}

impl<'d> Kind<'d> {
    fn say(&mut self, more: &str) {
        if !self.text.is_empty() && !more.is_empty() {
            self.text += " or ";
        }
        self.text += more;
    }

    fn add(&mut self, other: Kind<'d>) {
        self.say(&other.text);
        self.schema = self.schema.or(other.schema);
    }
}

/// What a reference names.
fn named(value: &Value) -> Option<&str> {
    let reference = value.get("$ref")?.as_str()?;
    Some(reference.rsplit('/').next().unwrap_or(reference))
}

/// A part of the document, or what it refers to.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value.get("$ref").and_then(Value::as_str);
    let found = pointer.and_then(|pointer| document.pointer(pointer.trim_start_matches('#')));
    found.unwrap_or(value)
}

fn description(value: &Value) -> &str {
    text(&value["description"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flat_map(Map::iter);
    members.map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_told_in_a_few_words() {
        for (schema, text, link) in [
            (
                json!({"type": ["string", "null"], "maxLength": 50}),
                "string or null of at most 50 characters",
                None,
            ),
            (json!({"type": "string", "format": "date"}), "date", None),
            (
                json!({"type": "string", "enum": ["a", "b"]}),
                "string: a, b",
                None,
            ),
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Row"}}),
                "array of ",
                Some("Row"),
            ),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Row"}]}),
                "null",
                Some("Row"),
            ),
            (
                json!({"type": "integer", "minimum": 1, "maximum": 500}),
                "integer ≥ 1 ≤ 500",
                None,
            ),
        ] {
            let told = kind(&schema);
            assert_eq!((told.text.as_str(), told.schema), (text, link), "{schema}");
        }
    }
}
