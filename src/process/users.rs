//! What the users of this machine are called, as `/etc/passwd` says it (passwd(5)): those that it does not list have numbers alone.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

/// The names of users, by number.
#[derive(Clone, Debug, Default)]
pub struct Users(HashMap<u32, Box<str>>);

impl Users {
    /// Those that there are now; none where the file cannot be read.
    ///
    /// Blocks on the file system.
    pub fn read() -> Self {
        let mut text = Vec::new();
        let read = File::open("/etc/passwd").and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text));
        read.map(|_| Self::parse(&String::from_utf8_lossy(&text))).unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let user = |line: &str| {
            let mut fields = line.split(':');
            let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
            Some((number.parse().ok()?, name.into()))
        };
        Self(text.lines().filter_map(user).collect())
    }

    /// The name of a user.
    pub fn name(&self, number: u32) -> Option<&str> {
        self.0.get(&number).map(|name| &**name)
    }
}

/// More than any machine keeps in a file.
const MOST_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_known_by_their_number() {
        let users =
            Users::parse("root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbad\n:::\n+::::::");
        assert_eq!((users.name(0), users.name(1000), users.name(1)), (Some("root"), Some("ada"), None));
    }
}
