//! Tokens of agents.

use serde_json::{Value, json};

use super::AUTH;
use crate::support::{Agent, Client, Exporter, Output, PERCENT, hello, program, run, sample};

const SECRET: &str = "a-secret-of-the-tests";
const UP: &str = r#"cpumon_agent_up{agent="web-1"}"#;

fn own_token(name: &str) -> String {
    let Output { status, stdout, stderr } = run(program(&[("EXPORTER_TOKEN", SECRET)]).args(["token", name]));
    assert_eq!((status, &*stderr), (Some(0), ""));
    let token = stdout.trim_end().to_owned();
    assert_eq!((token.len(), stdout.len()), (64, 65));
    token
}

fn with_token(mut hello: Value, token: &str) -> Value {
    hello["token"] = token.into();
    hello
}

/// The whole answer to this hello.
fn refusal(exporter: &Exporter, hello: &Value) -> String {
    let mut client = Client::connect(exporter);
    client.send_frame(hello);
    String::from_utf8(client.until_closed()).unwrap()
}

#[test]
fn the_fleets_token_or_the_names_own_lets_in_and_all_else_is_refused_alike() {
    let mut exporter = Exporter::start(&[("EXPORTER_TOKEN", SECRET)]);
    let own = own_token("web-1");
    for (run, token) in [("r1", SECRET), ("r2", &own)] {
        let mut agent = Agent::greet(&exporter, &with_token(hello("web-1", run), token));
        agent.sample();
        agent.bye();
    }
    let others = own_token("web-2");
    let upper = own.to_uppercase();
    let wrong = [
        hello("web-1", "r"),
        with_token(hello("web-1", "r"), ""),
        with_token(hello("web-1", "r"), &SECRET[1..]),
        with_token(hello("web-1", "r"), &format!("{SECRET} ")),
        with_token(hello("web-1", "r"), &others),
        with_token(hello("web-1", "r"), &upper),
        with_token(hello("web-1", "r"), &own[..63]),
        with_token(hello("web-2", "r"), &own),
        with_token(hello("a-name-that-nobody-has", "r"), "x"),
        with_token(hello("web-1", "r"), &"x".repeat(128)),
        {
            let mut null = hello("web-1", "r");
            null["token"] = Value::Null;
            null
        },
    ];
    let expected = concat!(
        r#"{"v":1,"t":"error","code":"auth","retry_ms":30000,"#,
        r#""message":"the token is missing or wrong; set AGENT_TOKEN_FILE to a file with one that fits"}"#,
        "\n"
    );
    for hello in &wrong {
        assert_eq!(refusal(&exporter, hello), expected, "{hello}");
    }
    let refused = wrong.len() as f64;
    let metrics = exporter.metrics();
    assert_eq!(metrics.value(AUTH), Some(refused));
    assert_eq!(metrics.value(r#"cpumon_exporter_rejected_frames_total{reason="auth"}"#), Some(refused));
    assert_eq!(metrics.value(UP), None, "who was let in has left, and nobody else came");
    let log: String = exporter.process.rest().collect();
    assert!(log.matches("\"reason\":\"auth\"").count() <= 2, "one line a second: {log}");
    for secret in [SECRET, &own, &others] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn with_a_token_of_its_own_who_came_last_holds_the_name() {
    let exporter = Exporter::start(&[("EXPORTER_TOKEN", SECRET)]);
    let own = own_token("web-1");
    let shared = |run| with_token(hello("web-1", run), SECRET);
    let owned = |run| with_token(hello("web-1", run), &own);

    let mut first = Agent::greet(&exporter, &shared("r1"));
    first.sample();
    assert!(refusal(&exporter, &shared("r2")).contains("duplicate"), "others have that token too");
    let mut second = Agent::greet(&exporter, &owned("r3"));
    second.sample();
    first.client.send_frame(&sample(2));
    assert!(first.client.frame()["message"].as_str().unwrap().contains("taken over"));
    assert!(refusal(&exporter, &shared("r4")).contains("duplicate"));
    let mut third = Agent::greet(&exporter, &owned("r5"));
    third.sample();
    assert_eq!(exporter.value(UP), Some(1.0));
    let replaced = r#"cpumon_agent_disconnects_total{agent="web-1",reason="replaced"}"#;
    assert_eq!(exporter.value(replaced), Some(2.0));
}

#[test]
fn where_no_token_is_asked_for_any_is_let_in() {
    let exporter = Exporter::start(&[]);
    for (run, token) in [("r1", ""), ("r2", "x")] {
        let mut agent = Agent::greet(&exporter, &with_token(hello("web-1", run), token));
        agent.sample();
        agent.bye();
    }
    assert_eq!(exporter.value(AUTH), Some(0.0));
}

#[test]
fn clients_of_the_original_come_in_while_no_token_is_set_or_when_told_so() {
    let object = json!({ PERCENT: 12.5 });
    for (variables, is_in) in [
        (&[][..], true),
        (&[("EXPORTER_ALLOW_ORIGINAL", "false")], false),
        (&[("EXPORTER_TOKEN", SECRET)], false),
        (&[("EXPORTER_TOKEN", SECRET), ("EXPORTER_ALLOW_ORIGINAL", "true")], true),
    ] {
        let exporter = Exporter::start(variables);
        let mut client = Client::connect(&exporter);
        client.send_frame(&object);
        if is_in {
            assert_eq!(client.bytes(object.to_string().len()), object.to_string().to_uppercase());
        } else {
            assert_eq!(client.until_closed(), b"", "it speaks no error frames");
        }
        assert_eq!(exporter.value(AUTH), Some(if is_in { 0.0 } else { 1.0 }), "{variables:?}");
    }
}

#[test]
fn the_token_command_says_what_it_cannot_do() {
    for (variables, arguments, expected) in [
        (&[][..], &["token", "web-1"][..], "there is no token to make another of; set EXPORTER_TOKEN_FILE"),
        (&[("EXPORTER_TOKEN", SECRET)], &["token", "web 1"], "the agent's name has a character other than"),
        (&[("EXPORTER_TOKEN", SECRET)], &["token", ""], "the agent's name is empty"),
        (&[("EXPORTER_TOKEN", SECRET)], &["token"], "`token` needs one argument"),
        (&[("EXPORTER_TOKEN", SECRET)], &["token", "a", "b"], "one argument too many: `b`"),
    ] {
        let Output { status, stdout, stderr } = run(program(variables).args(arguments));
        assert_eq!((status, &*stdout, stderr.lines().count()), (Some(64), "", 1), "{stderr}");
        assert!(stderr.starts_with(&format!("cpumon-exporter: {expected}")), "{stderr}");
        assert!(!stderr.contains(SECRET));
    }
}
