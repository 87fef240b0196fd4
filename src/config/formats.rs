//! Files that are no TOML at all: told once what they look like, rather than of each line what is wrong with it.

/// What kind of file `source` looks like, with its article, where that is none of ours.
pub(super) fn recognise(source: &str) -> Option<&'static str> {
    let lines: Vec<_> = source.lines().filter(|line| is_significant(line)).collect();
    let (first, count) = (lines.first()?.trim(), lines.len());
    let some = |is: fn(&str) -> bool| lines.iter().any(|line| is(line));
    let most = |is: fn(&str) -> bool| 2 * lines.iter().filter(|line| is(line)).count() > count;
    if some(is_table_header) || some(is_open_table_header) || most(is_assignment) {
        // TOML, with a mistake in it.
        return None;
    }
    if first.starts_with('{') && (first == "{" || first.contains('"')) {
        return Some("JSON");
    }
    if first.starts_with('<') {
        return Some("an Apache or XML file");
    }
    if some(ends_statement) && (some(opens_block) || most(ends_statement)) {
        return Some(NGINX);
    }
    if some(is_haproxy_section) && !some(opens_block) {
        return Some("an HAProxy configuration");
    }
    if some(|line| line.trim_start().starts_with("reverse_proxy")) || (some(opens_block) && some(|it| it.trim() == "}"))
    {
        return Some("a Caddyfile");
    }
    (first == "---" || most(is_yaml)).then_some("YAML")
}

/// What somebody does who has brought a file of that kind.
pub(super) fn advice(kind: &str) -> String {
    match kind {
        NGINX => format!(
            "`windlass import nginx FILE` writes it as a configuration of windlass, and says what it cannot; or {EXAMPLE}"
        ),
        _ => format!("windlass reads TOML, and none of it is translated; {EXAMPLE}"),
    }
}

const NGINX: &str = "an nginx configuration";

/// A whole configuration of ours, for somebody who has brought another.
const EXAMPLE: &str = r#"begin with

        [listener.public]
        bind = "0.0.0.0:8080"

        [route.chat]
        upstream = "chat"

        [upstream.chat]
        endpoints = ["127.0.0.1:3000"]"#;

fn is_significant(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with(['#', ';']) && !line.starts_with("//")
}

/// `[a]`, `[a.b]`, `[[a]]`
fn is_table_header(line: &str) -> bool {
    let name = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(name, _)| name);
    let name = name.trim_start_matches('[');
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains([',', '{', ':', '/'])
}

/// `[a`, of which only the end is missing.
fn is_open_table_header(line: &str) -> bool {
    let name = line.trim_end().strip_prefix('[').unwrap_or_default();
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// `key = …`
fn is_assignment(line: &str) -> bool {
    line.split_once('=').is_some_and(|(key, _)| !key.trim().is_empty() && !key.trim().contains([' ', '{', ';', ':']))
}

fn ends_statement(line: &str) -> bool {
    without_comment(line).ends_with(';') || is_block_of_one_line(line)
}

fn opens_block(line: &str) -> bool {
    without_comment(line).ends_with('{') || is_block_of_one_line(line)
}

fn is_block_of_one_line(line: &str) -> bool {
    without_comment(line).ends_with("; }")
}

fn without_comment(line: &str) -> &str {
    line.split(" #").next().unwrap_or_default().trim_end()
}

fn is_haproxy_section(line: &str) -> bool {
    // Sections stand at the start of their line, and what belongs to them is set in.
    ["global", "defaults"].contains(&line.trim_end())
        || ["defaults ", "listen ", "frontend ", "backend "].iter().any(|section| line.starts_with(section))
}

/// `key:`, `key: value`, `- value`
fn is_yaml(line: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line);
    match line.split_once(':') {
        Some((key, value)) => !key.contains(['=', '{']) && (value.is_empty() || value.starts_with(' ')),
        None => line.starts_with(['"', '\'']) || !line.contains(['=', '{']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_recognised() {
        for (source, expected) in [
            ("---\nlistener: {}\n", "YAML"),
            ("listener:\n  public:\n    bind: 0.0.0.0:443\nroute:\n  - chat\n", "YAML"),
            (
                "# ours\nserver {\n  listen 80;\n  location / {\n    proxy_pass http://a;\n  }\n}\n",
                "an nginx configuration",
            ),
            ("upstream a { server 10.0.0.1; }\nserver { listen 80; } # here\nuser www;\n", "an nginx configuration"),
            ("global\n    maxconn 100\n\nfrontend web\n    bind *:80\n", "an HAProxy configuration"),
            ("example.com\n\nreverse_proxy localhost:3000\n", "a Caddyfile"),
            ("example.com {\n  root * /srv\n}\n", "a Caddyfile"),
            ("{\n  \"listener\": {}\n}\n", "JSON"),
            ("<VirtualHost *:80>\n ProxyPass / http://a/\n</VirtualHost>\n", "an Apache or XML file"),
        ] {
            assert_eq!(recognise(source), Some(expected), "{source}");
        }
    }

    #[test]
    fn a_file_of_nginx_is_not_said_to_be_lost() {
        assert!(advice("an nginx configuration").starts_with("`windlass import nginx FILE`"));
        assert!(advice("YAML").contains("none of it is translated; begin with\n\n        [listener.public]"));
    }

    #[test]
    fn our_own_with_a_mistake_is_none_of_them() {
        for source in [
            "",
            "[listener.public]\nbind = 0.0.0.0:443\n",
            "[listener.public\nbind = \"0.0.0.0:443\"\n",
            "[admin\nlisten = \"off\"\n",
            "listener.public.bind = 0.0.0.0:443\n",
            "workers = 2;\n",
            "[upstream.chat]\nendpoints = [\n  \"a:1\",\n  \"b:1\"\n",
        ] {
            assert_eq!(recognise(source), None, "{source}");
        }
    }
}
