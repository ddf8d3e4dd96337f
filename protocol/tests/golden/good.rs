//! Inputs that look odd and must be taken. A pure table.

use super::input::At::{self, Live, Original, Start};
use super::input::Input::{self, *};
use super::input::PERCENT;

/// Where the input comes, the input, and how many frames it holds.
pub(crate) const GOOD: &[(At, Input, usize)] = &[
    // Numbers.
    (Start, Bare("0"), 1),
    (Start, Bare("-0"), 1),
    (Start, Bare("-0.0e5"), 1),
    (Start, Bare("100"), 1),
    (Start, Bare("100.000"), 1),
    (Start, Bare("1e2"), 1),
    (Start, Bare("1E+2"), 1),
    (Start, Bare("1000000e-4"), 1),
    (Start, Bare("1e-400"), 1),
    (Start, Bare("0e999999999999999999999"), 1),
    (Start, Repeat(r#"{"The Percentage Of CPU USAGE": 0."#, "3", 4_000, "}"), 1),
    (Live, Repeat(r#"{"v":1,"t":"sample","seq":1,"The Percentage Of CPU USAGE":0."#, "3", 65_000, "}"), 1),
    (Live, Sample("seq", "0"), 1),
    (Live, Sample("seq", "18446744073709551615"), 1),
    (Live, Sample("cpus", "4294967295"), 1),
    (Live, Sample("max_ppm", "1000000"), 1),
    (Live, Sample("load_ppm", "[0,18446744073709551615,1]"), 1),
    // The original's key and its surroundings.
    (Start, Text(r#"{"THE PERCENTAGE OF CPU USAGE": 1}"#), 1),
    (Start, Text(r#"{"the percentage of cpu usage": 1}"#), 1),
    (Start, Text(r#"{"\u0054he Percentage Of CPU USAGE": 1}"#), 1),
    (Start, Text(r#"{"a": 1, "The Percentage Of CPU USAGE": 1, "a": 2}"#), 1),
    (Start, Text(r#"{"The Percentage Of CPU USAGE": 1, "V": 1, "t": 5}"#), 1),
    (Original, Text(r#"{"The Percentage Of CPU USAGE": 1, "V": 1, "t": 5}"#), 1),
    (Start, Text(r#"{"The Percentage Of CPU USAGE": 1, "x": "}{\"\\"}"#), 1),
    (Start, Text(r#"{"The Percentage Of CPU USAGE": 1, "x": "\ud800"}"#), 1),
    // Framing.
    (Start, Text(""), 0),
    (Start, Text(" \t\r\n"), 0),
    (Start, Text("\r\n\r\n{\"The Percentage Of CPU USAGE\"\r\n:\t1\n}\r\n"), 1),
    (Start, Text(r#"{"The Percentage Of CPU USAGE": 1}{"The Percentage Of CPU USAGE": 2}"#), 2),
    (Original, Text(r#"{"The Percentage Of CPU USAGE": 1} {"The Percentage Of CPU USAGE": 2}"#), 2),
    (Live, Text("{\"v\":1,\"t\":\"later\"}\r\n\n {\"v\":1,\"t\":\"later\"}"), 2),
    (Live, Repeat("", "{\"v\":1,\"t\":\"later\"}", 100, ""), 100),
    (Live, Repeat("", "\n", 100_000, ""), 0),
    (Start, Repeat(r#"{"The Percentage Of CPU USAGE": 1, "a": ["#, "[", 14, "]]]]]]]]]]]]]]]}"), 1),
    // Escapes, nulls and unknown fields.
    (Start, Hello("t", r#""\u0068ello""#), 1),
    (Start, Hello("agent", r#""\u0077eb-1""#), 1),
    (Start, HelloPlus(r#""\u0062oot":"x""#), 1),
    (Start, HelloPlus(r#""boot":null,"start_us":null,"hostname":null"#), 1),
    (Start, HelloPlus(r#""later":[{"a":1e400}],"later":2"#), 1),
    (Start, HelloRepeat("agent", "a", 128), 1),
    (Start, HelloRepeat("run", "a", 64), 1),
    (Start, HelloRepeat("hostname", "ü", 64), 1),
    (Start, Hello("labels", "{}"), 1),
    (Start, Hello("labels", r#"{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"ü \"\\"}"#), 1),
    (Start, Hello("labels", r#"{"a2345678901234567890123456789012":"x"}"#), 1),
    (Start, Hello("interval_ms", "60000"), 1),
    (Live, SamplePlus(r#""later":{"v":2},"later":"x""#), 1),
    (Live, Sample("histogram", "null"), 1),
    (Live, Sample("cgroup", "{}"), 1),
    (Live, TopCount(20), 1),
    (Live, CoreCount(0), 1),
    (Live, CoreCount(256), 1),
    (Live, Bye("reason", "\"a word of a later version\""), 1),
    (Live, Bye(PERCENT, "1"), 1),
    // Types of a later version.
    (Live, Text(r#"{"v":1,"t":"later","seq":"x","cpu_us":[]}"#), 1),
    (Live, Text(r#"{"v":1,"t":""}"#), 1),
    (Live, Text(r#"{"v":1,"t":"Sample"}"#), 1),
];
