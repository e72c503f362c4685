//! Activation matrices and planes files.

use ftperm::actmat::{parse, write};
use ftperm::zeros::ZeroPlanes;

pub fn actmat(data: &[u8]) {
    let planes = match parse(&mut &*data, data.len() as u64) {
        Ok(planes) => planes,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            return;
        }
    };
    let mut written = Vec::new();
    write(&planes, &mut written).expect("writing to memory");
    let again = parse(&mut written.as_slice(), written.len() as u64).expect("our own matrix");
    assert_eq!(again.samples(), planes.samples());
    assert_eq!(again.words(), planes.words());
}

pub fn planes(data: &[u8]) {
    let planes = match ZeroPlanes::parse(&mut &*data, data.len() as u64) {
        Ok(planes) => planes,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            return;
        }
    };
    let mut written = Vec::new();
    planes.write(&mut written).expect("writing to memory");
    if data[4] == 1 {
        // Four bytes of the header mean nothing and are written as zeros.
        assert_eq!(written[..12], data[..12]);
        assert_eq!(written[16..], data[16..]);
    } else {
        // What a record or the buckets add is not written; the planes are.
        let again = ZeroPlanes::parse(&mut written.as_slice(), written.len() as u64);
        assert_eq!(again.expect("our own planes"), planes);
    }
}
