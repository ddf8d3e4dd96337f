//! The protocol's own tables of inputs, here on real sockets.

#[path = "../../../../protocol/tests/golden/bad.rs"]
mod bad;
#[path = "../../../../protocol/tests/golden/good.rs"]
mod good;
#[path = "../../../../protocol/tests/golden/input.rs"]
mod input;

pub(crate) use bad::BAD;
pub(crate) use good::GOOD;
pub(crate) use input::{At, Input};
