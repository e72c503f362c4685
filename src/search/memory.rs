//! Memory that a search takes beside the planes.

use super::MAX_SAMPLES;
use super::sets::Room;
use super::thinning::{SMALL_COPY, copy_bytes};

/// Memory for the tables of so many neurons, in bytes: two tables of fits and the counts that fill them, 4 bytes for
/// every pair of neurons each, and as much for the assignment.
#[must_use]
pub fn table_bytes(neurons: usize) -> u64 {
    16 * (neurons as u64).pow(2)
}

/// Memory for a search of so many tries at once on planes of so many bytes, all in all.
#[must_use]
pub fn search_bytes(neurons: usize, planes: u64, tries: usize) -> u64 {
    let tables = table_bytes(neurons).saturating_mul(tries as u64);
    let beside = tables.saturating_add(copy_bytes(planes));
    planes.saturating_add(beside)
}

/// The largest planes that a search of so many tries in so many bytes can have, and no more of them than it can count.
#[must_use]
pub fn room(bytes: u64, neurons: usize, tries: usize) -> Room {
    let left = bytes.saturating_sub(table_bytes(neurons).saturating_mul(tries as u64));
    // Of small planes a fourth is copied, of larger ones so much, of the largest a tenth.
    let fourth = left / 5 * 4;
    let fixed = left.saturating_sub(SMALL_COPY);
    let tenth = left / 11 * 10;
    Room {
        bytes: fourth.max(fixed.min(tenth)),
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
        // Every try has tables.
        let more = 1 << 30;
        assert_eq!(room(more, 64, 1), room(more + 3 * table_bytes(64), 64, 4));
    }
}
