//! Checkpoints on disk: a safetensors file that any tool reads, with the rest in its metadata.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::durable::{self, Keep};
use super::error::RunError;
use super::folder::Folder;
use crate::contract::{Checkpoint, Tensor};

/// The key of the metadata under which everything that is no tensor stands, as JSON.
const KEY: &str = "ansatz";

/// A checkpoint and where in the run it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What the trial saved.
    pub checkpoint: Checkpoint,
    /// Length of `metrics.jsonl` when it was saved.
    pub metrics: u64,
    /// Whether that was after the last step.
    pub finished: bool,
    /// Hash of the preset.
    pub preset: String,
}

#[derive(Serialize, Deserialize)]
struct Rest {
    step: u64,
    metrics: u64,
    finished: bool,
    preset: String,
    /// Names of the tensors in their own order; the file sorts them.
    order: Vec<String>,
    fields: BTreeMap<String, String>,
}

impl Saved {
    /// The bytes of the file: the same for the same checkpoint.
    ///
    /// # Errors
    /// A sentence when two tensors share a name or a shape does not fit its values.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let tensors = &self.checkpoint.tensors;
        let bytes: Vec<Vec<u8>> =
            tensors.iter().map(|t| t.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let mut views = BTreeMap::new();
        for (tensor, bytes) in tensors.iter().zip(&bytes) {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
            let view = view.map_err(|e| format!("tensor `{}`: {e}", tensor.name))?;
            if views.insert(tensor.name.as_str(), view).is_some() {
                return Err(format!("two tensors are named `{}`", tensor.name));
            }
        }
        let rest = Rest {
            step: self.checkpoint.step,
            metrics: self.metrics,
            finished: self.finished,
            preset: self.preset.clone(),
            order: tensors.iter().map(|t| t.name.clone()).collect(),
            fields: self.checkpoint.fields.clone(),
        };
        let rest = serde_json::to_string(&rest).map_err(|e| e.to_string())?;
        // One key, so that the order of a hash map never reaches the file.
        let metadata = HashMap::from([(KEY.to_owned(), rest)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// A sentence when they are not such a checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
        let rest = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or("is not a checkpoint of a trial")?;
        let rest: Rest = serde_json::from_str(rest).map_err(|e| e.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
        let read = |name: String| {
            let view = file.tensor(&name).map_err(|e| e.to_string())?;
            if view.dtype() != Dtype::F32 {
                return Err(format!("tensor `{name}` is not of 32-bit floats"));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            Ok(Tensor { name, shape: view.shape().to_vec(), values })
        };
        let tensors = rest.order.into_iter().map(read).collect::<Result<_, String>>()?;
        Ok(Saved {
            checkpoint: Checkpoint { step: rest.step, tensors, fields: rest.fields },
            metrics: rest.metrics,
            finished: rest.finished,
            preset: rest.preset,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is missing or no checkpoint.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let bytes = fs::read(path).map_err(|e| RunError::reading(path, &e))?;
        Saved::from_bytes(&bytes).map_err(|e| RunError::broken(path, e))
    }
}

/// Where the checkpoint before the newest stands.
pub(super) fn previous(folder: &Folder, trial: &str) -> std::path::PathBuf {
    folder.trial(trial, "checkpoint.previous.safetensors")
}

/// Writes the newest checkpoint of a trial; the one before is kept until it is in place, and after.
///
/// # Errors
/// [`RunError::Disk`]; the one before is then still whole. [`RunError::Failed`] when the trial saved
/// what no file can hold.
pub(super) fn write(folder: &Folder, trial: &str, saved: &Saved) -> Result<(), RunError> {
    let path = folder.checkpoint(trial);
    let bytes = saved.to_bytes().map_err(|e| RunError::broken(&path, e))?;
    let older = previous(folder, trial);
    if path.exists() {
        // A link, not a rename: at no moment is there no checkpoint by the newest's name.
        let link = older.with_extension("link");
        let keep = fs::hard_link(&path, &link).and_then(|()| fs::rename(&link, &older));
        keep.or_else(|_| fs::rename(&path, &older)).map_err(|e| RunError::writing(&older, e))?;
    }
    durable::write(&path, &bytes, Keep::Durable)
}

/// What `open` makes of the newest checkpoint of a trial that it takes, and what was wrong with
/// newer ones.
pub(super) fn newest<T>(
    folder: &Folder,
    trial: &str,
    open: impl Fn(&Saved) -> Result<T, String>,
) -> (Option<T>, Vec<String>) {
    let mut wrong = Vec::new();
    for (path, which) in [(folder.checkpoint(trial), "newest checkpoint"), (previous(folder, trial), "one before")] {
        if !path.exists() {
            continue;
        }
        let saved = Saved::read(&path).map_err(|e| e.to_string());
        match saved.and_then(|saved| open(&saved)) {
            Ok(opened) => return (Some(opened), wrong),
            Err(reason) => wrong.push(format!("{trial}: the {which} cannot be used: {reason}")),
        }
    }
    (None, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(step: u64) -> Saved {
        let tensor = |name: &str, shape: Vec<usize>, values| Tensor { name: name.into(), shape, values };
        let checkpoint = Checkpoint {
            step,
            tensors: vec![
                tensor("z", vec![2, 1], vec![f32::NAN, -0.0]),
                tensor("a", vec![], vec![1.5]),
                tensor("none", vec![0, 3], vec![]),
            ],
            fields: [("seen".to_owned(), "1\n2".to_owned())].into(),
        };
        Saved { checkpoint, metrics: 77, finished: false, preset: "abc".into() }
    }

    #[test]
    fn comes_back_as_it_was_and_always_as_the_same_bytes() {
        let bytes = saved(3).to_bytes().unwrap();
        let back = Saved::from_bytes(&bytes).unwrap();
        assert_eq!(back.to_bytes().unwrap(), bytes);
        assert_eq!(back.checkpoint.tensors[1..], saved(3).checkpoint.tensors[1..]);
        let bits = |saved: &Saved| saved.checkpoint.tensors[0].values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&saved(3)));
        assert_eq!((back.checkpoint.fields.len(), back.metrics, back.finished), (1, 77, false));
        let mut twice = saved(3);
        twice.checkpoint.tensors[1].name = "z".into();
        assert!(twice.to_bytes().unwrap_err().contains("two tensors"));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        let bytes = saved(3).to_bytes().unwrap();
        for cut in 0..bytes.len() {
            assert!(Saved::from_bytes(&bytes[..cut]).is_err());
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x24;
            std::hint::black_box(Saved::from_bytes(&flipped)).ok();
        }
    }

    #[test]
    fn a_broken_newest_gives_way_to_the_one_before() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        fs::create_dir_all(place.path().join("trials/t")).unwrap();
        let step = |saved: &Saved| Ok(saved.checkpoint.step);
        assert_eq!(newest(&folder, "t", step), (None, vec![]));
        write(&folder, "t", &saved(1)).unwrap();
        write(&folder, "t", &saved(2)).unwrap();
        assert_eq!(newest(&folder, "t", step), (Some(2), vec![]));
        let path = folder.checkpoint("t");
        fs::write(&path, &fs::read(&path).unwrap()[..40]).unwrap();
        let (found, wrong) = newest(&folder, "t", step);
        assert_eq!(found, Some(1));
        assert!(wrong[0].starts_with("t: the newest checkpoint cannot be used"), "{wrong:?}");
    }
}
