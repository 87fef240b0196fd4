//! Files that are wrong, and what the real program makes of them.

use rustix::process::Signal;

use crate::rig::{Config, Endpoint, Frame, NotifySocket, Program};

#[tokio::test]
async fn a_bad_file_changes_nothing_and_systemd_hears_why() {
    let endpoint = Endpoint::listen().await;
    let (notify, config) = (NotifySocket::bind(), Config::chat([endpoint.address()]));
    let mut program = Program::notifying(&config, &notify).await;
    assert_eq!(notify.heard().await, "READY=1\nSTATUS=serving");
    let (mut client, mut at_endpoint) = program.tunnel(&endpoint).await;

    program.write(&config.clone().with("route.chat.upstreem", "\"chat\"").with("listener.public.bind", "\"nowhere\""));
    program.signal(Signal::HUP);

    assert!(notify.heard().await.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    let ready = notify.heard().await;
    assert!(ready.starts_with("READY=1\nSTATUS=reload refused") && ready.contains("windlass.toml:"), "{ready}");
    let said = program.logs("reload refused").await;
    assert!(said.contains("upstreem") && said.contains("nowhere"), "all problems at once: {said}");
    client.send(Frame::text("still here").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("still here"));

    program.write(&config.without("route.chat").with("route.all.upstream", "\"chat\""));
    program.signal(Signal::HUP);

    assert!(notify.heard().await.starts_with("RELOADING=1\n"));
    assert_eq!(notify.heard().await, "READY=1\nSTATUS=serving generation 2");
}

#[tokio::test]
async fn a_file_that_is_gone_changes_nothing() {
    let endpoint = Endpoint::listen().await;
    let (notify, config) = (NotifySocket::bind(), Config::chat([endpoint.address()]));
    let program = Program::notifying(&config, &notify).await;
    notify.heard().await;
    std::fs::remove_file(program.folder().config()).unwrap();

    program.signal(Signal::HUP);

    notify.heard().await;
    assert!(notify.heard().await.starts_with("READY=1\nSTATUS=reload refused"));
    drop(program.tunnel(&endpoint).await);
}
