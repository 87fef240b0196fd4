//! What somebody types to see fewer tunnels, as the process is asked for them.

use ipnet::IpNet;

use crate::admin::TunnelParameter;

/// The words of a filter: `NAME=VALUE` is a parameter of `GET /tunnels`; a bare word is an address or a network, an `UPSTREAM/NAME`, or a route.
pub(super) fn asked(filter: &str) -> Vec<(TunnelParameter, String)> {
    filter.split_whitespace().map(word).collect()
}

/// What keys are for and no filter, and what to do instead.
pub(super) fn refused(filter: &str) -> Option<String> {
    let parameters = asked(filter);
    let (parameter, _) = parameters.iter().find(|(parameter, _)| !parameter.is_filter())?;
    let instead = match parameter {
        TunnelParameter::Sort | TunnelParameter::Order => "s sorts by the next column, r the other way round",
        _ => "as many are shown as the screen has room for, and PgDn leads to the next page",
    };
    Some(format!("{} is no filter: {instead}", parameter.as_str()))
}

fn word(word: &str) -> (TunnelParameter, String) {
    if let Some((name, value)) = word.split_once('=') {
        if let Ok(parameter) = name.replace('-', "_").parse::<TunnelParameter>() {
            return (parameter, value.to_owned());
        }
        return (TunnelParameter::Claim, word.to_owned());
    }
    let is_network = word.parse::<std::net::IpAddr>().is_ok() || word.parse::<IpNet>().is_ok();
    let parameter = match word {
        _ if is_network => TunnelParameter::Client,
        word if word.contains('/') => TunnelParameter::Endpoint,
        _ => TunnelParameter::Route,
    };
    (parameter, word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_asked_for_as_what_it_looks_like() {
        let read = asked(" chat 10.0.0.0/8 ::1 chat/b min-idle=5min endpoint=a sub=ada ");
        let read: Vec<_> = read.iter().map(|(parameter, value)| (parameter.as_str(), value.as_str())).collect();
        let expected = [
            ("route", "chat"),
            ("client", "10.0.0.0/8"),
            ("client", "::1"),
            ("endpoint", "chat/b"),
            ("min_idle", "5min"),
            ("endpoint", "a"),
            ("claim", "sub=ada"),
        ];
        assert_eq!(read, expected);
        assert_eq!(asked(""), []);
    }

    #[test]
    fn what_has_a_key_is_no_filter() {
        assert_eq!(refused("chat min-age=1h sorted=yes"), None);
        for (filter, key) in
            [("chat sort=age", "s sorts"), ("order=asc", "r the"), ("limit=3", "PgDn"), ("after=a-1", "PgDn")]
        {
            let why = refused(filter).unwrap();
            assert!(why.contains(key), "{filter}: {why}");
        }
    }
}
