//! A trial's state as a checkpoint: the learner's tensors, and all else as one field of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contract::{Checkpoint, Tensor, TrialError};

/// The field that holds a trial's state.
const STATE: &str = "state";

/// A checkpoint of tensors and a state. What is written is read back to the same bits.
pub fn checkpoint(step: u64, tensors: Vec<Tensor>, state: &impl Serialize) -> Checkpoint {
    let state = serde_json::to_string(state).expect("a trial's state is plain data with names as keys");
    Checkpoint { step, tensors, fields: [(STATE.to_owned(), state)].into() }
}

/// The state of a checkpoint.
///
/// # Errors
/// [`TrialError::Checkpoint`] when it lacks the state or it cannot be read.
pub fn state<S: DeserializeOwned>(checkpoint: &Checkpoint) -> Result<S, TrialError> {
    field(checkpoint, STATE)
}

/// A field of a checkpoint that holds JSON.
///
/// # Errors
/// [`TrialError::Checkpoint`] when it lacks the field or it cannot be read.
pub fn field<S: DeserializeOwned>(checkpoint: &Checkpoint, name: &str) -> Result<S, TrialError> {
    let text = checkpoint.fields.get(name);
    let text = text.ok_or_else(|| TrialError::Checkpoint(format!("it lacks the field {name}")))?;
    serde_json::from_str(text).map_err(|_| TrialError::Checkpoint(format!("the field {name} cannot be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_to_the_same_bits() {
        let kept = (3u64, vec![0.1f64, -1e-300, 1.0 / 3.0], Some("x".to_owned()));
        let saved = checkpoint(7, Vec::new(), &kept);
        assert_eq!(saved.step, 7);
        assert_eq!(state::<(u64, Vec<f64>, Option<String>)>(&saved).unwrap(), kept);
        assert!(state::<Vec<u8>>(&saved).unwrap_err().to_string().contains("cannot be read"));
        assert!(state::<u8>(&Checkpoint::default()).unwrap_err().to_string().contains("lacks the field"));
    }
}
