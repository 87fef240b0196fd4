//! A DNS server for tests: UDP and TCP on a port of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// A server; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    zone: Arc<Zone>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Zone {
    behaviour: Mutex<Behaviour>,
    asked: Mutex<Vec<Asked>>,
}

/// What the server does.
#[derive(Clone, Debug, Default)]
pub(super) enum Behaviour {
    /// Answers with what it has of these.
    Answers(Vec<Record>),
    /// Answers with this code.
    Fails(ResponseCode),
    /// Does not answer.
    #[default]
    Silent,
    /// Answers IPv4's questions only.
    SilentAboutIpv6(Vec<Record>),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) record_type: RecordType,
    pub(super) over_tcp: bool,
}

impl TestServer {
    /// One that does this.
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let zone = Arc::new(Zone { behaviour: Mutex::new(behaviour), asked: Mutex::default() });
        let address = udp.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&zone)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&zone)));
        Self { address, zone, _tasks: tasks }
    }

    /// Does this from now on.
    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.zone.behaviour.lock().unwrap() = behaviour;
    }

    /// Every question so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.zone.asked.lock().unwrap().clone()
    }
}

/// The record of an address.
pub(super) fn host(name: &str, ttl: u32, address: &str) -> Record {
    let data = match address.parse().unwrap() {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    };
    Record::from_rdata(name.parse().unwrap(), ttl, data)
}

/// The record of an alias.
pub(super) fn alias(name: &str, ttl: u32, target: &str) -> Record {
    Record::from_rdata(name.parse().unwrap(), ttl, RData::CNAME(CNAME(target.parse().unwrap())))
}

/// The record of a service.
pub(super) fn service(name: &str, ttl: u32, service: (u16, u16, u16), target: &str) -> Record {
    let (priority, weight, port) = service;
    let data = SRV::new(priority, weight, port, target.parse().unwrap());
    Record::from_rdata(name.parse().unwrap(), ttl, RData::SRV(data))
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = [0; 4096];
    loop {
        let (read, from) = socket.recv_from(&mut buffer).await.unwrap();
        if let Some(answer) = zone.answer(&buffer[..read], false) {
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_connection(stream, Arc::clone(&zone)));
    }
}

async fn serve_connection(mut stream: TcpStream, zone: Arc<Zone>) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; length.into()];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let Some(answer) = zone.answer(&query, true) else { continue };
        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
        if stream.write_all(&[&length, &answer[..]].concat()).await.is_err() {
            return;
        }
    }
}

impl Zone {
    fn answer(&self, query: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).unwrap();
        let question = query.queries[0].clone();
        let (name, record_type) = (question.name().to_lowercase(), question.query_type());
        self.asked.lock().unwrap().push(Asked { name: name.to_ascii(), record_type, over_tcp });
        let mut message = Message::response(query.id, OpCode::Query);
        message.add_query(question);
        message.metadata.recursion_available = true;
        let records = match self.behaviour.lock().unwrap().clone() {
            Behaviour::Silent => return None,
            Behaviour::SilentAboutIpv6(_) if record_type == RecordType::AAAA => return None,
            Behaviour::Answers(records) | Behaviour::SilentAboutIpv6(records) => records,
            Behaviour::Fails(code) => {
                message.metadata.response_code = code;
                return Some(message.to_vec().unwrap());
            }
        };
        let answers = chain(&records, name.clone(), record_type);
        if !records.iter().any(|it| it.name == name) {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        message.add_answers(answers);
        let room = query.edns.as_ref().map_or(512, |edns| usize::from(edns.max_payload()));
        let mut encoded = message.to_vec().unwrap();
        if !over_tcp && encoded.len() > room {
            message.answers.clear();
            message.metadata.truncation = true;
            encoded = message.to_vec().unwrap();
        }
        Some(encoded)
    }
}

/// The aliases from a name on, and the records at their end.
fn chain(records: &[Record], mut name: Name, record_type: RecordType) -> Vec<Record> {
    let mut found = Vec::new();
    loop {
        let here = records.iter().filter(|it| it.name == name);
        found.extend(here.clone().filter(|it| it.record_type() == record_type).cloned());
        let mut here = here;
        let Some(alias) = here.find(|it| it.record_type() == RecordType::CNAME) else { return found };
        let RData::CNAME(CNAME(target)) = &alias.data else { return found };
        found.push(alias.clone());
        name = target.clone();
    }
}
