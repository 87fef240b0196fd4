//! What must hold of the PROXY header of any connection. `tests/corpus.rs` calls it too.

use windlass::config::ProxyProtocol;
use windlass::net::{BadProxyHeader, HeaderReader, HeaderTaken, ProxiedClient, ToldClient, proxy_header};

/// However a stream is cut, the same bytes are taken and the same comes of it; a header is short; what is told can be told on.
///
/// The first byte says how the stream is cut.
pub fn proxy_protocol(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let (taken, said) = read(stream, 1);
    assert_eq!(read(stream, usize::from(*step) + 2), (taken, said));
    assert!(taken <= 4096, "{taken} bytes are no header");
    let Ok(Some(Some(told))) = said else { return };
    let client =
        ProxiedClient { source: told.source, destination: told.destination, authority: "", tls: told.tls.as_ref() };
    for version in [ProxyProtocol::V1, ProxyProtocol::V2] {
        let header = proxy_header(version, Some(&client));
        let (taken, again) = read(&header, usize::MAX);
        let Ok(Some(Some(again))) = again else { panic!("{} is not read", header.escape_ascii()) };
        assert_eq!(taken, header.len());
        let port_and_address = |of: std::net::SocketAddr| (of.ip().to_canonical(), of.port());
        assert_eq!(port_and_address(again.source), port_and_address(told.source));
        assert_eq!(port_and_address(again.destination), port_and_address(told.destination));
        assert_eq!(again.tls, told.tls.filter(|_| version == ProxyProtocol::V2));
    }
}

/// How many bytes of a stream that comes `step` bytes at a time belong to its header, and what that says; nothing yet where it
/// goes on.
fn read(stream: &[u8], step: usize) -> (usize, Result<Option<Option<ToldClient>>, BadProxyHeader>) {
    let (mut reader, mut taken) = (HeaderReader::default(), 0);
    for piece in stream.chunks(step) {
        match reader.take(piece) {
            Ok(HeaderTaken::All) => taken += piece.len(),
            Ok(HeaderTaken::Last(count, told)) => return (taken + count, Ok(Some(told))),
            Err(bad) => return (0, Err(bad)),
        }
    }
    (taken, Ok(None))
}
