//! A configuration before it has its type: the file's values, with the environment's texts set
//! over them. A text from the environment is read as whatever type its key asks for.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

/// A configuration or a part of one.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    Value(toml::Value),
    /// A variable's text.
    Text(String),
}

impl From<toml::Value> for Node {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Table(table) => Self::Table(
                table
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
            ),
            toml::Value::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            value => Self::Value(value),
        }
    }
}

impl Node {
    /// Sets what a variable (without the prefix) names.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let mut at = self;
        for level in name.split("__") {
            let key = level.to_ascii_lowercase();
            at = match at {
                Self::List(list) => at_index(list, &key)?,
                Self::Table(table) => table
                    .entry(key)
                    .or_insert_with(|| Self::Table(BTreeMap::new())),
                _ => return Err("it names a key inside a value that has none"),
            };
            // The first index under a key that the file leaves out makes it a list.
            if let Self::Table(table) = at
                && table.is_empty()
                && name.split("__").skip_while(|l| *l != level).nth(1) == Some("0")
            {
                *at = Self::List(Vec::new());
            }
        }
        *at = Self::Text(value.to_owned());
        Ok(())
    }
}

fn at_index<'l>(list: &'l mut Vec<Node>, key: &str) -> Result<&'l mut Node, &'static str> {
    let index: usize = key
        .parse()
        .map_err(|_| "a list's entries are named 0, 1, …")?;
    if index > list.len() {
        return Err("the list has no entry before this one");
    }
    if index == list.len() {
        list.push(Node::Table(BTreeMap::new()));
    }
    Ok(&mut list[index])
}

/// What is wrong with a configuration, behind the path of the key that it is about.
#[derive(Debug)]
pub(super) struct TreeError {
    path: String,
    /// The key under that path that nobody knows, if that is the problem.
    unknown: Option<String>,
    problem: String,
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.path, self.problem)
        }
    }
}

impl std::error::Error for TreeError {}

impl serde::de::Error for TreeError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self {
            path: String::new(),
            unknown: None,
            problem: problem.to_string(),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        Self {
            unknown: Some(field.to_owned()),
            ..Self::custom(format_args!(
                "unknown field `{field}`, expected {}",
                match &names[..] {
                    [] => "none".to_owned(),
                    [only] => only.clone(),
                    [one, other] => format!("{one} or {other}"),
                    names => format!("one of {}", names.join(", ")),
                }
            ))
        }
    }

    /// Without the value: it may be a token.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!(
            "{} where {expected} is expected",
            kind(&found)
        ))
    }
}

/// What kind of value was found.
fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a string",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "another value",
    }
}

impl TreeError {
    /// Whether it is about the key that a variable (without the prefix) sets.
    pub(super) fn is_about(&self, name: &str) -> bool {
        let parts = [Some(&self.path), self.unknown.as_ref()];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let key: Vec<&str> = parts.flat_map(|part| part.split('.')).collect();
        let name = name.to_ascii_lowercase();
        let levels: Vec<&str> = name.split("__").collect();
        // A variable below an unknown key set that key too.
        key.starts_with(&levels) || self.unknown.is_some() && levels.starts_with(&key)
    }

    fn under(mut self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{key}{dot}{}", self.path);
        self
    }
}

/// A node with the key that it stands under, for errors.
struct Keyed {
    key: String,
    node: Node,
}

impl<'de> IntoDeserializer<'de, TreeError> for Keyed {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Forwards to the node, and puts the key before its errors.
macro_rules! keyed {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
            self.node.$method(visitor).map_err(|error| error.under(&self.key))
        })*
    };
}

impl<'de> Deserializer<'de> for Keyed {
    type Error = TreeError;

    keyed! {
        deserialize_any deserialize_bool deserialize_i64 deserialize_u64 deserialize_f64
        deserialize_u32 deserialize_u16 deserialize_i32 deserialize_option deserialize_string
        deserialize_str deserialize_identifier deserialize_seq deserialize_map
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        self.node
            .deserialize_newtype_struct(name, visitor)
            .map_err(|e| e.under(&self.key))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        self.node
            .deserialize_struct(name, fields, visitor)
            .map_err(|e| e.under(&self.key))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        self.node
            .deserialize_enum(name, variants, visitor)
            .map_err(|e| e.under(&self.key))
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, TreeError> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A text becomes the number or the truth value that is asked for; other nodes say what they are.
macro_rules! text_as {
    ($($method:ident $visit:ident $kind:literal)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
            match self {
                Self::Text(text) => match text.trim().parse() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(TreeError::custom(format!("{text:?} is not {}", $kind))),
                },
                other => other.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Node {
    type Error = TreeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        match self {
            Self::Table(table) => visitor.visit_map(MapDeserializer::new(
                table
                    .into_iter()
                    .map(|(key, node)| (key.clone(), Keyed { key, node })),
            )),
            Self::List(list) => visitor.visit_seq(SeqDeserializer::new(
                list.into_iter().enumerate().map(|(at, node)| Keyed {
                    key: at.to_string(),
                    node,
                }),
            )),
            Self::Text(text) => visitor.visit_string(text),
            Self::Value(toml::Value::String(text)) => visitor.visit_string(text),
            Self::Value(toml::Value::Integer(number)) => visitor.visit_i64(number),
            Self::Value(toml::Value::Float(number)) => visitor.visit_f64(number),
            Self::Value(toml::Value::Boolean(truth)) => visitor.visit_bool(truth),
            Self::Value(value) => value
                .deserialize_any(visitor)
                .map_err(|e| TreeError::custom(e.message())),
        }
    }

    text_as! {
        deserialize_bool visit_bool "true or false"
        deserialize_i32 visit_i32 "a whole number"
        deserialize_i64 visit_i64 "a whole number"
        deserialize_u16 visit_u16 "a whole number"
        deserialize_u32 visit_u32 "a whole number"
        deserialize_u64 visit_u64 "a whole number"
        deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TreeError> {
        match self {
            Self::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Self::Value(value) => value
                .deserialize_enum(name, variants, visitor)
                .map_err(|e| TreeError::custom(e.message())),
            other => other.deserialize_any(visitor),
        }
    }

    /// A variable's text is a list of what stands between its commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TreeError> {
        let Self::Text(text) = self else {
            return self.deserialize_any(visitor);
        };
        let entries = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let entries = entries.map(|entry| Self::Text(entry.to_owned()));
        Self::List(entries.collect()).deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}
