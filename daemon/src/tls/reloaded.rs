//! A configuration that follows its files.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::TlsError;

/// Files that a TLS configuration is made of.
pub trait Material {
    /// What they hold.
    type Contents: Hash;
    /// What is made of it.
    type Config;

    /// Reads them.
    ///
    /// # Errors
    ///
    /// The first that cannot be read.
    fn read(&self) -> Result<Self::Contents, TlsError>;

    /// Makes the configuration of what was read.
    ///
    /// # Errors
    ///
    /// The first that is of no use.
    fn build(&self, contents: Self::Contents) -> Result<Self::Config, TlsError>;
}

/// The newest configuration that the files gave.
pub struct Reloaded<M: Material> {
    material: M,
    hasher: RandomState,
    state: Mutex<State<M::Config>>,
}

struct State<C> {
    config: Arc<C>,
    /// What was seen last, good or not: what is broken is told once, not each time it is looked at.
    seen: Result<u64, TlsError>,
}

impl<M: Material> Reloaded<M> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    ///
    /// The first that gives no TLS: there is nothing to fall back on.
    pub fn load(material: M) -> Result<Self, TlsError> {
        let hasher = RandomState::new();
        let contents = material.read()?;
        let seen = Ok(hasher.hash_one(&contents));
        let config = Arc::new(material.build(contents)?);
        Ok(Self { material, hasher, state: Mutex::new(State { config, seen }) })
    }

    /// The configuration for a new connection.
    pub fn config(&self) -> Arc<M::Config> {
        Arc::clone(&self.state().config)
    }

    /// Looks at the files again. `None` when they are as they were; else whether what they hold now is in use from
    /// here on. What is of no use changes nothing. Reads files: not for a thread that others wait for.
    pub fn refresh(&self) -> Option<Result<(), TlsError>> {
        let contents = self.material.read();
        let seen = match &contents {
            Ok(contents) => Ok(self.hasher.hash_one(contents)),
            Err(error) => Err(error.clone()),
        };
        if self.state().seen == seen {
            return None;
        }
        let built = contents.and_then(|contents| self.material.build(contents));
        let mut state = self.state();
        state.seen = seen;
        Some(built.map(|config| state.config = Arc::new(config)))
    }

    fn state(&self) -> MutexGuard<'_, State<M::Config>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows which files, and nothing of what they hold.
impl<M: Material + fmt::Debug> fmt::Debug for Reloaded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.material.fmt(f)
    }
}
