#![no_main]

libfuzzer_sys::fuzz_target!(init: ftperm_fuzz::one_thread(), |data: &[u8]| {
    ftperm_fuzz::pgn(data);
});
