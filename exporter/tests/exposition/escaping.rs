//! Texts come out of the page as they went in, whatever they are.

use cpumon_exporter::fleet::FleetSettings;
use cpumon_protocol::model::{HostFacts, Micros, Millionths, Sample, TopProcess};
use proptest::prelude::*;

use crate::fleets::{Story, Who, at, fleet, page};
use crate::reader::{Exposition, Labels};
use crate::values::{self, plain_hello};

/// The page of one agent with this text wherever an agent has a text.
fn shown(text: &str) -> Exposition {
    let mut hello = plain_hello();
    let fact = || Some(Box::from(text));
    hello.facts = HostFacts {
        hostname: fact(),
        version: fact(),
        os: fact(),
        kernel: fact(),
        arch: fact(),
        cpu_model: fact(),
    };
    hello.labels = vec![("dc".into(), text.into())];
    let top_processes = vec![TopProcess { comm: text.into(), cores: Millionths(1) }];
    let sample = Sample { top_processes, ..Sample::default() };
    let story = Story {
        who: Who::V1(Box::new(hello), Box::new(sample)),
        endpoint: ([127, 0, 0, 1], 1).into(),
        joins: Micros::ZERO,
        leaves: None,
        cores: None,
    };
    let now = at(Micros::ZERO).mono;
    let page = page(fleet(FleetSettings::default(), &[story]), now);
    Exposition::parse(&page).unwrap_or_else(|wrong| panic!("{wrong} with {text:?}"))
}

fn labels<'a>(page: &'a Exposition, family: &str) -> &'a Labels {
    &page.family(family).unwrap().series[0].labels
}

fn check(text: &str) {
    let page = shown(text);
    let info = labels(&page, "cpumon_agent_info");
    for label in ["hostname", "version", "os", "kernel", "arch", "cpu_model", "label_dc"] {
        assert_eq!(info[label], text, "{label}");
    }
    assert_eq!(labels(&page, "cpumon_top_process_cores")["comm"], text);
}

#[test]
fn texts_that_look_like_the_format() {
    for text in [
        "",
        "\"",
        "\\",
        "\\\"",
        "\\n",
        "\n",
        "\\\n\"",
        "\"} 1\nup 1\n# HELP up",
        "a=\"b\",c=\"d\"",
        "\r\n\0\u{1b}[2J\u{7f}\u{85}\u{2028}",
        "\u{202e}gnp.exe\u{2066}",
        "\u{feff}é漢😀",
    ] {
        check(text);
    }
}

proptest! {
    #[test]
    fn any_text(text in values::any_text()) {
        check(&text);
    }
}
