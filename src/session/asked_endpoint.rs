//! What came of asking one endpoint, whichever way it is asked.

use std::sync::Arc;

use http::{Request, Response};

use super::refused::Refused;
use crate::endpoint::{Carrier, EndpointBody, Upload};
use crate::snapshot::Endpoint;

/// The head of an answer, and who gave it.
pub(super) struct EndpointAnswer {
    pub(super) response: Response<EndpointBody>,
    /// It came before all of its request was sent.
    pub(super) is_early: bool,
    pub(super) endpoint: Arc<Endpoint>,
    /// What its body comes by.
    pub(super) carrier: Carrier,
}

/// What came of asking one endpoint, where it is no refusal.
pub(super) enum OneAsked {
    Answered(EndpointAnswer),
    /// It is left for another one.
    Left {
        request: Box<Request<Upload>>,
        /// If there is none, this is why it is refused.
        why: Refused,
        /// This one was asked, and may have read it: to ask another one costs a retry.
        is_read: bool,
    },
}
