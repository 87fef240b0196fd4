//! Sockets that the process was started with: socket activation, as sd_listen_fds(3) has it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{OwnedFd, RawFd};

use super::fds::inherit;

/// What the environment says about passed sockets.
#[derive(Clone, Debug, Default)]
pub struct ActivationVariables {
    /// `LISTEN_PID`: whom the sockets are for.
    pub pid: Option<OsString>,
    /// `LISTEN_FDS`: how many there are.
    pub count: Option<OsString>,
    /// `LISTEN_FDNAMES`: what they are called, separated by colons.
    pub names: Option<OsString>,
}

/// A socket that was passed.
#[derive(Debug)]
pub struct Activated {
    /// Its `FileDescriptorName=`; not always unlike the others'.
    pub name: String,
    /// The socket itself, of any kind.
    pub socket: OwnedFd,
}

/// The sockets that were passed to this process, `pid`; none where the variables are for another one.
///
/// Takes the descriptors, so there is nothing left for a second call.
pub fn activated(variables: &ActivationVariables, pid: u32) -> io::Result<Vec<Activated>> {
    if number(variables.pid.as_deref()) != Some(pid) {
        return Ok(Vec::new());
    }
    let count = number(variables.count.as_deref()).unwrap_or(0);
    let names = variables.names.as_deref().map(OsStr::to_string_lossy).unwrap_or_default();
    let names = names.split(':').map(Some).chain(std::iter::repeat(None));
    let take = |(index, name): (u32, Option<&str>)| {
        let number = RawFd::try_from(index).ok().and_then(|index| FIRST.checked_add(index));
        let socket = inherit(number.unwrap_or(-1))?;
        let name = name.filter(|name| !name.is_empty()).unwrap_or(NAMELESS).to_owned();
        Ok(Activated { name, socket })
    };
    (0..count).zip(names).map(take).collect()
}

fn number(value: Option<&OsStr>) -> Option<u32> {
    value?.to_str()?.parse().ok()
}

/// `SD_LISTEN_FDS_START`
const FIRST: RawFd = 3;

/// What systemd calls a socket without a name.
const NAMELESS: &str = "unknown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_for_another_process_are_left_alone() {
        let variables = |pid: &str| ActivationVariables {
            pid: Some(pid.into()),
            count: Some("1000000".into()),
            names: Some("web".into()),
        };

        assert!(activated(&ActivationVariables::default(), 7).unwrap().is_empty());
        assert!(activated(&variables("8"), 7).unwrap().is_empty());
        assert!(activated(&variables("seven"), 7).unwrap().is_empty());
        assert!(activated(&variables("7"), 7).is_err(), "a socket that is promised and not there");
    }

    #[test]
    fn no_count_is_none() {
        for count in [None, Some("0".into()), Some("many".into())] {
            let variables = ActivationVariables { pid: Some("7".into()), count, names: None };
            assert!(activated(&variables, 7).unwrap().is_empty());
        }
    }
}
