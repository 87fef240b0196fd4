//! The feed, put together from its lines: server-sent events, each with what is other than in the one before.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::seen::Seen;

/// What has come of the event that is being told, and what was told before.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    name: String,
    data: String,
    sections: Map<String, Value>,
}

/// What an event says.
#[derive(Debug)]
pub(super) enum Told {
    /// Whether who listens may also steer.
    Hello { may_steer: bool },
    /// How things stand.
    Look(Box<Seen>),
    /// There will be no more, and why.
    End(String),
}

#[derive(Deserialize)]
struct Hello {
    may_steer: bool,
}

#[derive(Deserialize)]
struct Farewell {
    why: String,
}

impl Hearing {
    /// Takes a line; returns what the event says that ends with it.
    ///
    /// # Errors
    /// It is no event of ours.
    pub(super) fn handle_line(&mut self, line: &str) -> Result<Option<Told>, serde_json::Error> {
        match line.split_once(':') {
            Some(("event", name)) => name.trim_start().clone_into(&mut self.name),
            Some(("data", data)) => self.data.push_str(data.trim_start()),
            _ if line.is_empty() && !self.data.is_empty() => return self.told().map(Some),
            // A comment, or a field that is of no use here.
            _ => {}
        }
        Ok(None)
    }

    fn told(&mut self) -> Result<Told, serde_json::Error> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        Ok(match &*name {
            "hello" => Told::Hello { may_steer: serde_json::from_str::<Hello>(&data)?.may_steer },
            "end" => Told::End(serde_json::from_str::<Farewell>(&data)?.why),
            _ => {
                let told: Map<String, Value> = serde_json::from_str(&data)?;
                if told.get("whole") == Some(&Value::Bool(true)) {
                    self.sections = told;
                } else {
                    self.sections.extend(told);
                }
                Told::Look(Box::new(Seen::deserialize(&self.sections)?))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_said_again_is_as_it_was() {
        let mut hearing = Hearing::default();
        let mut hear =
            |lines: &str| lines.lines().filter_map(|line| hearing.handle_line(line).unwrap()).collect::<Vec<_>>().pop();
        let hello = hear("event: hello\ndata: {\"may_steer\":true}\n\n");
        assert!(matches!(hello, Some(Told::Hello { may_steer: true })));
        hear("data: {\"at\":1000,\"whole\":true,\"process\":{\"pid\":7},\"now\":{\"tunnels\":3}}\n\n");
        let Some(Told::Look(seen)) = hear("data: {\"at\":2000,\"whole\":false,\"now\":{\"tunnels\":4}}\n\n") else {
            panic!("that is a look")
        };
        assert_eq!((seen.at, seen.process.pid, seen.now.tunnels), (2000, 7, 4));
        let Some(Told::Look(seen)) = hear("data: {\"at\":3000,\"whole\":true}\n\n") else { panic!("that is a look") };
        assert_eq!((seen.process.pid, seen.now.tunnels), (0, 0), "whole means that there is nothing else");
        let end = hear("event: end\ndata: {\"why\":\"handed over\"}\n\n");
        assert!(matches!(end, Some(Told::End(why)) if why == "handed over"));
        assert!(hear(": still there\nretry: 3\n\n").is_none());
    }

    proptest! {
        #[test]
        fn no_line_panics(lines in prop::collection::vec("(data: |event: |:)?(\\{\"at\":[0-9]{0,25}\\}|\\PC*)", 0..8)) {
            let mut hearing = Hearing::default();
            for line in lines {
                let _ = hearing.handle_line(&line);
                let _ = hearing.handle_line("");
            }
        }
    }
}
