//! Checkpoints: safetensors with our metadata.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ansatz::run::Saved::from_bytes(bytes);
});
