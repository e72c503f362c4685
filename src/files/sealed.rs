//! JSON files that tell whether they are whole: the first field is a checksum of all that follows it.

use crate::files::reading::crc32;

const BEGIN: &str = "{\"crc32\":\"";
const END: &str = "\",";
const DIGITS: usize = 8;

/// Puts the checksum into the text of a JSON object that has fields.
pub fn seal(json: &str) -> String {
    match json.strip_prefix('{') {
        Some(rest) => format!("{BEGIN}{:08x}{END}{rest}", crc32(rest.as_bytes())),
        None => json.to_string(),
    }
}

/// Is the text what was sealed? Texts of earlier versions have no checksum, and count as whole.
pub fn is_whole(json: &[u8]) -> bool {
    let Some(rest) = json.strip_prefix(BEGIN.as_bytes()) else {
        return true;
    };
    let Some((sum, rest)) = rest.split_at_checked(DIGITS) else {
        return false;
    };
    let said = std::str::from_utf8(sum).ok();
    let said = said.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let rest = rest.strip_prefix(END.as_bytes());
    rest.is_some_and(|rest| said == Some(crc32(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_noticed() {
        // CRC-32 of the nine digits is that of the catalogue of parametrised CRC algorithms, "check" of
        // CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let sealed = seal(r#"{"a":1.5,"b":[2]}"#);
        let value: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        assert_eq!((&value["a"], &value["b"][0]), (&1.5.into(), &2.into()));
        assert!(is_whole(sealed.as_bytes()));
        for at in BEGIN.len()..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] ^= 1;
            assert!(!is_whole(&changed), "{at}");
            assert!(!is_whole(&sealed.as_bytes()[..at]), "{at}");
        }
        assert!(is_whole(br#"{"a":1.5}"#));
    }
}
