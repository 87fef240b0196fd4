//! Tunnels whose bytes wait when they move: for an end that does not read, or for a rate that allows no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{empty, join, sink, split};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::site::{End, Ends, Site};
use super::speaker::Part;
use crate::rig::{Frame, Opcode, Wire, within};

const SIZE: usize = 64 * 1024;

fn message(number: usize, size: usize) -> Frame {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(size, number as u8);
    Frame::new(Opcode::Binary, payload)
}

/// An end that sends one message after the other, however long that takes, and a text at the end.
struct Sending {
    /// How many messages are gone.
    sent: Arc<AtomicUsize>,
    is_enough: Arc<AtomicBool>,
    task: JoinHandle<End>,
}

impl Sending {
    fn begun(mut end: End, part: Part, (most, size): (usize, usize)) -> Self {
        let (sent, is_enough) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, heard) = (Arc::clone(&sent), Arc::clone(&is_enough));
        let bytes = move |frame: &Frame| if part == Part::Client { frame.by_client() } else { frame.by_endpoint() };
        let task = tokio::spawn(async move {
            while !heard.load(Ordering::Relaxed) && counted.load(Ordering::Relaxed) < most {
                end.send_patiently(bytes(&message(counted.load(Ordering::Relaxed), size))).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
            end.send_patiently(bytes(&Frame::text("that was all"))).await;
            end
        });
        Self { sent, is_enough, task }
    }

    /// Waits until no more are taken.
    async fn until_full(&self) {
        within("full buffers", async {
            let mut before = usize::MAX;
            while self.sent.load(Ordering::Relaxed) != before {
                before = self.sent.load(Ordering::Relaxed);
                // How long it looks changes nothing but how full they are.
                sleep(Duration::from_millis(200)).await;
            }
        })
        .await;
    }

    /// Reads all that was sent, in its order; returns the end that has sent it.
    async fn heard_by(self, reader: &mut End, size: usize) -> End {
        self.is_enough.store(true, Ordering::Relaxed);
        for number in 0.. {
            let frame = reader.frame().await;
            if frame == Frame::text("that was all") {
                assert_eq!(number, self.sent.load(Ordering::Relaxed));
                break;
            }
            assert!(frame == message(number, size), "message {number}");
        }
        within("the end of the sending", self.task).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_an_end_that_does_not_read() {
    let mut site = Site::started(&[]).await;
    let mut tunnels = Vec::new();
    for (client, endpoint) in site.open_all().await.into_iter().map(|ends| (ends.client, ends.endpoint)) {
        tunnels.push((Part::Client, Sending::begun(client, Part::Client, (usize::MAX, SIZE)), endpoint));
    }
    for Ends { client, endpoint } in site.open_all().await {
        tunnels.push((Part::Endpoint, Sending::begun(endpoint, Part::Endpoint, (usize::MAX, SIZE)), client));
    }
    for (_, sending, _) in &tunnels {
        sending.until_full().await;
    }
    site.hand_over().await;
    site.hand_over().await;
    for (part, sending, mut reader) in tunnels {
        let mut writer = sending.heard_by(&mut reader, SIZE).await;
        let back = Frame::text("back");
        reader.send(if part == Part::Client { back.by_endpoint() } else { back.by_client() }).await;
        assert_eq!(writer.frame().await, back);
    }
}

/// The same end twice: once it is read from alone, and once written to. Nothing has come over it.
fn parted(end: End) -> (End, End) {
    let (reads, writes) = split(end.stream);
    (Wire::new(Box::new(join(reads, sink()))), Wire::new(Box::new(join(empty(), writes))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_two_ends_neither_of_which_reads() {
    let mut site = Site::started(&[]).await;
    let mut tunnels = Vec::new();
    for Ends { client, endpoint } in site.open_all().await {
        let ((client, client_writes), (endpoint, endpoint_writes)) = (parted(client), parted(endpoint));
        let there = Sending::begun(client_writes, Part::Client, (usize::MAX, SIZE));
        let back = Sending::begun(endpoint_writes, Part::Endpoint, (usize::MAX, SIZE));
        tunnels.push((client, endpoint, there, back));
    }
    for (_, _, there, back) in &tunnels {
        there.until_full().await;
        back.until_full().await;
    }
    site.hand_over().await;
    site.hand_over().await;
    for (mut client, mut endpoint, there, back) in tunnels {
        let (client_writes, endpoint_writes) =
            tokio::join!(there.heard_by(&mut endpoint, SIZE), back.heard_by(&mut client, SIZE));
        // Both ways are free again.
        let mut ends = [(client_writes, endpoint), (endpoint_writes, client)];
        for (number, (writes, reads)) in ends.iter_mut().enumerate() {
            let frame = Frame::text("and now");
            writes.send(if number == 0 { frame.by_client() } else { frame.by_endpoint() }).await;
            assert_eq!(reads.frame().await, frame);
        }
    }
}

/// What is allowed at once is gone when the tunnels move, and is not given anew: what waits takes as long as it would have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_rate_that_is_not_given_anew() {
    let throttle = "{ rate = \"32KiB\", burst = \"32KiB\" }";
    let keys = ["chat", "twice"].map(|route| {
        let of = |key: &str| format!("route.{route}.websocket.{key}");
        [(of("excess"), "\"throttle\""), (of("bytes_per_second"), throttle)]
    });
    let keys: Vec<_> = keys.as_flattened().iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let mut site = Site::started(&keys).await;
    let (count, size) = (128, 1024);
    let begun = Instant::now();
    let mut tunnels = Vec::new();
    for Ends { client, endpoint } in site.open_all().await {
        tunnels.push((Sending::begun(client, Part::Client, (count, size)), endpoint));
    }
    for _ in 0..3 {
        site.hand_over().await;
    }
    for (sending, mut endpoint) in tunnels {
        assert_eq!(sending.sent.load(Ordering::Relaxed), count);
        drop(sending.heard_by(&mut endpoint, size).await);
        // Three times 32 KiB of it have waited for a second each.
        assert!(begun.elapsed() >= Duration::from_millis(2_900), "{:?}", begun.elapsed());
    }
}
