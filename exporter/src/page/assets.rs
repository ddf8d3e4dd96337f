//! The files of the page. They are in the program, so that it needs nothing beside it.

/// A file that a browser loads.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it is served.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// What is in it.
    pub content: &'static str,
}

const fn script(path: &'static str, content: &'static str) -> Asset {
    Asset { path, content_type: "text/javascript; charset=utf-8", content }
}

/// Every file. None names another host, and none has a script or a style inside another file: the policy that they
/// are served with forbids both.
pub static ASSETS: &[Asset] = &[
    Asset { path: "/", content_type: "text/html; charset=utf-8", content: include_str!("assets/index.html") },
    Asset {
        path: "/page/page.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("assets/page.css"),
    },
    script("/page/page.js", include_str!("assets/page.js")),
    script("/page/stream.js", include_str!("assets/stream.js")),
    script("/page/ask.js", include_str!("assets/ask.js")),
    script("/page/fleet.js", include_str!("assets/fleet.js")),
    script("/page/palette.js", include_str!("assets/palette.js")),
    script("/page/format.js", include_str!("assets/format.js")),
    script("/page/draw.js", include_str!("assets/draw.js")),
    script("/page/overview.js", include_str!("assets/overview.js")),
    script("/page/heatmap.js", include_str!("assets/heatmap.js")),
    script("/page/list.js", include_str!("assets/list.js")),
    script("/page/agent.js", include_str!("assets/agent.js")),
    script("/page/modes.js", include_str!("assets/modes.js")),
    script("/page/facts.js", include_str!("assets/facts.js")),
    Asset {
        path: "/page/icon.svg",
        content_type: "image/svg+xml; charset=utf-8",
        content: include_str!("assets/icon.svg"),
    },
];
