//! The head of a request or an answer, as it was on the wire.

/// A head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Every byte of it.
    pub(crate) text: String,
}

impl Head {
    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{self:?}"))
    }

    /// All of it, its names in lower case: to most tests their spelling is all the same.
    pub(crate) fn in_lower_case(&self) -> String {
        let lines = self.text.split_inclusive("\r\n").enumerate().map(|(number, line)| match line.split_once(':') {
            Some((name, value)) if number > 0 => format!("{}:{value}", name.to_ascii_lowercase()),
            _ => line.to_owned(),
        });
        lines.collect()
    }

    /// The request line or the status line.
    pub(crate) fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// Its other lines, as they stand.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.text.lines().skip(1).filter(|line| !line.is_empty()).collect()
    }

    /// Whether this line stands in it, in this spelling.
    pub(crate) fn has(&self, line: &str) -> bool {
        self.lines().contains(&line)
    }

    /// Every value of a header, whatever its spelling.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.lines().into_iter().filter_map(|line| line.split_once(':'));
        fields.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// The first of them.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }
}
