//! Knobs: settings that may be changed while a trial runs.

use serde::{Deserialize, Serialize};

use crate::base::text::nearest;

/// A setting that a system marks as live.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Knob {
    /// Name, as in the preset: `learning_rate`.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The least and the most that it takes.
    pub range: (f64, f64),
}

impl Knob {
    /// Whether one of `knobs` is called `name` and can be turned to `value`.
    ///
    /// # Errors
    /// A sentence that says what can.
    pub fn check(knobs: &[Knob], name: &str, value: f64) -> Result<(), String> {
        let names = || knobs.iter().map(|knob| knob.name);
        let Some(knob) = knobs.iter().find(|knob| knob.name == name) else {
            return Err(match (nearest(name, names()), knobs) {
                (_, []) => "this system has no knobs".into(),
                (Some(near), _) => format!("there is no knob `{name}`; did you mean `{near}`?"),
                (None, _) => format!("there is no knob `{name}`; there are {}", names().collect::<Vec<_>>().join(", ")),
            });
        };
        let (least, most) = knob.range;
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(format!("{name} takes {least} to {most}, not {value}"))
        }
    }
}

/// A knob that is turned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Name of the knob.
    pub knob: String,
    /// What it is turned to.
    pub value: f64,
    /// The trial; none means all that run.
    pub trial: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_takes_its_range_and_others_are_named() {
        let knobs = [Knob { name: "learning_rate", about: "", range: (0.0, 1.0) }];
        let check = |name: &str, value: f64| Knob::check(&knobs, name, value);
        assert_eq!([0.0, 1e-4, 1.0].map(|value| check("learning_rate", value)), [Ok(()), Ok(()), Ok(())]);
        for value in [-1e-9, 1.1, f64::NAN, f64::INFINITY] {
            assert!(check("learning_rate", value).unwrap_err().contains("takes 0 to 1"));
        }
        assert!(check("learning_rat", 0.5).unwrap_err().contains("did you mean `learning_rate`?"));
        assert!(check("x", 0.5).unwrap_err().contains("there are learning_rate"));
        assert!(Knob::check(&[], "x", 0.5).is_err());
    }
}
