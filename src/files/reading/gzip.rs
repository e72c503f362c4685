//! Gzip as `gzip -d` reads it: several members one after the other, then perhaps zeros, as tapes and disk images leave
//! them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// A reader of the unpacked bytes.
pub(super) struct Gzip<R> {
    /// Always there between calls.
    member: Option<GzDecoder<R>>,
    ended: bool,
}

impl<R: BufRead> Gzip<R> {
    pub(super) fn new(packed: R) -> Gzip<R> {
        Gzip {
            member: Some(GzDecoder::new(packed)),
            ended: false,
        }
    }

    /// Goes on to the next member, or finds the end.
    fn next_member(&mut self) -> io::Result<()> {
        let Some(member) = self.member.take() else {
            return Err(io::Error::other("the gzip stream was given up"));
        };
        let mut packed = member.into_inner();
        let padded = skip_zeros(&mut packed)?;
        self.ended = packed.fill_buf()?.is_empty();
        if padded && !self.ended {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "something follows the zeros behind the compressed data",
            ));
        }
        self.member = Some(GzDecoder::new(packed));
        Ok(())
    }
}

/// Passes over zeros; were there some?
fn skip_zeros(packed: &mut impl BufRead) -> io::Result<bool> {
    let mut any = false;
    loop {
        let buffered = match packed.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffered => buffered?,
        };
        let zeros = buffered.iter().take_while(|&&byte| byte == 0).count();
        let on = zeros > 0 && zeros == buffered.len();
        any |= zeros > 0;
        packed.consume(zeros);
        if !on {
            return Ok(any);
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let Some(member) = &mut self.member else {
                return Err(io::Error::other("the gzip stream was given up"));
            };
            let read = member.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.next_member()?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        // A small buffer, so that zeros span reads.
        let mut all = Vec::new();
        Gzip::new(io::BufReader::with_capacity(7, bytes)).read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn members_follow_one_another_and_zeros_end_them() {
        let (one, two) = (packed(b"one"), packed(b"two"));
        let whole = [one.as_slice(), &packed(b""), &two].concat();
        assert_eq!(unpacked(&whole).unwrap(), b"onetwo");
        let padded = [whole.as_slice(), &[0; 1000]].concat();
        assert_eq!(unpacked(&padded).unwrap(), b"onetwo");
        // gzip 1.12 ignores what follows a file with a warning; here it is damage.
        for tail in [&b"\0\0x"[..], b"x", &[&[0; 9], one.as_slice()].concat()] {
            assert!(unpacked(&[&whole, tail].concat()).is_err(), "{tail:?}");
        }
        for cut in 1..whole.len() {
            let read = unpacked(&whole[..cut]);
            let at_end = cut == one.len() || cut == one.len() + packed(b"").len();
            assert_eq!(read.is_ok(), at_end, "{cut}");
        }
        let mut wrong = one.clone();
        let crc = wrong.len() - 8;
        wrong[crc] ^= 1;
        assert!(unpacked(&wrong).is_err());
    }
}
