//! Networks inside lc0's own program file: the network, its size (32 bits), and `Lc0!` at the very end.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Lc0Error;

const MARK: [u8; 4] = *b"Lc0!";
const TRAILER: usize = 8;

/// The network embedded in a program; `None` if the program does not end as one with a network does.
///
/// # Errors
/// The size in the trailer is larger than the file, or negative.
pub fn embedded(program: &[u8]) -> Result<Option<&[u8]>, Lc0Error> {
    let Some((rest, trailer)) = program.split_last_chunk::<TRAILER>() else {
        return Ok(None);
    };
    let (size, mark) = trailer.split_at(4);
    if mark != MARK {
        return Ok(None);
    }
    let size = i32::from_le_bytes(size.try_into().expect("four bytes"));
    let net = usize::try_from(size)
        .ok()
        .and_then(|size| rest.len().checked_sub(size))
        .map(|start| &rest[start..]);
    net.map(Some).ok_or_else(|| {
        Lc0Error::Options(format!(
            "the trailer says a network of {size} bytes, but {} lie before it",
            rest.len()
        ))
    })
}

/// The program alone, if a network is embedded in it.
///
/// # Errors
/// As [`embedded`].
pub fn without_embedded(program: &[u8]) -> Result<&[u8], Lc0Error> {
    Ok(match embedded(program)? {
        Some(net) => &program[..program.len() - TRAILER - net.len()],
        None => program,
    })
}

/// A program with a network inside, in place of the one it may have. A network that is not compressed gets gzip: lc0
/// reads the trailer as a part of the network, which does no harm behind a gzip stream only.
///
/// # Errors
/// The network is larger than 2 GiB.
pub fn embed(program: &[u8], net: &[u8]) -> Result<Vec<u8>, Lc0Error> {
    let packed;
    let net = if net.starts_with(&[0x1F, 0x8B]) {
        net
    } else {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(net).map_err(Lc0Error::Write)?;
        packed = encoder.finish().map_err(Lc0Error::Write)?;
        &packed
    };
    let size = i32::try_from(net.len())
        .map_err(|_| Lc0Error::Options(format!("a network of {} bytes is too large", net.len())))?;
    let program = without_embedded(program)?;
    Ok([program, net, &size.to_le_bytes(), &MARK].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_again() {
        let net = [&[0x1F, 0x8B][..], b"packed"].concat();
        let with = embed(b"program", &net).expect("it is small");
        assert_eq!(&with[7..], [&net[..], &[8, 0, 0, 0], b"Lc0!"].concat());
        assert_eq!(embedded(&with).expect("well-formed"), Some(&net[..]));
        // Another one takes its place.
        let other = [&[0x1F, 0x8B][..], b"other"].concat();
        let again = embed(&with, &other).expect("it is small");
        assert_eq!(again, embed(b"program", &other).expect("it is small"));
    }

    #[test]
    fn what_is_not_compressed_gets_gzip() {
        let with = embed(b"program", b"plain").expect("it is small");
        let net = embedded(&with).expect("well-formed").expect("it is there");
        assert!(net.starts_with(&[0x1F, 0x8B]));
    }

    #[test]
    fn trailers_that_lie_are_errors() {
        assert_eq!(embedded(b"program").expect("none"), None);
        assert_eq!(embedded(b"Lc0!").expect("too short"), None);
        for size in [-1, 8, i32::MAX, i32::MIN] {
            let program = [&b"program"[..], &size.to_le_bytes(), b"Lc0!"].concat();
            assert!(embedded(&program).is_err(), "{size}");
            assert!(embed(&program, b"net").is_err(), "{size}");
        }
    }
}
