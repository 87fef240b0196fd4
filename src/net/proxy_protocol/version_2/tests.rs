use super::*;

const ADDRESSES: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [PROTOCOL_PREFIX, &[command, family], &length, rest].concat()
}

/// One that speaks for a client of IPv4.
fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    header(PROXY, TCP_OVER_IPV4, &[&ADDRESSES[..], tlvs].concat())
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn client(header: &[u8]) -> ToldClient {
    read(header).unwrap().unwrap().unwrap()
}

/// The same with the right checksum where zeros stand for it; bit by bit, so that the table of a crate is not held against itself.
fn checked(mut header: Vec<u8>, at: usize) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in &header {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    header[at..at + 4].copy_from_slice(&(!crc).to_be_bytes());
    header
}

#[test]
fn addresses_of_both_families_are_read() {
    let told = client(&with_tlvs(&[]));
    assert_eq!(
        (told.source.to_string(), told.destination.to_string()),
        ("192.0.2.1:4711".into(), "10.0.0.1:443".into())
    );
    let mut addresses = [0; 36];
    addresses[..2].copy_from_slice(&[0x20, 0x01]);
    addresses[15] = 1;
    addresses[16..18].copy_from_slice(&[0xfd, 0]);
    addresses[31] = 2;
    addresses[32..].copy_from_slice(&[0x12, 0x67, 0x01, 0xbb]);
    let told = client(&header(PROXY, TCP_OVER_IPV6, &addresses));
    assert_eq!(
        (told.source.to_string(), told.destination.to_string()),
        ("[2001::1]:4711".into(), "[fd00::2]:443".into())
    );
    assert_eq!(told.tls, None);
}

#[test]
fn a_header_that_speaks_for_nobody_leaves_the_peer_its_address() {
    for header in [
        header(LOCAL, UNSPECIFIED, &[]),
        // A family that there is not, and what is no TLV: a LOCAL's are ignored.
        header(LOCAL, 0x55, &[1, 2, 3]),
        header(LOCAL, TCP_OVER_IPV4, &[]),
        header(PROXY, UNSPECIFIED, &[]),
        header(PROXY, UNSPECIFIED, &[3, 2, 1]),
        header(PROXY, UNIX_STREAM, &[0; 216]),
    ] {
        assert_eq!(read(&header), Ok(Some(None)), "{}", header.escape_ascii());
    }
}

#[test]
fn what_is_not_of_this_version_is_refused_as_soon_as_it_shows() {
    for (bytes, bad) in [
        (&[0x11][..], BadProxyHeader::Command),
        (&[0x31], BadProxyHeader::Command),
        (&[0x22], BadProxyHeader::Command),
        (&[0x21, 0x12], BadProxyHeader::Family),
        (&[0x21, 0x10], BadProxyHeader::Family),
        (&[0x21, 0x01], BadProxyHeader::Family),
        (&[0x21, 0x22], BadProxyHeader::Family),
        (&[0x21, 0x32], BadProxyHeader::Family),
        (&[0x21, 0x41], BadProxyHeader::Family),
        (&[0x21, 0x11, 0, 11], BadProxyHeader::Addresses),
        (&[0x21, 0x21, 0, 35], BadProxyHeader::Addresses),
        (&[0x21, 0x31, 0, 215], BadProxyHeader::Addresses),
        (&[0x21, 0x11, 0x0f, 0xf1], BadProxyHeader::TooLong),
        (&[0x20, 0x00, 0xff, 0xff], BadProxyHeader::TooLong),
    ] {
        assert_eq!(read(&[PROTOCOL_PREFIX, bytes].concat()), Err(bad), "{bytes:?}");
    }
    let longest = with_tlvs(&tlv(4, &vec![0; MOST_BYTES - FIXED - ADDRESSES.len() - TLV_HEAD]));
    assert_eq!(longest.len(), MOST_BYTES);
    client(&longest);
}

#[test]
fn tlvs_that_nobody_knows_are_skipped_and_those_that_do_not_fit_refused() {
    client(&with_tlvs(&[tlv(0xea, b"vpce-1"), tlv(4, &[]), tlv(5, &[7; 128]), tlv(0xff, &[])].concat()));
    for bad in [&[4][..], &[4, 0], &[4, 0, 1], &[4, 0, 2, 0], &[4, 0xff, 0xff, 0]] {
        assert_eq!(read(&with_tlvs(bad)), Err(BadProxyHeader::Tlv), "{bad:?}");
    }
}

#[test]
fn a_checksum_has_to_be_right_wherever_it_stands() {
    let at = FIXED + ADDRESSES.len();
    for (before, behind) in [(&[][..], &[][..]), (&[][..], &tlv(2, b"chat.test")), (&tlv(4, b"x"), &tlv(4, &[]))] {
        let tlvs = [before, &tlv(3, &[0; 4]), behind].concat();
        let right = checked(with_tlvs(&tlvs), at + before.len() + TLV_HEAD);
        client(&right);
        for index in [FIXED, at + before.len() + TLV_HEAD, right.len() - 1] {
            let mut wrong = right.clone();
            wrong[index] ^= 1;
            assert!(read(&wrong).is_err(), "{index}");
        }
    }
    let twice = [tlv(3, &[0; 4]), tlv(3, &[0; 4])].concat();
    assert_eq!(read(&checked(with_tlvs(&twice), at + TLV_HEAD)), Err(BadProxyHeader::Checksum));
    for value in [&[][..], &[0; 3], &[0; 5]] {
        assert_eq!(read(&with_tlvs(&tlv(3, value))), Err(BadProxyHeader::Checksum), "{value:?}");
    }
}

#[test]
fn a_client_that_came_by_tls_is_told_with_what_it_agreed_on() {
    let of = |client: u8, verify: u32, own: &[u8]| [&[client][..], &verify.to_be_bytes(), own].concat();
    let version = |name: &str| tlv(0x21, name.as_bytes());
    for (value, expected) in [
        (of(1, 1, &version("TLSv1.3")), Some((Some("TLSv1.3"), false))),
        (of(7, 0, &[version("TLSv1.2"), tlv(0x23, b"AES")].concat()), Some((Some("TLSv1.2"), true))),
        // It has shown one, and that was not believed.
        (of(3, 18, &[]), Some((None, false))),
        (of(1, 0, &version("TLSv9")), Some((None, false))),
        (of(0, 1, &version("TLSv1.3")), None),
    ] {
        let tls = client(&with_tlvs(&tlv(0x20, &value))).tls;
        assert_eq!(tls.map(|tls| (tls.version, tls.has_certificate)), expected, "{value:?}");
    }
    for value in [&[][..], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 0x21], &[1, 0, 0, 0, 0, 0x21, 0, 1]] {
        assert_eq!(read(&with_tlvs(&tlv(0x20, value))), Err(BadProxyHeader::Tlv), "{value:?}");
    }
}
