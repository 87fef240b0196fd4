//! Keeps the certificate of one name: orders it, asks when it is to be renewed, and tries again what has failed.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use tokio::sync::watch;
use tokio::time::sleep;

use super::date::Date;
use super::failure::Failure;
use super::issuer::{AskedWindow, Issuer};
use super::renewal::{Due, Renewal, wait};
use super::statuses::AcmeStatuses;
use crate::process::unix_seconds;
use crate::tls::IssuedCertificate;

/// Why somebody begins to keep a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It was not kept.
    New,
    /// It was kept, and is ordered in another way now.
    Changed,
}

/// Who keeps the certificate of one name.
#[derive(Debug)]
pub struct NameKeeper {
    name: String,
    issuer: Arc<Issuer>,
    statuses: Arc<AcmeStatuses>,
    renewal: Renewal,
    held: Option<IssuedCertificate>,
}

impl NameKeeper {
    /// One for `name`, with the certificate of `issuer` that is shown for it, if one is: that of another one is shown until there is a new one.
    pub fn new(name: String, issuer: Arc<Issuer>, statuses: Arc<AcmeStatuses>) -> Self {
        let held = issuer.answers().shown.certificate(&name, issuer.origin());
        let mut keeper = Self { name, issuer, statuses, renewal: Renewal::default(), held: None };
        if let Some(held) = held {
            keeper.take(held, "the certificate that was kept is served");
        }
        keeper
    }

    /// Keeps it until this is dropped. What has failed is tried again sooner when `asked` changes, unless the directory has said
    /// otherwise.
    pub async fn keep(mut self, occasion: Occasion, mut asked: watch::Receiver<()>) {
        self.take_up_pause(occasion).await;
        loop {
            self.issuer.keep_again(&self.name).await;
            match self.renewal.due(now()) {
                Due::Order => self.order().await,
                Due::Window => self.ask_for_window().await,
                Due::Nothing(until) => {
                    tokio::select! {
                        () = sleep(wait(until, now())) => {}
                        Ok(()) = asked.changed() => self.renewal.note_asked(),
                    }
                }
            }
        }
    }

    /// What failed before this began is not tried sooner for that.
    async fn take_up_pause(&mut self, occasion: Occasion) {
        let Some(paused) = self.issuer.pause(&self.name).await else { return };
        self.renewal.note_paused(&paused);
        if occasion == Occasion::Changed {
            self.renewal.note_changed();
        }
        if let Some(until) = self.renewal.paused_until(now()) {
            let (name, directory, next) = (&self.name, self.issuer.directory(), Date(until));
            tracing::info!(name, directory, %next, "nothing is ordered yet, for the last order is not long ago: {}", paused.why);
            self.statuses.note_pause(name, Failure::new(paused.why), until);
        }
    }

    async fn order(&mut self) {
        match self.issuer.obtain(&self.name, self.held.as_ref()).await {
            Ok(certificate) => {
                self.issuer.answers().shown.put(&self.name, certificate.clone(), self.issuer.origin().clone());
                self.take(certificate, "a certificate was issued");
                self.issuer.keep_pause(&self.name, self.renewal.paused(HURRIED.to_owned())).await;
            }
            Err(failure) => {
                let next = self.renewal.note_failure(failure.told, now(), fastrand::f64());
                // Kept before it is said: who reads the line may stop the process for it.
                self.issuer.keep_pause(&self.name, self.renewal.paused(failure.to_string())).await;
                self.say_failure(&failure, next);
            }
        }
    }

    async fn ask_for_window(&mut self) {
        let Some(held) = &self.held else { return };
        let before = self.renewal.renew_at();
        let AskedWindow { window, again } = match self.issuer.window(held).await {
            Ok(asked) => asked,
            Err(failure) => {
                tracing::debug!(name = self.name, "{failure}");
                return self.renewal.note_no_window(failure.told.unwrap_or(ASK_AGAIN), now(), fastrand::f64());
            }
        };
        self.renewal.note_window(window, again, now(), fastrand::f64());
        if let Some(renewal) = self.renewal.renew_at().filter(|renewal| Some(*renewal) != before) {
            self.statuses.note_plan(&self.name, renewal);
            tracing::info!(name = self.name, renewal = %Date(renewal), "the directory says when the certificate is to be renewed");
        }
    }

    /// From now on it is this one.
    fn take(&mut self, certificate: IssuedCertificate, said: &str) {
        let life = certificate.life();
        self.renewal.note_certificate(life, now(), fastrand::f64());
        self.held = Some(certificate);
        let renewal = self.renewal.renew_at().unwrap_or(life.ends);
        self.statuses.note_certificate(&self.name, life.ends, renewal);
        let (directory, ends, renewal) = (self.issuer.directory(), Date(life.ends), Date(renewal));
        tracing::info!(name = self.name, directory, %ends, %renewal, "{said}");
    }

    fn say_failure(&self, failure: &Failure, next: UnixTime) {
        self.statuses.note_failure(&self.name, failure, next);
        let (name, directory, next) = (&self.name, self.issuer.directory(), Date(next));
        match self.held.as_ref().map(|held| held.life().ends).filter(|ends| *ends > now()) {
            Some(ends) => {
                let ends = Date(ends);
                tracing::warn!(name, directory, %ends, %next, "no new certificate, the old one is served on: {failure}");
            }
            None => tracing::error!(name, directory, %next, "no certificate, and none that is valid: {failure}"),
        }
    }
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(unix_seconds()))
}

/// Why the next one has to wait though there is a certificate.
const HURRIED: &str = "its certificates are due soon after they come";

/// When a directory is asked again that has not said when a certificate is to be renewed (RFC 9773 §4.3.3).
const ASK_AGAIN: Duration = Duration::from_secs(6 * 3600);
