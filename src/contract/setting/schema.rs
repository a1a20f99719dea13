//! Reading the JSON schema of settings: what a value is, what stands in it, and what its doc comments say.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use super::Choice;

/// The schema of a type, every part in its place.
pub(in crate::contract) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    SchemaGenerator::from(settings).into_root_schema_for::<T>().to_value()
}

/// One name of several, with what stands behind it.
pub(super) struct Variant<'a> {
    pub(super) name: String,
    pub(super) about: String,
    /// The schema of what stands in brackets; null where nothing does.
    pub(super) content: &'a Value,
}

/// What a value is.
pub(super) enum Shape<'a> {
    /// Fields by name.
    Struct(&'a Map<String, Value>),
    /// One name of several.
    Choice(Vec<Variant<'a>>),
    /// Values of one kind.
    List(&'a Value),
    /// Anything else.
    Value,
}

impl<'a> Shape<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        let schema = present(schema);
        if let Some(variants) = variants(schema) {
            return Shape::Choice(variants);
        }
        match (schema.get("properties"), schema.get("items")) {
            (Some(Value::Object(fields)), _) => Shape::Struct(fields),
            (_, Some(item)) => Shape::List(item),
            _ => Shape::Value,
        }
    }

    pub(super) fn choices(&self) -> Vec<Choice> {
        let Shape::Choice(variants) = self else { return Vec::new() };
        let choice =
            |v: &Variant| Choice { name: v.name.clone(), about: v.about.clone(), has_content: !v.content.is_null() };
        variants.iter().map(choice).collect()
    }
}

/// The doc comment as one paragraph, without its links.
pub(super) fn about(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = text.replace("[`", "`").replace("`]", "`");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether it may be absent.
pub(super) fn is_optional(schema: &Value) -> bool {
    let null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    list("anyOf").is_some_and(|any| any.iter().any(null)) || list("type").is_some_and(|t| t.iter().any(|t| t == "null"))
}

/// What it is when it is there: of an optional choice, the choice.
fn present(schema: &Value) -> &Value {
    let any = schema.get("anyOf").and_then(Value::as_array).filter(|_| is_optional(schema));
    any.and_then(|any| any.iter().find(|one| one.get("type").is_none_or(|kind| kind != "null"))).unwrap_or(schema)
}

/// The names that a schema lists; truth values are names too.
fn variants(schema: &Value) -> Option<Vec<Variant<'_>>> {
    let plain = |name: &str, about: &str| Variant { name: name.into(), about: about.into(), content: &Value::Null };
    if kind(schema) == Some("boolean") {
        return Some(["false", "true"].map(|name| plain(name, "")).into());
    }
    let alternatives = match schema.get("oneOf").and_then(Value::as_array) {
        Some(alternatives) => alternatives.iter().collect(),
        None => vec![schema],
    };
    let mut found = Vec::new();
    for one in alternatives {
        let about = about(one);
        let names = one.get("enum").and_then(Value::as_array).into_iter().flatten().chain(one.get("const"));
        let names: Vec<&str> = names.filter_map(Value::as_str).collect();
        found.extend(names.iter().map(|name| plain(name, if schema.get("oneOf").is_some() { &about } else { "" })));
        if names.is_empty() && schema.get("oneOf").is_some() {
            let (name, content) = one.get("properties")?.as_object()?.iter().next()?;
            found.push(Variant { name: name.clone(), about, content });
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The type, without that it may be absent.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

/// What values of a type are, in words.
pub(super) fn takes(schema: &Value) -> String {
    match (words(present(schema)), is_optional(schema)) {
        (words, true) if words.is_empty() => "struct, or None".into(),
        (words, true) => format!("{words}, or None"),
        (words, false) => words,
    }
}

fn words(schema: &Value) -> String {
    if let Some(variants) = variants(schema) {
        let name = |v: &Variant| if v.content.is_null() { v.name.clone() } else { format!("{}(..)", v.name) };
        return variants.iter().map(name).collect::<Vec<_>>().join(", ");
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        return any.iter().map(words).collect::<Vec<_>>().join(" or ");
    }
    match kind(schema) {
        Some("integer") => "whole number".into(),
        Some("number") => "number".into(),
        Some("string") => "text".into(),
        Some("array") => list(schema),
        Some("object") => match schema.get("properties").and_then(Value::as_object) {
            Some(_) => String::new(),
            None => match schema.get("additionalProperties").map(plural).filter(|of| !of.is_empty()) {
                Some(of) => format!("names with {of}"),
                None => "names with values".into(),
            },
        },
        _ => String::new(),
    }
}

fn list(schema: &Value) -> String {
    if let Some(parts) = schema.get("prefixItems").and_then(Value::as_array) {
        return format!("({})", parts.iter().map(words).collect::<Vec<_>>().join(", "));
    }
    let of = schema.get("items").map(plural).filter(|of| !of.is_empty()).unwrap_or_else(|| "values".into());
    let count = |name: &str| schema.get(name).and_then(Value::as_u64);
    match (count("minItems"), count("maxItems")) {
        (Some(least), Some(most)) if least == most => format!("{most} {of}"),
        _ => format!("list of {of}"),
    }
}

/// What several values of a type are.
fn plural(schema: &Value) -> String {
    let one = words(schema);
    match (kind(schema), one.as_str()) {
        (_, "") if matches!(Shape::of(schema), Shape::Struct(_)) => "structs".into(),
        (_, "") => one,
        (Some("integer" | "number" | "string"), "whole number" | "number" | "text") => one + "s",
        _ => one,
    }
}
