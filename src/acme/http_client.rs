//! How a directory is asked: a connection for each request, over our own TLS, with our own look at its names.

use std::error::Error as StdError;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::time::{Instant, timeout_at};

use super::failure::{ToldToWait, words};
use crate::config::EndpointAddress;
use crate::endpoint::{EndpointConnection, Unanswered};
use crate::net::{ConnectOptions, Network, Stream, TlsStream, dial};
use crate::tls::{Authority, EndpointCredentials, EndpointTls};

/// Who asks a directory.
#[derive(Clone, Debug)]
pub(super) struct DirectoryClient {
    network: Network,
    tls: Arc<EndpointTls>,
}

impl DirectoryClient {
    /// One in `network`, for directories that somebody of `issuers` has certified.
    pub(super) fn new(network: Network, issuers: Arc<Authority>) -> Self {
        let tls = EndpointTls::new(EndpointCredentials::issued_by(issuers));
        Self { network, tls: Arc::new(tls) }
    }

    /// The answer to a request, whole, within [`ANSWERS_WITHIN`].
    async fn ask(self, mut request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, Unasked> {
        let is_get = request.method() == Method::GET;
        let deadline = Instant::now() + ANSWERS_WITHIN;
        let address = address_of(request.uri()).ok_or_else(|| format!("{} is no https URL", request.uri()))?;
        let stream = self.connect(&address, deadline).await?;
        let mut connection = EndpointConnection::open(stream, ANSWERS_WITHIN).await?;
        to_origin_form(&mut request)?;
        let answered = timeout_at(deadline, connection.send(request)).await.map_err(|_| NO_ANSWER)?;
        let (mut head, body) = answered.map_err(unanswered)?.response.into_parts();
        let whole = timeout_at(deadline, Limited::new(body, LONGEST_ANSWER).collect()).await.map_err(|_| NO_ANSWER)?;
        let whole = whole?.to_bytes();
        if !head.status.is_success() {
            let told = told(&head.headers);
            if told.is_none() && is_problem(&head.headers) {
                return Ok(Response::from_parts(head, Full::new(whole)));
            }
            let problem = serde_json::from_slice(&whole).ok().filter(|_| is_problem(&head.headers));
            let why = problem.as_ref().map_or_else(|| format!("the answer was {}", head.status), words);
            return Err(match told {
                Some(told) => ToldToWait { told, why }.into(),
                None => why.into(),
            });
        }
        // What is had by GET is the directory itself and its windows. Those that come without are asked for again then, and are not
        // thrown away (RFC 9773 §4.3.3).
        if is_get {
            head.headers.entry(RETRY_AFTER).or_insert(HeaderValue::from_static(WINDOW_AGAIN));
        }
        Ok(Response::from_parts(head, Full::new(whole)))
    }

    async fn connect(&self, address: &EndpointAddress, deadline: Instant) -> Result<Stream, Unasked> {
        let left = deadline.saturating_duration_since(Instant::now());
        let socket = dial(&self.network, address, &ConnectOptions::default(), left).await?;
        let name = self.tls.name_of(address).ok_or("it has no name that a certificate could be for")?;
        let secured = TlsStream::connect(socket, self.tls.config(None), name, vec![b"http/1.1".to_vec()]);
        Ok(Stream::Tls(timeout_at(deadline, secured).await.map_err(|_| NO_ANSWER)??))
    }
}

impl HttpClient for DirectoryClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (client, asked) = (self.clone(), request.uri().clone());
        Box::pin(async move {
            client.ask(request).await.map(BytesResponse::from).map_err(|error| {
                // Where it was is no matter, and what was told has to be found again.
                Error::Other(if error.is::<ToldToWait>() { error } else { format!("{asked}: {error}").into() })
            })
        })
    }
}

/// Why there is no answer.
type Unasked = Box<dyn StdError + Send + Sync>;

fn unanswered(unanswered: Unanswered<BodyWrapper<Bytes>>) -> Unasked {
    match unanswered {
        Unanswered::Returned(_) => "the connection was closed".into(),
        Unanswered::Silent(error) | Unanswered::Lost(error) => error.into(),
    }
}

/// For how long the directory wants to hear nothing more (RFC 9110 §10.2.3), as far as it is seconds: it is what directories say.
fn told(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Where a URL leads.
fn address_of(uri: &Uri) -> Option<EndpointAddress> {
    if uri.scheme_str() != Some("https") {
        return None;
    }
    let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(443));
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    Some(match address {
        Ok(address) => EndpointAddress::Socket((address, port).into()),
        Err(_) => EndpointAddress::Name(host.to_ascii_lowercase(), port),
    })
}

/// As an origin server is asked (RFC 9112 §3.2.1), for one answer.
fn to_origin_form(request: &mut Request<BodyWrapper<Bytes>>) -> Result<(), Unasked> {
    let uri = request.uri();
    let host = HeaderValue::from_str(uri.authority().map_or("", |authority| authority.as_str()))?;
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(())
}

/// Whether an answer says in JSON what is wrong.
fn is_problem(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/"))
}

/// In seconds.
const WINDOW_AGAIN: &str = "21600";

const NO_ANSWER: &str = "no answer in time";

/// How long one question to a directory may take, from the connect on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// What of an answer is taken, in bytes: chains and directories are a few kilobytes.
const LONGEST_ANSWER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_an_address() {
        let address = |uri: &str| address_of(&uri.parse().unwrap());
        assert_eq!(address("https://Ca.test/dir"), Some(EndpointAddress::Name("ca.test".into(), 443)));
        assert_eq!(address("https://ca.test:14000/"), Some(EndpointAddress::Name("ca.test".into(), 14000)));
        let socket = |address: &str| Some(EndpointAddress::Socket(address.parse().unwrap()));
        assert_eq!(address("https://127.0.0.1:14000/dir"), socket("127.0.0.1:14000"));
        assert_eq!(address("https://[::1]/dir"), socket("[::1]:443"));
        assert_eq!(address("http://ca.test/dir"), None);
        assert_eq!(address("/dir"), None);
    }

    #[test]
    fn an_origin_server_reads_its_own_path() {
        let request = |uri: &str| {
            let mut request = Request::get(uri).body(BodyWrapper::default()).unwrap();
            to_origin_form(&mut request).unwrap();
            (request.uri().to_string(), request.headers()[HOST].to_str().unwrap().to_owned())
        };
        assert_eq!(request("https://ca.test:14000/dir?a=b"), ("/dir?a=b".into(), "ca.test:14000".into()));
        assert_eq!(request("https://ca.test"), ("/".into(), "ca.test".into()));
    }
}
