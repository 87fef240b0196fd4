//! The name that a client asks for, on its way out of the handshake: through a slot of the thread, as what refuses it.

use std::cell::RefCell;

use super::shown_certificate::ShownCertificate;

thread_local! {
    static LISTENING: RefCell<Option<ShownCertificate>> = const { RefCell::new(None) };
}

/// Has `shown` learn the name that a client asks for while rustls does its `work`.
pub(super) fn listen<T>(shown: Option<ShownCertificate>, work: impl FnOnce() -> T) -> T {
    LISTENING.set(shown);
    let done = work();
    LISTENING.set(None);
    done
}

/// A client asks for this name.
pub(super) fn note(name: Option<&str>) {
    LISTENING.with_borrow(|listening| {
        if let (Some(shown), Some(name)) = (listening, name) {
            shown.note_server_name(name);
        }
    });
}
