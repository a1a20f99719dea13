//! What there is to know about each setting of a preset: its doc comment, what it takes, the names to choose from.
//!
//! Docs, types and names come from the JSON schema that is derived beside `Serialize`; what values fit comes from the
//! checks that refuse the others ([`Expectation`]). Nothing is written for people alone.

mod order;
mod schema;

use serde::Serialize;
use serde_json::Value;

pub(super) use self::order::in_order;
use self::schema::Shape;
pub(super) use self::schema::of;
use super::Expectation;

/// How a setting stands to its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// It is one value.
    None,
    /// Its parts are settings too: a list of structs, a variant with content, an optional struct.
    Some,
    /// It is a struct: nothing but its parts.
    Only,
}

/// One of the names that a setting takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The name, as it is typed.
    pub name: String,
    /// What it means; may be empty.
    pub about: String,
    /// Whether something stands in brackets behind it.
    pub has_content: bool,
}

/// A setting of a preset, with what a person must know to change it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Path from the top of the preset, entries of lists by their numbers: `settings.grids.0.seeds`.
    pub path: String,
    /// Its value, as `--set` takes it.
    pub value: Value,
    /// How it stands to its parts.
    pub parts: Parts,
    /// What it is: the doc comment of the field, else of its type; may be empty.
    pub about: String,
    /// Values of which type it takes, in words; empty for a struct.
    pub kind: String,
    /// What its checks expect of them.
    pub expects: Vec<String>,
    /// The names to choose from; empty where it takes no names.
    pub choices: Vec<Choice>,
}

impl Setting {
    /// What it takes: the type, and in brackets what its checks expect.
    pub fn takes(&self) -> String {
        match (self.kind.as_str(), self.expects.join("; ")) {
            (kind, expects) if expects.is_empty() => kind.to_owned(),
            ("", expects) => expects,
            (kind, expects) => format!("{kind} ({expects})"),
        }
    }

    /// The value as it would be typed.
    pub fn typed(&self) -> String {
        typed(&self.value)
    }

    /// The value in few columns: of what has parts only its name or their number.
    pub fn brief(&self) -> String {
        match (&self.value, self.chosen()) {
            (_, Some(choice)) if self.parts != Parts::None => format!("{}(..)", choice.name),
            (Value::Array(entries), _) if self.parts != Parts::None => format!("{} of them", entries.len()),
            (Value::Object(_), _) if self.parts != Parts::None => String::new(),
            _ => self.typed(),
        }
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// How many settings it is a part of.
    pub fn depth(&self) -> usize {
        self.path.matches('.').count()
    }

    /// Whether it is a part of the setting at `path`.
    pub fn is_in(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The path with entries of lists not told apart: what all of them have in common.
    pub fn pattern(&self) -> String {
        let part = |part: &str| if part.bytes().all(|b| b.is_ascii_digit()) { "*".into() } else { part.to_owned() };
        self.path.split('.').map(part).collect::<Vec<_>>().join(".")
    }

    /// The name that stands there, of those to choose from.
    pub fn chosen(&self) -> Option<&Choice> {
        let name = match &self.value {
            Value::String(name) => name.clone(),
            Value::Bool(truth) => truth.to_string(),
            Value::Object(content) if content.len() == 1 => content.keys().next()?.clone(),
            _ => return None,
        };
        self.choices.iter().find(|choice| choice.name == name)
    }
}

/// Every setting in a value, a setting before its parts.
pub(super) fn settings(value: &Value, schema: &Value, expectations: &[Expectation]) -> Vec<Setting> {
    let mut found = Vec::new();
    if let (Value::Object(fields), Shape::Struct(known)) = (value, Shape::of(schema)) {
        for (name, value) in fields {
            walk(value, known.get(name).unwrap_or(&Value::Null), name.clone(), "", &mut found);
        }
    }
    for expectation in expectations {
        expect(&mut found, expectation);
    }
    found
}

/// A value and its parts. `about` is said of it where its schema says nothing.
fn walk(value: &Value, schema: &Value, path: String, about: &str, found: &mut Vec<Setting>) {
    let said = schema::about(schema);
    let (shape, optional) = (Shape::of(schema), schema::is_optional(schema));
    let setting = Setting {
        parts: Parts::None,
        about: if said.is_empty() { about.to_owned() } else { said },
        kind: schema::takes(schema),
        expects: Vec::new(),
        choices: shape.choices(),
        value: value.clone(),
        path,
    };
    let (at, path) = (found.len(), setting.path.clone());
    found.push(setting);
    let below = |name: &str| format!("{path}.{name}");
    match (value, shape) {
        (Value::Object(fields), Shape::Struct(known)) => {
            for (name, value) in fields {
                walk(value, known.get(name).unwrap_or(&Value::Null), below(name), "", found);
            }
            found[at].parts = if optional { Parts::Some } else { Parts::Only };
        }
        (Value::Object(content), Shape::Choice(variants)) => {
            for (name, value) in content {
                let variant = variants.iter().find(|variant| variant.name == *name);
                let (schema, about) = variant.map_or((&Value::Null, ""), |v| (v.content, v.about.as_str()));
                walk(value, schema, below(name), about, found);
            }
            found[at].parts = Parts::Some;
        }
        (Value::Array(items), Shape::List(item)) if matches!(Shape::of(item), Shape::Struct(_)) => {
            for (i, value) in items.iter().enumerate() {
                walk(value, item, below(&i.to_string()), "", found);
            }
            found[at].parts = Parts::Some;
        }
        _ => {}
    }
}

/// Adds what a check expects to the setting that it names, or to the nearest above.
fn expect(settings: &mut [Setting], expectation: &Expectation) {
    let path = expectation.path.replace('[', ".").replace(']', "");
    let holds = |setting: &&mut Setting| setting.path == path || inside(&path, &setting.path).is_some();
    let Some(setting) = settings.iter_mut().filter(holds).max_by_key(|setting| setting.path.len()) else { return };
    let text = match inside(&path, &setting.path) {
        None => expectation.expected.clone(),
        Some(part) if part.bytes().all(|b| b.is_ascii_digit()) => format!("each {}", expectation.expected),
        Some(part) => format!("{part}: {}", expectation.expected),
    };
    if !setting.expects.contains(&text) {
        setting.expects.push(text);
    }
}

/// What of a path stands behind another.
fn inside<'a>(path: &'a str, above: &str) -> Option<&'a str> {
    path.strip_prefix(above)?.strip_prefix('.')
}

/// A value as it would be typed: a single text without its quotes, nothing as `None`.
pub fn typed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".into(),
        value => with_own_digits(value).to_string(),
    }
}

/// The value with the digits that its numbers were written with: one that was single precision has not those of its
/// double.
fn with_own_digits(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let single = number.as_f64().map(|double| (double, double as f32));
            let single = single.filter(|(double, single)| f64::from(*single) == *double);
            single
                .and_then(|(_, single)| single.to_string().parse::<f64>().ok())
                .map_or_else(|| value.clone(), Value::from)
        }
        Value::Array(values) => values.iter().map(with_own_digits).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), with_own_digits(value))).collect(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::contract::Checks;

    /// Everything.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Whole {
        /// How it is trained, with [`Rule`].
        training: Training,
        /// What is
        /// compared.
        arms: Vec<Arm>,
        map: BTreeMap<String, Vec<Value>>,
        /// Two sides.
        sides: [u8; 2],
        pairs: Vec<(Rule, f32)>,
        ball: Option<Ball>,
        most: Option<u64>,
    }

    /// Said of the type.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Training {
        /// Steps.
        steps: u64,
        rule: Rule,
    }

    impl Default for Training {
        fn default() -> Self {
            Training { steps: 5, rule: Rule::Sgd(Sgd { momentum: 0.9 }) }
        }
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Rule {
        /// Plain.
        Sgd(Sgd),
        /// Signs alone.
        SignOnly,
        /// So many in a mean.
        Mean(usize),
    }

    #[derive(Default, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Sgd {
        /// Decay.
        momentum: f32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Arm {
        /// A name.
        name: String,
        /// A rule.
        rule: Rule,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Ball {
        /// Radius.
        radius: f64,
    }

    fn whole() -> Whole {
        let arm = |name: &str, rule| Arm { name: name.into(), rule };
        Whole {
            training: Training::default(),
            arms: vec![arm("a", Rule::SignOnly), arm("b", Rule::Mean(3))],
            map: BTreeMap::from([("x".into(), vec![json!(1)])]),
            sides: [1, 2],
            pairs: vec![(Rule::SignOnly, 0.1)],
            ball: Some(Ball { radius: 1.0 }),
            most: None,
        }
    }

    fn told(check: impl FnOnce(&mut Checks)) -> Vec<Setting> {
        let mut checks = Checks::new();
        check(&mut checks);
        let whole = whole();
        let json = serde_json::to_value(&whole).unwrap();
        in_order(&whole, settings(&json, &of::<Whole>(), &checks.told().0))
    }

    #[test]
    fn docs_types_and_values_come_in_the_order_of_the_fields() {
        let settings = told(|_| {});
        let rows: Vec<[String; 4]> =
            settings.iter().map(|s| [s.path.clone(), s.brief(), s.about.clone(), s.takes()]).collect();
        let rows: Vec<[&str; 4]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
        let rule = "sgd(..), sign_only, mean(..)";
        assert_eq!(
            rows,
            [
                ["training", "", "How it is trained, with `Rule`.", ""],
                ["training.steps", "5", "Steps.", "whole number"],
                ["training.rule", "sgd(..)", "", rule],
                ["training.rule.sgd", "", "Plain.", ""],
                ["training.rule.sgd.momentum", "0.9", "Decay.", "number"],
                ["arms", "2 of them", "What is compared.", "list of structs"],
                ["arms.0", "", "", ""],
                ["arms.0.name", "a", "A name.", "text"],
                ["arms.0.rule", "sign_only", "A rule.", rule],
                ["arms.1", "", "", ""],
                ["arms.1.name", "b", "A name.", "text"],
                ["arms.1.rule", "mean(..)", "A rule.", rule],
                ["arms.1.rule.mean", "3", "So many in a mean.", "whole number"],
                ["map", r#"{"x":[1]}"#, "", "names with list of values"],
                ["sides", "[1,2]", "Two sides.", "2 whole numbers"],
                ["pairs", r#"[["sign_only",0.1]]"#, "", &format!("list of ({rule}, number)")],
                ["ball", "", "", "struct, or None"],
                ["ball.radius", "1.0", "Radius.", "number"],
                ["most", "None", "", "whole number, or None"],
            ]
        );
        let rule = settings.iter().find(|setting| setting.path == "arms.1.rule").unwrap();
        assert_eq!((rule.pattern().as_str(), rule.name(), rule.depth()), ("arms.*.rule", "rule", 2));
        assert_eq!(rule.chosen().map(|choice| choice.about.as_str()), Some("So many in a mean."));
    }

    #[test]
    fn what_checks_expect_stands_where_it_is_read() {
        let settings = told(|checks| {
            checks.range("training.steps", 0, 1..=9);
            checks.range("training.steps", 7, 1..=9);
            checks.holds("training", false, "x", "a rule that fits");
            checks.holds("arms[1].name", true, "b", "a name of its own");
            checks.range("sides[0]", 1, 0..=9);
            checks.range("map.x", 1, 0..=3);
            checks.range_of_each("most", None, 1..=3);
        });
        let takes = |path: &str| settings.iter().find(|setting| setting.path == path).unwrap().takes();
        assert_eq!(takes("training.steps"), "whole number (1 to 9)");
        assert_eq!(takes("training"), "a rule that fits");
        assert_eq!((takes("arms.0.name"), takes("arms.1.name")), ("text".into(), "text (a name of its own)".into()));
        assert_eq!(takes("sides"), "2 whole numbers (each 0 to 9)");
        assert_eq!(takes("map"), "names with list of values (x: 0 to 3)");
        assert_eq!(takes("most"), "whole number, or None (1 to 3)");
    }
}
