//! A network namespace: what is made there has addresses, ports and links of its own.
//!
//! This needs root and `ip` (iproute2); where they are missing it fails, for nothing else would tell.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace, and what is in it. Gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one of this number.
    pub(crate) fn new(number: u16) -> Self {
        let name = format!("windlass-{number}");
        ip(&["netns", "add", &name]);
        Self { name }
    }

    /// What `ip netns` knows it by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Has `ip` do this in it.
    pub(crate) fn ip(&self, arguments: &[&str]) {
        ip(&[&["-n", &self.name], arguments].concat());
    }

    /// Makes something there: a socket belongs to the namespace of the thread that made it, and a thread of its own may move.
    pub(crate) fn make<S: Send + 'static>(&self, make: impl FnOnce() -> S + Send + 'static) -> S {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let making = std::thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            make()
        });
        making.join().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A failure here must not hide the test's own.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}

/// Has `ip` do this.
pub(crate) fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said}(this test needs root)", arguments.join(" "));
}
