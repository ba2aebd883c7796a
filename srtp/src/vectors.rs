//! Packets and keys that others have published.

use crate::cm::Cm;
use crate::derive::{Purpose, SessionKeys};
use crate::gcm::{Gcm, rtcp_nonce, rtp_nonce};
use crate::master_key::MasterKey;
use crate::open::{PacketOpener, Refused, ReportOpener};
use crate::seal::{PacketSealer, ReportSealer};
use crate::suite::Suite;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|it| !it.is_whitespace()).collect();
    digits.chunks(2).map(|it| u8::from_str_radix(&String::from_iter(it), 16).unwrap()).collect()
}

fn master() -> MasterKey {
    let key = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";
    MasterKey::new(bytes(key).first_chunk().unwrap())
}

/// RFC 3711 appendix B.3.
#[test]
fn keys_are_derived_as_in_the_rfc() {
    let keys = SessionKeys::derive(&master(), Suite::AesCm128HmacSha1_80, Purpose::Rtp);
    assert_eq!(keys.key.to_vec(), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(keys.salt.to_vec(), bytes("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(keys.auth.to_vec(), bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// RFC 3711 appendix B.2: the counter mode whose SSRC and index are 0.
#[test]
fn the_key_stream_is_that_of_the_rfc() {
    let mut keys = SessionKeys::derive(&master(), Suite::AesCm128HmacSha1_80, Purpose::Rtp);
    keys.key.copy_from_slice(&bytes("2B7E151628AED2A6ABF7158809CF4F3C"));
    keys.salt.copy_from_slice(&bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
    let mut stream = vec![0; 16 * 0xFF02];
    Cm::new(&keys).apply(0, 0, &mut stream);
    let first = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream[..48], bytes(first));
    let last = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE
                6A2CC3787889374FBEB4C81B17BA6C44";
    assert_eq!(stream[16 * 0xFEFF..], bytes(last));
    // What is no whole number of blocks.
    let mut some = vec![0; 1399];
    Cm::new(&keys).apply(0, 0, &mut some);
    assert_eq!(some, stream[..1399]);
}

/// What libsrtp checks itself with (test/srtp_driver.c).
#[test]
fn packets_are_sealed_as_in_libsrtp() {
    let plain = bytes("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let sealed = bytes(
        "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb",
    );
    let mut out = Vec::new();
    PacketSealer::new(&master(), Suite::AesCm128HmacSha1_80, 0).seal(
        &plain[..12],
        &plain[12..],
        &mut out,
    );
    assert_eq!(out, sealed);
    let mut opener = PacketOpener::new(&master(), Suite::AesCm128HmacSha1_80);
    assert_eq!(opener.open(&sealed, &mut out), Ok(()));
    assert_eq!(out, plain);
    let plain = bytes("81c8000b cafebabe abababab abababab abababab abababab");
    let sealed = bytes(
        "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798",
    );
    assert!(ReportSealer::new(&master(), Suite::AesCm128HmacSha1_80, 1).seal(&plain, &mut out));
    assert_eq!(out, sealed);
    let mut opener = ReportOpener::new(&master(), Suite::AesCm128HmacSha1_80);
    assert_eq!(opener.open(&sealed, &mut out), Ok(()));
    assert_eq!(out, plain);
    assert_eq!(opener.open(&sealed, &mut out), Err(Refused::Replayed));
}

fn gcm() -> Gcm {
    let mut keys = SessionKeys::derive(&master(), Suite::AeadAes128Gcm, Purpose::Rtp);
    keys.key.copy_from_slice(&bytes("000102030405060708090a0b0c0d0e0f"));
    keys.salt[..12].copy_from_slice(&bytes("517569642070726f2071756f"));
    Gcm::new(&keys)
}

/// RFC 7714 section 16.1.
#[test]
fn packets_are_sealed_with_gcm_as_in_the_rfc() {
    let clear = bytes("8040f17b 8041f8d3 5501a0b2");
    let plain = b"Gallia est omnis divisa in partes tres";
    let sealed = bytes(
        "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833
         899d7f27 beb16a91 52cf765e e4390cce",
    );
    let (nonce, mut out) = (rtp_nonce(0x5501_a0b2, 0xf17b), plain.to_vec());
    let tag = gcm().seal(nonce, &clear, &mut out);
    out.extend_from_slice(&tag);
    assert_eq!(out, sealed);
    assert!(gcm().hashed(&clear, &sealed[..plain.len()]).is(&tag, nonce));
    assert!(gcm().open(nonce, &clear, &mut out));
    assert_eq!(out[..plain.len()], *plain);
}

/// RFC 7714 section 17.1.
#[test]
fn reports_are_sealed_with_gcm_as_in_the_rfc() {
    let clear = bytes("81c8000d 4d617273 800005d4");
    let plain = bytes(
        "4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
         deadbeef deadbeef",
    );
    let sealed = bytes(
        "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
         86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade",
    );
    let mut out = plain.clone();
    let tag = gcm().seal(rtcp_nonce(0x4d61_7273, 0x5d4), &clear, &mut out);
    out.extend_from_slice(&tag);
    assert_eq!(out, sealed);
}
