//! Which files a pattern of `include` names, as glob(3) finds them: `*`, `?` and `[…]` within a segment, in the order of their names.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Whether something in it stands for other characters.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The files that `pattern` names, at most `most` of them and one more.
///
/// # Errors
/// A folder cannot be read in which they would be.
pub(super) fn files(pattern: &Path, most: usize) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = match component {
            Component::Normal(name) => name.to_string_lossy(),
            other => {
                found.iter_mut().for_each(|path| path.push(other));
                continue;
            }
        };
        if is_pattern(&name) {
            found = found.iter().map(|folder| named_in(folder, &name)).collect::<Result<Vec<_>, _>>()?.concat();
            found.truncate(most + 1);
        } else {
            found.iter_mut().for_each(|path| path.push(&*name));
        }
    }
    found.retain(|path| path.exists());
    Ok(found)
}

fn named_in(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(listed).map_err(|error| format!("{}: {error}", folder.display()))?;
    let pattern: Vec<char> = pattern.chars().collect();
    let is_named = |name: &str| {
        // As glob(3): what is hidden is meant only where a dot is written.
        name.starts_with('.') == (pattern.first() == Some(&'.')) && matches(&pattern, &name.chars().collect::<Vec<_>>())
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<_> = names.filter(|name| is_named(name)).collect();
    names.sort_unstable();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// Whether a name is one that `pattern` stands for; `*` is tried again from where it stood last, so that nothing takes long.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(next) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, next));
                at += 1;
                continue;
            }
            Some(_) => {
                if let Some(length) = one(pattern.get(at..).unwrap_or(&[]), *c) {
                    (at, next) = (at + length, next + 1);
                    continue;
                }
            }
            None => {}
        }
        match star {
            Some((behind, from)) => {
                (at, next) = (behind, from + 1);
                star = Some((behind, from + 1));
            }
            None => return false,
        }
    }
    pattern.get(at..).unwrap_or(&[]).iter().all(|c| *c == '*')
}

/// How much of `pattern` stands for `c`, if its beginning does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    let (first, rest) = pattern.split_first()?;
    match first {
        '?' => Some(1),
        '[' => match rest.iter().skip(1).position(|it| *it == ']') {
            Some(end) => set(rest.get(..=end)?, c).then_some(end + 3),
            None => (c == '[').then_some(1),
        },
        literal => (*literal == c).then_some(1),
    }
}

fn set(members: &[char], c: char) -> bool {
    let (is_negated, members) = match members {
        ['!' | '^', rest @ ..] if !rest.is_empty() => (true, rest),
        all => (false, all),
    };
    let mut rest = members;
    let mut is_in = false;
    while let [first, behind @ ..] = rest {
        rest = match behind {
            ['-', last, behind @ ..] => {
                is_in |= (*first..=*last).contains(&c);
                behind
            }
            _ => {
                is_in |= *first == c;
                behind
            }
        };
    }
    is_in != is_negated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, name: &str) -> bool {
        matches(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
    }

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, name) in
            [("*.conf", "a.conf"), ("*", "x"), ("a?c", "abc"), ("[0-9]*", "10-a"), ("[!a]b", "bb"), ("*a*b", "xaab")]
        {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.conf", "a.conf~"), ("a?c", "ac"), ("[0-9]*", "a"), ("[!a]b", "ab"), ("a", "ab")] {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn nothing_takes_long() {
        assert!(!is_match(&"*a".repeat(200), &"a".repeat(5000).replace("aaaaa", "aaaab")));
    }

    #[test]
    fn files_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".hidden.conf", "c.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let files = files(&folder.path().join(pattern), 100).unwrap();
            files.iter().map(|it| it.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("*.conf"), ["a.conf", "b.conf"]);
        assert_eq!(names("*.none"), [""; 0]);
        assert_eq!(names("c.txt"), ["c.txt"]);
        assert!(files(&folder.path().join("none/*.conf"), 100).is_err());
    }
}
