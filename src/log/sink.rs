//! Where lines go: how they look, where they wait, and who writes them. One value, for another place may want another look.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::output::Output;
use super::queue::Queue;
use super::style::Style;
use super::trouble::Told;
use super::writer::Writer;

/// Where lines go.
#[derive(Debug)]
pub struct Sink {
    style: Style,
    writer: Writer,
}

impl Sink {
    /// Lines in this style, to `output`.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn start(style: Style, output: Output) -> io::Result<Self> {
        Ok(Self { style, writer: Writer::start(Told::Here(style), output)? })
    }

    /// How lines look.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Where lines wait.
    pub fn queue(&self) -> &Queue {
        self.writer.queue()
    }

    /// Waits until everything is written, but not for long.
    pub fn flush(&self) {
        self.writer.flush();
    }

    /// Has what is written to opened again: somebody has moved it away.
    pub fn reopen(&self) {
        self.writer.reopen();
    }
}

/// Lets go of what lines went to, once nobody is about to log there any more; nobody waits for that.
pub fn retire<T: Send + Sync + 'static>(mut old: Arc<T>) {
    let retiring = move || {
        while let Err(shared) = Arc::try_unwrap(old) {
            old = shared;
            #[expect(clippy::disallowed_methods, reason = "the thread is no worker, and whoever logs is done at once")]
            thread::sleep(Duration::from_millis(1));
        }
    };
    // Where there can be no more threads, whoever was last lets go of it.
    let _ = thread::Builder::new().name("windlass-log".into()).spawn(retiring);
}
