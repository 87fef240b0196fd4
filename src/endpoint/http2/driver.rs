//! The task that drives a shared connection to its end.

use std::future::{pending, poll_fn};
use std::sync::Arc;

use bytes::Bytes;
use h2::client::Connection;
use h2::{Ping, PingPong};
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{ConnectionState, Rest};
use super::liveness::{LOOK_EVERY, Liveness, PONG_WITHIN};
use super::recorded::Recorded;
use crate::net::{Guarded, ReadActivity, TunnelStream};

/// Drives a connection until it ends.
pub(super) struct Driver<S> {
    pub(super) connection: Connection<Recorded<Guarded<S>>, Bytes>,
    pub(super) pings: PingPong,
    /// Whether anything was read since it was last looked.
    pub(super) heard: ReadActivity,
    pub(super) state: Arc<ConnectionState>,
}

/// Why a connection is not driven any further.
enum Over {
    /// It has ended.
    Ended,
    /// It has rested for long enough.
    Rested,
    /// Its endpoint answers no ping.
    Dead,
}

impl<S> Driver<S>
where
    S: TunnelStream + Send + 'static,
{
    /// Drives it to its end: the endpoint's, that of a line which is dead, or that of its `rest`. `let_go` is called when no more
    /// requests are to be sent over it.
    pub(super) async fn run(mut self, rest: Rest, let_go: impl FnOnce()) {
        let over = self.run_until_over(&rest).await;
        self.state.note_ending();
        let_go();
        match over {
            Over::Ended => {}
            Over::Dead => self.state.note_dead(),
            Over::Rested => self.end().await,
        }
    }

    /// Ends it: without anybody who might ask, it says GOAWAY; a request that came in the last moment is served first.
    async fn end(&mut self) {
        while timeout(LOOK_EVERY, &mut self.connection).await.is_err() {
            if !self.state.is_asked() {
                return;
            }
        }
    }

    /// Until it has ended, or should.
    async fn run_until_over(&mut self, rest: &Rest) -> Over {
        let mut liveness = Liveness::default();
        let mut next_look = Instant::now() + LOOK_EVERY;
        let mut pong_until = None;
        loop {
            let rests_until = self.state.rests_until(rest);
            if rests_until.is_some_and(|until| until <= Instant::now()) {
                return Over::Rested;
            }
            let next = [Some(next_look), rests_until, pong_until].into_iter().flatten().min().unwrap_or(next_look);
            tokio::select! {
                biased;
                _ = &mut self.connection => return Over::Ended,
                () = pong(&mut self.pings, pong_until.is_some()) => {
                    pong_until = None;
                    // What has come so far may have been no more than this.
                    self.heard.forget();
                }
                () = self.state.looked_for() => {}
                () = sleep_until(next) => {}
            }
            let now = Instant::now();
            if pong_until.is_some_and(|until| until <= now) {
                return Over::Dead;
            }
            if next_look <= now {
                next_look = now + LOOK_EVERY;
                let is_asked = self.state.is_asked();
                let is_heard = self.heard.is_some();
                self.heard.forget();
                if liveness.look(is_asked, is_heard, now) && self.pings.send_ping(Ping::opaque()).is_ok() {
                    pong_until = Some(now + PONG_WITHIN);
                }
            }
        }
    }
}

/// Ends with the answer to the ping that is under way.
async fn pong(pings: &mut PingPong, is_awaited: bool) {
    if !is_awaited || poll_fn(|cx| pings.poll_pong(cx)).await.is_err() {
        // The connection has ended, and says so itself.
        pending().await
    }
}
