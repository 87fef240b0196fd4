//! Listeners whose address changes: the new socket is open before the old one closes, also where the two overlap.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::handoff::world::{World, free_port};
use crate::rig::{Config, Endpoint, PATIENCE, PROGRAM, signal};

#[tokio::test]
async fn a_reload_moves_a_listener_to_an_address_that_overlaps() {
    let port = free_port();
    for (from, to, reached) in [
        ("127.0.0.1", "0.0.0.0", "127.0.0.2"),
        ("0.0.0.0", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "[::]", "::1"),
        ("[::]", "0.0.0.0", "127.0.0.1"),
    ] {
        let mut world = World::new(&config("public", from, port));
        let pid = world.start().await;
        world.folder.configure(&config("public", to, port).text());

        signal(pid, Signal::HUP);

        world.notify.until_noted(|note| note.text.starts_with("READY=1\nSTATUS=serving generation 2")).await;
        assert_answers(reached, port);
        assert_a_second_instance_is_refused(&mut world).await;
    }
}

#[tokio::test]
async fn a_handoff_moves_a_listener_to_an_address_that_overlaps() {
    let port = free_port();
    let mut world = World::new(&config("public", "127.0.0.1", port));
    let old = world.start().await;
    world.folder.configure(&config("public", "0.0.0.0", port).text());

    signal(old, Signal::USR2);

    world.notify.until_noted(|note| note.pid != old && note.text.starts_with("READY=1")).await;
    assert_answers("127.0.0.2", port);
    world.exit_code(old).await;
    assert_answers("127.0.0.1", port);
    assert_a_second_instance_is_refused(&mut world).await;
}

#[tokio::test]
async fn both_families_have_a_listener_each_from_the_start_after_a_reload_and_after_a_handoff() {
    for (four, six) in [("a", "b"), ("b", "a")] {
        for at in ["0.0.0.0", "127.0.0.1"] {
            let port = free_port();
            let both = families(&[(four, at), (six, "[::]")], four, port);
            let mut world = World::new(&both);
            let old = world.start().await;
            assert_each_has_its_own(port);

            // IPv4 goes to the listener of both families while it is alone.
            world.folder.configure(&families(&[(six, "[::]")], six, port).text());
            signal(old, Signal::HUP);
            world.notify.until_noted(|note| note.text.starts_with("READY=1\nSTATUS=serving generation 2")).await;
            // The socket that is not wanted any more closes a moment later.
            world
                .folder
                .until("IPv4 at the other listener", || {
                    answer("127.0.0.1", port).is_ok_and(|it| has_status(&it, "502"))
                })
                .await;
            world.folder.configure(&both.text());
            signal(old, Signal::HUP);
            world.notify.until_noted(|note| note.text.starts_with("READY=1\nSTATUS=serving generation 3")).await;
            assert_each_has_its_own(port);

            // The process before hands over one socket, and the other is opened beside it.
            world.folder.configure(&families(&[(six, "[::]")], six, port).text());
            signal(old, Signal::HUP);
            world.notify.until_noted(|note| note.text.starts_with("READY=1\nSTATUS=serving generation 4")).await;
            world.folder.configure(&both.text());
            signal(old, Signal::USR2);
            world.notify.until_noted(|note| note.pid != old && note.text.starts_with("READY=1")).await;
            world.exit_code(old).await;
            assert_each_has_its_own(port);
            assert_a_second_instance_is_refused(&mut world).await;
        }
    }
}

#[tokio::test]
async fn a_reload_to_an_address_that_a_stranger_has_changes_nothing() {
    let port = free_port();
    let _stranger = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
    let mut world = World::new(&config("public", "127.0.0.1", port));
    let pid = world.start().await;
    world.folder.configure(&config("public", "0.0.0.0", port).text());

    signal(pid, Signal::HUP);

    world.notify.until_noted(|note| note.text.starts_with("READY=1\nSTATUS=reload refused")).await;
    assert_answers("127.0.0.1", port);
    assert_a_second_instance_is_refused(&mut world).await;
}

#[tokio::test]
async fn a_listener_with_another_name_keeps_its_socket() {
    let port = free_port();
    let mut world = World::new(&config("public", "127.0.0.1", port));
    let pid = world.start().await;
    let inode = listening_inode(port);
    world.folder.configure(&config("renamed", "127.0.0.1", port).text());

    signal(pid, Signal::HUP);

    world.notify.until_noted(|note| note.text.starts_with("READY=1\nSTATUS=serving generation 2")).await;
    assert_eq!(listening_inode(port), inode);
    assert_answers("127.0.0.1", port);
}

fn config(listener: &str, ip: &str, port: u16) -> Config {
    families(&[(listener, ip)], listener, port)
}

/// Listeners of one port, of which only `served` has a route.
fn families(listeners: &[(&str, &str)], served: &str, port: u16) -> Config {
    let served = Config::chat([Endpoint::nobody()])
        .without("listener.public")
        .with("route.chat.listeners", &format!("[\"{served}\"]"));
    listeners
        .iter()
        .fold(served, |config, (name, ip)| config.with(&format!("listener.{name}.bind"), &format!("\"{ip}:{port}\"")))
}

fn assert_each_has_its_own(port: u16) {
    assert_status("127.0.0.1", port, "502");
    assert_status("::1", port, "404");
}

fn assert_answers(ip: &str, port: u16) {
    assert_status(ip, port, "502");
}

fn assert_status(ip: &str, port: u16, status: &str) {
    let answer = answer(ip, port).unwrap();
    assert!(has_status(&answer, status), "{ip}: {answer}");
}

fn has_status(answer: &str, status: &str) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status}"))
}

fn answer(ip: &str, port: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect(SocketAddr::from((ip.parse::<IpAddr>().unwrap(), port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

async fn assert_a_second_instance_is_refused(world: &mut World) {
    let second = world.spawn(world.command(PROGRAM, &[]));
    assert_eq!(world.exit_code(second).await, Some(1));
    world.folder.until_logged(&["another windlass, listens there"]).await;
}

/// What the kernel knows the socket that listens on 127.0.0.1 by.
fn listening_inode(port: u16) -> String {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!("0100007F:{port:04X}");
    let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.get(1) == Some(&local.as_str()) && row.get(3) == Some(&"0A")).unwrap();
    (*row.get(9).unwrap()).to_owned()
}
