//! The file that `htpasswd` writes: a name, a colon, a password as it is kept.

use std::collections::BTreeMap;

use thiserror::Error;

use super::stored_password::{PasswordFault, StoredPassword};

/// Everybody who has a password, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordFile(BTreeMap<Box<str>, StoredPassword>);

/// What is wrong with such a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HtpasswdFault {
    /// Nobody could come in.
    #[error("holds no user")]
    Empty,
    /// It holds something else.
    #[error("is no text")]
    NoText,
    /// There is no colon.
    #[error("line {0} is not NAME:HASH")]
    NoPair(usize),
    /// No header could hold it.
    #[error("line {0} has a name with a control character in it, or none")]
    Name(usize),
    /// Programs do not agree on which of the two counts.
    #[error("line {line} has the user {user:?} again")]
    Twice {
        /// The line, the first is 1.
        line: usize,
        /// Who.
        user: Box<str>,
    },
    /// It is not kept well.
    #[error("line {line}: the password of {user:?} {fault}")]
    Password {
        /// The line, the first is 1.
        line: usize,
        /// Whose.
        user: Box<str>,
        /// What is wrong with it.
        fault: PasswordFault,
    },
}

impl HtpasswdFault {
    /// What the operator may do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty | Self::NoText => "make one with `htpasswd -B -C 10 -c FILE NAME`".into(),
            Self::NoPair(_) | Self::Name(_) => "write lines with `htpasswd -B -C 10 FILE NAME`".into(),
            Self::Twice { .. } => "take one of the two out".into(),
            Self::Password { fault: PasswordFault::Cost, user, .. } => {
                format!("run `htpasswd -B -C 10 FILE {user}`, which takes some 50 ms each time")
            }
            Self::Password { user, .. } => format!("run `htpasswd -B -C 10 FILE {user}`, which keeps it as bcrypt"),
        }
    }
}

impl PasswordFile {
    /// Reads what a file holds; empty lines and those that begin with `#` are nobody.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<HtpasswdFault>> {
        let text = std::str::from_utf8(bytes).map_err(|_| vec![HtpasswdFault::NoText])?;
        let (mut users, mut faults) = (BTreeMap::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_line(line, index + 1) {
                Ok((user, _)) if users.contains_key(&user) => {
                    faults.push(HtpasswdFault::Twice { line: index + 1, user });
                }
                Ok((user, password)) => {
                    users.insert(user, password);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if users.is_empty() && faults.is_empty() {
            faults.push(HtpasswdFault::Empty);
        }
        if faults.is_empty() { Ok(Self(users)) } else { Err(faults) }
    }

    /// The password of a user.
    pub fn of(&self, user: &str) -> Option<&StoredPassword> {
        self.0.get(user)
    }

    /// That of some user: the same for the same number.
    pub fn some(&self, number: usize) -> Option<&StoredPassword> {
        self.0.values().nth(number.checked_rem(self.0.len())?)
    }
}

fn parse_line(text: &str, line: usize) -> Result<(Box<str>, StoredPassword), HtpasswdFault> {
    let (user, hash) = text.split_once(':').ok_or(HtpasswdFault::NoPair(line))?;
    if user.is_empty() || user.chars().any(char::is_control) {
        return Err(HtpasswdFault::Name(line));
    }
    // Some programs keep more behind a second colon.
    let hash = hash.split(':').next().unwrap_or(hash);
    match StoredPassword::parse(hash) {
        Ok(password) => Ok((user.into(), password)),
        Err(fault) => Err(HtpasswdFault::Password { line, user: user.into(), fault }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK";

    fn faults(text: &str) -> Vec<String> {
        PasswordFile::parse(text.as_bytes()).unwrap_err().iter().map(HtpasswdFault::to_string).collect()
    }

    #[test]
    fn a_line_is_a_name_and_a_password() {
        let text = format!("# staff\r\n\nada:{HASH}\r\nbücher:{HASH}:more\n");
        let file = PasswordFile::parse(text.as_bytes()).unwrap();
        assert!(file.of("ada").unwrap().is(b"secret") && file.of("bücher").is_some());
        assert!(file.of("Ada").is_none() && file.of("").is_none());
    }

    #[test]
    fn everything_is_said_at_once_and_what_to_run_instead() {
        let text = format!("ada\n:{HASH}\nbob:{{SHA}}x\ncid:{HASH}\ncid:{HASH}\ndan:secret\n");
        assert_eq!(
            faults(&text),
            [
                "line 1 is not NAME:HASH",
                "line 2 has a name with a control character in it, or none",
                "line 3: the password of \"bob\" is kept as {SHA}, which is guessed in no time",
                "line 5 has the user \"cid\" again",
                "line 6: the password of \"dan\" is plain text, or kept by the old crypt(3)",
            ]
        );
        let wrong = PasswordFile::parse(text.as_bytes()).unwrap_err();
        assert_eq!(wrong[2].hint(), "run `htpasswd -B -C 10 FILE bob`, which keeps it as bcrypt");
        assert_eq!(faults(""), ["holds no user"]);
        assert_eq!(faults("# nobody\n\n"), ["holds no user"]);
        assert_eq!(PasswordFile::parse(b"a\xff:b").unwrap_err(), [HtpasswdFault::NoText]);
    }

    #[test]
    fn no_problem_tells_a_password() {
        assert!(!faults("ada:hunter2\n").concat().contains("hunter2"));
        assert!(!faults("hunter2\n").concat().contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = PasswordFile::parse(&bytes);
        }
    }
}
