//! The grammar of SCAN with what each rule does (supplementary materials of Lake and Baroni 2018, figures 6 and 7):
//!
//! ```text
//! C = S | S and S | S after S        S = V [twice|thrice]        V = u | D
//! D = (u | turn) [opposite|around] (left|right)                  u = walk | look | run | jump
//! ```

use super::Example;

/// A word for an action that can be done by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verb {
    /// The word: `jump`.
    pub word: String,
    /// The action: `I_JUMP`.
    pub action: String,
}

/// The four verbs of SCAN and their actions, in the order of the grammar.
pub const VERBS: [(&str, &str); 4] = [("walk", "I_WALK"), ("look", "I_LOOK"), ("run", "I_RUN"), ("jump", "I_JUMP")];

/// All words of commands.
pub const WORDS: [&str; 13] =
    ["walk", "look", "run", "jump", "turn", "left", "right", "opposite", "around", "twice", "thrice", "and", "after"];

/// All actions.
pub const ACTIONS: [&str; 6] = ["I_WALK", "I_LOOK", "I_RUN", "I_JUMP", "I_TURN_LEFT", "I_TURN_RIGHT"];

impl Verb {
    /// The verbs of SCAN.
    pub fn four() -> Vec<Verb> {
        VERBS.iter().map(|(word, action)| Verb { word: (*word).into(), action: (*action).into() }).collect()
    }
}

/// The 102 commands S without a conjunction, verb by verb, then those of `turn`.
pub fn phrases() -> Vec<Example> {
    phrases_of(&Verb::four())
}

/// The commands S over these verbs, 21 for each, then the 18 of `turn`.
pub fn phrases_of(verbs: &[Verb]) -> Vec<Example> {
    let verbs = verbs.iter().map(|verb| (verb.word.as_str(), Some(verb.action.as_str())));
    verbs.chain([("turn", None)]).flat_map(|(word, action)| phrases_with(word, action)).collect()
}

/// The phrases of a verb with its action, or of `turn`, which never stands without a direction.
fn phrases_with(word: &str, action: Option<&str>) -> Vec<Example> {
    let own: Vec<&str> = action.into_iter().collect();
    let mut once = Vec::new();
    if action.is_some() {
        once.push(example(&[word], &own));
    }
    for manner in [None, Some("opposite"), Some("around")] {
        for (direction, turn) in [("left", "I_TURN_LEFT"), ("right", "I_TURN_RIGHT")] {
            let command: Vec<&str> = [Some(word), manner, Some(direction)].into_iter().flatten().collect();
            let actions = match manner {
                None => [vec![turn], own.clone()].concat(),
                Some("opposite") => [vec![turn, turn], own.clone()].concat(),
                _ => [vec![turn], own.clone()].concat().repeat(4),
            };
            once.push(example(&command, &actions));
        }
    }
    once.iter().flat_map(repeated).collect()
}

/// V, V twice, V thrice.
fn repeated(once: &Example) -> [Example; 3] {
    [(1, None), (2, Some("twice")), (3, Some("thrice"))].map(|(times, word)| Example {
        command: once.command.iter().cloned().chain(word.map(String::from)).collect(),
        actions: vec![once.actions.as_slice(); times].concat(),
    })
}

/// `left` joined to `right`: what comes after `after` is done first.
pub(super) fn joined(left: &Example, conjunction: &str, right: &Example) -> Example {
    let (first, second) = if conjunction == "after" { (right, left) } else { (left, right) };
    Example {
        command: [left.command.as_slice(), &[conjunction.to_owned()], right.command.as_slice()].concat(),
        actions: [first.actions.as_slice(), second.actions.as_slice()].concat(),
    }
}

/// All 20,910 commands: the phrases, then all pairs of them joined by `and`, then by `after`. (The published list is
/// the same set in a random order.)
pub fn commands() -> Vec<Example> {
    let phrases = phrases();
    let mut all = phrases.clone();
    for conjunction in ["and", "after"] {
        for left in &phrases {
            all.extend(phrases.iter().map(|right| joined(left, conjunction, right)));
        }
    }
    all
}

fn example(command: &[&str], actions: &[&str]) -> Example {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Example { command: owned(command), actions: owned(actions) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::contains;
    use super::*;
    use crate::base::hash;

    #[test]
    fn there_are_as_many_of_each_kind_as_in_the_grammar() {
        let phrases = phrases();
        let unrepeated =
            phrases.iter().filter(|phrase| !phrase.has("twice") && !phrase.has("thrice")).collect::<Vec<_>>();
        let directed = unrepeated.iter().filter(|phrase| phrase.command.len() > 1).count();
        assert_eq!((phrases.len(), unrepeated.len(), directed), (102, 34, 30));
        let of = |word: &str| phrases.iter().filter(|phrase| phrase.has(word)).count();
        assert_eq!((of("jump"), of("walk"), of("turn")), (21, 21, 18));
        assert_eq!(phrases.iter().map(|phrase| phrase.actions.len()).max(), Some(24));
        let two = [("dax", "I_DAX"), ("fep", "I_FEP")].map(|(w, a)| Verb { word: w.into(), action: a.into() });
        assert_eq!(phrases_of(&two).len(), 2 * 21 + 18);
    }

    #[test]
    fn the_commands_are_those_of_the_published_list() {
        let commands = commands();
        let distinct: BTreeSet<String> = commands.iter().map(ToString::to_string).collect();
        assert_eq!((commands.len(), distinct.len()), (20_910, 20_910));
        let sorted: String = distinct.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        // BLAKE3 of the published tasks.txt, its lines sorted by bytes.
        assert_eq!(hash::short(sorted.as_bytes(), 16), "8c8140afb3126374");
        let long = |least: usize| commands.iter().filter(|example| example.actions.len() == least).count();
        assert_eq!([1, 2, 3, 4, 48].map(long), [6, 88, 398, 860, 128]);
        assert_eq!(commands.iter().map(|example| example.actions.len()).max(), Some(48));
        let with = |words: &[&str]| commands.iter().filter(|example| contains(example, words)).count();
        assert_eq!(with(&["jump"]), 7_707);
        assert_eq!(with(&["around", "right"]), 5_685);
        assert_eq!(with(&["turn", "around", "right"]), 1_209);
    }

    #[test]
    fn what_comes_after_is_done_first() {
        let commands = commands();
        let text = "jump opposite left after walk around left";
        let found = commands.iter().find(|example| example.command_text() == text).unwrap();
        let short: Vec<&str> = found
            .actions
            .iter()
            .map(|action| match action.as_str() {
                "I_TURN_LEFT" => "LT",
                "I_WALK" => "W",
                "I_JUMP" => "J",
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(short.join(" "), "LT W LT W LT W LT W LT LT J");
    }

    #[test]
    fn words_and_actions_are_all_there_are() {
        let (mut words, mut actions) = (BTreeSet::new(), BTreeSet::new());
        for example in commands() {
            words.extend(example.command);
            actions.extend(example.actions);
        }
        assert_eq!(words, WORDS.map(String::from).into());
        assert_eq!(actions, ACTIONS.map(String::from).into());
    }
}
