//! Frames as text, for those who write them by hand.

/// The original's key.
pub const KEY: &str = "The Percentage Of CPU USAGE";

/// A hello of the agent `name` in its run `run`.
pub fn hello(name: &str, run: &str) -> String {
    format!("{{\"v\":1,\"t\":\"hello\",\"agent\":\"{name}\",\"run\":\"{run}\",\"{KEY}\":12.5}}\n")
}

/// The same with a token.
pub fn hello_with(name: &str, run: &str, token: &str) -> String {
    hello(name, run).replacen(",\"run\"", &format!(",\"token\":\"{token}\",\"run\""), 1)
}

/// A sample with a histogram of `seq` samples, all in its first bucket.
pub fn sample(seq: u64) -> String {
    let zeros = ",0".repeat(12);
    format!(
        "{{\"v\":1,\"t\":\"sample\",\"seq\":{seq},\"{KEY}\":1,\"histogram\":{{\"buckets\":[{seq}{zeros}],\"sum_ppm\":{seq}}}}}\n"
    )
}

/// An object of the original with this value, and `padding` more bytes.
pub fn original(value: &str, padding: usize) -> String {
    format!("{{\"{KEY}\": {value}, \"x\": \"{}\"}}", "x".repeat(padding))
}
