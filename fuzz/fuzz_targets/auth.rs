#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cpumon_fuzz_bodies::run("auth", input));
