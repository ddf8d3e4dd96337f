//! Requests that are refused whatever their path is.

use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, StatusCode, Version};

/// Why a request gets no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Neither GET nor HEAD.
    Method,
    /// HTTP/1.1 without exactly one `Host`, which RFC 9112 has answered with 400.
    Host,
    /// It has a body, and no endpoint takes one. Bodies are never read, so the connection ends here.
    Body,
    /// It shows no token, or a wrong one.
    Unauthorized,
}

impl Refusal {
    /// Whether nothing more of the connection is to be understood: who sends such a head has no clear idea of where
    /// the next one begins, or means that somebody else shall have another.
    pub(super) fn ends_connection(self) -> bool {
        matches!(self, Self::Host | Self::Body)
    }

    /// The status that says so.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::BAD_REQUEST,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
        }
    }

    /// What would be right, for a human.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Method => "this method is not served: everything here is read with GET or HEAD\n",
            Self::Host => "the request must name its host in one Host header\n",
            Self::Body => "no endpoint takes a request body: ask without one\n",
            Self::Unauthorized => {
                "the token is missing or wrong: send it as `Authorization: Bearer`, or as a password\n"
            }
        }
    }
}

/// Looks at a request's head before any route does.
pub(super) fn screen(method: &Method, version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    if method != Method::GET && method != Method::HEAD {
        return Err(Refusal::Method);
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
        return Err(Refusal::Host);
    }
    if has_body(headers) {
        return Err(Refusal::Body);
    }
    Ok(())
}

/// Whether bytes of a body may follow the head. The connection cannot be used again then, since what
/// follows could be taken for a request.
pub(super) fn has_body(headers: &HeaderMap) -> bool {
    let is_zero = |length: &HeaderValue| length == "0";
    headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).iter().all(is_zero)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn a_request_is_refused_for_the_first_thing_that_is_wrong() {
        const X: (&str, &str) = ("host", "x");
        type Headers = &'static [(&'static str, &'static str)];
        let table: &[(&str, Version, Headers, Result<(), Refusal>)] = &[
            ("GET", Version::HTTP_11, &[X], Ok(())),
            ("HEAD", Version::HTTP_11, &[X], Ok(())),
            ("GET", Version::HTTP_10, &[], Ok(())),
            ("GET", Version::HTTP_11, &[X, ("content-length", "0")], Ok(())),
            ("POST", Version::HTTP_11, &[X], Err(Refusal::Method)),
            ("PUT", Version::HTTP_11, &[("content-length", "5")], Err(Refusal::Method)),
            ("OPTIONS", Version::HTTP_11, &[X], Err(Refusal::Method)),
            ("CONNECT", Version::HTTP_11, &[X], Err(Refusal::Method)),
            ("get", Version::HTTP_11, &[X], Err(Refusal::Method)),
            ("GET", Version::HTTP_11, &[], Err(Refusal::Host)),
            ("GET", Version::HTTP_11, &[X, X], Err(Refusal::Host)),
            ("GET", Version::HTTP_10, &[X, X], Err(Refusal::Host)),
            ("GET", Version::HTTP_11, &[X, ("content-length", "1")], Err(Refusal::Body)),
            ("GET", Version::HTTP_11, &[X, ("content-length", "00")], Err(Refusal::Body)),
            ("GET", Version::HTTP_11, &[X, ("transfer-encoding", "chunked")], Err(Refusal::Body)),
            ("HEAD", Version::HTTP_10, &[("transfer-encoding", "x")], Err(Refusal::Body)),
        ];
        for (method, version, headers, expected) in table {
            let mut request = Request::builder().method(*method).version(*version);
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let (head, ()) = request.body(()).expect("a request").into_parts();
            let got = screen(&head.method, head.version, &head.headers);
            assert_eq!(got, *expected, "{method} {version:?} {headers:?}");
        }
    }
}
