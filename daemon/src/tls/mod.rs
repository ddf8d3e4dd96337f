//! TLS for both programs: version 1.3 alone, with rustls and ring.
//!
//! A peer's certificate is verified, always: there is no way to switch that off. Nothing is resumed and nothing is
//! sent early, so every connection verifies anew, and a certificate that is replaced or has expired counts from the
//! next connection on.
//!
//! [`ServerTls`] and [`ClientTls`] hold the newest configuration that their files gave, and look at the files again
//! when they are asked to: what is good is taken, what is broken is told and changes nothing.

mod client;
mod error;
mod files;
mod reloaded;
mod server;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;

pub use client::{ClientFiles, ClientTls, server_name};
pub use error::{Part, TlsError};
pub use files::IdentityFiles;
pub use reloaded::Reloaded;
pub use server::{ServerFiles, ServerTls};

/// What is spoken. An older version is refused, so there is nothing to be talked down to.
const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The cryptography, named here so that no other crate in the tree can choose another.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
