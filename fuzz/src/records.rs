//! What must hold of the record machine of TLS, whatever comes and however it is cut.

use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, SupportedProtocolVersion};
use windlass::tls::{RecordBuffer, Records, SecretLog};

/// What was received is a prefix of what was written, all of it unless a byte was forged; what is kept is bounded; after
/// an error there is nothing but that error.
///
/// The first byte chooses what comes: anything, or what a client says under either version. The second is how it is cut,
/// the next two which of its bytes is forged; the rest is what comes, or what the client does.
pub fn records(data: &[u8]) {
    let Some((&[choice, step, high, low], script)) = data.split_first_chunk() else { return };
    let mut server = Server::new(usize::from(step) + 1);
    if choice & 1 == 0 {
        // Whether it fails or waits for more, it must do so in good order.
        let _ = server.deliver(script);
        return;
    }
    if choice & 4 != 0 {
        server.forged = Some(usize::from(u16::from_be_bytes([high, low])));
    }
    let version = if choice & 2 == 0 { &TLS12 } else { &TLS13 };
    let mut client = client(version, choice & 8 != 0);
    let mut written = Vec::new();
    let outcome = converse(&mut client, &mut server);
    // A length that was forged leaves both waiting.
    if outcome.is_err() || client.is_handshaking() || server.records.is_handshaking() {
        assert!(server.was_forged);
        return;
    }
    for &byte in script {
        match byte {
            0 if choice & 2 != 0 => client.refresh_traffic_keys().expect("TLS 1.3 can"),
            0 => client.send_close_notify(),
            1..=63 => server.send(usize::from(byte) * 1100),
            length => {
                let bytes = vec![byte; usize::from(length - 63) * 150];
                // After its close_notify a client writes into the void.
                if client.writer().write_all(&bytes).is_err() {
                    break;
                }
                written.extend(bytes);
            }
        }
        if converse(&mut client, &mut server).is_err() {
            break;
        }
    }
    assert!(written.starts_with(&server.received));
    assert!(server.was_forged || server.records.has_ended() || written == server.received);
}

/// Lets both talk until neither has anything to say.
fn converse(client: &mut ClientConnection, server: &mut Server) -> Result<(), Error> {
    while client.wants_write() || !server.outgoing.filled().is_empty() {
        let mut said = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut said).expect("a vector takes it");
        }
        server.deliver(&said)?;
        let answer = server.outgoing.filled().to_vec();
        server.outgoing.clear();
        let mut unheard = answer.as_slice();
        while !unheard.is_empty() {
            client.read_tls(&mut unheard).expect("its plaintext is taken out");
            if let Err(error) = client.process_new_packets() {
                assert!(server.was_forged, "we speak TLS: {error}");
                return Err(error);
            }
            let _ = client.reader().read_to_end(&mut Vec::new());
        }
    }
    Ok(())
}

/// Our end.
struct Server {
    records: Records,
    outgoing: RecordBuffer,
    received: Vec<u8>,
    /// How much is read at once.
    step: usize,
    /// Which byte, of all that come, is not what was sent.
    forged: Option<usize>,
    was_forged: bool,
}

impl Server {
    fn new(step: usize) -> Self {
        let records = Records::server(server_config(), None).expect("the configuration is sound");
        let outgoing = RecordBuffer::with_capacity(0);
        Self { records, outgoing, received: Vec::new(), step, forged: None, was_forged: false }
    }

    fn deliver(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for piece in bytes.chunks(self.step) {
            let unread = self.records.unread();
            let mut buffer = vec![0; unread];
            buffer.extend_from_slice(piece);
            if let Some(forged) = self.forged {
                if let Some(byte) = buffer.get_mut(unread..).and_then(|new| new.get_mut(forged)) {
                    *byte ^= 1;
                    self.was_forged = true;
                }
                self.forged = forged.checked_sub(piece.len());
            }
            let Self { records, outgoing, received, .. } = self;
            let outcome = records.receive(&mut buffer, &mut |bytes| received.extend_from_slice(bytes), outgoing);
            records.check_invariants();
            if let Err(error) = outcome {
                assert_eq!(
                    self.records.receive(&mut [0; 5], &mut |_| panic!("it is broken"), &mut self.outgoing),
                    Err(error.clone())
                );
                assert_eq!(self.records.check(), Err(error.clone()));
                return Err(error);
            }
        }
        Ok(())
    }

    fn send(&mut self, length: usize) {
        self.records.send(&vec![7; length], &mut self.outgoing).expect("nothing has failed");
        self.records.check_invariants();
    }
}

/// Who the server is, made once.
static SITE: OnceLock<rcgen::CertifiedKey<rcgen::KeyPair>> = OnceLock::new();

fn site() -> &'static rcgen::CertifiedKey<rcgen::KeyPair> {
    SITE.get_or_init(|| rcgen::generate_simple_self_signed(["site.test".to_owned()]).expect("a name is enough"))
}

fn server_config() -> Arc<ServerConfig> {
    static CONFIG: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    let make = || {
        let key = PrivateKeyDer::try_from(site().signing_key.serialize_der()).expect("it is a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has both")
            .with_no_client_auth()
            .with_single_cert(vec![site().cert.der().clone()], key)
            .expect("the key fits");
        config.enable_secret_extraction = true;
        config.key_log = Arc::new(SecretLog);
        Arc::new(config)
    };
    Arc::clone(CONFIG.get_or_init(make))
}

fn client(version: &'static SupportedProtocolVersion, small_records: bool) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(site().cert.der().clone()).expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("the provider has both")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.max_fragment_size = small_records.then_some(64);
    let name = ServerName::try_from("site.test").expect("it is a name");
    ClientConnection::new(Arc::new(config), name).expect("the configuration is sound")
}
