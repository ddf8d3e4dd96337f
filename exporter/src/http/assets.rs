//! The page's files: never sent again to a browser that has them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use warp::Filter;
use warp::filters::path::FullPath;
use warp::http::StatusCode;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
};
use warp::reject::Rejection;
use warp::reply::Response;

use crate::page::assets::{ASSETS, Asset};

/// What the page may do: load its own files and ask its own server, nothing else. Nothing in it makes markup from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// A file and its tag.
struct Tagged {
    asset: &'static Asset,
    etag: HeaderValue,
}

/// Answers the paths of the page's files.
pub(super) fn assets() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync {
    let all: Arc<[Tagged]> = ASSETS.iter().filter_map(Tagged::new).collect();
    warp::path::full().and(warp::header::headers_cloned()).and_then(
        move |path: FullPath, request: warp::http::HeaderMap| {
            let found = all.iter().find(|tagged| tagged.asset.path == path.as_str());
            let known = request.get_all(IF_NONE_MATCH);
            let answer = found.map(|tagged| tagged.answer(known.iter())).ok_or_else(warp::reject::not_found);
            std::future::ready(answer)
        },
    )
}

impl Tagged {
    fn new(asset: &'static Asset) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        asset.content.hash(&mut hasher);
        let etag = HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).ok()?;
        Some(Self { asset, etag })
    }

    fn answer<'a>(&self, mut known: impl Iterator<Item = &'a HeaderValue>) -> Response {
        let is_known = known.any(|tags| {
            let tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
            tags.into_iter().any(|tag| tag == "*" || self.etag == tag.trim_start_matches("W/"))
        });
        let mut response = Response::default();
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = self.asset.content.into();
        }
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        // Kept, and asked about each time: the files of two versions never meet in one page.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.asset.content_type));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }
}
