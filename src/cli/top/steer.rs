//! Has done what was confirmed, and says what came of it in a sentence.

use std::time::Duration;

use tokio::time::timeout;

use super::news::Said;
use super::steering::Steering;
use crate::admin::{
    AskError, Client, CloseAnswer, CloseRequest, DrainAnswer, DrainRequest, ParsedAnswer, UndrainAnswer, UndrainRequest,
};
use crate::cli::show;
use crate::log::harmless;

/// How long it may take: processes that handed over are asked, too.
const WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn steer(client: &Client, steering: Steering) -> Said {
    match timeout(WITHIN, carry_out(client, &steering)).await {
        Ok(Ok(done)) => Said::Done(line(&done)),
        Ok(Err(error)) => Said::Refused(line(&format!("{} did not work: {error}", steering.name()))),
        Err(_) => Said::Refused(format!(
            "{}: no answer for {} s, and it may still be done",
            steering.name(),
            WITHIN.as_secs()
        )),
    }
}

async fn carry_out(client: &Client, steering: &Steering) -> Result<String, AskError> {
    match steering {
        Steering::Drain { upstream, endpoint, .. } => {
            let request = DrainRequest { scope: format!("endpoint/{upstream}/{endpoint}"), ..DrainRequest::default() };
            let ParsedAnswer { value, .. } = client.post::<DrainAnswer>("/drain", &request).await?;
            let problems = value.predecessors.iter().filter_map(|it| Some((it.pid, it.problem.as_deref()?)));
            Ok(show::draining(&value) + &unreached(problems))
        }
        Steering::Undrain { upstream, endpoint } => {
            let request = UndrainRequest { endpoint: format!("{upstream}/{endpoint}") };
            let ParsedAnswer { value, .. } = client.post::<UndrainAnswer>("/undrain", &request).await?;
            let problems = value.not_reached.iter().map(|it| (it.pid, &*it.problem));
            Ok(show::undrained(&value) + &unreached(problems))
        }
        Steering::Close { tunnel, .. } => {
            let request = CloseRequest { tunnel: Some(*tunnel), ..CloseRequest::default() };
            let ParsedAnswer { value, .. } = client.post::<CloseAnswer>("/close", &request).await?;
            let problems = value.not_reached.iter().map(|it| (it.pid, &*it.problem));
            Ok(show::closed(&value) + &unreached(problems))
        }
    }
}

fn unreached<'a>(problems: impl Iterator<Item = (u32, &'a str)>) -> String {
    problems.map(|(pid, problem)| format!("\nnot done in process {pid}, which handed over: {problem}")).collect()
}

fn line(text: &str) -> String {
    harmless(&text.lines().collect::<Vec<_>>().join("; "))
}
