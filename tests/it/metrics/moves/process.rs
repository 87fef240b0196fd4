//! Metrics of the process: what the kernel says of it.

use std::fs;

use tokio::net::TcpStream;
use windlass::process::unix_seconds;

use crate::metrics::scraped::{Scraped, until_at};
use crate::rig::{Config, Endpoint, Program};

/// A line of `/proc/PID/status` that counts kilobytes.
fn bytes(windlass: &Program, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", windlass.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap() * 1024.0
}

#[tokio::test]
async fn metrics_of_the_process_say_what_the_kernel_says() {
    let before = unix_seconds();
    let windlass = Program::serving(&Config::chat([Endpoint::nobody()]).with("admin.listen", "\"ADMIN\"")).await;
    let scraped = Scraped::of(&windlass).await;
    assert_eq!(scraped.at(&format!("windlass_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    // The kernel counts from a boot whose second it rounds.
    let lifetime = before.saturating_sub(2) as f64..=(unix_seconds() + 2) as f64;
    let began = scraped.at("process_start_time_seconds");
    assert!(lifetime.contains(&began), "{began} is not in {lifetime:?}");
    for (metric, name) in [("process_resident_memory_bytes", "VmRSS"), ("process_virtual_memory_bytes", "VmSize")] {
        let (said, is) = (scraped.at(metric), bytes(&windlass, name));
        assert!(said > is / 2.0 && said < is * 2.0, "{metric}: {said}, and it is {is}");
    }
    let taken = scraped.at("process_cpu_seconds_total");
    // Each scrape costs some.
    until_at(&windlass, "process_cpu_seconds_total", |it| it > taken).await;
    assert_eq!(Scraped::of(&windlass).await.at("process_start_time_seconds"), began);
}

#[tokio::test]
async fn metric_allocator_bytes_moves_with_those_who_are_held() {
    let part = |part: &str| format!("windlass_allocator_bytes{{part=\"{part}\"}}");
    let windlass = Program::serving(&Config::chat([Endpoint::nobody()]).with("admin.listen", "\"ADMIN\"")).await;
    let before = Scraped::of(&windlass).await;
    let [allocated, active, metadata, resident] =
        ["allocated", "active", "metadata", "resident"].map(|name| before.at(&part(name)));
    assert!(0.0 < allocated && allocated <= active && active <= resident && 0.0 < metadata, "{before:?}");
    assert!(before.at(&part("retained")) >= 0.0);
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(TcpStream::connect(windlass.address()).await.unwrap());
    }
    until_at(&windlass, &part("allocated"), |it| it > allocated + 100_000.0).await;
}
