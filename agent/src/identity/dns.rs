//! One question to a DNS server: what is the name of this address (RFC 1035, a PTR query)?
//!
//! Only as much of DNS as that takes. Bytes in and bytes out; whatever a server answers, reading it ends.

use std::net::IpAddr;

/// The largest message over UDP, in bytes.
pub(super) const MESSAGE_MAX: usize = 512;

const HEADER: usize = 12;
const TYPE_PTR: u16 = 12;
const CLASS_IN: u16 = 1;

/// The longest name, in bytes of its written form.
const NAME_MAX: usize = 255;

/// The most answers that are looked at.
const ANSWERS_MAX: u16 = 16;

/// The question for the name of `address`, with the identifier that the answer will carry.
pub(super) fn question(identifier: u16, address: IpAddr) -> Vec<u8> {
    const RECURSION_DESIRED: u16 = 0x0100;
    let mut message = Vec::with_capacity(MESSAGE_MAX);
    for word in [identifier, RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    for label in reverse_labels(address) {
        // No label is longer than `ip6` or three digits.
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    for word in [TYPE_PTR, CLASS_IN] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message
}

/// The labels of the name under which addresses have their names: `4.3.2.1.in-addr.arpa` for 1.2.3.4.
fn reverse_labels(address: IpAddr) -> Vec<String> {
    let (digits, suffix): (Vec<String>, _) = match address.to_canonical() {
        IpAddr::V4(v4) => (v4.octets().iter().rev().map(u8::to_string).collect(), "in-addr"),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            (nibbles.map(|nibble| format!("{nibble:x}")).collect(), "ip6")
        }
    };
    digits.into_iter().chain([suffix.to_owned(), "arpa".to_owned()]).collect()
}

/// The first name in the answer to the question with this identifier. `None` when it is no answer to it, or
/// there is no name in it.
pub(super) fn name_in_answer(identifier: u16, message: &[u8]) -> Option<String> {
    const IS_RESPONSE: u16 = 0x8000;
    const RESULT: u16 = 0x000f;
    let word = |at| word_at(message, at);
    let flags = word(2)?;
    if word(0)? != identifier || flags & IS_RESPONSE == 0 || flags & RESULT != 0 {
        return None;
    }
    let mut at = HEADER;
    for _ in 0..word(4)?.min(ANSWERS_MAX) {
        at = after_name(message, at)? + 4;
    }
    for _ in 0..word(6)?.min(ANSWERS_MAX) {
        let fields = after_name(message, at)?;
        let data = fields + 10;
        if word(fields)? == TYPE_PTR && word(fields + 2)? == CLASS_IN {
            return name_at(message, data);
        }
        at = data + usize::from(word(fields + 8)?);
    }
    None
}

fn word_at(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at + 2)?;
    bytes.try_into().ok().map(u16::from_be_bytes)
}

/// What stands at one place of a name.
enum Part<'a> {
    Label(&'a [u8]),
    /// The name goes on at another place of the message.
    Pointer(usize),
    End,
}

fn part_at(message: &[u8], at: usize) -> Option<Part<'_>> {
    match *message.get(at)? {
        0 => Some(Part::End),
        length @ 1..=63 => message.get(at + 1..at + 1 + usize::from(length)).map(Part::Label),
        192.. => Some(Part::Pointer(usize::from(word_at(message, at)? & 0x3fff))),
        _ => None,
    }
}

/// The place after the name that begins at `at`.
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match part_at(message, at)? {
            Part::Label(label) => at += 1 + label.len(),
            Part::Pointer(_) => return Some(at + 2),
            Part::End => return Some(at + 1),
        }
    }
}

/// The name that begins at `at`, with dots between its labels. Only letters, digits, `-` and `_` are taken.
fn name_at(message: &[u8], mut at: usize) -> Option<String> {
    let mut name = String::new();
    loop {
        match part_at(message, at)? {
            Part::Label(label) => {
                let plain = label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
                if !plain || name.len() + label.len() >= NAME_MAX {
                    return None;
                }
                if !name.is_empty() {
                    name.push('.');
                }
                name.extend(label.iter().map(|&b| char::from(b)));
                at += 1 + label.len();
            }
            // Each pointer leads to an earlier place, so the way ends.
            Part::Pointer(target) if target < at => at = target,
            Part::Pointer(_) => return None,
            Part::End => return (!name.is_empty()).then_some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in text.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xc0, 12];
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 2, 88]);
        bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    /// The answer to a question, with these records.
    fn answer(question: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = question.to_vec();
        bytes[2] |= 0x80;
        bytes[7] = u8::try_from(records.len()).unwrap();
        bytes.extend(records.concat());
        bytes
    }

    #[test]
    fn asks_for_the_reverse_name() {
        let four = question(0x1234, "172.18.0.3".parse().unwrap());
        assert_eq!(four[..12], [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(four[12..four.len() - 4], name("3.0.18.172.in-addr.arpa"));
        assert_eq!(four[four.len() - 4..], [0, 12, 0, 1]);
        let six = question(1, "fd00::1".parse().unwrap());
        let expected = format!("1.{}0.0.d.f.ip6.arpa", "0.".repeat(27));
        assert_eq!(six[12..six.len() - 4], name(&expected));
        assert_eq!(question(7, "::ffff:1.2.3.4".parse().unwrap()), question(7, "1.2.3.4".parse().unwrap()));
    }

    #[test]
    fn finds_the_name() {
        let asked = question(7, "172.18.0.3".parse().unwrap());
        let ptr = record(TYPE_PTR, &name("cpumon-agent-3.cpumon_default"));
        let cname = record(5, &name("elsewhere.example"));
        // `agent-1` and then on at the `in-addr` of the question, at 12 + 2 + 2 + 3 + 4.
        let pointing = record(TYPE_PTR, &[&[7][..], b"agent-1", &[0xc0, 23]].concat());
        let expected = Some("cpumon-agent-3.cpumon_default".to_owned());
        assert_eq!(name_in_answer(7, &answer(&asked, std::slice::from_ref(&ptr))), expected);
        assert_eq!(name_in_answer(7, &answer(&asked, &[cname.clone(), ptr.clone()])), expected);
        assert_eq!(name_in_answer(7, &answer(&asked, &[pointing])), Some("agent-1.in-addr.arpa".to_owned()));

        assert_eq!(name_in_answer(8, &answer(&asked, std::slice::from_ref(&ptr))), None, "another's answer");
        assert_eq!(name_in_answer(7, &asked), None, "a question");
        assert_eq!(name_in_answer(7, &answer(&asked, &[])), None);
        assert_eq!(name_in_answer(7, &answer(&asked, &[cname])), None);
        let mut refused = answer(&asked, &[ptr]);
        refused[3] |= 3;
        assert_eq!(name_in_answer(7, &refused), None, "no such name");
    }

    #[test]
    fn pointers_cannot_go_in_circles() {
        let asked = question(7, "172.18.0.3".parse().unwrap());
        let place = u8::try_from(asked.len() + 12).unwrap();
        for data in [[0xc0, place], [0xc0, place + 1], [0xff, 0xff]] {
            assert_eq!(name_in_answer(7, &answer(&asked, &[record(TYPE_PTR, &data)])), None);
        }
        let back_and_on = [&[1][..], b"a", &[0xc0, place]].concat();
        assert_eq!(name_in_answer(7, &answer(&asked, &[record(TYPE_PTR, &back_and_on)])), None);
    }

    #[test]
    fn strange_names_are_not_taken() {
        let asked = question(7, "172.18.0.3".parse().unwrap());
        let long = vec!["x".repeat(63); 5].join(".");
        for text in ["a b.c", "a\u{1b}.c", &long] {
            assert_eq!(name_in_answer(7, &answer(&asked, &[record(TYPE_PTR, &name(text))])), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_ends_whatever_comes(
            message in prop::collection::vec(any::<u8>(), 0..MESSAGE_MAX),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let _ = name_in_answer(0, &message);
            let asked = question(7, "172.18.0.3".parse().unwrap());
            let mut near = answer(&asked, &[record(TYPE_PTR, &name("cpumon-agent-3.cpumon_default"))]);
            for (index, byte) in edits {
                let index = index.index(near.len());
                near[index] = byte;
            }
            let name = name_in_answer(7, &near);
            prop_assert!(name.is_none_or(|name| (1..=NAME_MAX).contains(&name.len())));
        }
    }
}
