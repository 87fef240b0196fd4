//! What an endpoint is told of the certificate that a client has shown. Clients cannot say it themselves: `forward` takes out whatever
//! of these names they send, on every listener.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::tls::{CertificateText, ClientCertificate};

/// Writes it. Of what a certificate does not have, or has too much of, there is no line.
pub fn write(headers: &mut HeaderMap, certificate: &ClientCertificate, text: &CertificateText) {
    let fingerprint = certificate.fingerprint.to_string();
    let lines =
        [(SUBJECT, text.subject.as_deref()), (NAMES, text.names.as_deref()), (FINGERPRINT, Some(&*fingerprint))];
    for (name, value) in lines {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
}

const SUBJECT: HeaderName = HeaderName::from_static("x-client-cert-subject");
const NAMES: HeaderName = HeaderName::from_static("x-client-cert-san");
const FINGERPRINT: HeaderName = HeaderName::from_static("x-client-cert-fingerprint");
