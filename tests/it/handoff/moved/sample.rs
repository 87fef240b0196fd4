//! What is written of tunnels: a sample of it, as the program writes it, which a test of the program holds it against.
//!
//! `WINDLASS_UPDATE_EXPECTED=1` writes the sample anew, after FORMAT was raised.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::broken::{SLOW, played};
use super::site::{Site, Way};
use crate::access::auth_server::{AuthServer, says};
use crate::access::renewal::of;
use crate::access::tokens::jwt;
use crate::rig::{Folder, Frame, Opcode, signal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "python3 must be installed"]
async fn a_tunnel_is_written_in_less_than_two_kilobytes() {
    let (folder, server) = (Folder::new(""), AuthServer::start(|_| says(200, &[], "")).await);
    let (jwt, url) = (jwt(&folder, "close_code = 4401"), format!("{:?}", server.url()));
    let keys = [
        // Those of one worker go together.
        ("workers", "1"),
        ("route.twice.websocket.excess", "\"throttle\""),
        ("route.twice.websocket.bytes_per_second", "\"1MiB\""),
        ("route.twice.websocket.max_lifetime", "\"1h\""),
        ("route.twice.max_tunnels_per_client", "9"),
        ("route.twice.jwt", &jwt),
        ("route.twice.renew_path", "\"/twice/renew\""),
        ("route.twice.authorize.url", &url),
        ("route.twice.authorize.recheck_every", "\"5min\""),
        ("route.chat.websocket.max_inflated_message", "\"1MiB\""),
    ];
    let site = Site::started(&[&SLOW[..], &keys].concat()).await;
    let lines = [("authorization", &*of("ada", 600)), ("cookie", "session=ada")];
    let mut open = Vec::new();
    for way in [Way::Plain, Way::Tls, Way::TlsTwice, Way::TlsTwice] {
        let mut ends = site.open_with(way, &lines).await.0;
        ends.assert_carry().await;
        open.push(ends);
    }
    // One is in the middle of a frame, and one of a header.
    open[0].client.send(&Frame::new(Opcode::Binary, vec![7; 500]).by_client()[..100]).await;
    open[3].endpoint.send([0x82, 127, 0]).await;
    site.replace_program(&played("keeps_a_copy"));

    signal(site.main, Signal::USR2);

    site.so_many_lines("what became of the open tunnels", 1).await;
    let written = fs::read(site.world.folder.path("parcel")).unwrap();
    assert_eq!(written.first(), Some(&4), "as many tunnels");
    assert!((400..4 * 2048).contains(&written.len()), "{} bytes", written.len());
    #[expect(clippy::disallowed_methods, reason = "whether a sample is written anew is nothing that is tested")]
    if std::env::var_os("WINDLASS_UPDATE_EXPECTED").is_some() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/handoff/batch_of_format_1.bin");
        fs::write(sample, written).unwrap();
    }
}
