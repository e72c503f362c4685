//! Networks whose clamp is known although their files do not say it (`docs/notes/eras.md`, section 11).

use super::network::Network;
use crate::files::digest::hex;

/// Networks of the small architecture: `(first 12 hexadecimal digits of the file's SHA-256, clamp)`.
const SMALL: [(&str, i16); 4] = [
    ("c01dc0ffeede", 127),
    ("baff1ede1f90", 127),
    ("37f18f62d772", 127),
    ("47fc8b7fff06", 255),
];

/// Every network with pairwise activation and piece-square inputs that was Stockfish's default (appendix A of the
/// facts): all are of clamp 127.
const BIG: [&str; 41] = [
    "6877cd24400e",
    "d0b74ce1e5eb",
    "3c0aa92af1da",
    "3c0054ea9860",
    "ad9b42354671",
    "335a9b2d8a80",
    "60fa44e376d9",
    "a3dc078bafc7",
    "1e7ca356472e",
    "bc24c101ada0",
    "1337b1adec5b",
    "52471d67216a",
    "dabb1ed23026",
    "1ceb1a57d117",
    "e1fb1ade4432",
    "8d69132723e2",
    "0dd1cebea573",
    "ea57bea57e32",
    "fdc1d0fe6455",
    "cd2ff4716c34",
    "78bacfcee510",
    "5af11540bbfe",
    "a3d1bfca1672",
    "1b951f8b449d",
    "c38c3d8d3920",
    "1ee1aba5ed4c",
    "ac1dbea57aa3",
    "0000000000a0",
    "b1e55edbea57",
    "baff1edbea57",
    "b1a57edbea57",
    "1ceb1ade0001",
    "ae6a388e4a1a",
    "c721dfca8cd3",
    "ddcfb9224cdb",
    "74f1d263ae9a",
    "e8bac1c07a5a",
    "31337bea577c",
    "1111cefa1111",
    "1cedc0ffeeee",
    "1c0000000000",
];

/// `(name, first 12 hexadecimal digits of the fingerprint, clamp)`: these are recognised in any neuron order.
const BY_FINGERPRINT: [(&str, &str, i16); 4] = [
    ("nn-37f18f62d772", "a1602f3887e2", 127),
    ("nn-ad9b42354671", "5cfc6eb185e9", 127),
    ("nn-9067e33176e8", "57bce491fb0c", 127),
    ("this project's demo network", "022b6d2103b3", 127),
];

/// The clamp of a known network and what it is known as.
pub(super) fn clamp(network: &Network, sha256: &[u8; 32]) -> Option<(String, i16)> {
    let name = hex(&sha256[..6]);
    let small = SMALL
        .iter()
        .find(|(known, _)| *known == name)
        .map(|&(_, clamp)| clamp);
    if let Some(clamp) = small.or_else(|| BIG.contains(&name.as_str()).then_some(127)) {
        return Some((format!("nn-{name}"), clamp));
    }
    let fingerprint = hex(&network.fingerprint()[..6]);
    BY_FINGERPRINT
        .iter()
        .find(|(_, known, _)| *known == fingerprint)
        .map(|(name, _, clamp)| ((*name).to_string(), *clamp))
}
