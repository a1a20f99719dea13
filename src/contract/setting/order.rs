//! The order in which a struct has its fields, which JSON values do not keep.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Setting;

/// The settings in the order in which `of`, whose settings they are, declares them.
pub(in crate::contract) fn in_order<T: Serialize + ?Sized>(of: &T, mut settings: Vec<Setting>) -> Vec<Setting> {
    let text = serde_json::to_string(of).unwrap_or_default();
    let mut paths = Vec::new();
    // What cannot be read keeps its order.
    let read =
        Walk { path: String::new(), paths: &mut paths }.deserialize(&mut serde_json::Deserializer::from_str(&text));
    if read.is_ok() {
        let places: std::collections::HashMap<String, usize> =
            paths.into_iter().enumerate().map(|(at, path)| (path, at)).collect();
        settings.sort_by_key(|setting| places.get(&setting.path).copied().unwrap_or(usize::MAX));
    }
    settings
}

/// Writes down the path of everything in a value, in order.
struct Walk<'a> {
    path: String,
    paths: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn below(&mut self, name: &str) -> Walk<'_> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Walk { path, paths: self.paths }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.paths.push(self.path.clone());
        deserializer.deserialize_any(self)
    }
}

macro_rules! single {
    ($($visit:ident: $type:ty),*) => { $(fn $visit<E>(self, _: $type) -> Result<(), E> { Ok(()) })* };
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    single!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(self.below(&name))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut at = 0;
        while list.next_element_seed(self.below(&at.to_string()))?.is_some() {
            at += 1;
        }
        // Nothing is left, but a list must be read to its end.
        list.next_element::<IgnoredAny>().map(|_| ())
    }
}
