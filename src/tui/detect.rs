//! What this terminal can show, from its environment: nothing is asked of the terminal itself, since
//! an answer that never comes would block, and a late one would be typed into the shell.

use std::io::IsTerminal;

use super::look::{Depth, Glyphs, Look};

/// What was asked for on the command line, before the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Colours.
    pub depth: Option<Depth>,
    /// Glyphs.
    pub glyphs: Option<Glyphs>,
}

impl std::str::FromStr for Depth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "none" | "never" => Depth::None,
            "16" => Depth::Sixteen,
            "256" => Depth::Indexed,
            "truecolor" | "24bit" | "always" => Depth::True,
            _ => return Err(format!("`{text}` is no colour depth: none, 16, 256 or truecolor")),
        })
    }
}

impl std::str::FromStr for Glyphs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "braille" => Glyphs::Braille,
            "blocks" => Glyphs::Blocks,
            "ascii" => Glyphs::Ascii,
            _ => return Err(format!("`{text}` is no set of glyphs: braille, blocks or ascii")),
        })
    }
}

/// The look for this terminal.
pub fn look(wanted: Wanted) -> Look {
    look_of(wanted, |name| std::env::var(name).ok())
}

fn look_of(wanted: Wanted, variable: impl Fn(&str) -> Option<String>) -> Look {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    let colours = set("COLORTERM").unwrap_or_default();
    let depth = if set("NO_COLOR").is_some() || term.is_empty() || term == "dumb" {
        Depth::None
    } else if colours.contains("truecolor") || colours.contains("24bit") || term.contains("direct") {
        Depth::True
    } else if ["linux", "ansi", "vt100", "vt220", "xterm-16color"].contains(&term.as_str()) {
        Depth::Sixteen
    } else {
        Depth::Indexed
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
    // No locale at all says nothing about the font; a locale that is not UTF-8 says ASCII.
    let glyphs = match locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8") {
        // The console's own font has no braille.
        true if term == "linux" => Glyphs::Blocks,
        true => Glyphs::Braille,
        false => Glyphs::Ascii,
    };
    Look { depth: wanted.depth.unwrap_or(depth), glyphs: wanted.glyphs.unwrap_or(glyphs) }
}

/// Why the viewer cannot be opened here, if it cannot.
pub(super) fn obstacle() -> Option<&'static str> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Some("the viewer needs a terminal on its input and output");
    }
    let term = std::env::var("TERM").unwrap_or_default();
    (term == "dumb").then_some("this terminal (TERM=dumb) cannot be drawn on")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Look {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        look_of(Wanted::default(), find)
    }

    #[test]
    fn the_environment_says_what_can_be_shown() {
        let utf8 = ("LANG", "en_GB.UTF-8");
        let (xterm, linux) = (("TERM", "xterm-256color"), ("TERM", "linux"));
        assert_eq!(of(&[utf8, xterm]), Look { depth: Depth::Indexed, glyphs: Glyphs::Braille });
        assert_eq!(of(&[utf8, xterm, ("COLORTERM", "truecolor")]).depth, Depth::True);
        assert_eq!(of(&[utf8, xterm, ("NO_COLOR", "1"), ("COLORTERM", "truecolor")]).depth, Depth::None);
        assert_eq!(of(&[utf8, xterm, ("NO_COLOR", "")]).depth, Depth::Indexed);
        assert_eq!(of(&[utf8, linux]), Look { depth: Depth::Sixteen, glyphs: Glyphs::Blocks });
        assert_eq!(of(&[("LC_ALL", "C"), utf8, xterm]).glyphs, Glyphs::Ascii);
        let wanted = Wanted { depth: "16".parse().ok(), glyphs: "blocks".parse().ok() };
        let look = look_of(wanted, |_| None);
        assert_eq!(look, Look { depth: Depth::Sixteen, glyphs: Glyphs::Blocks });
        assert!("mauve".parse::<Depth>().is_err() && "emoji".parse::<Glyphs>().is_err());
    }
}
