//! Presets: RON text of any system.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = ansatz::run::check(ansatz::systems::ALL, "preset.ron", text);
});
