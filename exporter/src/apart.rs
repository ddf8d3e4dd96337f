//! A thread of its own for what must not wait for others.

use std::future::Future;
use std::io;
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Runs `work` to its end on a new thread, called `name`, with a runtime that has this thread alone, and gives back
/// what it gives. Tasks that `work` has spawned and not waited for end with it.
///
/// Tasks of one thread wake each other without a lock, a queue for strangers or a call of the kernel's; for many
/// small ones that costs less than a runtime of several threads (docs/benchmarks.md).
///
/// # Errors
///
/// When there is no thread or no runtime to be had, and when `work` has panicked.
pub(crate) async fn run<W, F>(name: &str, work: W) -> anyhow::Result<F::Output>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output: Send + 'static>,
{
    let (done, outcome) = oneshot::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Whoever waits may be gone: then nobody needs to know.
            let _ = done.send(block_on(work));
        })
        .with_context(|| format!("cannot start the thread {name}"))?;
    outcome
        .await
        .with_context(|| format!("the thread {name} has panicked"))?
        .with_context(|| format!("cannot start the runtime of the thread {name}"))
}

fn block_on<F: Future>(work: impl FnOnce() -> F) -> io::Result<F::Output> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Sockets that `work` makes of listeners belong to the runtime that it is called on.
    Ok(runtime.block_on(async { work().await }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_outcome_comes_back_from_another_thread() {
        let here = thread::current().id();
        let there = run("apart", || async { tokio::spawn(async { thread::current().id() }).await.unwrap() })
            .await
            .unwrap();
        assert_ne!(here, there);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_that_names_the_thread() {
        let error = run("apart", || async { assert!(thread::current().name().is_none(), "as is meant") });
        assert!(format!("{:#}", error.await.unwrap_err()).contains("the thread apart has panicked"));
    }
}
