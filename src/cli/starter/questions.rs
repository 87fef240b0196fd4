//! Asks for what a beginning needs, where somebody sits at a terminal: a few questions, each with an answer that an Enter takes.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;

use super::flags::{endpoint, host};
use super::key_file::key_of;

/// What was answered about the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CertificateAnswer {
    None,
    SelfSigned,
    Ordered { contact: String },
    File(String),
}

/// Who asks, and who answers.
pub(super) struct Questions<R, W> {
    pub(super) answers: R,
    pub(super) shown: W,
}

impl<R: BufRead, W: Write> Questions<R, W> {
    pub(super) fn endpoints(&mut self) -> io::Result<Vec<String>> {
        self.until_right(
            "Where does your application listen (several, with blanks between them)?",
            "127.0.0.1:3000",
            |text| words(text).map(endpoint).collect(),
        )
    }

    pub(super) fn hosts(&mut self) -> io::Result<Vec<String>> {
        self.until_right("By which name do its clients ask for it, such as chat.example.com?", "every name", |text| {
            let names = if text == "every name" { "" } else { text };
            words(names).map(host).collect()
        })
    }

    pub(super) fn certificate(&mut self) -> io::Result<CertificateAnswer> {
        const WAYS: &str = "Its certificate: a PEM file, \"new\" for one to try with, \"order\" for one of Let's Encrypt (port 443 has to be \
                            reached from everywhere), or \"none\"?";
        let answer = self.until_right(WAYS, "new", |text| {
            Ok(match text {
                "none" => CertificateAnswer::None,
                "new" => CertificateAnswer::SelfSigned,
                "order" => CertificateAnswer::Ordered { contact: String::new() },
                file => match (fs::metadata(file), key_of(Path::new(file))) {
                    (Err(error), _) => return Err(format!("{file}: {error}")),
                    (Ok(_), None) => return Err(format!("no key is found beside {file}, nor in it")),
                    (Ok(_), Some(_)) => CertificateAnswer::File(file.to_owned()),
                },
            })
        })?;
        if !matches!(answer, CertificateAnswer::Ordered { .. }) {
            return Ok(answer);
        }
        let contact = self.until_right("Your e-mail address, for who issues it?", "", |text| {
            if text.contains('@') { Ok(text.to_owned()) } else { Err("that is no e-mail address") }
        })?;
        Ok(CertificateAnswer::Ordered { contact })
    }

    /// Asks until the answer is one.
    ///
    /// # Errors
    /// Nobody answers any more.
    fn until_right<T, E: std::fmt::Display>(
        &mut self,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> io::Result<T> {
        loop {
            let brackets = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
            write!(self.shown, "{question}{brackets} ")?;
            self.shown.flush()?;
            let mut line = String::new();
            // A terminal has lines of 4,095 bytes at the most.
            if self.answers.read_line(&mut line)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answers: nothing was written"));
            }
            let answer = line.trim();
            match read(if answer.is_empty() { usual } else { answer }) {
                Ok(answer) => return Ok(answer),
                Err(wrong) => writeln!(self.shown, "  {wrong}")?,
            }
        }
    }
}

/// The words of an answer: some put commas between them.
fn words(answer: &str) -> impl Iterator<Item = &str> {
    answer.split([' ', ',']).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<T>(
        answers: &str,
        ask: impl FnOnce(&mut Questions<&[u8], &mut Vec<u8>>) -> io::Result<T>,
    ) -> (io::Result<T>, String) {
        let mut shown = Vec::new();
        let answered = ask(&mut Questions { answers: answers.as_bytes(), shown: &mut shown });
        (answered, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn an_enter_takes_what_stands_in_brackets() {
        assert_eq!(asked("\n", |it| it.endpoints()).0.unwrap(), ["127.0.0.1:3000"]);
        assert_eq!(asked("\n", |it| it.hosts()).0.unwrap(), [""; 0]);
        assert_eq!(asked("\n", |it| it.certificate()).0.unwrap(), CertificateAnswer::SelfSigned);
    }

    #[test]
    fn what_is_no_answer_is_asked_again_and_why() {
        let (answer, shown) = asked("http://app:80\n 10.0.0.1:80,  unix:/run/app.sock \n", |it| it.endpoints());
        assert_eq!(answer.unwrap(), ["10.0.0.1:80", "unix:/run/app.sock"]);
        assert!(shown.contains("is a URL") && shown.matches("Where does").count() == 2, "{shown}");
        let (answer, shown) = asked("order\nada\n\nada@example.com\n", |it| it.certificate());
        assert_eq!(answer.unwrap(), CertificateAnswer::Ordered { contact: "ada@example.com".into() });
        assert_eq!(shown.matches("that is no e-mail address").count(), 2);
    }

    #[test]
    fn whoever_leaves_has_answered_nothing() {
        let (answer, _) = asked("", |it| it.hosts());
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let folder = tempfile::tempdir().unwrap();
        let [chain, key] = ["site.pem", "site.key"].map(|name| folder.path().join(name));
        let answers = format!("nowhere.pem\n{0}\n{0}\n", chain.display());
        fs::write(&chain, "").unwrap();
        let (answer, shown) = asked(&answers, |it| it.certificate());
        assert!(
            answer.is_err() && shown.contains("nowhere.pem: No such file") && shown.contains("no key is found"),
            "{shown}"
        );
        fs::write(key, "-----BEGIN PRIVATE KEY-----").unwrap();
        let file = chain.display().to_string();
        assert_eq!(asked(&answers, |it| it.certificate()).0.unwrap(), CertificateAnswer::File(file));
        assert_eq!(asked("none\n", |it| it.certificate()).0.unwrap(), CertificateAnswer::None);
    }
}
