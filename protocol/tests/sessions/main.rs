//! Both sessions: what one says the other understands, whatever the chunks; what nobody said is refused once; and
//! every frame keeps its limit.
#![cfg(test)]

mod answers;
mod frames;
mod hostile;
#[path = "../support/mod.rs"]
mod support;
