//! Checkpoints: all that a trial needs to go on where it was, named once for both ways.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::TrialError;

/// One tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Stable path name: `layers.0.attention.query.weight`.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// All that a trial needs to go on where it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Steps done, as the trial's progress counts them.
    pub step: u64,
    /// Weights and optimiser state.
    pub tensors: Vec<Tensor>,
    /// Everything else, by name.
    pub fields: BTreeMap<String, String>,
}

/// A checkpoint on its way: a trial names each thing that it keeps once, and it is written or read back
/// ([`Trial::keep`](super::Trial::keep)). What was written is read back to the same bits.
#[derive(Debug)]
pub struct Archive<'c> {
    way: Way<'c>,
    /// What names begin with.
    under: String,
}

#[derive(Debug)]
enum Way<'c> {
    Save(&'c mut Checkpoint),
    Restore(&'c Checkpoint),
}

/// The field that holds a trial's state.
const STATE: &str = "state";

impl<'c> Archive<'c> {
    /// Into a checkpoint.
    pub const fn saving(checkpoint: &'c mut Checkpoint) -> Self {
        Archive { way: Way::Save(checkpoint), under: String::new() }
    }

    /// Out of a checkpoint.
    pub const fn restoring(checkpoint: &'c Checkpoint) -> Self {
        Archive { way: Way::Restore(checkpoint), under: String::new() }
    }

    /// Whether things are read back: what is derived from them must then be made anew.
    pub const fn restores(&self) -> bool {
        matches!(self.way, Way::Restore(_))
    }

    /// The same archive with names that begin with `prefix`.
    pub fn under(&mut self, prefix: &str) -> Archive<'_> {
        let under = format!("{}{prefix}", self.under);
        match &mut self.way {
            Way::Save(checkpoint) => Archive { way: Way::Save(checkpoint), under },
            Way::Restore(checkpoint) => Archive { way: Way::Restore(checkpoint), under },
        }
    }

    /// All of a trial's state but tensors: plain data, kept as JSON.
    ///
    /// # Errors
    /// [`TrialError::Checkpoint`] when the checkpoint lacks it or it cannot be read.
    ///
    /// # Panics
    /// If it is not plain data with names as keys.
    pub fn state<S: Serialize + DeserializeOwned>(&mut self, state: &mut S) -> Result<(), TrialError> {
        let name = format!("{}{STATE}", self.under);
        match &mut self.way {
            Way::Save(checkpoint) => {
                let text = serde_json::to_string(state).expect("a trial's state is plain data with names as keys");
                checkpoint.fields.insert(name, text);
            }
            Way::Restore(checkpoint) => {
                let text = checkpoint.fields.get(&name).ok_or_else(|| lacks("field", &name))?;
                let cannot = |_| TrialError::Checkpoint(format!("the field {name} cannot be read"));
                *state = serde_json::from_str(text).map_err(cannot)?;
            }
        }
        Ok(())
    }

    /// A tensor of a fixed shape.
    ///
    /// # Errors
    /// [`TrialError::Checkpoint`] when the checkpoint lacks it or has another shape.
    pub fn tensor(&mut self, name: &str, shape: &[usize], values: &mut [f32]) -> Result<(), TrialError> {
        let name = format!("{}{name}", self.under);
        match &mut self.way {
            Way::Save(checkpoint) => {
                checkpoint.tensors.push(Tensor { name, shape: shape.to_vec(), values: values.to_vec() });
            }
            Way::Restore(checkpoint) => {
                let tensor = find(checkpoint, &name)?;
                if tensor.shape != shape || tensor.values.len() != values.len() {
                    let found = format!("{name} has the shape {:?}, expected {shape:?}", tensor.shape);
                    return Err(TrialError::Checkpoint(found));
                }
                values.copy_from_slice(&tensor.values);
            }
        }
        Ok(())
    }

    /// Rows of `width` numbers, as many as there are.
    ///
    /// # Errors
    /// [`TrialError::Checkpoint`] when the checkpoint lacks them or they are of another width.
    pub fn rows(&mut self, name: &str, width: usize, values: &mut Vec<f32>) -> Result<(), TrialError> {
        let name = format!("{}{name}", self.under);
        match &mut self.way {
            Way::Save(checkpoint) => {
                let shape = vec![values.len() / width.max(1), width];
                checkpoint.tensors.push(Tensor { name, shape, values: values.clone() });
            }
            Way::Restore(checkpoint) => {
                let tensor = find(checkpoint, &name)?;
                if tensor.shape.get(1) != Some(&width) {
                    let found = format!("{name} has the shape {:?}, expected rows of {width}", tensor.shape);
                    return Err(TrialError::Checkpoint(found));
                }
                values.clone_from(&tensor.values);
            }
        }
        Ok(())
    }

    /// Lists of numbers, as many and as long as they are: `NAME.0`, `NAME.1`, ...
    pub fn lists(&mut self, name: &str, lists: &mut Vec<Vec<f32>>) {
        let name = |i: usize| format!("{}{name}.{i}", self.under);
        match &mut self.way {
            Way::Save(checkpoint) => checkpoint.tensors.extend(lists.iter().enumerate().map(|(i, values)| Tensor {
                name: name(i),
                shape: vec![values.len()],
                values: values.clone(),
            })),
            Way::Restore(checkpoint) => {
                *lists = (0..).map_while(|i| Some(find(checkpoint, &name(i)).ok()?.values.clone())).collect();
            }
        }
    }

    /// What was read back must be a place that the trial comes by.
    ///
    /// # Errors
    /// [`TrialError::Checkpoint`] when it is not.
    pub fn reachable(&self, reachable: bool) -> Result<(), TrialError> {
        let beyond = || TrialError::Checkpoint("it is from further on than this trial goes".into());
        if reachable || !self.restores() { Ok(()) } else { Err(beyond()) }
    }
}

fn lacks(what: &str, name: &str) -> TrialError {
    TrialError::Checkpoint(format!("it lacks the {what} {name}"))
}

fn find<'c>(checkpoint: &'c Checkpoint, name: &str) -> Result<&'c Tensor, TrialError> {
    checkpoint.tensors.iter().find(|tensor| tensor.name == name).ok_or_else(|| lacks("tensor", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq)]
    struct Kept {
        state: (u64, Vec<f64>, Option<String>),
        weights: [f32; 4],
        losses: Vec<f32>,
        best: Vec<Vec<f32>>,
    }

    fn keep(kept: &mut Kept, archive: &mut Archive<'_>) -> Result<(), TrialError> {
        archive.state(&mut kept.state)?;
        archive.reachable(kept.state.0 < 9)?;
        archive.under("member.1.").tensor("weight", &[2, 2], &mut kept.weights)?;
        archive.rows("losses", 3, &mut kept.losses)?;
        archive.lists("best", &mut kept.best);
        Ok(())
    }

    #[test]
    fn what_is_kept_comes_back_to_the_same_bits() {
        let mut kept = Kept {
            state: (3, vec![0.1, -1e-300, 1.0 / 3.0], Some("x".to_owned())),
            weights: [1.0, f32::NAN, -0.0, 4.0],
            losses: vec![1.0; 6],
            best: vec![vec![1.0], vec![2.0, 3.0]],
        };
        let mut saved = Checkpoint::default();
        keep(&mut kept, &mut Archive::saving(&mut saved)).unwrap();
        let names: Vec<&str> = saved.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["member.1.weight", "losses", "best.0", "best.1"]);
        let mut back = Kept::default();
        keep(&mut back, &mut Archive::restoring(&saved)).unwrap();
        assert_eq!(back.weights.map(f32::to_bits), kept.weights.map(f32::to_bits));
        back.weights = kept.weights.map(|x| if x.is_nan() { 0.0 } else { x });
        kept.weights = back.weights;
        assert_eq!(back, kept);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        type Change = fn(&mut Checkpoint);
        let told = |change: Change| {
            let mut saved = Checkpoint::default();
            keep(&mut Kept::default(), &mut Archive::saving(&mut saved)).unwrap();
            change(&mut saved);
            keep(&mut Kept::default(), &mut Archive::restoring(&saved)).map_err(|error| error.to_string())
        };
        assert!(told(|_| ()).is_ok());
        let expected: [(Change, &str); 5] = [
            (|saved| *saved = Checkpoint::default(), "lacks the field state"),
            (|saved| saved.fields.values_mut().for_each(|text| text.push('x')), "cannot be read"),
            (|saved| saved.fields.values_mut().for_each(|text| *text = text.replacen('0', "9", 1)), "further on"),
            (|saved| saved.tensors[0].shape = vec![4], "expected [2, 2]"),
            (|saved| saved.tensors[1].shape = vec![0, 2], "expected rows of 3"),
        ];
        for (change, words) in expected {
            let error = told(change).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
