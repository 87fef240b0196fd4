//! The log in the journal: this test is journald, in a mount namespace of the process, for which one must be root.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use super::site::{folder, get, site, start_by};
use crate::rig::{PROGRAM, Wire, until};

/// What waits to be read there.
fn received(journald: &UnixDatagram) -> Vec<String> {
    journald.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut records = Vec::new();
    while let Ok(length) = journald.recv(&mut buffer) {
        records.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    records
}

#[tokio::test]
#[ignore = "one must be root"]
async fn lines_are_records_with_fields_and_none_is_lost_while_nobody_listens() {
    let folder = folder(async |_| site("to = \"journald\"").await).await;
    let mounting = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && exec \"$@\"";
    let command = folder.command("unshare", &["--mount", "sh", "-c", mounting, "sh", PROGRAM]);
    let windlass = start_by(&folder, command).await;
    let path = PathBuf::from(format!("/proc/{}/root/run/systemd/journal/socket", windlass.id()));
    // Nobody has listened yet, and that was said where somebody may read it.
    folder.until_logged(&["the log cannot be written to the journal"]).await;
    let mut client = Wire::connect(windlass.public().await).await;
    assert_eq!(get(&mut client, "/own?1").await, 200);

    let journald = UnixDatagram::bind(&path).unwrap();
    let mut records = Vec::new();
    until("what was logged before", || {
        records.extend(received(&journald));
        records.iter().any(|record| record.contains("MESSAGE=the log can be written again"))
    })
    .await;
    assert!(records.iter().any(|record| record.starts_with("MESSAGE=ready version=")), "{records:?}");
    let exchange = records.iter().find(|record| record.starts_with("MESSAGE=exchange client=127.0.0.1 ")).unwrap();
    for field in ["PRIORITY=6", "SYSLOG_IDENTIFIER=windlass", "WINDLASS_ROUTE=own", "WINDLASS_STATUS=200"] {
        assert!(exchange.lines().any(|line| line == field), "{field}: {exchange}");
    }

    drop(journald);
    fs::remove_file(&path).unwrap();
    for _ in 0..20 {
        assert_eq!(get(&mut client, "/own?2").await, 200);
    }
    let journald = UnixDatagram::bind(&path).unwrap();
    let mut exchanges = 0;
    until("what was logged meanwhile", || {
        exchanges += received(&journald).iter().filter(|record| record.starts_with("MESSAGE=exchange ")).count();
        exchanges >= 20
    })
    .await;
    assert_eq!(exchanges, 20);
}
