//! The token that HTTP may ask for.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cpumon_daemon::variables::Secret;
use hyper::header::{AUTHORIZATION, HeaderMap};
use ring::digest::{Digest, SHA256, digest};
use subtle::ConstantTimeEq;

/// What may be asked for without a token: whether the exporter lives and works says nothing of the fleet, and who
/// asks for it (an orchestrator, a load balancer) should hold no secret.
const OPEN: [&str; 2] = ["/-/healthy", "/-/ready"];

/// What a client is told to show. Browsers ask their user for a password; any name goes with it.
pub(super) const CHALLENGES: [&str; 2] =
    ["Bearer realm=\"cpumon\"", "Basic realm=\"cpumon\", charset=\"UTF-8\""];

/// The longest header that is looked at, in bytes.
const HEADER_MAX: usize = 1024;

/// A token of which only the digest is kept: digests are as long as each other, so that comparing them tells nothing.
#[derive(Clone)]
pub struct HttpToken(Digest);

impl HttpToken {
    /// Asks for `secret`.
    pub fn new(secret: &Secret) -> Self {
        Self(digest(&SHA256, secret.expose().as_bytes()))
    }

    /// Whether a request for `path` with these headers may be answered.
    pub(super) fn lets(&self, path: &str, headers: &HeaderMap) -> bool {
        OPEN.contains(&path) || self.is_shown(headers)
    }

    /// Whether the token is shown, as `Bearer` or as the password of `Basic`.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, shown)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return false;
        };
        if shown.len() > HEADER_MAX {
            return false;
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.is(shown.trim().as_bytes());
        }
        let decoded =
            if scheme.eq_ignore_ascii_case("basic") { STANDARD.decode(shown.trim()).ok() } else { None };
        decoded.is_some_and(|decoded| {
            let password = decoded.iter().position(|&byte| byte == b':').and_then(|at| decoded.get(at + 1..));
            password.is_some_and(|password| self.is(password))
        })
    }

    fn is(&self, shown: &[u8]) -> bool {
        digest(&SHA256, shown).as_ref().ct_eq(self.0.as_ref()).into()
    }
}

impl fmt::Debug for HttpToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn who_is_answered() {
        let token = HttpToken::new(&Secret::new("s3cret"));
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let long = format!("Bearer {}", "s".repeat(HEADER_MAX + 1));
        let check = |path: &str, values: &[&str], expected: bool| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(token.lets(path, &headers), expected, "{path} {values:?}");
        };
        for path in ["/", "/metrics", "/api/agents", "/-/healthy/", "/-/quit", "//-/healthy", ""] {
            check(path, &[], false);
            check(path, &["Bearer s3cret"], true);
        }
        for path in OPEN {
            check(path, &[], true);
            check(path, &["Bearer wrong"], true);
        }
        for (value, expected) in [
            ("bearer s3cret", true),
            ("Bearer  s3cret ", true),
            (&basic("prometheus:s3cret"), true),
            (&basic(":s3cret"), true),
            (&basic("s3cret"), false),
            (&basic("s3cret:"), false),
            (&basic("a:s3cret:"), false),
            ("Basic s3cret", false),
            ("Bearer", false),
            ("Bearer ", false),
            ("Bearer s3cre", false),
            ("Bearer S3cret", false),
            ("Bearer s3cret s3cret", false),
            ("s3cret", false),
            ("Token s3cret", false),
            ("", false),
            (&long, false),
        ] {
            check("/metrics", &[value], expected);
        }
        check("/metrics", &["Bearer s3cret", "Bearer s3cret"], false);
    }

    #[test]
    fn nothing_of_it_is_shown() {
        assert_eq!(format!("{:?}", HttpToken::new(&Secret::new("canary"))), "***");
    }
}
