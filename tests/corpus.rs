//! Replays the kept inputs of every fuzz target: what a fuzzer found once stays found. A program of its own, since files of
//! the fuzz crate are its modules.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/endpoints.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod endpoints;
#[path = "../fuzz/src/flood.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod flood;
#[path = "../fuzz/src/forwarded.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod forwarded;
#[path = "../fuzz/src/messages.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod messages;
#[path = "../fuzz/src/properties.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports them")]
mod properties;
#[path = "../fuzz/src/proxy_protocol.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod proxy_protocol;
#[path = "../fuzz/src/records.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod records;
#[path = "../fuzz/src/rewrite.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod rewrite;
#[path = "../fuzz/src/routes.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod routes;
#[path = "../fuzz/src/srv.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod srv;
#[path = "../fuzz/src/tokens.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod tokens;

#[test]
fn inspector() {
    replay("inspector", properties::inspector);
}

#[test]
fn inflate() {
    replay("inflate", properties::inflate);
}

#[test]
fn close() {
    replay("close", properties::close);
}

#[test]
fn handshake() {
    replay("handshake", properties::handshake);
}

#[test]
fn messages_of_http1() {
    replay("judge", messages::judge);
}

#[test]
fn files_of_endpoints() {
    replay("endpoints", endpoints::endpoints);
}

#[test]
fn floods_of_http2() {
    replay("flood", flood::flood);
}

#[test]
fn words_on_clients() {
    replay("forwarded", forwarded::forwarded);
}

#[test]
fn proxy_headers() {
    replay("proxy_protocol", proxy_protocol::proxy_protocol);
}

#[test]
fn hosts_and_paths() {
    replay("routes", routes::routes);
}

#[test]
fn rewritten_paths() {
    replay("rewrite", rewrite::rewrite);
}

#[test]
fn answers_of_dns() {
    replay("srv", srv::srv);
}

#[test]
fn tokens_in_heads() {
    replay("tokens", tokens::tokens);
}

#[test]
fn records_of_tls() {
    replay("records", records::records);
}

#[expect(clippy::print_stdout, reason = "names the input, should the property panic")]
fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("every target has a corpus") {
        let path = entry.expect("the folder can be read").path();
        println!("{}", path.display());
        property(&fs::read(&path).expect("an input can be read"));
        count += 1;
    }
    assert!(count >= 3, "{}: {count} inputs", folder.display());
}
