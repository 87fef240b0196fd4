//! What rustls' client never sends: handshake messages after the handshake in more than one record.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::crypto::cipher::{MessageEncrypter, OutboundPlainMessage};
use rustls::kernel::KernelConnection;
use rustls::pki_types::ServerName;
use rustls::{ConnectionTrafficSecrets, ContentType, PeerMisbehaved, ProtocolVersion, SupportedCipherSuite};

use super::*;

const KEY_UPDATE_REQUESTED: [u8; 5] = [24, 0, 0, 1, 1];

#[test]
fn a_key_update_may_be_split_over_records_and_reads() {
    let site = Site::new();
    for split in 1..KEY_UPDATE_REQUESTED.len() {
        let mut cuts = 0..1;
        while let Some(cut) = cuts.next() {
            let (mut client, mut server) = ByHand::connected(&site);
            let (first, second) = KEY_UPDATE_REQUESTED.split_at(split);
            let mut wire = client.record(ContentType::Handshake, first);
            wire.append(&mut client.record(ContentType::Handshake, second));
            client.update_keys();
            wire.append(&mut client.record(ContentType::ApplicationData, b"new keys"));
            cuts.end = wire.len();

            server.deliver(&wire[..cut]).unwrap();
            // With half a message waiting, and nothing new read.
            server.send(b"between");
            server.deliver(&wire[cut..]).unwrap();
            server.send(b"after");

            assert_eq!(server.received, b"new keys", "split at {split}, cut at {cut}");
            assert_eq!(server.records.unread.capacity(), 0);
        }
    }
}

#[test]
fn a_split_message_may_come_byte_by_byte() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    for byte in KEY_UPDATE_REQUESTED {
        for byte in client.record(ContentType::Handshake, &[byte]) {
            server.deliver(&[byte]).unwrap();
            server.send(b"between");
        }
    }
    client.update_keys();
    server.deliver(&client.record(ContentType::ApplicationData, b"new keys")).unwrap();

    assert_eq!(server.received, b"new keys");
}

#[test]
fn half_a_message_does_not_keep_our_close_from_being_said() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    server.deliver(&client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED[..2])).unwrap();

    server.outgoing.clear();
    server.records.close(&mut server.outgoing).unwrap();

    assert!(!server.outgoing.filled().is_empty());
}

#[test]
fn data_inside_a_split_message_is_refused() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    server.deliver(&client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED[..2])).unwrap();

    let outcome = server.deliver(&client.record(ContentType::ApplicationData, b"x"));

    assert_eq!(outcome, Err(Error::PeerMisbehaved(PeerMisbehaved::MessageInterleavedWithHandshakeMessage)));
    assert_eq!(server.received, b"");
}

#[test]
fn a_message_that_has_no_place_is_answered_by_an_alert() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    server.outgoing.clear();

    let finished = [&[20, 0, 0, 32][..], &[0; 32]].concat();
    assert!(server.deliver(&client.record(ContentType::Handshake, &finished)).is_err());

    assert!(!server.outgoing.filled().is_empty());
}

#[test]
fn empty_records_and_key_updates_without_end_are_refused() {
    let site = Site::new();
    let (mut client, mut server) = ByHand::connected(&site);
    let empty = (0..100).find_map(|_| server.deliver(&client.record(ContentType::ApplicationData, b"")).err());
    assert_eq!(empty, Some(Error::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments)));

    let (mut client, mut server) = ByHand::connected(&site);
    let updates = (0..100).find_map(|_| {
        let update = client.record(ContentType::Handshake, &KEY_UPDATE_REQUESTED);
        client.update_keys();
        server.deliver(&update).err()
    });
    assert_eq!(updates, Some(Error::PeerMisbehaved(PeerMisbehaved::TooManyKeyUpdateRequests)));
}

/// A client of TLS 1.3 whose records are made by hand.
struct ByHand {
    keys: KernelConnection<ClientConnectionData>,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl ByHand {
    fn connected(site: &Site) -> (Self, Server) {
        let client = site.client(&TLS13).with(|config| config.enable_secret_extraction = true);
        let name = ServerName::try_from("site.test").unwrap();
        let mut client = UnbufferedClientConnection::new(client.config(), name).unwrap();
        let mut server = Server::new(site);
        let mut incoming = Vec::new();
        let mut wire = Vec::new();
        loop {
            let UnbufferedStatus { discard, state } = client.process_tls_records(&mut incoming);
            let mut open = false;
            match state.unwrap() {
                ConnectionState::EncodeTlsData(mut data) => {
                    let mut room = [0; 4096];
                    let count = data.encode(&mut room).unwrap();
                    wire.extend_from_slice(&room[..count]);
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::BlockedHandshake => {}
                ConnectionState::WriteTraffic(_) => open = true,
                state => panic!("{state:?}"),
            }
            incoming.drain(..discard);
            server.deliver(&std::mem::take(&mut wire)).unwrap();
            incoming.extend_from_slice(server.outgoing.filled());
            server.outgoing.clear();
            if open && !server.records.is_handshaking() {
                break;
            }
        }
        let (secrets, keys) = client.dangerous_into_kernel_connection().unwrap();
        let encrypter = encrypter(&keys, secrets.tx.1);
        (Self { keys, encrypter, sequence: secrets.tx.0 }, server)
    }

    fn record(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload: payload.into() };
        let record = self.encrypter.encrypt(message, self.sequence).unwrap().encode();
        self.sequence += 1;
        record
    }

    fn update_keys(&mut self) {
        let (sequence, secrets) = self.keys.update_tx_secret().unwrap();
        self.encrypter = encrypter(&self.keys, secrets);
        self.sequence = sequence;
    }
}

fn encrypter(
    keys: &KernelConnection<ClientConnectionData>,
    secrets: ConnectionTrafficSecrets,
) -> Box<dyn MessageEncrypter> {
    let SupportedCipherSuite::Tls13(suite) = keys.negotiated_cipher_suite() else { panic!("TLS 1.3 was asked for") };
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => suite.aead_alg.encrypter(key, iv),
        _ => panic!("an unknown cipher suite"),
    }
}
