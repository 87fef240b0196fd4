//! What happens when we are short of what a connection with an endpoint takes.

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use windlass::process::{DescriptorLimit, Room};

use crate::rig::{Config, Endpoint, Handshake, Program};

/// Leaves the program one descriptor: enough for a client, and for nothing else.
fn leave_one(program: &Program) {
    let id = Pid::from_raw(program.id().cast_signed()).unwrap();
    let is_free = |number: &u64| fs::symlink_metadata(format!("/proc/{id}/fd/{number}")).is_err();
    let limit = (0..).filter(is_free).nth(1);
    prlimit(Some(id), Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
}

#[tokio::test]
async fn without_a_descriptor_it_is_a_503_that_blames_no_endpoint_and_tries_no_other() {
    let (one, other) = (Endpoint::listen().await, Endpoint::listen().await);
    let mut program = Program::serving(&Config::chat([one.address(), other.address()])).await;
    leave_one(&program);
    let mut client = program.connect().await;

    client.send(Handshake::new().bytes()).await;

    let (head, body) = client.answer().await;
    let expected = "503 no room for another connection, come back a little later\n";
    assert_eq!((head.status(), head.values("retry-after").len(), body.as_str()), (503, 1, expected));
    let complaint: Value = serde_json::from_str(&program.logs("cannot connect to endpoints").await).unwrap();
    let refused: Value = serde_json::from_str(&program.logs("\"refused\"").await).unwrap();
    assert_eq!((&refused["refusal"], &refused["fault"]), (&"no_room".into(), &"windlass".into()));
    assert!(complaint["error"].as_str().unwrap().contains("raise LimitNOFILE"), "{complaint}");
    let (tried, detail) = (complaint["endpoint"].as_str().unwrap(), refused["detail"].as_str().unwrap());
    assert!(detail.starts_with(&format!("endpoint {tried}: ")), "{complaint}, {refused}");
}

#[tokio::test]
async fn what_a_process_takes_for_itself_is_reserved() {
    let endpoint = Endpoint::listen().await;
    let program = Program::serving(&Config::chat([endpoint.address()]).with("workers", "32")).await;
    let open = fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count();

    let Room { descriptors, tunnels, resting } = DescriptorLimit { soft_before: 0, now: 10_000 }.room(32, 1, 1);
    let (operators, reserved) = (32, descriptors - 2 * tunnels - resting);

    assert!(open + operators < reserved, "{open} of {reserved}");
}
