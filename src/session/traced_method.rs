//! What spans say of a method: of few of them there are many requests, and whoever sends one may have made it up.

use http::Method;

use crate::traces::Attribute;

/// What stands for a method in the name of a span.
pub(super) fn name_of_method(method: &Method) -> &'static str {
    known(method).unwrap_or("HTTP")
}

/// What the attributes of a span say of it.
pub(super) fn about_method(method: &Method) -> Vec<Attribute> {
    match known(method) {
        Some(known) => vec![("http.request.method", known.into())],
        None => {
            vec![("http.request.method", "_OTHER".into()), ("http.request.method_original", method.as_str().into())]
        }
    }
}

/// A method as it stands in spans; `None`: one that nobody knows.
fn known(method: &Method) -> Option<&'static str> {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
        .into_iter()
        .find(|known| *known == method.as_str())
}
