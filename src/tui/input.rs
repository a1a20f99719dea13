//! What the terminal sends, as keys of the viewer or as editing of the text being typed.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use crate::view::{App, Effect, Field, Key, Pointed, lookup};

/// The viewer's name of a key; none for those it does not know.
pub(super) fn key(event: &Event) -> Option<Key> {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else { return None };
    if *kind == KeyEventKind::Release {
        return None;
    }
    if modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META) {
        return None;
    }
    let ctrl = modifiers.contains(KeyModifiers::CONTROL);
    Some(match code {
        KeyCode::Char(c) if ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(*c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}

/// How many keys were pressed in an event: two where [`handle`] takes one for two.
pub(super) fn presses(event: &Event) -> u64 {
    match event {
        Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => 0,
        Event::Key(KeyEvent { code: KeyCode::Char(_), modifiers: KeyModifiers::ALT, .. }) => 2,
        Event::Key(_) => 1,
        _ => 0,
    }
}

/// Hands an event to the viewer: a key of the table, or text where text is typed.
pub(super) fn handle(app: &mut App, event: &Event) -> Effect {
    match event {
        // A slow line brings Esc and the next key at once, which reads as Alt and that key. Nothing is
        // bound to Alt, so it can only have been meant as two keys.
        Event::Key(pressed @ KeyEvent { code: KeyCode::Char(_), modifiers: KeyModifiers::ALT, .. }) => {
            let effect = one(app, &Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
            let next = Event::Key(KeyEvent { modifiers: KeyModifiers::NONE, ..*pressed });
            if effect == Effect::None { one(app, &next) } else { effect }
        }
        Event::Mouse(mouse) => {
            let pointed = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Pointed::Click,
                MouseEventKind::ScrollUp => Pointed::WheelUp,
                MouseEventKind::ScrollDown => Pointed::WheelDown,
                _ => return Effect::None,
            };
            app.pointed(pointed, (mouse.column, mouse.row))
        }
        _ => one(app, event),
    }
}

fn one(app: &mut App, event: &Event) -> Effect {
    let key = key(event);
    let bound = key.filter(|key| lookup(&app.contexts(), *key).is_some());
    match (bound, app.field().cloned()) {
        (Some(key), _) => app.key(key),
        (None, Some(field)) => {
            let mut input = Input::new(field.text).with_cursor(field.cursor);
            if input.handle_event(event).is_some() {
                app.typed(Field { text: input.value().to_owned(), cursor: input.cursor() });
            }
            Effect::None
        }
        (None, None) => key.map_or(Effect::None, |key| app.key(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::made_up;

    fn press(app: &mut App, code: KeyCode, modifiers: KeyModifiers) -> Effect {
        handle(app, &Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn a_filter_is_typed_edited_and_dropped() {
        let mut app = App::home(made_up::TABLE, Box::new(made_up::bench()), 2);
        press(&mut app, KeyCode::Char('/'), KeyModifiers::NONE);
        for c in ['q', '?', 'x'] {
            assert_eq!(press(&mut app, KeyCode::Char(c), KeyModifiers::NONE), Effect::None);
        }
        press(&mut app, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(app.field().unwrap().text, "q?");
        assert!(app.home.as_ref().unwrap().shown().is_empty());
        press(&mut app, KeyCode::Char('u'), KeyModifiers::CONTROL);
        for c in ['c', 'o', 'n', 't'] {
            press(&mut app, KeyCode::Char(c), KeyModifiers::NONE);
        }
        assert_eq!(app.home.as_ref().unwrap().shown().len(), 1);
        press(&mut app, KeyCode::Esc, KeyModifiers::NONE);
        assert!(app.field().is_none());
        assert_eq!(press(&mut app, KeyCode::Char('q'), KeyModifiers::NONE), Effect::Leave);
    }

    #[test]
    fn escape_and_a_key_that_come_together_are_two_keys() {
        let mut app = App::home(made_up::TABLE, Box::new(made_up::bench()), 2);
        press(&mut app, KeyCode::Char('/'), KeyModifiers::NONE);
        press(&mut app, KeyCode::Char('x'), KeyModifiers::NONE);
        let both = Event::Key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT));
        assert_eq!((presses(&both), presses(&Event::Resize(1, 1))), (2, 0));
        assert_eq!(handle(&mut app, &both), Effect::Leave);
        assert_eq!(app.home.as_ref().unwrap().filter.text, "");
    }

    #[test]
    fn keys_that_nobody_bound_do_nothing() {
        let mut app = App::home(made_up::TABLE, Box::new(made_up::bench()), 2);
        for code in [KeyCode::F(5), KeyCode::Insert, KeyCode::Char('~')] {
            assert_eq!(press(&mut app, code, KeyModifiers::NONE), Effect::None);
        }
        assert_eq!(press(&mut app, KeyCode::Char('q'), KeyModifiers::SUPER), Effect::None);
        assert_eq!(press(&mut app, KeyCode::Char('c'), KeyModifiers::CONTROL), Effect::Leave);
    }
}
