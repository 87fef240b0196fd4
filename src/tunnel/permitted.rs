//! How a tunnel keeps to what it is permitted: until when, which may move, and what its client reads then.

use std::task::Waker;

use tokio::time::Instant;

use super::liveness::Liveness;
use crate::drain::Registration;
use crate::websocket::CloseCode;

/// When what the tunnel is permitted ends.
pub(super) fn end(registration: &Registration) -> Option<Instant> {
    registration.handle().permit()?.end().map(Instant::from_std)
}

/// What the client of a tunnel reads whose permission has ended.
pub(super) fn close_code(registration: &Registration) -> CloseCode {
    let permit = registration.handle().permit();
    permit.map_or(CloseCode::POLICY_VIOLATION, |permit| permit.permission().close_code())
}

/// The tunnel is closing: nobody is told from now on that it was prolonged.
pub(super) fn note_over(registration: &Registration) {
    if let Some(permit) = registration.handle().permit() {
        permit.note_over();
    }
}

/// Keeps to an end that has moved. Says whether it has.
pub(super) fn keep_to(registration: &Registration, liveness: &mut Liveness, waker: &Waker) -> bool {
    let Some(permit) = registration.handle().permit() else { return false };
    if !permit.take_moved() {
        return false;
    }
    // Whoever moved it has taken the waker; one who moves it from now on finds the new one.
    registration.listen(waker);
    while permit.take_moved() {
        registration.listen(waker);
    }
    liveness.expire_at(end(registration));
    true
}
