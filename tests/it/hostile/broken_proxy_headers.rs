//! Anything else than a PROXY header where one is required.

use fastrand::Rng;

use super::site::Site;

const CLIENTS: usize = 2_000;
const GOOD: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n";
/// The same in version 2, with a TLV (`PP2_TYPE_NOOP`) of four bytes.
const GOOD_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x13\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb\x04\x00\x04\xde\xad\xbe\xef";

/// A header with a few bytes changed, cut or put in, so that it is none, and a request behind it.
fn broken(random: &mut Rng) -> Vec<u8> {
    // What a header of version 2 is cut by, the request behind it fills up again; what is put into its TLV is its value.
    let (good, cut, put_in) = if random.bool() { (GOOD.as_bytes(), 43, 43) } else { (GOOD_2, 16, 31) };
    let mut header = good.to_vec();
    match random.u8(0..4) {
        0 => header.truncate(random.usize(1..cut)),
        1 => header.insert(random.usize(0..put_in), random.choice(*b"\0\r\n +\xff").unwrap_or_default()),
        2 => header = (0..random.usize(1..600)).map(|_| random.u8(..)).collect(),
        _ => header[14..].fill(b'9'),
    }
    header.extend(REQUEST.as_bytes());
    header
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_in_the_place_of_a_proxy_header_opens_nothing() {
    let site = Site::start(|config| {
        config
            .with("listener.public.proxy_protocol", "\"required\"")
            .with("listener.public.proxy_header_timeout", "\"1s\"")
            .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]")
    })
    .await;
    let mut random = Rng::with_seed(14);
    for round in 0..10 {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS / 10 {
            clients.extend(site.connections(1, &broken(&mut random)).await);
        }
        let mut other = site.program.connect().await;
        other.send(GOOD).await;
        site.serves_over(other).await;
        site.assert_bounded(CLIENTS);
        for client in &mut clients {
            let said = site.endpoint.is_untouched_until(client.drain()).await;
            assert_eq!(said, "", "round {round}");
        }
    }
    site.assert_bounded(0);
}
