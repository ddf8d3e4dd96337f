//! Which coding an answer gets, from the request's `Accept-Encoding` (RFC 9110, section 12.5.3).

/// The codings that a document can be had in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it was rendered.
    Identity,
    /// Compressed.
    Gzip,
}

/// A weight in thousandths, 0 to 1000; 0 means "not acceptable".
type Weight = u16;

/// The best coding for a client that sent these `Accept-Encoding` field lines; `None` when it refuses
/// both. Gzip wins a tie. An element that does not parse counts as not sent.
pub(super) fn negotiate<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Coding> {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let elements = lines.into_iter().filter_map(|line| std::str::from_utf8(line).ok());
    for (name, weight) in elements.flat_map(|line| line.split(',')).filter_map(element) {
        let entry = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "identity" => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        // Of two entries for one coding the more reluctant holds, so that a refusal is never overruled.
        *entry = Some(entry.map_or(weight, |earlier: Weight| earlier.min(weight)));
    }
    let gzip = gzip.or(any).unwrap_or(0);
    match identity.or(any) {
        // Identity is acceptable unless it was refused, but comes after anything that was asked for.
        None if gzip == 0 => Some(Coding::Identity),
        None => Some(Coding::Gzip),
        Some(0) if gzip == 0 => None,
        Some(identity) if gzip >= identity => Some(Coding::Gzip),
        Some(_) => Some(Coding::Identity),
    }
}

/// `gzip;q=0.5` as name and weight.
fn element(text: &str) -> Option<(&str, Weight)> {
    match text.split_once(';') {
        None => Some((text.trim(), 1000)),
        Some((name, parameter)) => {
            let (key, value) = parameter.trim().split_once('=')?;
            if !key.eq_ignore_ascii_case("q") {
                return None;
            }
            Some((name.trim(), weight(value)?))
        }
    }
}

/// `0`, `0.`, `0.5`, `1.000`: at most three decimals, at most one.
fn weight(text: &str) -> Option<Weight> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse::<Weight>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_follows_the_weights() {
        let identity = Some(Coding::Identity);
        let gzip = Some(Coding::Gzip);
        let table: &[(&[&str], Option<Coding>)] = &[
            // Nothing said, or nothing that we have.
            (&[], identity),
            (&[""], identity),
            (&["br, zstd"], identity),
            (&["deflate;q=1.0"], identity),
            // Asked for, by either name, in any case, anywhere in the list.
            (&["gzip"], gzip),
            (&["GZip"], gzip),
            (&["x-gzip"], gzip),
            (&["deflate, gzip;q=1.0, *;q=0.5"], gzip),
            (&["br;q=1.0,gzip;q=0.001"], gzip),
            (&["br", "gzip"], gzip),
            (&[" gzip ; q=0.3 "], gzip),
            (&["gzip;Q=0.3"], gzip),
            (&["*"], gzip),
            (&[",, gzip ,"], gzip),
            // Refused.
            (&["gzip;q=0"], identity),
            (&["gzip;q=0.000"], identity),
            (&["x-gzip;q=0"], identity),
            (&["gzip, x-gzip;q=0"], identity),
            (&["*;q=0.5, gzip;q=0"], identity),
            (&["gzip;q=0, *"], identity),
            // Weighed against each other.
            (&["gzip, identity"], gzip),
            (&["identity;q=0.9, gzip;q=0.8"], identity),
            (&["identity;q=0.8, gzip;q=0.9"], gzip),
            (&["identity;q=0.500, gzip;q=.5"], identity),
            (&["gzip;q=0.5, *"], identity),
            // Identity refused.
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["*;q=0", "gzip;q=0"], None),
            (&["br, identity;q=0"], None),
            (&["gzip, identity;q=0"], gzip),
            (&["gzip, *;q=0"], gzip),
            (&["identity;q=0, *"], gzip),
            (&["identity, *;q=0"], identity),
            (&["identity;q=0.1, *;q=0"], identity),
            // Malformed elements count as not sent.
            (&["gzip;q=2"], identity),
            (&["gzip;q=1.001"], identity),
            (&["gzip;q=0.1234"], identity),
            (&["gzip;q=-1"], identity),
            (&["gzip;q="], identity),
            (&["gzip;q"], identity),
            (&["gzip;level=9"], identity),
            (&["gzip;q=1;x=2"], identity),
            (&["gzip;q=+1"], identity),
            (&["gzip;q=0.+1"], identity),
            (&["gzip;q=0.é"], identity),
            (&["identity;q=nan"], identity),
            (&["gzipp, gzi"], identity),
        ];
        for (lines, expected) in table {
            let got = negotiate(lines.iter().map(|line| line.as_bytes()));
            assert_eq!(got, *expected, "{lines:?}");
        }
        assert_eq!(negotiate([&b"gzip\xff"[..], b"gzip"]), gzip, "a line that is no text is passed over");
        assert_eq!(negotiate([&b"gzip\xff"[..]]), identity);
    }

    #[test]
    fn weights_are_thousandths() {
        let table = [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("0.", Some(0)),
            ("1.", Some(1000)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.005", Some(5)),
            ("0.999", Some(999)),
            ("1.000", Some(1000)),
            ("1.0001", None),
            ("00", None),
            ("", None),
            (".5", None),
        ];
        for (text, expected) in table {
            assert_eq!(weight(text), expected, "{text:?}");
        }
    }
}
