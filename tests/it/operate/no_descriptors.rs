//! The process may open nothing any more.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use windlass::admin::Client as Admin;
use windlass::config::AdminListen;

use crate::operate::peers::Client;
use crate::operate::two_endpoints;
use crate::rig::Program;

/// Lets the program open descriptors below `current`, and no others. The hard limit stays: not everybody may raise it again.
fn limit(program: &Program, current: Option<u64>) {
    let id = Pid::from_raw(program.id().cast_signed()).unwrap();
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(Some(id), Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_and_operators_go_on_and_newcomers_wait() {
    const COMPLAINT: &str = "cannot accept: out of a resource";
    let windlass = Program::start(&format!("workers = 1\n{}", two_endpoints().await)).await;
    let address = windlass.public().await;
    let mut tunnel = windlass.client("a").await.unwrap();
    let admin = Admin::new(AdminListen::Unix(windlass.folder().socket()));
    let is_free = |number: &u64| fs::symlink_metadata(format!("/proc/{}/fd/{number}", windlass.id())).is_err();
    limit(&windlass, (0..).find(is_free));

    // More than find the descriptor of an operator who leaves, each time that it is tried, while all of this lasts.
    let late: Vec<_> = (0..40).map(|_| tokio::spawn(Client::connect(address, "late"))).collect();
    windlass.folder().until_logged(&[COMPLAINT]).await;
    // Long enough that it has tried to accept several times.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(500) {
        tunnel.assert_open().await;
        let status = admin.get::<serde_json::Value>("/status").await.unwrap().value;
        assert!(status["tunnels"].as_u64() >= Some(1), "{status}");
    }
    let complaints = windlass.folder().log().matches(COMPLAINT).count() as u64;
    assert!(complaints <= 1 + begun.elapsed().as_secs() / 10, "{complaints} lines");
    assert!(!late.iter().all(tokio::task::JoinHandle::is_finished), "nobody waits");

    limit(&windlass, getrlimit(Resource::Nofile).current);
    for late in late {
        match late.await.unwrap() {
            Ok(mut client) => client.assert_open().await,
            // It had the descriptor of an operator who left, and there was none for the endpoint.
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 503),
            Err(error) => panic!("{error}"),
        }
    }
    windlass.client("later").await.unwrap().assert_open().await;
    tunnel.assert_open().await;
}
