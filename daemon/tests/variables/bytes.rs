//! Environments as a kernel hands them over: any bytes but NUL.

use std::{collections::BTreeSet, ffi::OsString, os::unix::ffi::OsStringExt};

use cpumon_daemon::variables::load;
use proptest::prelude::*;

use crate::config::{Config, TABLE};

#[test]
fn what_is_not_utf8_is_a_fault_by_name() {
    let not_utf8 = || OsString::from_vec(b"caf\xe9".to_vec());
    let load = |name: &str| load::<Config>(&[(OsString::from(name), not_utf8())].into_iter().collect());
    for (name, fault) in [
        ("EXPORTER_NAME", Some("EXPORTER_NAME=caf\u{fffd}: is not UTF-8; write it in UTF-8")),
        ("EXPORTER_TOKEN", Some("EXPORTER_TOKEN=***: is not UTF-8; write it in UTF-8")),
        ("EXPORTER_UNKNOWN", None),
        ("PATH", None),
    ] {
        assert_eq!(load(name).err().map(|faults| faults.to_string()).as_deref(), fault);
    }
    let name = OsString::from_vec(b"EXPORTER_\xff\x1b".to_vec());
    let loaded =
        cpumon_daemon::variables::load::<Config>(&[(name, not_utf8())].into_iter().collect()).unwrap();
    assert_eq!(
        loaded.unknown.iter().map(|unknown| &*unknown.name).collect::<Vec<_>>(),
        ["EXPORTER_\u{fffd}\\u{1b}"]
    );
}

fn name() -> impl Strategy<Value = OsString> {
    let known: Vec<&str> = TABLE.variables().map(|variable| variable.name).collect();
    prop_oneof![
        8 => prop::sample::select(known.clone()).prop_map(OsString::from),
        1 => prop::sample::select(known).prop_map(|name| OsString::from(format!("EXPORTER_{}", name.to_lowercase()))),
        1 => prop::collection::vec(1_u8.., 0..12).prop_map(OsString::from_vec),
        1 => prop::collection::vec(1_u8.., 0..12).prop_map(|rest| OsString::from_vec([b"EXPORTER_".to_vec(), rest].concat())),
    ]
}

fn value() -> impl Strategy<Value = OsString> {
    const LIKELY: [&str; 16] = [
        "",
        " ",
        "1",
        "0",
        "5s",
        "24h",
        "64KiB",
        "0.8",
        "true",
        "a:1,b:2",
        "a=b",
        "127.0.0.1:1",
        "info",
        "json",
        "web-1",
        "18446744073709551615s1000ms",
    ];
    prop_oneof![
        2 => prop::sample::select(&LIKELY[..]).prop_map(OsString::from),
        1 => "[0-9]{1,22}[.]?[0-9]{0,22}(us|ms|s|m|h|d|KiB|GiB)?".prop_map(OsString::from),
        1 => "[-+.,:=/\\[\\]a-f0-9 \u{1b}\n]{0,20}".prop_map(OsString::from),
        1 => prop::collection::vec(1_u8.., 0..30).prop_map(OsString::from_vec),
    ]
}

/// The variables at fault in `environment`, cross-checks aside.
fn at_fault(environment: &[(OsString, OsString)]) -> BTreeSet<String> {
    let result = load::<Config>(&environment.iter().cloned().collect());
    let faults = result.err().map(|faults| faults.to_string()).unwrap_or_default();
    let own = faults.lines().filter(|line| !line.contains("shorter than") && !line.contains("beside"));
    own.map(|line| line.split('=').next().unwrap_or_default().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is given, there is a configuration or a line for each fault, and what is at fault in the
    /// whole is what is at fault alone.
    #[test]
    fn any_environment_gives_a_configuration_or_all_its_faults(
        given in prop::collection::btree_map(name(), value(), 0..12)
    ) {
        let given: Vec<_> = given.into_iter().collect();
        if let Err(faults) = load::<Config>(&given.iter().cloned().collect()) {
            prop_assert!(faults.iter().count() > 0);
            for fault in faults.iter() {
                prop_assert!(TABLE.find(fault.variable()).is_some(), "{}", fault);
                prop_assert!(!fault.to_string().contains(char::is_control), "{}", fault);
            }
        }
        let alone: BTreeSet<String> = given.iter().flat_map(|one| at_fault(std::slice::from_ref(one))).collect();
        prop_assert_eq!(at_fault(&given), alone);
    }
}
