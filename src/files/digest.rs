//! SHA-256 in the forms in which networks are named.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal digits.
pub fn hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// The name under which engines and the test server know a network, without extension: `nn-<first 12 digits>`.
pub fn net_name(digest: &[u8; 32]) -> String {
    format!("nn-{}", hex(&digest[..6]))
}
