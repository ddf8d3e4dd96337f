//! The token, and over what it may go.

use std::net::SocketAddr;

use cpumon_protocol::model::Token;

/// What the agent shows to be let in, and to whom.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    token: Option<Token>,
    /// Whether it may go to any address.
    anywhere: bool,
}

/// Whether a peer is shown the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There is none.
    Nothing,
    /// It is.
    Token(Token),
    /// It is not: others could read it on its way.
    Withheld,
}

impl Credential {
    /// `token`, to be shown over TLS (then `is_tls`) or to this machine, and in plain text to others only if
    /// `in_plain_text`.
    pub fn new(token: Option<Token>, is_tls: bool, in_plain_text: bool) -> Self {
        Self { token, anywhere: is_tls || in_plain_text }
    }

    /// What an exporter at `peer` is shown.
    pub fn for_peer(&self, peer: SocketAddr) -> Shown {
        match &self.token {
            None => Shown::Nothing,
            Some(token) if self.anywhere || peer.ip().to_canonical().is_loopback() => {
                Shown::Token(token.clone())
            }
            Some(_) => Shown::Withheld,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leaves_this_machine_only_encrypted_or_when_told_so() {
        let token = || Token::new("t");
        let near = ["127.0.0.1:1", "127.8.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"];
        let far = ["10.0.0.1:1", "0.0.0.0:1", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1", "128.0.0.1:1"];
        for (is_tls, in_plain_text, is_shown_afar) in
            [(false, false, false), (true, false, true), (false, true, true)]
        {
            let credential = Credential::new(token(), is_tls, in_plain_text);
            let shown = |peer: &str| credential.for_peer(peer.parse().unwrap());
            for peer in near {
                assert_eq!(shown(peer), Shown::Token(token().unwrap()), "{peer}");
            }
            for peer in far {
                assert_eq!(shown(peer) != Shown::Withheld, is_shown_afar, "{peer}");
            }
        }
        let none = Credential::new(None, false, false);
        assert!(near.iter().chain(&far).all(|peer| none.for_peer(peer.parse().unwrap()) == Shown::Nothing));
    }
}
