//! Replays the kept inputs of every fuzz target: what a fuzzer found once stays found. A program of its own, since files of
//! the fuzz crate are its modules.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/properties.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports them")]
mod properties;
#[path = "../fuzz/src/records.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate, whose file this is, exports it")]
mod records;

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
