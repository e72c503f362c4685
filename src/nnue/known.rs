//! Networks whose clamp is known although their files do not say it (`facts/eras.md`, section 11).

use super::network::Network;

/// `(first 12 hexadecimal digits of the file's SHA-256, clamp)`.
const BY_NAME: [(&str, i16); 4] = [
    ("c01dc0ffeede", 127),
    ("baff1ede1f90", 127),
    ("37f18f62d772", 127),
    ("47fc8b7fff06", 255),
];

/// `(name, first 12 hexadecimal digits of the fingerprint, clamp)`: these are recognised in any neuron order.
const BY_FINGERPRINT: [(&str, &str, i16); 2] = [
    ("nn-37f18f62d772", "a1602f3887e2", 127),
    ("this project's demo network", "022b6d2103b3", 127),
];

/// The clamp of a known network and what it is known as.
pub(super) fn clamp(network: &Network, sha256: &[u8; 32]) -> Option<(String, i16)> {
    let name = hex12(sha256);
    if let Some((_, clamp)) = BY_NAME.iter().find(|(known, _)| *known == name) {
        return Some((format!("nn-{name}"), *clamp));
    }
    let fingerprint = hex12(&network.fingerprint());
    BY_FINGERPRINT
        .iter()
        .find(|(_, known, _)| *known == fingerprint)
        .map(|(name, _, clamp)| ((*name).to_string(), *clamp))
}

fn hex12(digest: &[u8; 32]) -> String {
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
