//! Neural-symbolic recursive machine (Li et al. 2022): a learner whose only representation is a grounded symbol system.
//!
//! A sentence becomes a tree of its words, each with a value; the value of the root is the answer. A transition parser
//! builds the tree, program induction gives every word a function. Only answers are told: deduction works values out,
//! abduction finds which hidden value would have to be another for the answer to be right, and parser and programs learn
//! from what was repaired.

mod abduction;
mod arithmetic;
mod baseline_trial;
mod corpus;
mod enumerate;
mod files;
mod function;
mod hint;
mod judge;
mod machine;
mod numbers;
mod panels;
mod parser;
mod pcfg;
mod perception;
mod program;
mod semantics;
pub mod settings;
mod study_panels;
#[cfg(test)]
mod tests;
mod transitions;
mod tree;
mod trial;
mod value;

pub use corpus::DataSet;
pub use parser::ParserSettings;

use crate::base::random::Key;
use crate::contract::{
    Card, Cell, Checks, Evidence, Family, Panel, Paper, Setup, ShippedPreset, System, Trial, TrialError, Verdict,
    metric, presets, shipped_thumbnail,
};
use crate::instruments::card;
use settings::{Arm, Condition, Settings};

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct NeuralSymbolic;

impl System for NeuralSymbolic {
    const CARD: Card = Card {
        slug: "neural-symbolic",
        number: 7,
        title: "Neural-symbolic recursive machine",
        family: Family::Structure,
        sentence: "a learner whose only representation is a tree of words with values generalises exactly to new \
                   combinations and lengths",
        paper: Paper {
            title: "Neural-Symbolic Recursive Machine for Systematic Generalization",
            authors: "Qing Li, Yixin Zhu, Yitao Liang, Ying Nian Wu, Song-Chun Zhu, Siyuan Huang",
            year: 2022,
        },
        claims: &[
            "On SCAN every answer is right, on new combinations and on longer commands too; on PCFG SET likewise.",
            "On arithmetic (HINT) it is far ahead of Transformers on longer expressions and on larger values.",
            "Only answers are told: deduction and abduction invent the hidden trees.",
            "Equivariance and recursion are the biases responsible: without abduction, parser or programs it fails.",
        ],
        thresholds: judge::THRESHOLDS,
        kept: "grounded symbol system, arc-standard parser with 18 features, abduction heap over what was seen of a \
               symbol, induction of programs from repaired trees, modules in turn. As in the authors' code the arity \
               of every word is given, on SCAN and PCFG SET perception is, of PCFG SET what its strings and commas \
               mean, and of HINT that parentheses are worth nothing",
        shrunk: "1,000 training commands in `quick` with all that are short; a parser of 64 hidden units; 20,000 lines \
                 of PCFG SET, not resampled; HINT with 4 operators in training and 8 in tests for 10 and 20, \
                 its pictures of 8x8 pixels: digits of UCI, and glyphs drawn for operators and parentheses",
        substituted: "bottom-up enumeration with observational equivalence for DreamCoder, over numbers with two \
                      templates of recursion; arity says which arcs are legal, and parentheses hang below any \
                      operator. Four fixes beside the paper: of four sampled parses the one that programs explain \
                      best; programs that leave outliers unexplained are trusted at 0.6; one in twenty actions of \
                      sampled parses is any legal one; perception begins with five labelled pictures of each symbol, \
                      where the authors' is pretrained. The Transformer is a small one of our own",
        metrics: &[
            metric("accuracy", "share", "of test sentences answered exactly"),
            metric("accuracy_i", "share", "the same of HINT's expressions that were trained on"),
            metric("accuracy_ss", "share", "the same of its new ones, short and with small values"),
            metric("accuracy_ls", "share", "the same of longer ones with small values"),
            metric("accuracy_sl", "share", "the same of short ones with larger values inside"),
            metric("accuracy_ll", "share", "the same of longer ones with larger values inside"),
            metric("train_accuracy", "share", "of some training sentences that the Transformer answers exactly"),
            metric("deduced", "share", "of training sentences that the best parse answers by itself"),
            metric("repaired", "share", "of training sentences that abduction repairs"),
            metric("unparsed", "share", "of training sentences without a tree"),
            metric("parser", "share", "of transitions of right parses that the parser tells"),
            metric("programs", "", "symbols with a program that is trusted"),
            metric("perception", "share", "of test pictures taken for the right symbol"),
            metric("loss", "nats", "of the Transformer, a token of its last training batch"),
        ],
    };

    const PRESETS: &'static [ShippedPreset] = presets!("neural-symbolic");
    const THUMBNAIL: Option<&'static str> = shipped_thumbnail!("neural-symbolic");
    const PICTURES: &'static [&'static str] = &["accuracy"];
    const SEQUENCES: bool = true;
    const INSTRUMENTS: &'static [&'static str] = &card::NAMES;

    type Settings = Settings;
    type Condition = Condition;

    fn check(settings: &Settings, checks: &mut Checks) {
        settings.check(checks);
    }

    fn cells(settings: &Settings, seeds: u64) -> Vec<Cell<Condition>> {
        settings.cells(seeds)
    }

    fn start(_: &Settings, cell: Cell<Condition>, setup: &Setup) -> Result<Box<dyn Trial>, TrialError> {
        Ok(match cell.condition.arm {
            Arm::Transformer => Box::new(baseline_trial::BaselineTrial::start(&cell.condition, setup)?),
            _ => Box::new(trial::NsrTrial::start(cell.condition, setup)?),
        })
    }

    fn panels(_: &Settings, evidence: &Evidence<'_, Condition>) -> Vec<Panel> {
        study_panels::panels(evidence)
    }

    fn judge(_: &Settings, evidence: &Evidence<'_, Condition>, key: Key) -> Verdict {
        judge::judge(evidence, key)
    }
}
