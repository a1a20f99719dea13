//! Tables of data: CSV.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ansatz::tasks::tables::parse("table.csv", bytes);
});
