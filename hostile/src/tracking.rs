//! What the machine itself drops: where a firewall follows connections, the kernel's table of them may become full.

use std::fs;

/// How many packets the kernel has dropped since it started because that table was full; 0 where none is kept.
pub fn dropped() -> u64 {
    fs::read_to_string("/proc/net/stat/nf_conntrack").map_or(0, |table| sum_of(&table, "drop"))
}

/// The sum of a column, which has a hexadecimal number for each core below its name.
fn sum_of(table: &str, column: &str) -> u64 {
    let mut lines = table.lines().map(str::split_whitespace);
    let Some(place) = lines.next().and_then(|mut names| names.position(|name| name == column)) else {
        return 0;
    };
    lines.filter_map(|mut numbers| u64::from_str_radix(numbers.nth(place)?, 16).ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_summed_over_all_cores() {
        let table = "entries  found drop early_drop\n00000154  00000000 00000a05 00000001\n00000154  00000000 000006c9 0\n";
        assert_eq!(sum_of(table, "drop"), 0xa05 + 0x6c9);
        assert_eq!(sum_of(table, "early_drop"), 1);
        assert_eq!(sum_of(table, "expect_new"), 0);
        assert_eq!(sum_of("", "drop"), 0);
    }
}
