//! Activation matrices and planes files.

use ftperm::planes::PlaneSource as _;
use ftperm::planes::matrix::{parse, write};
use ftperm::planes::record::check_together;
use ftperm::planes::{PlanesWriter, StoredPlanes, ZeroPlanes};

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
        return;
    }
    // What a record or the buckets add is not written; the planes are.
    let again = ZeroPlanes::parse(&mut written.as_slice(), written.len() as u64);
    assert_eq!(again.expect("our own planes"), planes);
    // Without neurons a few bytes may claim any number of samples.
    if planes.neurons() > 0 {
        stored(data, &planes);
    }
}

/// Reads planes with a record from the disk, where they stay, and writes them anew.
fn stored(bytes: &[u8], planes: &ZeroPlanes) {
    let name = format!("ftperm-fuzz-{}.planes", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).expect("a writable folder");
    let stored = StoredPlanes::open(&path).expect("it was read before");
    let record = stored.record().expect("formats from 2 on have one").clone();
    let twice = [0, 1].map(|_| (path.as_path(), Some(&record)));
    let (net, _) = check_together(&twice[..1]).expect("one file");
    assert_eq!(net.as_ref(), Some(&record.net_sha256));
    assert!(check_together(&twice).is_err());

    let order: Vec<u32> = (0..planes.neurons() as u32 / 4 * 4).rev().collect();
    let mut together = ZeroPlanes::new(planes.neurons(), planes.samples());
    let (mut first, mut blocks) = (0, 0);
    let (mut sizes, mut groups) = ([0; 8], Vec::new());
    for group in stored.groups() {
        group.copy_into(&mut together, first).expect("as before");
        first += group.samples();
        let counts = group.group_counts(order.as_chunks::<4>().0);
        blocks += counts.expect("as before").iter().sum::<u64>();
        let mut alone = ZeroPlanes::new(planes.neurons(), group.samples());
        group.copy_into(&mut alone, 0).expect("as before");
        sizes[group.bucket().unwrap_or(0)] += group.samples();
        groups.push(alone);
    }
    assert_eq!(&together, planes);
    assert_eq!(blocks, planes.zero_blocks(&order));
    drop(stored);
    std::fs::remove_file(&path).expect("our own file");
    let writer = PlanesWriter::new(Vec::new(), planes.neurons(), &sizes, &record);
    let mut writer = writer.expect("writing to memory");
    for group in groups.iter().filter(|group| group.samples() > 0) {
        writer.add(group).expect("writing to memory");
    }
    let written = writer.finish().expect("writing to memory");
    let again = ZeroPlanes::parse(&mut written.as_slice(), written.len() as u64);
    assert_eq!(again.expect("our own planes"), *planes);
}
