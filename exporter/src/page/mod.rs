//! The live page: its files, and what it is told of the fleet, second by second.
//!
//! - [`assets`]: the files that a browser loads once;
//! - `row`: what the page shows of one agent in a list of all;
//! - `roll`: these rows of the whole fleet, and what has changed since the last look;
//! - `encode`: that as a server-sent event;
//! - `feed`: looks, once a second, while a page is open.
//!
//! How a page gets the events, and what happens to one that reads too slowly, is in [`crate::http`].

pub mod assets;
mod encode;
mod feed;
mod roll;
mod row;

pub(crate) use encode::About;
pub(crate) use feed::FleetFeed;
