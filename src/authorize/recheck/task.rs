//! The task that asks again about open tunnels.

use std::future::pending;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::asking_route::AskingRoute;
use super::book::{PaceNews, Reply, ServerNews, Step};
use super::good::Good;
use super::shared::Shared;
use crate::authorize::client::AuthClient;
use crate::authorize::failure::AuthFailure;
use crate::authorize::question::Question;
use crate::authorize::verdict::{Verdict, judge};
use crate::config::RouteName;
use crate::metrics::AuthResult;
use crate::process::unix_time;

/// A question that has been asked.
struct Asked {
    /// About which credential.
    id: u64,
    route: AskingRoute,
    reply: Result<Reply, AuthFailure>,
}

/// Asks what is due, until it is ended.
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut asking, mut changes) = (JoinSet::new(), shared.changes());
    loop {
        let step = shared.book().step(Instant::now());
        let wait = match step {
            Step::Ask(id, question, route) => {
                asking.spawn(ask(Arc::clone(&shared), id, question, route));
                continue;
            }
            Step::Tell(route, news) => {
                tell(&route, news);
                continue;
            }
            Step::Wait(until) => until,
        };
        let due = async {
            match wait {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            // The sender is held here as well.
            Ok(()) = changes.changed() => {}
            Some(Ok(asked)) = asking.join_next() => note(&shared, asked),
        }
    }
}

async fn ask(shared: Arc<Shared>, id: u64, question: Arc<Question>, route: AskingRoute) -> Asked {
    let reply = match route.authorize() {
        Some(settings) => {
            let client = AuthClient { network: &shared.network, pool: &shared.pool };
            let answered = client.ask(&route.server, settings, &question).await;
            answered.and_then(|answer| {
                let now = unix_time();
                Ok(match judge(settings, &answer.head, now.as_secs())? {
                    Verdict::Granted(grant) => Reply::Granted(Good::new(Instant::now(), grant.until, now)),
                    Verdict::Denied => Reply::Denied,
                })
            })
        }
        None => Ok(Reply::None),
    };
    Asked { id, route, reply }
}

fn tell(route: &RouteName, news: PaceNews) {
    match news {
        PaceNews::Behind => tracing::warn!(
            %route,
            "open tunnels are asked about less often than recheck_every says: raise recheck_per_second or recheck_every"
        ),
        PaceNews::CaughtUp => {
            tracing::info!(%route, "open tunnels are asked about as often as recheck_every says again");
        }
    }
}

fn note(shared: &Shared, Asked { id, route, reply }: Asked) {
    let result = match &reply {
        Ok(Reply::Granted(_)) => AuthResult::Granted,
        Ok(Reply::Denied) => AuthResult::Denied,
        Err(failure) if failure.is_late() => AuthResult::Timeout,
        Ok(Reply::None) | Err(_) => AuthResult::Failed,
    };
    shared.metrics.authorized_again(result);
    let outcome = *reply.as_ref().unwrap_or(&Reply::None);
    let news = shared.book().note((id, &route.settings.name), outcome, Instant::now());
    let name = &route.settings.name;
    match (news, reply) {
        (Some(ServerNews::Silent), Err(error)) => {
            tracing::warn!(route = %name, %error, "a server that is asked again about open tunnels does not answer; they stay for recheck_grace");
        }
        (Some(ServerNews::Answers), _) => {
            tracing::warn!(route = %name, "a server that is asked again about open tunnels answers again");
        }
        (Some(ServerNews::Silent) | None, _) => {}
    }
}
