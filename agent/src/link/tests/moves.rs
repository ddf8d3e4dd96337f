//! Several exporters: which one is tried, and the move to a better one.

use super::*;

const THREE: [u8; 3] = [1, 2, 3];

fn places(numbers: &[u8]) -> Vec<Place> {
    numbers.iter().copied().map(place).collect()
}

/// Three exporters in the order in which the rig's agent prefers them.
fn preferred() -> Vec<Place> {
    let mut places = places(&THREE);
    rendezvous::order(&AgentName::new("web-1").unwrap(), &mut places);
    places
}

const WELCOME: &[u8] = b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n";

impl Rig {
    /// Live at the second best of three, as the best was away.
    fn at_second_best() -> (Self, Vec<Place>) {
        let (mut rig, order) = (Self::new(), preferred());
        assert_eq!(rig.tick(10), Action::Resolve);
        assert_eq!(rig.resolve(), Action::Open(order[0]));
        assert_eq!(rig.link.failed(rig.now, Failure::Closed), Action::None);
        assert_eq!(rig.expire(), Action::Resolve);
        assert_eq!(rig.resolve(), Action::Open(order[1]));
        let _ = rig.tick(20);
        assert_eq!(rig.connected(), Action::None);
        assert_eq!(rig.hear(WELCOME), Action::None);
        assert_eq!(rig.hear(&ack(1)), Action::None);
        rig.take();
        rig.events();
        (rig, order)
    }

    fn resolve(&mut self) -> Action {
        self.link.resolved(self.now, Ok(&places(&THREE)))
    }

    /// Seconds pass until something other than a sample and its answer is due.
    fn run_to_look(&mut self) -> Action {
        loop {
            let due = self.link.deadline().expect("a look");
            if due <= self.now.plus(Micros(SECOND)) {
                self.now = self.now.max(due);
                return self.link.expired(self.now, &mut self.sent);
            }
            let _ = self.tick(30);
            let seq = self.link.outgoing.seq();
            assert_eq!(self.hear(&ack(seq)), Action::None);
            self.take();
        }
    }

    fn second_hears(&mut self, bytes: &[u8]) -> Action {
        self.link.second_receive(self.now, bytes, &mut self.sent)
    }

    /// A look that finds the best one open.
    fn looked(&mut self, best: Place) {
        assert_eq!(self.run_to_look(), Action::Resolve);
        self.events();
        assert_eq!(self.resolve(), Action::OpenSecond(best));
        assert_eq!(self.link.second_connected(self.now, &mut self.sent), Action::None);
        let hello = self.take();
        assert!(hello.contains("\"hello\"") && !hello.contains("\"sample\""), "{hello}");
    }
}

#[test]
fn a_failure_moves_on_to_the_next_soon_and_only_when_all_have_failed_rests_grow() {
    let (mut rig, order) = (Rig::new(), preferred());
    let _ = rig.tick(10);
    for round in 0..6 {
        for place in &order {
            assert_eq!(rig.resolve(), Action::Open(*place));
            assert_eq!(rig.link.failed(rig.now, Failure::Closed), Action::None);
            let begun = rig.now;
            assert_eq!(rig.expire(), Action::Resolve);
            let rest = rig.now.since(begun);
            if place != &order[2] {
                assert!(rest <= Micros::from_secs(1), "round {round}: {rest:?}");
            }
        }
    }
}

#[test]
fn a_move_says_bye_only_when_the_better_one_has_said_welcome() {
    let (mut rig, order) = Rig::at_second_best();
    rig.looked(order[0]);
    // Samples go on meanwhile.
    let _ = rig.tick(40);
    let seq = rig.link.outgoing.seq();
    assert!(rig.take().contains("\"sample\""));
    let _ = rig.hear(&ack(seq));

    assert_eq!(rig.second_hears(WELCOME), Action::None);
    let bye = rig.take();
    assert!(bye.contains("\"bye\"") && bye.contains("\"move\"") && bye.contains("40.0"), "{bye}");
    assert_eq!(rig.hear(&ack(seq + 1)), Action::Switch);
    let moved = Event::Moved { to: order[0].address, stale: Micros::from_secs(5) };
    assert!(rig.events().contains(&moved));
    assert_eq!(rig.link.switched(rig.now, &mut rig.sent), Action::None);
    let first = rig.take();
    assert!(first.contains(&format!("\"seq\":{},", seq + 2)) && first.contains("40.0"), "{first}");
    assert_eq!(rig.hear(&ack(seq + 2)), Action::None);

    // There is none better.
    assert_eq!(rig.run_to_look(), Action::Resolve);
    assert_eq!(rig.resolve(), Action::CloseSecond);
    assert!(rig.link.is_live());
}

#[test]
fn a_welcome_may_come_in_pieces() {
    for split in 1..WELCOME.len() {
        let (mut rig, order) = Rig::at_second_best();
        rig.looked(order[0]);
        let (begin, end) = WELCOME.split_at(split);
        assert_eq!(rig.second_hears(begin), Action::None);
        assert_eq!(rig.second_hears(end), Action::None, "split at {split}");
        let seq = rig.link.outgoing.seq();
        assert_eq!(rig.hear(&ack(seq)), Action::Switch);
    }
}

#[test]
fn looks_are_half_of_the_interval_to_all_of_it_apart() {
    let (mut rig, order) = Rig::at_second_best();
    let mut gaps = Vec::new();
    for _ in 0..20 {
        let begun = rig.now;
        rig.looked(order[0]);
        gaps.push(rig.now.since(begun));
        assert_eq!(rig.link.second_failed(rig.now, Failure::Closed), Action::CloseSecond);
        assert!(
            matches!(&rig.events()[..], [Event::Stayed { away_from, .. }] if *away_from == order[0].address)
        );
    }
    let (least, most) = (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap());
    assert!(least >= Micros::from_secs(149) && most <= Micros::from_secs(301), "{least:?} {most:?}");
    assert!(most.0 - least.0 > 60 * SECOND, "they are spread");
}

#[test]
fn whoever_is_not_taken_stays_where_it_is() {
    type Ending = fn(&mut Rig) -> Action;
    let endings: [(&str, Ending); 6] = [
        ("refused", |rig| {
            rig.second_hears(
                b"{\"v\":1,\"t\":\"error\",\"code\":\"limit\",\"retry_ms\":30000,\"message\":\"full\"}\n",
            )
        }),
        ("the original's server", |rig| rig.second_hears(b"{\"THE PERCENTAGE OF CPU USAGE\": 1}")),
        ("nonsense", |rig| rig.second_hears(&ack(1))),
        ("closed", |rig| rig.link.second_failed(rig.now, Failure::Closed)),
        ("silent", Rig::expire),
        ("gone before welcome", |rig| rig.link.second_failed(rig.now, Failure::Io("reset".into()))),
    ];
    for (name, ending) in endings {
        let (mut rig, order) = Rig::at_second_best();
        rig.looked(order[0]);
        assert_eq!(ending(&mut rig), Action::CloseSecond, "{name}");
        assert!(rig.link.is_live(), "{name}");
        assert_eq!(rig.take(), "", "{name}");
        assert!(rig.events().iter().any(|event| matches!(event, Event::Stayed { .. })), "{name}");
        assert_eq!(rig.run_to_look(), Action::Resolve, "{name}: it looks again");
    }
}

#[test]
fn of_two_better_ones_the_next_is_tried() {
    let order = preferred();
    let mut rig = Rig::new();
    let _ = rig.tick(10);
    assert_eq!(rig.link.resolved(rig.now, Ok(&[order[2]])), Action::Open(order[2]));
    let _ = rig.connected();
    let _ = rig.hear(WELCOME);
    let _ = rig.hear(&ack(1));
    rig.take();
    rig.looked(order[0]);
    assert_eq!(rig.link.second_failed(rig.now, Failure::Closed), Action::OpenSecond(order[1]));
    assert_eq!(rig.link.second_connected(rig.now, &mut rig.sent), Action::None);
    rig.take();
    let _ = rig.second_hears(WELCOME);
    let seq = rig.link.outgoing.seq();
    assert_eq!(rig.hear(&ack(seq)), Action::Switch);
}

#[test]
fn an_exporter_that_does_not_answer_bye_holds_nobody_up() {
    let endings: [fn(&mut Rig) -> Action; 3] = [
        Rig::expire,
        |rig| rig.link.failed(rig.now, Failure::Closed),
        |rig| rig.hear(b"{\"v\":1,\"t\":\"error\",\"code\":\"protocol\",\"message\":\"?\"}\n"),
    ];
    for ending in endings {
        let (mut rig, order) = Rig::at_second_best();
        rig.looked(order[0]);
        let _ = rig.second_hears(WELCOME);
        rig.take();
        let begun = rig.now;
        assert_eq!(ending(&mut rig), Action::Switch);
        assert!(rig.now.since(begun) <= Micros::from_secs(1));
        let _ = rig.tick(50);
        assert!(rig.take().contains("\"sample\""));
    }
}

#[test]
fn when_the_better_one_dies_after_bye_another_is_found() {
    let (mut rig, order) = Rig::at_second_best();
    rig.looked(order[0]);
    let _ = rig.second_hears(WELCOME);
    assert_eq!(rig.link.second_failed(rig.now, Failure::Closed), Action::Close);
    assert!(matches!(&rig.events()[..], [Event::Lost { .. }]));
    assert_eq!(rig.expire(), Action::Resolve);
    assert!(matches!(rig.resolve(), Action::Open(_)));
}

#[test]
fn when_the_exporter_fails_during_a_look_both_are_closed() {
    let (mut rig, order) = Rig::at_second_best();
    rig.looked(order[0]);
    assert_eq!(rig.link.failed(rig.now, Failure::Closed), Action::Close);
    assert_eq!(rig.second_hears(WELCOME), Action::None, "what comes from it still, is not heard");
    assert_eq!(rig.expire(), Action::Resolve);
    // It was well for minutes: what failed before it may be back.
    assert_eq!(rig.resolve(), Action::Open(order[0]));
}

#[test]
fn an_exporter_that_refuses_is_left_for_the_next_but_not_for_a_name() {
    for (code, index) in [("limit", 1), ("auth", 1), ("version", 1), ("protocol", 1), ("duplicate", 0)] {
        let (mut rig, order) = (Rig::new(), preferred());
        let _ = rig.tick(10);
        assert_eq!(rig.resolve(), Action::Open(order[0]));
        let _ = rig.connected();
        let error =
            format!("{{\"v\":1,\"t\":\"error\",\"code\":\"{code}\",\"retry_ms\":30000,\"message\":\"\"}}\n");
        assert_eq!(rig.hear(error.as_bytes()), Action::Close);
        let begun = rig.now;
        assert_eq!(rig.expire(), Action::Resolve);
        let rest = rig.now.since(begun);
        assert_eq!(rest >= Micros::from_secs(15), index == 0, "{code}: {rest:?}");
        assert_eq!(rig.resolve(), Action::Open(order[index]), "{code}");
    }
}

#[test]
fn a_name_server_that_fails_takes_no_exporter_away() {
    let (mut rig, order) = Rig::at_second_best();
    assert_eq!(rig.run_to_look(), Action::Resolve);
    let why = || Failure::Io("cannot resolve".into());
    assert_eq!(rig.link.resolved(rig.now, Err(why())), Action::CloseSecond);
    assert_eq!(rig.link.failed(rig.now, Failure::Closed), Action::None);
    assert_eq!(rig.expire(), Action::Resolve);
    assert_eq!(rig.link.resolved(rig.now, Err(why())), Action::Open(order[0]));
    // Without ever an address there is only a rest.
    let mut rig = Rig::new();
    let _ = rig.tick(10);
    assert_eq!(rig.link.resolved(rig.now, Err(why())), Action::None);
    assert!(matches!(&rig.events()[..], [Event::Lost { why: Failure::Io(_), .. }]));
    let _ = rig.expire();
    assert_eq!(rig.link.resolved(rig.now, Ok(&[])), Action::None);
}

#[test]
fn a_stop_during_a_move_ends_it() {
    let (mut rig, order) = Rig::at_second_best();
    rig.looked(order[0]);
    let _ = rig.second_hears(WELCOME);
    rig.take();
    let seq = rig.link.outgoing.seq();
    assert_eq!(rig.link.stop(rig.now, Micros::from_secs(2), &mut rig.sent), Action::CloseSecond);
    assert_eq!(rig.take(), "", "bye is said already");
    assert_eq!(rig.hear(&ack(seq)), Action::Close);
    assert!(rig.link.is_ended());
}

#[test]
fn without_a_fresh_sample_nobody_looks() {
    let (mut rig, _) = Rig::at_second_best();
    rig.link.missed();
    let due = rig.link.deadline().unwrap();
    assert_eq!(rig.expire(), Action::None);
    assert!(rig.link.deadline().unwrap() > due, "it looks later");
}
