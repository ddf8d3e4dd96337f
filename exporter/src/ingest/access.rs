//! Who is let in, by token.
//!
//! There is one secret, the exporter's. An agent shows either that secret itself (one token for the whole fleet),
//! or the one that is derived from it for its name ([`own_token`]), which is good for no other name.

use std::fmt;
use std::sync::Arc;

use cpumon_protocol::model::{AgentName, Token};
use cpumon_protocol::reject::{RejectReason, Rejection};
use ring::{digest, hmac};
use subtle::{Choice, ConstantTimeEq};

use crate::fleet::Claim;

/// The token with which an agent may speak for `name` and for nobody else: HMAC-SHA256 of the name under the
/// exporter's token, in hexadecimal digits.
///
/// ```text
/// printf %s web-1 | openssl dgst -sha256 -hmac "$EXPORTER_TOKEN"
/// ```
pub fn own_token(secret: &str, name: &AgentName) -> String {
    own_token_under(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), name)
}

fn own_token_under(key: &hmac::Key, name: &AgentName) -> String {
    let tag = hmac::sign(key, name.as_str().as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is asked of those who connect.
#[derive(Clone, Default)]
pub struct Access {
    /// None lets everybody in.
    secret: Option<Arc<Secret>>,
    refuses_original: bool,
}

struct Secret {
    key: hmac::Key,
    /// What is compared are digests: their length is always the same, and where two differ tells nothing.
    digest: digest::Digest,
}

impl Access {
    /// Asks agents for a token of `secret`'s, where there is one. Clients of the original, which cannot have one,
    /// are let in if `allow_original`, by default while there is no secret.
    pub fn new(secret: Option<&str>, allow_original: Option<bool>) -> Self {
        let refuses_original = !allow_original.unwrap_or(secret.is_none());
        let secret = secret.map(|secret| {
            Arc::new(Secret {
                key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
                digest: digest_of(secret),
            })
        });
        Self { secret, refuses_original }
    }

    /// What an agent that calls itself `name` and shows `token` may claim. The refusal is the same whatever is
    /// wrong.
    pub(super) fn check(&self, name: &AgentName, token: Option<&Token>) -> Result<Claim, Rejection> {
        let Some(secret) = &self.secret else { return Ok(Claim::Shared) };
        let shown = digest_of(token.map_or("", Token::expose));
        let own = digest_of(&own_token_under(&secret.key, name));
        let (is_own, is_fleets) = (equal(&shown, &own), equal(&shown, &secret.digest));
        match (bool::from(is_own), bool::from(is_own | is_fleets)) {
            (true, _) => Ok(Claim::Own),
            (false, true) => Ok(Claim::Shared),
            (false, false) => Err(Rejection::new(
                RejectReason::Auth,
                "the token is missing or wrong; set AGENT_TOKEN_FILE to a file with one that fits",
            )),
        }
    }

    /// Whether a client of the original may come in.
    pub(super) fn check_original(&self) -> Result<(), Rejection> {
        if self.refuses_original {
            return Err(Rejection::new(
                RejectReason::Auth,
                "clients of the original have no token; EXPORTER_ALLOW_ORIGINAL=true lets them in",
            ));
        }
        Ok(())
    }
}

fn digest_of(text: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, text.as_bytes())
}

fn equal(one: &digest::Digest, other: &digest::Digest) -> Choice {
    one.as_ref().ct_eq(other.as_ref())
}

/// Shows what is asked, and nothing of the secret.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, refuses_original } = self;
        write!(f, "Access {{ secret: {}, refuses_original: {refuses_original} }}", secret.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AgentName {
        AgentName::new(text).unwrap()
    }

    #[test]
    fn a_token_of_its_own_is_what_others_make_of_the_same_secret_and_name() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        assert_eq!(tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
        // printf %s web-1 | openssl dgst -sha256 -hmac s3cret
        let expected = "80d8fd3932cf746f43108e6bab0c951f01d118d0baa9eccca7859d22efbc32da";
        assert_eq!(own_token("s3cret", &name("web-1")), expected);
    }

    #[test]
    fn who_is_let_in() {
        let own = |agent| own_token("s3cret", &name(agent));
        let (web_1, web_2) = (own("web-1"), own("web-2"));
        let claim = |secret, shown: Option<&str>| {
            let token = shown.map(|text| Token::new(text).unwrap());
            Access::new(secret, None).check(&name("web-1"), token.as_ref()).map_err(|r| (r.reason, r.message))
        };
        let s3cret = Some("s3cret");
        for shown in [None, Some(""), Some("anything")] {
            assert_eq!(claim(None, shown), Ok(Claim::Shared), "no secret, {shown:?}");
        }
        assert_eq!(claim(s3cret, Some("s3cret")), Ok(Claim::Shared));
        assert_eq!(claim(s3cret, Some(&web_1)), Ok(Claim::Own));
        let refused = claim(s3cret, None);
        assert_eq!(refused.as_ref().map_err(|(reason, _)| *reason), Err(RejectReason::Auth));
        let upper = web_1.to_uppercase();
        let wrong =
            ["", "s3cre", "s3cret ", "S3cret", "s3crets", &web_2, &web_1[..63], &upper, &"x".repeat(128)];
        for shown in wrong {
            assert_eq!(claim(s3cret, Some(shown)), refused, "{shown:?}");
        }
    }

    #[test]
    fn the_original_is_let_in_while_no_token_is_asked_for_or_when_told_so() {
        for (secret, allow, is_in) in [
            (None, None, true),
            (None, Some(false), false),
            (Some("x"), None, false),
            (Some("x"), Some(true), true),
        ] {
            assert_eq!(Access::new(secret, allow).check_original().is_ok(), is_in, "{secret:?} {allow:?}");
        }
    }

    #[test]
    fn nothing_of_the_secret_is_shown() {
        let shown = format!("{:?}", Access::new(Some("canary"), None));
        assert_eq!(shown, "Access { secret: true, refuses_original: true }");
    }
}
