//! A log that may not grow any more: the system says so by a signal that by default ends the process (SIGXFSZ).

use super::site::{folder, get, site, start_by};
use crate::rig::{PROGRAM, Wire};

#[tokio::test]
async fn a_limit_of_the_size_of_files_ends_nothing_and_is_said() {
    let folder = folder(async |root| site(&format!("to = \"{}\"", root.join("windlass.log").display())).await).await;
    // Blocks of 512 or 1024 bytes, whatever the shell counts in.
    let limited = ["-c", "ulimit -f 8 && exec \"$@\"", "sh", PROGRAM];
    let windlass = start_by(&folder, folder.command("sh", &limited)).await;
    let mut tunnel = windlass.client("somebody").await.unwrap();
    let mut client = Wire::connect(windlass.public().await).await;
    for _ in 0..200 {
        assert_eq!(get(&mut client, "/own").await, 200);
    }
    folder.until_logged(&["the log cannot be written to", "File too large"]).await;
    tunnel.assert_open().await;
    assert_eq!(get(&mut client, "/own").await, 200);
}
