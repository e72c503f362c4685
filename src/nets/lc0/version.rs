//! Versions of lc0.

use std::fmt;
use std::str::FromStr;

/// A version of lc0, as `0.32.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// That is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version of lc0: three numbers are, as in 0.32.1")]
pub struct NoVersion(String);

impl Version {
    /// The first with Lc0's four encodings of tensors and the newer arithmetic of `LINEAR16`.
    pub const V0_33: Version = Version::new(0, 33, 0);

    /// Passes whatever lc0's own version is.
    pub const ANY: Version = Version::new(97, 98, 99);

    pub const fn new(major: u32, minor: u32, patch: u32) -> Version {
        Version {
            major,
            minor,
            patch,
        }
    }

    /// The number that lc0 compares: minor and patch may run over into the next part.
    pub const fn number(self) -> u64 {
        self.major as u64 * 1_000_000 + self.minor as u64 * 1_000 + self.patch as u64
    }
}

impl Default for Version {
    /// The newest whose rules are known: 0.33.0.
    fn default() -> Version {
        Version::V0_33
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    /// Two or three numbers, with or without a `v` before them.
    fn from_str(text: &str) -> Result<Version, NoVersion> {
        let none = || NoVersion(text.to_string());
        let digits = text.strip_prefix('v').unwrap_or(text);
        let parts: Vec<u32> = digits
            .split('.')
            .map(|part| part.parse().map_err(|_| none()))
            .collect::<Result<_, _>>()?;
        match parts[..] {
            [major, minor] => Ok(Version::new(major, minor, 0)),
            [major, minor, patch] => Ok(Version::new(major, minor, patch)),
            _ => Err(none()),
        }
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_lc0_does() {
        let version: Version = "0.32.1".parse().expect("a version");
        assert_eq!(version.number(), 32_001);
        assert_eq!("v0.33".parse(), Ok(Version::V0_33));
        // 0x5C99973, the number that always passes.
        assert_eq!(Version::ANY.number(), 0x05C9_9973);
        for wrong in ["", "1", "0.32.x", "1.2.3.4", "0.32.99999999999"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }
}
