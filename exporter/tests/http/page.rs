//! The files of the live page.

use cpumon_exporter::http::HttpConfig;
use cpumon_exporter::page::assets::ASSETS;

use crate::support::{Server, TestSite};

async fn start() -> Server {
    Server::start(TestSite::new(&[]), HttpConfig::default()).await
}

#[tokio::test]
async fn no_file_names_another_host() {
    let server = start().await;
    for asset in ASSETS {
        let file = server.get(asset.path, "").await;
        assert_eq!((file.status, file.text()), (200, asset.content), "{}", asset.path);
        // The name of a language in a drawing is no address.
        let text = asset.content.replace("http://www.w3.org/2000/svg", "");
        for mark in ["http:", "https:", "//www", "url(", "@import"] {
            assert!(!text.contains(mark), "{} holds {mark:?}", asset.path);
        }
    }
}

#[tokio::test]
async fn the_policy_allows_files_of_this_server_and_nothing_else() {
    let page = start().await.get("/", "").await;
    let policy = page.header("content-security-policy").unwrap();
    for rule in policy.split("; ").map(|rule| rule.split_once(' ').unwrap()) {
        let allowed = match rule.0 {
            "script-src" | "style-src" | "img-src" | "connect-src" => rule.1 == "'self'",
            "require-trusted-types-for" => rule.1 == "'script'",
            _ => rule.1 == "'none'",
        };
        assert!(allowed, "{rule:?}");
    }
    for needed in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(needed), "{needed} in {policy}");
    }
    for forbidden in [" style=", "<style", " onclick=", "javascript:"] {
        assert!(!page.text().contains(forbidden), "{forbidden:?}");
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let server = start().await;
    let first = server.get("/page/page.js", "").await;
    let tag = first.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let mut client = server.connect().await;
        client.get("/page/page.js", &format!("If-None-Match: {known}\r\n")).await;
        let (status, headers) = client.head().await.unwrap();
        assert_eq!((status, headers.get("etag")), (304, Some(&tag)), "{known}");
    }
    let other = server.get("/page/page.js", "If-None-Match: \"other\"\r\n").await;
    assert_eq!((other.status, other.body), (200, first.body));
    let css = server.get("/page/page.css", "").await;
    assert_ne!(css.header("etag"), Some(&*tag), "each file has its own");
}
