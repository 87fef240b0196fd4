//! `endpoints` of `[upstream.NAME]`.

use std::num::NonZeroU32;

use toml::de::DeValue;

use super::names::Earlier;
use super::source::source;
use crate::config::address_syntax::ENDPOINT_ADDRESS;
use crate::config::defaults;
use crate::config::endpoint_text::MOST_WEIGHT;
use crate::config::lists::elements;
use crate::config::name_syntax::NAME;
use crate::config::read::{flag, integer, text};
use crate::config::schema::ENDPOINT;
use crate::config::settings::{EndpointAddress, EndpointRole, EndpointSettings, SourceSettings};
use crate::config::tree::SpannedValue;

/// Where the endpoints of an upstream are written.
pub(super) enum EndpointsFrom {
    /// Here, in the order of their names: a list that was only sorted anew is no change.
    List(Vec<EndpointSettings>),
    /// Elsewhere.
    Source(SourceSettings),
}

pub(super) fn endpoints(item: &SpannedValue<'_>) -> Option<EndpointsFrom> {
    match item.value() {
        DeValue::Table(table) if !ENDPOINT.keys.iter().any(|key| table.contains_key(*key)) => {
            source(item).map(EndpointsFrom::Source)
        }
        _ => {
            let mut listed = list(item)?;
            listed.sort_by(|a, b| a.name.cmp(&b.name));
            Some(EndpointsFrom::List(listed))
        }
    }
}

fn list(item: &SpannedValue<'_>) -> Option<Vec<EndpointSettings>> {
    let (mut names, mut addresses) = (Earlier::new(), Earlier::new());
    let elements = elements(item, endpoint, ENDPOINTS)?;
    if elements.is_empty() {
        item.fault("is empty", format!("write one or more, such as {ENDPOINTS}"));
    }
    let read = |element: &SpannedValue<'_>| {
        let endpoint = endpoint(element)?;
        let key = element.location().key();
        if let Some(earlier) = addresses.note(endpoint.address.clone(), key) {
            element.fault(
                format!("{} is the address of {earlier} too", endpoint.address),
                "raise that one's weight instead",
            );
        } else if let Some(earlier) = names.note(endpoint.name.clone(), key) {
            element.fault(format!("\"{}\" is the name of {earlier} too", endpoint.name), "give it a name of its own");
        }
        Some(endpoint)
    };
    let endpoints: Vec<_> = elements.iter().map(read).collect();
    let endpoints: Vec<_> = endpoints.into_iter().collect::<Option<_>>()?;
    if !endpoints.is_empty()
        && endpoints.iter().all(|endpoint: &EndpointSettings| endpoint.role == EndpointRole::Backup)
    {
        item.fault("has only backups, and nobody that they stand in for", "take `backup` from those that serve first");
    }
    Some(endpoints)
}

fn endpoint(item: &SpannedValue<'_>) -> Option<EndpointSettings> {
    let named_after = |address: &EndpointAddress| address.to_string().as_str().into();
    if let DeValue::Integer(port) = item.value() {
        item.fault("must be an address and a port, not an integer", format!("write \"127.0.0.1:{port}\""));
        return None;
    }
    if !matches!(item.value(), DeValue::Table(_)) {
        let address = text(ENDPOINT_ADDRESS)(item)?;
        return Some(EndpointSettings {
            name: named_after(&address),
            address,
            weight: defaults::WEIGHT,
            role: defaults::ROLE,
        });
    }
    let section = item.section(&ENDPOINT)?;
    let address = section.require("address", text(ENDPOINT_ADDRESS), "address = \"10.0.0.11:8080\"");
    let name = section.try_read("name", |item| text(NAME)(item).map(Some), None);
    let weight = section.try_read("weight", weight, defaults::WEIGHT);
    let role = section.try_read("backup", role, defaults::ROLE);
    let (address, name, weight, role) = (address?, name?, weight?, role?);
    let name = name.map_or_else(|| named_after(&address), |name| name.as_str().into());
    Some(EndpointSettings { name, address, weight, role })
}

fn role(item: &SpannedValue<'_>) -> Option<EndpointRole> {
    flag(item).map(|is_backup| if is_backup { EndpointRole::Backup } else { EndpointRole::Ready })
}

fn weight(item: &SpannedValue<'_>) -> Option<NonZeroU32> {
    u32::try_from(integer(1..=MOST_WEIGHT.into())(item)?).ok().and_then(NonZeroU32::new)
}

/// Such a list.
pub(super) const ENDPOINTS: &str = "[\"10.0.0.11:8080\", \"10.0.0.12:8080\"]";
