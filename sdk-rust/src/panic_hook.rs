//! Sends a panic's message and place to the server, whose answer to the caller carries them.

use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::PanicHookInfo;

use crate::host;

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Natively a panic is a failing test's, and stays as it is.
pub(crate) fn install() {
    if cfg!(target_arch = "wasm32") && !IS_INSTALLED.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(|panic| host::fail(&message(panic))));
    }
}

/// Where, then what; that it is a panic the server says by itself.
fn message(panic: &PanicHookInfo<'_>) -> String {
    let text = panic.payload_as_str().unwrap_or("panic");
    match panic.location() {
        Some(place) => {
            format!("{}:{}: {text}", short_path(place.file()), place.line())
        }
        None => text.to_owned(),
    }
}

/// Callers see the message, so an absolute path of the machine that built the module is cut down to its last three
/// parts: `serde_json-1.0.150/src/de.rs`.
fn short_path(path: &str) -> &str {
    let is_absolute = path.starts_with('/') || path.as_bytes().get(1) == Some(&b':');
    if !is_absolute {
        return path;
    }
    match path.rmatch_indices(['/', '\\']).nth(2) {
        Some((at, _)) => &path[at + 1..],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_build_machine_is_cut_short() {
        assert_eq!(short_path("src/lib.rs"), "src/lib.rs");
        assert_eq!(short_path("/home/ada/x/note/src/lib.rs"), "note/src/lib.rs");
        assert_eq!(short_path("C:\\ada\\note\\src\\lib.rs"), "note\\src\\lib.rs");
        assert_eq!(short_path("/lib.rs"), "/lib.rs");
    }

    #[test]
    fn a_message_names_what_and_where() {
        std::panic::set_hook(Box::new(|panic| {
            if panic.location().is_some_and(|place| place.file().ends_with("panic_hook.rs")) {
                assert!(message(panic).starts_with("sdk-rust/src/panic_hook.rs:"));
                assert!(message(panic).ends_with(": no note 7"));
            }
        }));
        let id = 7;
        assert!(std::panic::catch_unwind(|| panic!("no note {id}")).is_err());
        let _hook = std::panic::take_hook();
    }
}
