//! `auth_basic`: whose name and password are asked for.

use super::context::Context;
use super::ledger::Reason;
use super::scope::Scope;
use crate::import::output::Value;

/// `basic_auth` of a route in `scope`, whose endpoint reads the name in the header `user`; `None` where nobody is asked.
///
/// # Errors
/// Why it cannot be said; the directives are told of.
pub(super) fn passwords(scope: &Scope<'_>, user: Option<&str>, context: &Context<'_>) -> Result<Option<Value>, Reason> {
    let Some(directive) = scope.last("auth_basic").filter(|it| it.value() != Some("off")) else { return Ok(None) };
    let file = scope.last("auth_basic_user_file");
    let realm = directive
        .value()
        .filter(|realm| !realm.contains('$') && realm.chars().all(|c| c.is_ascii_graphic() || c == ' '));
    let path = file.and_then(|it| it.value()).and_then(|it| context.file(it));
    let (Some(realm), Some(path)) = (realm, path) else {
        let reason = Reason::new(
            "the realm and the file are the same for everybody here",
            "write basic_auth = { file = \"staff.htpasswd\", realm = \"staff\" } in [route.NAME]",
        );
        for directive in [Some(directive), file].into_iter().flatten() {
            context.ledger.left_because(directive, reason.clone());
        }
        return Err(reason);
    };
    context.ledger.carried(directive);
    file.iter().for_each(|file| {
        context.ledger.left(
            file,
            "bcrypt and the SHA-2 of crypt(3) are taken, and what htpasswd writes without -B is not; the endpoint does not see the password",
            "see what `windlass check` says of its lines, and write those anew with htpasswd -B -C 10",
        );
    });
    let mut entries = vec![("file".to_owned(), path.into()), ("realm".to_owned(), realm.into())];
    entries.extend(user.map(|user| ("user_header".to_owned(), user.into())));
    Ok(Some(Value::Table(entries)))
}
