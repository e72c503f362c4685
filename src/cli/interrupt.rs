//! What Ctrl-C, SIGTERM and SIGHUP do.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use ftperm::bench::kill_engines;
use ftperm::files::atomic::remove_temporary_files;

use super::console;

/// The exit code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// The program is about to end with [`INTERRUPTED`].
static ENDING: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);
static SEARCHING: AtomicBool = AtomicBool::new(false);

/// From now on an interruption ends the program, or, once a search has found something, the search; a second one ends
/// the program in any case. No temporary file is left, and no engine runs on.
pub fn watch() -> anyhow::Result<()> {
    handle(|| {
        if !SEARCHING.load(Ordering::Relaxed) {
            ENDING.store(true, Ordering::SeqCst);
            console::say("interrupted: nothing more was written");
            end();
        }
        if STOP.swap(true, Ordering::Relaxed) {
            end();
        }
        console::say("interrupted: ending with the best order so far (again to give up)");
    })
}

/// Calls `handler` at every interruption. SIGHUP stays ignored if whoever started this program had it ignored, as
/// `nohup` does. Not so SIGINT, which shells have programs in the background ignore: who sends it to one means it.
pub fn handle(handler: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    #[cfg(unix)]
    let ignored = is_ignored(libc::SIGHUP);
    ctrlc::set_handler(handler).context("cannot watch for Ctrl-C")?;
    #[cfg(unix)]
    if ignored {
        // SAFETY: the disposition is one of the system's own; no function of ours is called.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    Ok(())
}

#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    let mut old = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is changed; the pointer is valid for one sigaction, of which all-zero bytes are a valid one.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()) == 0
            && old.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// To be asked after a search and while what it needs is read.
///
/// # Errors
/// It was to end before it had found anything. Where the program itself is interrupted, it has ended by then.
pub fn check() -> Result<(), Interrupted> {
    if STOP.load(Ordering::Relaxed) && !SEARCHING.load(Ordering::Relaxed) {
        return Err(Interrupted);
    }
    Ok(())
}

/// The work was to end before a search had found anything.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted: nothing more was written")]
pub struct Interrupted;

/// Forgets what was before. Another program's next work begins.
#[cfg(hosted)]
pub fn begin() {
    STOP.store(false, Ordering::Relaxed);
    SEARCHING.store(false, Ordering::Relaxed);
}

/// There is an order that is worth keeping.
pub fn search_has_begun() {
    SEARCHING.store(true, Ordering::Relaxed);
}

/// Set by the first interruption of a search.
pub fn stop_flag() -> &'static AtomicBool {
    &STOP
}

/// To be called before the program ends in another way. If an interruption is ending it, it waits for that: the command
/// fails where its temporary files were taken away, but that is no error of its own.
pub fn give_way() {
    while ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Ends the program at once.
pub fn end() -> ! {
    ENDING.store(true, Ordering::SeqCst);
    kill_engines();
    remove_temporary_files();
    std::process::exit(INTERRUPTED)
}
