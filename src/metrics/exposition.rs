//! The two texts in which Prometheus reads metrics.

use std::collections::HashSet;

/// One of the two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0: what Prometheus asks for first.
    OpenMetrics,
    /// The older format 0.0.4, which everything reads.
    Prometheus,
}

impl Exposition {
    /// What a client gets that sends these values of `Accept` (RFC 9110 §12.5.1): OpenMetrics where it is named and wanted at
    /// least as much as plain text. Who names nothing is no Prometheus, and reads what is simpler.
    pub fn accepted_by<'a>(accept: impl Iterator<Item = &'a [u8]>) -> Self {
        let ranges: Vec<_> = accept.filter_map(|range| str::from_utf8(range).ok()).collect();
        let wanted = |name: &str| {
            let fits = |range: &&&str| media_type(range).eq_ignore_ascii_case(name);
            ranges.iter().filter(fits).map(|range| quality(range)).max()
        };
        let open_metrics = wanted("application/openmetrics-text").unwrap_or(0);
        // The most specific range that fits counts.
        let plain = ["text/plain", "text/*", "*/*"].into_iter().find_map(wanted).unwrap_or(0);
        if open_metrics > 0 && open_metrics >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The type of the text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The same metrics in this format, of their text in OpenMetrics.
    pub(super) fn of_open_metrics(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Prometheus => to_prometheus(&text),
        }
    }
}

/// In the older format the name of a counter ends with `_total` wherever it stands, and there is neither a unit nor an end.
fn to_prometheus(text: &str) -> String {
    let counters: HashSet<_> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut older = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        let described = ["# HELP ", "# TYPE "].iter().find_map(|word| Some((word, line.strip_prefix(word)?)));
        match described.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word, (name, rest))) if counters.contains(name) => {
                older.extend([*word, name, "_total ", rest, "\n"]);
            }
            _ => older.extend([line, "\n"]),
        }
    }
    older
}

fn media_type(range: &str) -> &str {
    range.split(';').next().unwrap_or_default().trim()
}

/// The weight of a media range, in thousandths (RFC 9110 §12.4.2); 0 for one that makes no sense.
fn quality(range: &str) -> u32 {
    let weight = range.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
    });
    match weight.map(str::parse::<f32>) {
        None => 1000,
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => (weight * 1000.0) as u32,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Exposition {
        Exposition::accepted_by(accept.split(',').map(|range| range.trim().as_bytes()))
    }

    #[test]
    fn who_asks_for_openmetrics_gets_it_and_everybody_else_the_older_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
                          text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
        assert_eq!(accepted(prometheus), Exposition::OpenMetrics);
        assert_eq!(accepted("Application/OpenMetrics-Text"), Exposition::OpenMetrics);
        assert_eq!(accepted("application/openmetrics-text; Q=0.9, text/plain; q=0.9"), Exposition::OpenMetrics);
        assert_eq!(accepted("application/openmetrics-text;q=0.5, text/plain;q=0.4, */*"), Exposition::OpenMetrics);
        for older in [
            "",
            "*/*",
            "text/html",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.1, text/plain",
            "*/*;q=1, application/openmetrics-text;q=0.1",
            "text/*;q=0.9, application/openmetrics-text;q=0.8, */*;q=0.1",
            "application/openmetrics-text;q=nonsense",
            "application/openmetrics-textual",
        ] {
            assert_eq!(accepted(older), Exposition::Prometheus, "{older:?}");
        }
    }

    #[test]
    fn a_counter_ends_with_total_in_every_line_of_the_older_text() {
        let text = "# HELP a Of a.\n# TYPE a counter\n# UNIT a seconds\na_total{x=\"1\"} 1\n# HELP b Of a.\n# TYPE b gauge\nb 2\n# EOF\n";
        assert_eq!(
            Exposition::Prometheus.of_open_metrics(text.to_owned()),
            "# HELP a_total Of a.\n# TYPE a_total counter\na_total{x=\"1\"} 1\n# HELP b Of a.\n# TYPE b gauge\nb 2\n"
        );
        assert_eq!(Exposition::OpenMetrics.of_open_metrics(text.to_owned()), text);
    }
}
