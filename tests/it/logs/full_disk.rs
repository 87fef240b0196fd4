//! A log on a file system that is full, in a mount namespace of its own, for which one must be root.

use std::fs;
use std::path::PathBuf;

use super::site::{count, folder, get, lines, site, start_by};
use crate::operate::metrics::scrape;
use crate::rig::{Wire, until};

#[tokio::test]
#[ignore = "one must be root"]
async fn a_full_disk_stops_nothing_and_what_waits_is_written_when_there_is_room() {
    let folder = folder(async |root| {
        fs::create_dir(root.join("disk")).unwrap();
        let to = |name| root.join("disk").join(name).display().to_string();
        site(&format!("to = \"{}\"\naccess = \"{}\"", to("windlass.log"), to("access.log"))).await
    })
    .await;
    let mounting = "mount -t tmpfs -o size=1m tmpfs \"$0\" && dd if=/dev/zero of=\"$0/ballast\" bs=1k count=976 2>/dev/null && exec \"$@\"";
    let disk = folder.path("disk");
    let arguments = ["--mount", "sh", "-c", mounting, disk.to_str().unwrap(), crate::rig::PROGRAM];
    let windlass = start_by(&folder, folder.command("unshare", &arguments)).await;
    // The disk as the process sees it.
    let disk = PathBuf::from(format!("/proc/{}/root{}", windlass.id(), disk.display()));

    let mut tunnel = windlass.client("somebody").await.unwrap();
    let mut client = Wire::connect(windlass.public().await).await;
    for _ in 0..500 {
        assert_eq!(get(&mut client, "/own").await, 200);
    }
    folder.until_logged(&["the log cannot be written to", "No space left"]).await;
    for _ in 0..500 {
        assert_eq!(get(&mut client, "/own").await, 200);
    }
    tunnel.assert_open().await;

    assert!(scrape(&windlass).await.contains("windlass_log_lines_dropped_total 0\n"), "they all wait");
    fs::remove_file(disk.join("ballast")).unwrap();
    let (log, access) = (disk.join("windlass.log"), disk.join("access.log"));
    let access_lines = || fs::read_to_string(&access).unwrap().lines().count();
    until("every line", || count_whole(&log) + access_lines() >= 2000).await;
    assert_eq!((count_whole(&log), access_lines()), (1000, 1000));
    until("the end of it to be said", || {
        let message = "the log can be written again";
        fs::read_to_string(&log).unwrap().ends_with('\n') && count(&lines(&log), message) == 1
    })
    .await;
    tunnel.assert_open().await;
}

/// How many exchanges a log tells, whose last line may be half one.
fn count_whole(path: &std::path::Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n') && line.contains("\"exchange\"")).count()
}
