//! Tables that do not fit their configuration, and what is said about them.

use cpumon_daemon::variables::{
    Configuration, Environment, Group, Limits, Table, Variable, check_table, load, text,
};
use cpumon_protocol::model::Micros;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "nothing ever comes of it")]
struct Misfit {
    #[serde(deserialize_with = "text")]
    port: u16,
    #[serde(deserialize_with = "text")]
    host: String,
}

impl Configuration for Misfit {
    const TABLE: &'static Table = &Table {
        prefix: "M_",
        groups: &[Group {
            heading: "All",
            variables: &[
                Variable::new("M_PORT", "80000", "a default that its own type refuses"),
                Variable::new("M_EXTRA", "1s", "a variable without a field")
                    .within(Limits::Spans(Micros::from_secs(2), Micros::from_secs(3))),
                Variable::new("M_EXTRA", " x", "").secret(),
                Variable::new("N_lower", "", "two\nlines"),
            ],
        }],
    };
}

#[test]
fn a_test_finds_them() {
    let said = check_table::<Misfit>().unwrap_err();
    let expected = [
        "M_EXTRA stands in the table twice",
        "M_EXTRA has a default outside its limits",
        "M_EXTRA stands in the table twice",
        "M_EXTRA is a secret with a default",
        "M_EXTRA has blanks around its default",
        "M_EXTRA needs a meaning on one line",
        "N_lower does not begin with the prefix",
        "N_lower has a character other than A-Z 0-9 _",
        "N_lower needs a meaning on one line",
        r#"the table has ["extra", "n_lower", "port"], the configuration has ["host", "port"]"#,
    ];
    assert_eq!(said.lines().take(expected.len()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_program_ends_with_a_fault_and_not_in_a_loop() {
    let said = load::<Misfit>(&Environment::default()).unwrap_err().to_string();
    assert_eq!(said, "M_PORT=80000 (the default): is too large; write a whole number from 0 to 65535");
    let said = load::<Misfit>(&[("M_PORT", "x")].into_iter().collect()).unwrap_err().to_string();
    assert_eq!(
        said,
        "M_PORT=x: is not a whole number; write a whole number from 0 to 65535\n\
        M_PORT=80000 (the default): is too large; write a whole number from 0 to 65535"
    );
    let said = load::<Misfit>(&[("M_PORT", "80")].into_iter().collect()).unwrap_err().to_string();
    assert!(said.contains("unknown field `extra`"), "{said}");
}
