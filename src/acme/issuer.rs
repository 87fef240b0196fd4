//! One directory, and our account there: what is asked of it, and what is kept of its answers.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use instant_acme::{Account, AccountBuilder, AccountCredentials, Error, ExternalAccountKey, NewAccount};
use rustls::pki_types::UnixTime;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::certificate_id::certificate_id;
use super::failure::{Failure, is_of_kind};
use super::http_client::DirectoryClient;
use super::order::{Answers, finish, new_order};
use super::paused::Paused;
use super::schedule::Window;
use super::shown::Origin;
use super::storage::{Storage, StorageLock};
use crate::config::AcmeSettings;
use crate::net::Network;
use crate::process::FileWork;
use crate::tls::{DirectoryCredentials, IssuedCertificate};

/// One directory, and our account there.
pub struct Issuer {
    settings: AcmeSettings,
    credentials: DirectoryCredentials,
    origin: Origin,
    storage: Storage,
    client: DirectoryClient,
    answers: Answers,
    threads: FileWork,
    /// Of all names, so many at once work at files: others wait.
    file_turns: Semaphore,
    /// The account, once it is known, until something fails: one at a time makes it, or has it restored.
    account: Mutex<Option<Account>>,
    turns: Semaphore,
    /// One asks for its window at a time: orders do not hold that up, and a thousand names are not a thousand connections.
    window_turn: Semaphore,
    /// What could not be written, by name.
    unkept: SyncMutex<BTreeMap<String, Zeroizing<String>>>,
    unkept_account: SyncMutex<Option<Zeroizing<Vec<u8>>>>,
}

/// When a directory wants a certificate to be renewed, and when it is to be asked again.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedWindow {
    pub(super) window: Option<Window>,
    pub(super) again: Duration,
}

impl Issuer {
    /// The directory of `settings`, whose certificates are kept below `folder`.
    pub fn new(
        settings: AcmeSettings,
        credentials: DirectoryCredentials,
        folder: &Path,
        network: Network,
        answers: Answers,
    ) -> Self {
        Self {
            origin: Origin { directory: settings.directory.clone(), folder: folder.to_owned() },
            storage: Storage::of(&settings.directory, folder),
            client: DirectoryClient::new(network, Arc::clone(&credentials.issuers)),
            answers,
            threads: FileWork::default(),
            file_turns: Semaphore::new(AT_ONCE),
            account: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
            window_turn: Semaphore::new(1),
            unkept: SyncMutex::default(),
            unkept_account: SyncMutex::default(),
            credentials,
            settings,
        }
    }

    /// Whether another one would do all of it in the same way, whatever for.
    pub fn is_same(&self, settings: &AcmeSettings, credentials: &DirectoryCredentials, folder: &Path) -> bool {
        self.settings.is_ordered_alike(settings)
            && self.credentials == *credentials
            && self.storage == Storage::of(&settings.directory, folder)
    }

    /// Where it is.
    pub fn directory(&self) -> &str {
        &self.settings.directory
    }

    /// What tells its certificates from those of others.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Has a certificate for `name`, in place of the one that is `held`: a new one, or one that another process has had meanwhile
    /// and that is to be used from now on.
    pub(super) async fn obtain(
        &self,
        name: &str,
        held: Option<&IssuedCertificate>,
    ) -> Result<IssuedCertificate, Failure> {
        let _held = self.turn_and_lock(name).await?;
        if let Some(newer) = self.kept(name).await?.filter(|kept| is_newer(kept, held)) {
            return Ok(newer);
        }
        tracing::info!(name, directory = self.settings.directory, "a certificate is ordered");
        let ordered = timeout(ORDER_WITHIN, self.order(name, held)).await;
        let ordered = ordered.unwrap_or_else(|_| Err(Failure::new("the order did not come to an end in time")));
        let text = match ordered {
            Ok(text) => text,
            Err(failure) => {
                self.forget_account().await;
                return Err(failure);
            }
        };
        let issued = IssuedCertificate::parse(text.as_bytes(), name)
            .map_err(|error| Failure::new(format!("the directory has issued what cannot be used: {error}")))?;
        self.keep(name, text).await;
        Ok(issued)
    }

    /// Writes again what could not be written of `name`, if there is something.
    pub(super) async fn keep_again(&self, name: &str) {
        let unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(text) = unkept {
            self.keep(name, text).await;
        }
    }

    /// Keeps a certificate for the next start; what cannot be written now is tried again later.
    async fn keep(&self, name: &str, text: Zeroizing<String>) {
        let (to, written) = (name.to_owned(), text.clone());
        if let Err(error) = self.on_files(move |storage| storage.keep_certificate(&to, written.as_bytes())).await {
            tracing::error!(name, %error, "the certificate is served, and cannot be kept for the next start yet");
            self.unkept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), text);
        }
    }

    /// The pause of `name` that a process before has kept.
    pub(super) async fn pause(&self, name: &str) -> Option<Paused> {
        let of = name.to_owned();
        match self.on_files(move |storage| storage.pause(&of)).await {
            Ok(text) => serde_json::from_slice(&text?).ok(),
            Err(failure) => {
                tracing::warn!(name, "it is not known whether an order has failed before: {failure}");
                None
            }
        }
    }

    /// Keeps the pause of `name`, or that there is none, for the next start.
    pub(super) async fn keep_pause(&self, name: &str, paused: Option<Paused>) {
        let of = name.to_owned();
        let text = paused.and_then(|paused| serde_json::to_vec(&paused).ok());
        if let Err(error) = self.on_files(move |storage| storage.keep_pause(&of, text.as_deref())).await {
            tracing::warn!(name, %error, "the next start does not know until when nothing is ordered");
        }
    }

    /// When the directory wants `certificate` to be renewed.
    pub(super) async fn window(&self, certificate: &IssuedCertificate) -> Result<AskedWindow, Failure> {
        let none = AskedWindow { window: None, again: UNSUPPORTED };
        let Some(id) = certificate.certified().cert.first().and_then(certificate_id) else { return Ok(none) };
        let _turn = self.window_turn.acquire().await;
        match self.account().await?.renewal_info(&id).await {
            Ok((info, again)) => {
                let time =
                    |seconds: i64| UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
                let (start, end) = (info.suggested_window.start, info.suggested_window.end);
                let window = Window { start: time(start.unix_timestamp()), end: time(end.unix_timestamp()) };
                Ok(AskedWindow { window: Some(window), again })
            }
            Err(Error::Unsupported(_)) => Ok(none),
            Err(error) => {
                self.forget_account().await;
                Err(Failure::of("no answer to when it is to be renewed", &error))
            }
        }
    }

    async fn order(&self, name: &str, held: Option<&IssuedCertificate>) -> Result<Zeroizing<String>, Failure> {
        let account = self.account().await?;
        let replaces = held.and_then(|held| certificate_id(held.certified().cert.first()?));
        let order = match new_order(&account, name, replaces).await {
            Err(error) if is_of_kind(&error, "accountDoesNotExist") => {
                tracing::warn!(
                    directory = self.settings.directory,
                    "the directory has no such account: another is made"
                );
                new_order(&self.another_account(&account).await?, name, None).await
            }
            begun => begun,
        };
        let order = order.map_err(|error| Failure::of("no order", &error))?;
        finish(order, name, self.settings.challenge, &self.answers).await
    }

    /// The account: the one that is known, or that is kept, or a new one.
    async fn account(&self) -> Result<Account, Failure> {
        let mut known = self.account.lock().await;
        if let Some(account) = &*known {
            return Ok(account.clone());
        }
        let account = match self.kept_account().await? {
            Some(account) => account,
            None => {
                let _lock = self.lock_account().await?;
                match self.kept_account().await? {
                    Some(made_meanwhile) => made_meanwhile,
                    None => self.new_account().await?,
                }
            }
        };
        Ok(known.insert(account).clone())
    }

    /// Another one in place of `failed`: that which somebody has made meanwhile, or a new one.
    async fn another_account(&self, failed: &Account) -> Result<Account, Failure> {
        let is_other = |account: &&Account| account.id() != failed.id();
        let mut known = self.account.lock().await;
        if let Some(account) = known.as_ref().filter(is_other) {
            return Ok(account.clone());
        }
        *known = None;
        let _lock = self.lock_account().await?;
        let account = match self.kept_account().await?.filter(|kept| is_other(&kept)) {
            Some(made_meanwhile) => made_meanwhile,
            None => self.new_account().await?,
        };
        Ok(known.insert(account).clone())
    }

    /// Whatever failed, the directory is looked at anew.
    async fn forget_account(&self) {
        *self.account.lock().await = None;
    }

    async fn kept_account(&self) -> Result<Option<Account>, Failure> {
        let unkept = self.unkept_account.lock().unwrap_or_else(PoisonError::into_inner).take();
        let kept = match unkept {
            Some(unkept) => {
                self.keep_account(unkept.clone()).await;
                Some(unkept)
            }
            None => {
                let kid = self.kid();
                self.on_files(move |storage| storage.account(kid.as_deref())).await?
            }
        };
        let Some(kept) = kept else { return Ok(None) };
        match serde_json::from_slice::<AccountCredentials>(&kept) {
            Ok(credentials) => {
                let account = self.builder().from_credentials(credentials).await;
                account.map(Some).map_err(|error| Failure::of("the directory is out of reach", &error))
            }
            Err(error) => {
                tracing::warn!(directory = self.settings.directory, %error, "the account that was kept cannot be read: another is made");
                Ok(None)
            }
        }
    }

    async fn new_account(&self) -> Result<Account, Failure> {
        // Directories make few for an address, and one that is bound may be made once.
        self.on_files(|storage| storage.try_write()).await?;
        let AcmeSettings { contact, directory, eab, .. } = &self.settings;
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let bound = eab.as_ref().zip(self.credentials.hmac_key.as_ref());
        let bound = bound.map(|(eab, key)| ExternalAccountKey::new(eab.kid.clone(), key.as_bytes()));
        let made = self.builder().create(&new, directory.clone(), bound.as_ref()).await;
        let (account, credentials) = made.map_err(|error| Failure::of("no account", &error))?;
        let text = serde_json::to_vec(&credentials).map(Zeroizing::new);
        let text = text.map_err(|error| Failure::new(format!("the account cannot be kept: {error}")))?;
        tracing::info!(directory, "an account was made");
        self.keep_account(text).await;
        Ok(account)
    }

    /// Keeps an account for the next start; what cannot be written now is tried again when it is looked for.
    async fn keep_account(&self, text: Zeroizing<Vec<u8>>) {
        let (kid, written) = (self.kid(), text.clone());
        if let Err(error) = self.on_files(move |storage| storage.keep_account(kid.as_deref(), &written)).await {
            tracing::error!(directory = self.settings.directory, %error, "the account cannot be kept for the next start yet");
            *self.unkept_account.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        }
    }

    fn builder(&self) -> AccountBuilder {
        Account::builder_with_http(Box::new(self.client.clone()))
    }

    fn kid(&self) -> Option<String> {
        self.settings.eab.as_ref().map(|eab| eab.kid.clone())
    }

    /// Waits until no other process orders for `name`, and it is its turn. Who waits for another process holds no turn, and who
    /// waits for a turn no lock.
    async fn turn_and_lock(&self, name: &str) -> Result<(SemaphorePermit<'_>, StorageLock), Failure> {
        let mut waited = Duration::ZERO;
        while waited < LOCKED_WITHIN {
            let turn = self.turns.acquire().await.map_err(|_| Failure::new("nothing is ordered any more"))?;
            if let Some(lock) = self.try_lock(name).await? {
                return Ok((turn, lock));
            }
            drop(turn);
            sleep(LOCK_EVERY).await;
            waited += LOCK_EVERY;
        }
        Err(Failure::new(LOCKED))
    }

    /// Waits until no other process makes an account.
    async fn lock_account(&self) -> Result<StorageLock, Failure> {
        let until = Instant::now() + LOCKED_WITHIN;
        while Instant::now() < until {
            if let Some(lock) = self.try_lock(ACCOUNT).await? {
                return Ok(lock);
            }
            sleep(LOCK_EVERY).await;
        }
        Err(Failure::new(LOCKED))
    }

    async fn try_lock(&self, name: &str) -> Result<Option<StorageLock>, Failure> {
        let name = name.to_owned();
        self.on_files(move |storage| storage.try_lock(&name)).await
    }

    /// The certificate that is kept, if one is that can be used.
    async fn kept(&self, name: &str) -> Result<Option<IssuedCertificate>, Failure> {
        let of = name.to_owned();
        let text = self.on_files(move |storage| storage.certificate(&of)).await?;
        Ok(text.and_then(|text| IssuedCertificate::parse(&text, name).ok()))
    }

    async fn on_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(Storage) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let _turn = self.file_turns.acquire().await;
        let storage = self.storage.clone();
        let held = |error: &dyn fmt::Display| Failure::new(format!("the storage does not answer: {error}"));
        let mut begun = self.threads.begin(move || work(storage)).map_err(|error| held(&error))?;
        let done = begun.done().await.map_err(|error| held(&error))?;
        done.map_err(|error| Failure::new(format!("storage: {error}")))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Whether one that is kept was had later than the one that is held.
fn is_newer(kept: &IssuedCertificate, held: Option<&IssuedCertificate>) -> bool {
    held.is_none_or(|held| kept.life().ends > held.life().ends)
}

/// How many names are ordered at once of one directory, and how many work at files: no more than there are threads for them.
const AT_ONCE: usize = 3;

/// How long an order may take, with all that belongs to it.
const ORDER_WITHIN: Duration = Duration::from_secs(300);

/// How long another process may have a name, and how often is looked.
const LOCKED_WITHIN: Duration = Duration::from_secs(600);
const LOCK_EVERY: Duration = Duration::from_secs(1);
const LOCKED: &str = "another process, on the same storage, is at it and does not come to an end";

/// What is locked while an account is made: no name has a space.
const ACCOUNT: &str = "the account";

/// When a directory is asked again that knows of no windows, or a certificate that it is not known by.
const UNSUPPORTED: Duration = Duration::from_secs(86_400);
