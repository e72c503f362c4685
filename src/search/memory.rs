//! Memory that a search takes beside the planes.

use super::MAX_SAMPLES;
use super::sets::Room;
use super::thinning::Part;

/// Memory for the tables of so many neurons, in bytes: two tables of fits and the counts that fill them, 4 bytes for
/// every pair of neurons each, and as much for the assignment.
#[must_use]
pub fn table_bytes(neurons: usize) -> u64 {
    16 * (neurons as u64).pow(2)
}

/// Copies of parts of planes of so many bytes: one search has one at a time, the fine one at most; tries at once share
/// both.
fn copies(planes: u64, tries: usize) -> u64 {
    match tries {
        1 => Part::Fine.copy_bytes(planes),
        _ => Part::both_copies_bytes(planes),
    }
}

/// Memory for a search of so many tries at once on planes of so many bytes, all in all.
#[must_use]
pub fn search_bytes(neurons: usize, planes: u64, tries: usize) -> u64 {
    let tables = table_bytes(neurons).saturating_mul(tries as u64);
    let beside = tables.saturating_add(copies(planes, tries));
    planes.saturating_add(beside)
}

/// The largest planes that a search of so many tries in so many bytes can have, and no more of them than it can count.
#[must_use]
pub fn room(bytes: u64, neurons: usize, tries: usize) -> Room {
    let left = bytes.saturating_sub(table_bytes(neurons).saturating_mul(tries as u64));
    // What is needed grows with the planes, but for where one copy serves as both parts. What is found fits anyway.
    let (mut fits, mut too_much) = (0, left.saturating_add(1));
    while too_much - fits > 1 {
        let middle = fits + (too_much - fits) / 2;
        if middle.saturating_add(copies(middle, tries)) <= left {
            fits = middle;
        } else {
            too_much = middle;
        }
    }
    Room {
        bytes: fits,
        samples: MAX_SAMPLES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_all_that_fits() {
        for bytes in [
            1 << 20,
            12 << 20,
            20 << 20,
            40 << 20,
            44 << 20,
            45 << 20,
            1 << 33,
        ] {
            let planes = room(bytes, 64, 1).bytes;
            let least = search_bytes(64, planes, 1);
            assert!(least <= bytes, "{planes} take {least} of {bytes}");
            assert!(
                search_bytes(64, planes + 16, 1) + 16 > bytes,
                "{planes} of {bytes}"
            );
        }
        assert_eq!(room(table_bytes(1536) - 1, 1536, 1).bytes, 0);
        // Every try has tables. Of large planes both parts are the same one.
        let more = 1 << 30;
        assert_eq!(room(more, 64, 1), room(more + 3 * table_bytes(64), 64, 4));
        let little = 60 << 20;
        let four = room(little + 3 * table_bytes(64), 64, 4);
        assert!(four.bytes < room(little, 64, 1).bytes, "two copies");
        assert!(search_bytes(64, four.bytes, 4) <= little + 3 * table_bytes(64));
    }
}
