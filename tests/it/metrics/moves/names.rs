//! Metrics of the names of endpoints, asked of a DNS server that can be told to fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::metrics::scraped::{Scraped, until_at};
use crate::rig::{Config, Endpoint, Program, until_async};

/// Says that every name is at 127.0.0.1 for a second, or that it cannot say.
struct NameServer {
    address: SocketAddr,
    is_ill: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

impl NameServer {
    async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, is_ill) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&is_ill);
        let serving = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((count, sender)) = socket.recv_from(&mut query).await {
                let answer = answer(&query[..count], told.load(Ordering::Relaxed));
                socket.send_to(&answer, sender).await.unwrap();
            }
        });
        Self { address, is_ill, serving }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The answer to a query with one question (RFC 1035 §4.1).
fn answer(query: &[u8], is_ill: bool) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let is_for_ipv4 = query[end - 4..end - 2] == [0, 1];
    let address: &[u8] =
        if is_for_ipv4 && !is_ill { &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1] } else { &[] };
    let code = if is_ill { 2 } else { 0 };
    let counts = [0, 1, 0, u8::from(!address.is_empty()), 0, 0, 0, 0];
    [&query[..2], &[0x85, 0x80 | code], &counts, &query[12..end], address].concat()
}

#[tokio::test]
async fn metrics_of_names_tell_of_lookups_and_of_addresses_that_grow_old_while_those_fail() {
    let (endpoint, server) = (Endpoint::listen().await, NameServer::start().await);
    let named = format!("[{{ name = \"a\", address = \"app.test:{}\" }}]", endpoint.address().port());
    let config = Config::chat([])
        .with("upstream.chat.endpoints", &named)
        .with("resolver.servers", &format!("[\"{}\"]", server.address))
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let [answered, failed] = ["answered", "failed"].map(|it| format!("windlass_name_lookups_total{{result=\"{it}\"}}"));

    let _tunnel = windlass.tunnel(&endpoint).await;
    let well = Scraped::of(&windlass).await;
    assert!(well.at(&answered) >= 1.0);
    assert_eq!(well.at(&failed), 0.0);
    assert_eq!(well.at("windlass_names_known"), 1.0);
    assert_eq!([well.at("windlass_names_failing"), well.at("windlass_names_stale_seconds")], [0.0, 0.0]);

    server.is_ill.store(true, Ordering::Relaxed);
    let while_asked_for = async |what: &str, is_so: &dyn Fn(&Scraped) -> bool| {
        until_async(what, async || {
            // The last good addresses are used: nobody is refused meanwhile.
            drop(windlass.tunnel(&endpoint).await);
            is_so(&Scraped::of(&windlass).await)
        })
        .await;
    };
    while_asked_for("the name fails", &|it| it.at("windlass_names_failing") == 1.0).await;
    let ill = Scraped::of(&windlass).await;
    assert!(ill.at(&failed) >= 1.0);
    while_asked_for("its addresses grow old", &|it| it.at("windlass_names_stale_seconds") >= 2.0).await;
    assert_eq!(Scraped::of(&windlass).await.at("windlass_names_known"), 1.0);

    server.is_ill.store(false, Ordering::Relaxed);
    while_asked_for("the name is well again", &|it| it.at("windlass_names_failing") == 0.0).await;
    until_at(&windlass, "windlass_names_stale_seconds", |it| it == 0.0).await;
    assert!(Scraped::of(&windlass).await.at(&answered) > well.at(&answered));

    windlass.write(&config.endpoints("chat", [endpoint.address()]));
    assert!(windlass.ask(&["reload"]).await.status.success());
    until_at(&windlass, "windlass_names_known", |it| it == 0.0).await;
}
