//! Turns panics of a decoder into errors, quietly.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it is returned as its message and prints nothing.
///
/// The decoder of another crate takes damaged data for a broken promise and panics. The panic hook is replaced once, by
/// one that stays silent on threads inside this function and calls the previous hook on all others.
pub(super) fn contain_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                previous(info);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(outer);
    outcome.map_err(|payload| {
        if let Some(text) = payload.downcast_ref::<&str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "the decoder gave up".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(contain_panic(|| 5), Ok(5));
        let index = std::hint::black_box(70);
        let outcome = contain_panic(|| [0u8; 64][index]);
        assert!(outcome.unwrap_err().contains("out of bounds"));
        assert!(!QUIET.get());
    }
}
