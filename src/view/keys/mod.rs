//! What keys do, and where.

mod action;
mod context;
mod key;
mod table;

pub use action::Action;
pub use context::Context;
pub use key::Key;
pub use table::KEYS;

/// One row of the key table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where.
    pub context: Context,
    /// Which keys, the one to show first.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// One or two words for the footer; empty to leave it out there.
    pub label: &'static str,
    /// A sentence for the help page.
    pub help: &'static str,
}

impl Binding {
    /// The keys as the help page shows them; a run of digits as `1-9`.
    pub fn keys_text(&self) -> String {
        match self.keys {
            [first @ Key::Char('1'), .., last] => format!("{first}-{last}"),
            keys => keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}

/// What a key does where the keys of some contexts work: the first that knows it.
pub fn lookup(contexts: &[Context], key: Key) -> Option<&'static Binding> {
    let of = |context: &Context| KEYS.iter().find(|b| b.context == *context && b.keys.contains(&key));
    contexts.iter().find_map(of)
}

/// The table by places: the name of each, and its keys with what they do.
pub fn by_place() -> impl Iterator<Item = (&'static str, Vec<&'static Binding>)> {
    Context::ALL.iter().map(|place| (place.name(), KEYS.iter().filter(|b| b.context == *place).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_docs_are_those_of_the_table() {
        let mut page = "# Keys\n\nWhat `?` shows, place by place; `ansatz man` has them too.\n".to_owned();
        for (place, bindings) in by_place() {
            page += &format!("\n## {place}\n\n| key | what it does |\n|---|---|\n");
            for binding in bindings {
                page += &format!("| `{}` | {} |\n", binding.keys_text().replace('|', "\\|"), binding.help);
            }
        }
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
        if std::env::var_os("ANSATZ_UPDATE_DOCS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == page, "docs/keys.md is stale: ANSATZ_UPDATE_DOCS=1 cargo test writes it anew");
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for (at, binding) in KEYS.iter().enumerate() {
            for key in binding.keys {
                let again = KEYS[at + 1..].iter().find(|other| {
                    let shared = other.context == Context::Anywhere && !binding.context.types();
                    let panels = [Context::Run, Context::Compare, Context::Panels];
                    let over = other.context == Context::Panels && panels.contains(&binding.context);
                    (other.context == binding.context || shared || over) && other.keys.contains(key)
                });
                assert!(again.is_none(), "{key} in {:?}: {:?} and {again:?}", binding.context, binding.action);
            }
        }
    }

    #[test]
    fn every_action_has_a_key_and_every_key_a_sentence() {
        for action in Action::ALL {
            assert!(KEYS.iter().any(|b| b.action == *action), "{action:?} cannot be reached");
        }
        for binding in KEYS {
            assert!(binding.help.ends_with('.') && !binding.keys.is_empty(), "{binding:?}");
            assert_eq!(lookup(&[binding.context], binding.keys[0]).unwrap().action, binding.action);
        }
    }

    #[test]
    fn text_is_text_where_it_is_typed() {
        for c in ['q', '?', ' ', '1'] {
            assert!(lookup(&[Context::Filter, Context::Value, Context::Palette], Key::Char(c)).is_none());
        }
        assert_eq!(lookup(&[Context::Filter], Key::Ctrl('c')).unwrap().action, Action::Back);
    }
}
