//! IDX files of images and labels, gzipped or not.
#![no_main]

use ansatz::tasks::idx::{Options, read};

libfuzzer_sys::fuzz_target!(|files: (&[u8], &[u8])| {
    let folder = tempfile::tempdir().unwrap();
    let [images, labels] = ["images", "labels"].map(|name| folder.path().join(name));
    std::fs::write(&images, files.0).unwrap();
    std::fs::write(&labels, files.1).unwrap();
    let _ = read("set", &images, &labels, &Options::default());
});
