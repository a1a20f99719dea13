//! What a query lets through, what it says of mistakes, and that any text is one or the other.

use proptest::prelude::*;

use super::*;
use crate::view::made_up::{self, TABLE};
use crate::view::{Bench, RunRow};

fn through(text: &str) -> (usize, Vec<String>) {
    let mut bench = made_up::bench();
    let runs: Vec<RunRow> = bench.runs();
    let sifted = sift(&Query::read(text).unwrap(), TABLE, &runs, &bench, &Presets::default());
    (sifted.systems.len(), sifted.runs.iter().map(|at| runs[*at].name.clone()).collect())
}

fn fault(text: &str) -> (usize, String) {
    let error = Query::read(text).unwrap_err();
    (error.at, error.message)
}

const LIVE: &str = "gpicl-quick-1";
const DONE: &str = "gpicl-quick";
const STOPPED: &str = "gpicl-ablated";

#[test]
fn words_are_contained_and_columns_compared() {
    assert_eq!(through("").1, [LIVE, DONE, STOPPED]);
    assert_eq!(through("TRANSFORMER recalling"), (1, vec![]));
    assert_eq!(through("quick gpicl").1, [LIVE, DONE]);
    assert_eq!(through("state:done").1, [DONE]);
    assert_eq!(through("state:live").1, [LIVE]);
    assert_eq!(through("state!=done verdict:none").1, [LIVE, STOPPED]);
    assert_eq!(through("name=gpicl-quick").1, [DONE]);
    assert_eq!(through("trials<9").1, Vec::<String>::new());
    assert_eq!(through("trials >= 9 progress<50%").1, [LIVE, STOPPED]);
    assert_eq!(through("age<2d").1, [LIVE, DONE]);
    assert_eq!(through("tag:paper").1, [DONE]);
    assert_eq!(through("family:memory system=gpicl seed:7").1, [LIVE, DONE, STOPPED]);
}

#[test]
fn what_was_not_reproduced_is_not_reproduced() {
    assert_eq!(through("verdict:reproduced").1, [DONE]);
    assert_eq!(through("verdict:not").1, Vec::<String>::new());
}

#[test]
fn and_or_not_and_parentheses_join() {
    assert_eq!(through("state:done OR state:stopped").1, [DONE, STOPPED]);
    assert_eq!(through("quick AND -state:done").1, [LIVE]);
    assert_eq!(through("NOT (state:done OR state:stopped)").1, [LIVE]);
    assert_eq!(through("quick state:done OR ablated").1, [DONE, STOPPED]);
    assert_eq!(through("-\"gpicl-quick\"").1, [STOPPED]);
    assert_eq!(through("or").1, Vec::<String>::new());
}

#[test]
fn a_system_passes_with_its_runs_where_only_they_know() {
    assert_eq!(through("state:failed").0, 0);
    assert_eq!(through("state:done").0, 1);
    assert_eq!(through("family:bias state:done").0, 0);
    assert_eq!(through("transformer OR state:failed").0, 1);
    assert_eq!(through("verdict:reproduced").0, 1);
    assert_eq!(through("verdict:none").0, 0);
}

#[test]
fn settings_are_numbers_texts_and_lists_and_unknown_ones_let_nothing_through() {
    assert_eq!(through("settings.width>=64").1, [LIVE, DONE]);
    assert_eq!(through("settings.learning_rate=3e-3 settings.width=64.0").1, [LIVE, DONE]);
    assert_eq!(through("settings.tasks:inf").1, [LIVE, DONE, STOPPED]);
    assert_eq!(through("settings.tasks!=32").1, [STOPPED]);
    assert_eq!(through("settings.tasks.0=4").1, [LIVE, DONE, STOPPED]);
    assert_eq!(through("settings.depth>1").1, Vec::<String>::new());
    assert_eq!(through("-settings.depth>1").1, Vec::<String>::new());
    assert_eq!(through("settings.learning_rate>-0.5").1, [LIVE, DONE, STOPPED]);
}

#[test]
fn a_mistake_is_told_with_its_place() {
    assert_eq!(fault("a sytem:x"), (2, "there is no field `sytem`; did you mean `system`?".into()));
    assert_eq!(fault("state:doen"), (6, "there is no state `doen`; did you mean `done`?".into()));
    assert_eq!(fault("seed>=two"), (6, "expected a number for `seed`, found `two`".into()));
    assert_eq!(fault("age<2"), (4, "expected an age such as 30min, 5h, 2d or 1w, found `2`".into()));
    assert_eq!(fault("age:2d").0, 3);
    assert_eq!(fault("name>x"), (4, "`name` is a text: it takes :, = or !=".into()));
    assert_eq!(fault("state:"), (6, "expected a value after `state:`, found nothing".into()));
    assert_eq!(fault("(a b"), (0, "this parenthesis is not closed".into()));
    assert_eq!(fault("a b)"), (3, "`)` closes nothing".into()));
    assert_eq!(fault("a \"b"), (2, "these quotes are not closed".into()));
    assert_eq!(fault(":x"), (0, "expected a field before `:`".into()));
    assert_eq!(fault("a OR").0, 4);
    assert_eq!(fault("()").0, 1);
    assert!(fault("zebra:1").1.contains("settings.PATH"));
    assert!(fault(&"(".repeat(100_000)).1.contains("64") && fault(&"-".repeat(100_000)).1.contains("64"));
}

/// Queries as reading makes them: lists of two parts at least.
fn queries() -> impl Strategy<Value = Query> {
    let word = "[a-zäß0-9 .:()\"\\\\<>=!/-]{0,8}".prop_map(|text: String| Query::Word(text.to_lowercase()));
    let number = prop_oneof![(0..2000_i32).prop_map(f64::from), -1e9..1e9_f64];
    let texts = prop_oneof![Just(Column::Name), Just(Column::Tag), Just(Column::Setting("settings.a.b".into()))];
    let text_compare = prop_oneof![Just(Compare::Begins), Just(Compare::Equal), Just(Compare::Unequal)];
    let order = prop_oneof![Just(Compare::Less), Just(Compare::AtMost), Just(Compare::More), Just(Compare::AtLeast)];
    let text = (texts, text_compare, "[a-z0-9 \"=-]{0,6}").prop_map(|(c, how, v)| Query::Is(c, how, Value::Text(v)));
    let counts = prop_oneof![Just(Column::Seed), Just(Column::Trials), Just(Column::Progress), Just(Column::Age)];
    let counted = (counts, order, number).prop_map(|(c, how, v)| Query::Is(c, how, Value::Number(v)));
    let leaf = prop_oneof![word, text, counted];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|query| Query::Not(Box::new(query))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Query::All),
            prop::collection::vec(inner, 2..4).prop_map(Query::Any),
        ]
    })
}

proptest! {
    #[test]
    fn printing_and_reading_agree(query in queries()) {
        let text = query.to_string();
        prop_assert_eq!(Query::read(&text), Ok(query), "{}", text);
    }

    #[test]
    fn any_text_is_a_query_or_a_mistake_within_it(text in "\\PC*|[-a-z:=<>!()\" \\\\ANDORT0-9.]{0,40}") {
        match Query::read(&text) {
            Ok(query) => prop_assert_eq!(Query::read(&query.to_string()), Ok(query)),
            Err(error) => prop_assert!(error.at <= text.chars().count() && !error.message.is_empty()),
        }
    }
}
