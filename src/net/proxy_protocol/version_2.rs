//! Version 2: bytes, with lengths.
//!
//! Of the TLVs two are read: CRC32c, which has to be right where there is one, and SSL, by which a client has come over TLS to
//! whoever wrote the header. The others are skipped.

use crc::{CRC_32_ISCSI, Crc};
use ppp::v2::{Addresses, Header, PROTOCOL_PREFIX, Type};

use super::bad_header::{BadProxyHeader, MOST_BYTES};
use super::told_client::ToldClient;
use super::written::ProxiedTls;
use crate::ranges::within;

/// What the first bytes of a header say, once all of it is there.
pub(super) fn read(header: &[u8]) -> Result<Option<Option<ToldClient>>, BadProxyHeader> {
    if !header.starts_with(PROTOCOL_PREFIX) && !PROTOCOL_PREFIX.starts_with(header) {
        return Err(BadProxyHeader::Missing);
    }
    let [command, rest @ ..] = header.get(PROTOCOL_PREFIX.len()..).unwrap_or(&[]) else { return Ok(None) };
    let is_local = match *command {
        LOCAL => true,
        PROXY => false,
        _ => return Err(BadProxyHeader::Command),
    };
    let [family, rest @ ..] = rest else { return Ok(None) };
    // Of a LOCAL all else is ignored.
    let addresses = if is_local { 0 } else { length_of_addresses(*family)? };
    let [high, low, rest @ ..] = rest else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length < addresses {
        return Err(BadProxyHeader::Addresses);
    }
    if FIXED + length > MOST_BYTES {
        return Err(BadProxyHeader::TooLong);
    }
    match rest.len() < length {
        true => Ok(None),
        // What follows an unknown family is of unknown form, too.
        false if is_local || *family == UNSPECIFIED => Ok(Some(None)),
        false => told(header).map(Some),
    }
}

fn length_of_addresses(family: u8) -> Result<usize, BadProxyHeader> {
    match family {
        UNSPECIFIED => Ok(0),
        TCP_OVER_IPV4 => Ok(12),
        TCP_OVER_IPV6 => Ok(36),
        UNIX_STREAM => Ok(216),
        _ => Err(BadProxyHeader::Family),
    }
}

/// What a whole header says that speaks for a client.
fn told(bytes: &[u8]) -> Result<Option<ToldClient>, BadProxyHeader> {
    // All that it could be wrong about was looked at.
    let header = Header::try_from(bytes).map_err(|_| BadProxyHeader::Addresses)?;
    let tls = check_tlvs(&header)?;
    Ok(match header.addresses {
        Addresses::IPv4(it) => {
            let source = (it.source_address, it.source_port).into();
            Some(ToldClient { source, destination: (it.destination_address, it.destination_port).into(), tls })
        }
        Addresses::IPv6(it) => {
            let source = (it.source_address, it.source_port).into();
            Some(ToldClient { source, destination: (it.destination_address, it.destination_port).into(), tls })
        }
        // No address that anything could be decided by.
        Addresses::Unix(_) | Addresses::Unspecified => None,
    })
}

/// Checks every TLV; gives what the client has agreed on by TLS.
fn check_tlvs(header: &Header<'_>) -> Result<Option<ProxiedTls>, BadProxyHeader> {
    let (mut tls, mut is_checked) = (None, false);
    let mut at = header.len() - header.tlv_bytes().len();
    for tlv in header.tlvs() {
        let tlv = tlv.map_err(|_| BadProxyHeader::Tlv)?;
        let (begin, end) = (at + TLV_HEAD, at + TLV_HEAD + tlv.len());
        if tlv.kind == u8::from(Type::CRC32C) {
            if is_checked || !is_checksum_right(header.as_bytes(), begin, end) {
                return Err(BadProxyHeader::Checksum);
            }
            is_checked = true;
        } else if tlv.kind == u8::from(Type::SSL) {
            tls = ssl(&tlv.value)?;
        }
        at = end;
    }
    Ok(tls)
}

/// Whether the checksum that stands between `begin` and `end` is that of the header with zeros there.
fn is_checksum_right(header: &[u8], begin: usize, end: usize) -> bool {
    let Ok(said) = <[u8; 4]>::try_from(within(header, begin..end)) else { return false };
    let mut digest = CRC32C.digest();
    digest.update(within(header, ..begin));
    digest.update(&[0; 4]);
    digest.update(within(header, end..));
    digest.finalize() == u32::from_be_bytes(said)
}

/// Reads the value of `PP2_TYPE_SSL`: three fixed fields, and TLVs of its own.
fn ssl(value: &[u8]) -> Result<Option<ProxiedTls>, BadProxyHeader> {
    let Some((&[client, verify @ ..], own)) = value.split_first_chunk::<5>() else { return Err(BadProxyHeader::Tlv) };
    let mut version = None;
    for tlv in ppp::v2::TypeLengthValues::from(own) {
        let tlv = tlv.map_err(|_| BadProxyHeader::Tlv)?;
        if tlv.kind == u8::from(Type::SSLVersion) {
            version = VERSIONS.into_iter().find(|known| known.as_bytes() == &*tlv.value);
        }
    }
    let has_certificate = client & (CERTIFICATE_ON_CONNECTION | CERTIFICATE_IN_SESSION) != 0 && verify == [0; 4];
    Ok((client & SSL != 0).then_some(ProxiedTls { version, has_certificate }))
}

/// What stands before the addresses.
const FIXED: usize = PROTOCOL_PREFIX.len() + 4;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
const UNIX_STREAM: u8 = 0x31;
/// A type and a length.
const TLV_HEAD: usize = 3;

/// `PP2_CLIENT_SSL`
const SSL: u8 = 0x01;
/// `PP2_CLIENT_CERT_CONN`
const CERTIFICATE_ON_CONNECTION: u8 = 0x02;
/// `PP2_CLIENT_CERT_SESS`
const CERTIFICATE_IN_SESSION: u8 = 0x04;
/// As OpenSSL names them.
const VERSIONS: [&str; 5] = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"];

/// CRC32c, which catalogues have under the name of iSCSI (RFC 3720 §B.4).
static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

#[cfg(test)]
mod tests;
