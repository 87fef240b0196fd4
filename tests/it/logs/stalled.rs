//! A log that nobody reads, and tunnels that talk on.

use std::fs;
use std::io::{BufRead, BufReader, pipe};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use serde_json::Value;

use super::site::{count, folder, get, lines, site, start_by};
use crate::operate::metrics::scrape;
use crate::rig::{PROGRAM, Wire, until, until_async};

const TUNNELS: usize = 200;

#[tokio::test]
async fn tunnels_talk_on_while_nobody_reads_the_log_and_what_was_dropped_is_counted_and_said() {
    let folder = folder(async |_| site("opened = true").await).await;
    let (reader, writer) = pipe().unwrap();
    let mut command = folder.command(PROGRAM, &[]);
    command.stderr(writer);
    let mut windlass = start_by(&folder, command).await;
    let mut clients = Vec::new();
    for _ in 0..TUNNELS {
        clients.push(windlass.client("somebody").await.unwrap());
    }
    // 4 MiB wait, with the room that their lines have, and about as much again.
    let longest = format!("/own/{}", "x".repeat(1000));
    let loads = (0..8).map(async |_| {
        let mut client = Wire::connect(windlass.public().await).await;
        for _ in 0..500 {
            assert_eq!(get(&mut client, &longest).await, 200);
        }
    });
    join_all(loads).await;
    let dropped = async || {
        let metrics = scrape(&windlass).await;
        let line = metrics.lines().find_map(|line| line.strip_prefix("windlass_log_lines_dropped_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    until_async("lines to be dropped", async || dropped().await > 0).await;
    for _ in 0..5 {
        join_all(clients.iter_mut().map(|client| client.assert_open())).await;
    }
    let counted = dropped().await;

    let (text, read) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicBool::new(false)));
    let reading = {
        let (text, read) = (Arc::clone(&text), Arc::clone(&read));
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines() {
                let line = line.unwrap();
                read.fetch_or(line.contains("log lines were dropped"), Ordering::Relaxed);
                *text.lock().unwrap() += &(line + "\n");
            }
        })
    };
    // Until there is room again, the lines about the ends of tunnels could be dropped too, after the count.
    until("what was dropped is said", || read.load(Ordering::Relaxed)).await;
    drop(clients);
    windlass.signal(rustix::process::Signal::TERM);
    assert!(windlass.exit().await.success());
    reading.join().unwrap();
    let text = text.lock().unwrap().clone();
    let said: u64 = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line:?} is no JSON")))
        .filter(|line| line["message"].as_str().unwrap().starts_with("log lines were dropped"))
        .map(|line| line["lines"].as_u64().unwrap())
        .sum();
    assert_eq!(said, counted, "as many are said as were counted");
    assert_eq!(text.matches("\"exchange\"").count() as u64 + counted, 8 * 500);
}

#[tokio::test]
async fn a_reload_to_another_place_gives_up_a_pipe_that_nobody_reads() {
    let (_reader, writer) = pipe().unwrap();
    // More than waits: some are dropped before.
    let said = a_reload_to_another_place_gives_up(writer.into(), 4000, &[]).await;
    assert!(said["dropped_before"].as_u64().unwrap() > 0, "{said}");
}

#[tokio::test]
async fn what_a_place_has_lost_is_said_to_whoever_hears_of_exchanges_alone() {
    let (_reader, writer) = pipe().unwrap();
    let filter = [("RUST_LOG", "windlass::session=info")];
    a_reload_to_another_place_gives_up(writer.into(), 200, &filter).await;
}

#[tokio::test]
async fn a_reload_to_another_place_gives_up_a_terminal_that_nobody_reads() {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let reader = openpt(flags).unwrap();
    grantpt(&reader).unwrap();
    unlockpt(&reader).unwrap();
    let said = a_reload_to_another_place_gives_up(ioctl_tiocgptpeer(&reader, flags).unwrap(), 200, &[]).await;
    assert_eq!(said["dropped_before"], Value::Null, "{said}");
}

/// After that many exchanges; the line about it in the new place.
async fn a_reload_to_another_place_gives_up(stderr: OwnedFd, exchanges: usize, environment: &[(&str, &str)]) -> Value {
    let folder = folder(async |_| site("").await).await;
    let mut command = folder.command(PROGRAM, &[]);
    command.stderr(stderr).envs(environment.iter().copied());
    let windlass = start_by(&folder, command).await;
    let mut client = Wire::connect(windlass.public().await).await;
    let longest = format!("/own/{}", "x".repeat(1000));
    for _ in 0..exchanges {
        assert_eq!(get(&mut client, &longest).await, 200);
    }
    let path = folder.path("windlass.log");
    let config = fs::read_to_string(folder.config()).unwrap();
    folder.configure(&config.replace("[log]", &format!("[log]\nto = \"{}\"", path.display())));
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(get(&mut client, "/own").await, 200);
    until("the new place to have its line", || count(&lines(&path), "exchange") == 1).await;

    let threads = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", windlass.id())).unwrap();
        let names = tasks.flatten().map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default());
        names.filter(|name| name.starts_with("windlass-log")).count()
    };
    until("the thread of the old place to end", || threads() == 1).await;
    let given_up = || {
        let is_said = |line: &Value| line["message"].as_str().unwrap().starts_with("lines were dropped: they waited");
        lines(&path).into_iter().find(is_said)
    };
    until("the new place to say what the old one has lost", || given_up().is_some()).await;
    let said = given_up().unwrap();
    let waited = said["lines"].as_u64().unwrap();
    let lost = waited + said["dropped_before"].as_u64().unwrap_or(0);
    let metrics = scrape(&windlass).await;
    assert!(waited > 0 && metrics.contains(&format!("windlass_log_lines_dropped_total {lost}\n")), "{said}: {metrics}");
    said
}
