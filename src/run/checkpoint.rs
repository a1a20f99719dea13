//! Checkpoints on disk: a safetensors file that any tool reads, with the rest and a checksum of all
//! in its metadata. The newest two are kept, and some older ones to go back to.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::durable::{self, Keep, disk};
use super::error::RunError;
use super::folder::Folder;
use crate::base::hash;
use crate::contract::{Checkpoint, Progress, Tensor};

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

#[derive(Clone, Serialize, Deserialize)]
struct Rest {
    step: u64,
    metrics: u64,
    finished: bool,
    preset: String,
    /// Names of the tensors in their own order; the file sorts them.
    order: Vec<String>,
    fields: BTreeMap<String, String>,
    /// BLAKE3 of all the others and of the values, tensor by tensor.
    hash: String,
}

impl Rest {
    /// What `hash` must be.
    fn hash_with(&self, values: &[&[u8]]) -> Result<String, String> {
        let others = Rest { hash: String::new(), ..self.clone() };
        let others = serde_json::to_vec(&others).map_err(|e| e.to_string())?;
        Ok(hash::of_parts(std::iter::once(others.as_slice()).chain(values.iter().copied()), 32))
    }
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
        let mut rest = Rest {
            step: self.checkpoint.step,
            metrics: self.metrics,
            finished: self.finished,
            preset: self.preset.clone(),
            order: tensors.iter().map(|t| t.name.clone()).collect(),
            fields: self.checkpoint.fields.clone(),
            hash: String::new(),
        };
        rest.hash = rest.hash_with(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
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
        let views: Vec<_> =
            rest.order.iter().map(|name| file.tensor(name)).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        if rest.hash_with(&views.iter().map(|view| view.data()).collect::<Vec<_>>())? != rest.hash {
            return Err("is damaged: its checksum is wrong".into());
        }
        let read = |(name, view): (String, &TensorView<'_>)| {
            if view.dtype() != Dtype::F32 {
                return Err(format!("tensor `{name}` is not of 32-bit floats"));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            Ok(Tensor { name, shape: view.shape().to_vec(), values })
        };
        let tensors = rest.order.into_iter().zip(&views).map(read).collect::<Result<_, String>>()?;
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
pub(super) fn previous(folder: &Folder, trial: &str) -> PathBuf {
    folder.trial(trial, "checkpoint.previous.safetensors")
}

/// Where an older checkpoint is kept.
fn kept(folder: &Folder, trial: &str, step: u64) -> PathBuf {
    folder.trial(trial, &format!("checkpoint.{step}.safetensors"))
}

/// Older checkpoints that are kept to go back to: as many parts of the way.
const KEPT: u64 = 8;

/// Writes the newest checkpoint of a trial; the one before is kept until it is in place, and after.
/// `now` is how far the trial is, `last` its step at the checkpoint before.
///
/// # Errors
/// [`RunError::Disk`]; the one before is then still whole. [`RunError::Failed`] when the trial saved
/// what no file can hold.
pub(super) fn write(folder: &Folder, trial: &str, saved: &Saved, last: u64, now: Progress) -> Result<(), RunError> {
    let path = folder.checkpoint(trial);
    let bytes = saved.to_bytes().map_err(|e| RunError::broken(&path, e))?;
    if path.exists() {
        let older = previous(folder, trial);
        name_twice(&path, &older).map_err(|e| RunError::writing(&older, e))?;
    }
    durable::write(&path, &bytes, Keep::Durable)?;
    let part = |step: u64| step.saturating_mul(KEPT) / now.steps.max(1);
    if part(now.step) > part(last) && !saved.finished {
        let older = kept(folder, trial, now.step);
        name_twice(&path, &older).map_err(|e| RunError::writing(&older, e))?;
    }
    Ok(())
}

/// Gives a file a second name, over what has it. A link, not a rename: at no moment is there no file
/// by the first.
fn name_twice(path: &Path, name: &Path) -> std::io::Result<()> {
    let link = name.with_extension("link");
    disk::remove(&link)?;
    let linked = disk::link(path, &link).and_then(|()| disk::rename(&link, name));
    // A file system without links has copies.
    linked.or_else(|e| match e.kind() {
        std::io::ErrorKind::Unsupported | std::io::ErrorKind::PermissionDenied => {
            let bytes = fs::read(path)?;
            durable::replace(name, &bytes, Keep::Durable)
        }
        _ => Err(e),
    })
}

/// The steps of the older checkpoints of a trial, in order.
pub(super) fn kept_steps(folder: &Folder, trial: &str) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder.trial(trial, "")) else { return Vec::new() };
    let step = |name: std::ffi::OsString| -> Option<u64> {
        name.to_str()?.strip_prefix("checkpoint.")?.strip_suffix(".safetensors")?.parse().ok()
    };
    let mut steps: Vec<u64> = entries.flatten().filter_map(|entry| step(entry.file_name())).collect();
    steps.sort_unstable();
    steps
}

/// Goes back to the kept checkpoint of a step: it becomes the newest, and later ones go.
///
/// # Errors
/// When it cannot be read or the disk refuses.
pub(super) fn go_back(folder: &Folder, trial: &str, step: u64) -> Result<Saved, RunError> {
    let path = kept(folder, trial, step);
    let saved = Saved::read(&path)?;
    let newest = folder.checkpoint(trial);
    let writing = |e| RunError::writing(&newest, e);
    name_twice(&path, &newest).map_err(writing)?;
    let later =
        kept_steps(folder, trial).into_iter().filter(|later| *later > step).map(|step| kept(folder, trial, step));
    remove(later.chain([previous(folder, trial)]))?;
    disk::sync_folder(&folder.trial(trial, "")).map_err(writing)?;
    Ok(saved)
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

/// Forgets the older checkpoints of a trial, which is done and has no use for them.
///
/// # Errors
/// [`RunError::Disk`].
pub(super) fn forget_kept(folder: &Folder, trial: &str) -> Result<(), RunError> {
    remove(kept_steps(folder, trial).into_iter().map(|step| kept(folder, trial, step)))
}

/// Forgets every checkpoint of a trial.
///
/// # Errors
/// [`RunError::Disk`].
pub(super) fn forget(folder: &Folder, trial: &str) -> Result<(), RunError> {
    forget_kept(folder, trial)?;
    // The newest last: what is left after a kill is a run that can go on.
    remove([previous(folder, trial), folder.checkpoint(trial)])
}

fn remove(paths: impl IntoIterator<Item = PathBuf>) -> Result<(), RunError> {
    paths.into_iter().try_for_each(|path| disk::remove(&path).map(drop).map_err(|e| RunError::writing(&path, e)))
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
            assert!(Saved::from_bytes(&flipped).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_broken_newest_gives_way_to_the_one_before() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        fs::create_dir_all(place.path().join("trials/t")).unwrap();
        let step = |saved: &Saved| Ok(saved.checkpoint.step);
        assert_eq!(newest(&folder, "t", step), (None, vec![]));
        write(&folder, "t", &saved(1), 0, Progress { step: 1, steps: 100 }).unwrap();
        write(&folder, "t", &saved(2), 1, Progress { step: 2, steps: 100 }).unwrap();
        assert_eq!(newest(&folder, "t", step), (Some(2), vec![]));
        let path = folder.checkpoint("t");
        fs::write(&path, &fs::read(&path).unwrap()[..40]).unwrap();
        let (found, wrong) = newest(&folder, "t", step);
        assert_eq!(found, Some(1));
        assert!(wrong[0].starts_with("t: the newest checkpoint cannot be used"), "{wrong:?}");
    }

    #[test]
    fn some_older_ones_are_kept_to_go_back_to() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        fs::create_dir_all(place.path().join("trials/t")).unwrap();
        for step in (3..=99).step_by(3) {
            write(&folder, "t", &saved(step), step - 3, Progress { step, steps: 96 }).unwrap();
        }
        assert_eq!(kept_steps(&folder, "t"), [12, 24, 36, 48, 60, 72, 84, 96]);
        assert!(go_back(&folder, "t", 13).is_err());
        assert_eq!(go_back(&folder, "t", 36).unwrap().checkpoint.step, 36);
        assert_eq!(newest(&folder, "t", |saved| Ok(saved.checkpoint.step)), (Some(36), vec![]));
        assert_eq!(kept_steps(&folder, "t"), [12, 24, 36]);
        assert!(!previous(&folder, "t").exists());
    }
}
