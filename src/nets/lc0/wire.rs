//! Protobuf on the wire: fields as slices of the file. Every length is compared with what is left before it is used.

/// Longest varint: ten bytes hold 64 bits.
const MAX_VARINT: usize = 10;

/// How a field is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

impl Wire {
    const fn number(self) -> u64 {
        match self {
            Wire::Varint => 0,
            Wire::Fixed64 => 1,
            Wire::Bytes => 2,
            Wire::Fixed32 => 5,
        }
    }

    const fn of(number: u64) -> Option<Wire> {
        match number {
            0 => Some(Wire::Varint),
            1 => Some(Wire::Fixed64),
            2 => Some(Wire::Bytes),
            5 => Some(Wire::Fixed32),
            _ => None,
        }
    }
}

/// One field: `raw` is all of it, `raw[body..]` its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawField<'a> {
    pub number: u64,
    pub wire: Wire,
    pub raw: &'a [u8],
    pub body: usize,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireFault {
    /// A number that ends in the middle, or a value longer than what is left.
    Truncated { needed: u64, left: u64 },
    /// Groups and the unused kinds, which Lc0 does not read.
    WireType(u64),
    /// More than ten bytes.
    LongVarint,
}

/// Fields of a message, one by one.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub const fn position(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn varint(&mut self) -> Result<u64, WireFault> {
        let (value, len) = varint(&self.bytes[self.at..])?;
        self.at += len;
        Ok(value)
    }

    fn skip(&mut self, count: u64) -> Result<(), WireFault> {
        let left = self.left() as u64;
        if count > left {
            return Err(WireFault::Truncated {
                needed: count,
                left,
            });
        }
        self.at += count as usize;
        Ok(())
    }

    /// The next field; `None` at the end.
    pub fn next(&mut self) -> Result<Option<RawField<'a>>, WireFault> {
        if self.left() == 0 {
            return Ok(None);
        }
        let start = self.at;
        let field = self.field();
        if field.is_err() {
            self.at = start;
        }
        field.map(Some)
    }

    fn field(&mut self) -> Result<RawField<'a>, WireFault> {
        let start = self.at;
        let key = self.varint()?;
        let wire = Wire::of(key & 7).ok_or(WireFault::WireType(key & 7))?;
        let mut body = self.at - start;
        match wire {
            Wire::Varint => drop(self.varint()?),
            Wire::Fixed64 => self.skip(8)?,
            Wire::Fixed32 => self.skip(4)?,
            Wire::Bytes => {
                let len = self.varint()?;
                body = self.at - start;
                self.skip(len)?;
            }
        }
        Ok(RawField {
            number: key >> 3,
            wire,
            raw: &self.bytes[start..self.at],
            body,
        })
    }
}

/// The varint at the beginning of `bytes`, and how many bytes it takes.
pub(super) fn varint(bytes: &[u8]) -> Result<(u64, usize), WireFault> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().enumerate().take(MAX_VARINT) {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    if bytes.len() < MAX_VARINT {
        let left = bytes.len() as u64;
        return Err(WireFault::Truncated {
            needed: left + 1,
            left,
        });
    }
    Err(WireFault::LongVarint)
}

/// Appends a varint.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`put_varint`] appends.
pub(super) const fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Number and wire type of a field, as one number.
pub(super) const fn key(number: u32, wire: Wire) -> u64 {
    (number as u64) << 3 | wire.number()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_go_there_and_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len(), varint_len(value));
            assert_eq!(varint(&bytes), Ok((value, bytes.len())));
        }
        // 300, as the protobuf documentation writes it.
        assert_eq!(varint(&[0xAC, 0x02]), Ok((300, 2)));
        assert_eq!(varint(&[0x80; 12]), Err(WireFault::LongVarint));
        assert!(matches!(
            varint(&[0x80; 3]),
            Err(WireFault::Truncated { .. })
        ));
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        let mut reader = Reader::new(&[0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1]);
        let fault = reader.next().expect_err("seven bytes are no 34 gigabytes");
        assert!(matches!(fault, WireFault::Truncated { left: 1, .. }));
        assert_eq!(reader.position(), 0);
    }

    #[test]
    fn groups_are_refused() {
        let fault = Reader::new(&[0x0B]).next().expect_err("a group");
        assert_eq!(fault, WireFault::WireType(3));
    }
}
