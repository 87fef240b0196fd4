//! Socket activation, with `systemd-socket-activate` in systemd's place.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::handoff::world::{World, free_port};
use crate::rig::{Config, Endpoint, PATIENCE, PROGRAM};

#[tokio::test]
#[ignore = "systemd-socket-activate must be installed"]
async fn a_socket_of_systemd_is_adopted_by_its_address() {
    let port = free_port();
    // systemd's own socket is dual-stack, and satisfies 0.0.0.0.
    let mut world = World::new(&config(&format!("0.0.0.0:{port}")));

    activate(&mut world, &[port], "web").await;

    assert_answers(port);
    assert!(!world.folder.log().contains("no listener asks for"), "{}", world.folder.log());
}

#[tokio::test]
#[ignore = "systemd-socket-activate must be installed"]
async fn a_socket_of_systemd_is_adopted_by_its_name() {
    let ports = [free_port(), free_port()];
    let mut world = World::new(&config("systemd:chat"));

    activate(&mut world, &ports, "spare:chat").await;

    assert_answers(ports[1]);
    let warning = world.folder.until_logged(&["WARN", "no listener asks for", "\"name\":\"spare\""]).await;
    assert!(warning.contains(&ports[0].to_string()), "{warning}");
}

#[tokio::test]
#[ignore = "systemd-socket-activate must be installed"]
async fn a_name_that_systemd_did_not_pass_is_an_error_that_lists_what_it_did() {
    let port = free_port();
    let mut world = World::new(&config("systemd:chat"));

    activate(&mut world, &[port], "caht").await;

    let error = world.folder.until_logged(&["listener public: cannot listen on systemd:chat"]).await;
    assert!(error.contains("but caht ("), "{error}");
}

#[tokio::test]
async fn what_nobody_can_listen_at_is_told_once_there_is_a_log() {
    let mut world = World::keeping(&config("127.0.0.1:0"), 1);
    world.notify.keep("pipe", io::pipe().unwrap().0.into());

    world.start_with_kept().await;

    world.folder.until_logged(&["WARN", "systemd passed a socket that is of no use", "\"name\":\"pipe\""]).await;
}

fn config(bind: &str) -> Config {
    Config::chat([Endpoint::nobody()]).with("listener.public.bind", &format!("\"{bind}\""))
}

/// Starts the program with listening sockets at these ports; it comes into being with the first connection.
async fn activate(world: &mut World, ports: &[u16], names: &str) {
    let mut arguments: Vec<_> = ports.iter().flat_map(|port| ["-l".to_owned(), port.to_string()]).collect();
    arguments.push(format!("--fdname={names}"));
    // It passes on nothing but what it is told to.
    arguments.extend(["-E".to_owned(), format!("NOTIFY_SOCKET={}", world.folder.path("notify").display())]);
    arguments.push(PROGRAM.to_owned());
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    world.spawn(world.command("systemd-socket-activate", &arguments));
    let port = *ports.first().unwrap();
    world.folder.until("a socket of systemd-socket-activate", || connect(port).is_ok()).await;
}

fn assert_answers(port: u16) {
    let mut stream = connect(port).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
