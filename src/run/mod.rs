//! Runs: presets become folders, workers advance them, readers watch them. Knows no system by name.
//!
//! A run is a folder. A worker process ([`work`]) advances it; any number of [`Reader`]s watch it;
//! neither needs the other. What each file of the folder is for stands in [`Folder`].
//!
//! Public signatures:
//!
//! ```text
//! // presets: NAME is SYSTEM, SYSTEM/PRESET or a path of a .ron file
//! pub struct Changes { pub set: Vec<String>, pub seed: Option<u64>, pub seeds: Option<u64> }   // Default
//! pub struct Preset { pub entry: &'static Entry, pub name: String, pub study: Box<dyn Study> }
//! pub fn load(table: &'static [Entry], name: &str, changes: &Changes) -> Result<Preset, Box<PresetFailure>>
//! pub fn check(table: &'static [Entry], shown: &str, text: &str) -> Result<Preset, Box<PresetFailure>>
//! pub fn entry(table: &'static [Entry], slug: &str) -> Result<&'static Entry, Box<PresetFailure>>
//!
//! // folders
//! pub fn create(root: &Path, preset: &Preset, out: Option<&Path>, threads: usize) -> Result<Folder, RunError>
//! pub fn find(root: &Path, run: Option<&str>) -> Result<Folder, RunError>
//! pub fn list(root: &Path) -> Listing { runs: Vec<Summary> (newest first), skipped: Vec<(PathBuf, String)> }
//! pub fn remove(folder: &Folder) -> Result<PathBuf, RunError>           // into .trash
//! Folder::open(&Path) -> Result<Folder, RunError>; folder.path() -> &Path; folder.name() -> String
//! folder.study(table) -> Result<Box<dyn Study>, RunError>               // its preset.ron, read again
//! folder.manifest() -> Result<Manifest, RunError>
//! pub struct Summary { folder, name, system, preset, status, outcome: Option<Outcome>, progress: Progress,
//!                      trials: usize, created: f64, modified: SystemTime }
//!
//! // control
//! pub enum Request { Pause, Continue, Stop, Checkpoint }
//! pub fn request(folder: &Folder, request: Request) -> Result<(), RunError>
//! pub fn spawn_worker(folder: &Folder, threads: usize) -> Result<u32 /* pid */, RunError>
//! pub fn work(folder: &Folder, table: &'static [Entry], options: WorkOptions) -> Result<Ending, RunError>
//! pub struct WorkOptions { pub threads: usize, pub own_session: bool }
//! pub enum Ending { Done(Outcome), Stopped, Failed(Vec<String>), Diverged(Vec<String>) }   // .exit_code()
//!
//! // watching
//! Reader::open(folder: &Folder) -> Result<Reader, RunError>; reader.refresh(&mut self) -> Result<bool, RunError>
//! reader.state(&self) -> &StudyState; reader.watch(&self); reader.folder(&self) -> &Folder
//! pub fn document(state: &StudyState) -> serde_json::Value
//! ```
