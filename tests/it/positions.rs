//! Positions from real and from damaged data.

use std::ffi::OsString;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use ftperm::positions::{
    Filters, Options, Positions, PositionsError, Reason, Sampling, Statistics, read, read_stream,
};
use proptest::prelude::*;

use crate::common::material;

fn small_binpack() -> Option<&'static [u8]> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let path = material::shared("data/small.binpack")?;
    Some(BYTES.get_or_init(|| std::fs::read(path).unwrap()))
}

/// The data set of the repository.
fn own_binpack() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/datasets/selfplay.binpack"
        ))
        .unwrap()
    })
}

fn read_bytes(bytes: &[u8], options: &Options) -> Result<Positions, PositionsError> {
    read_stream(
        "test.binpack",
        Box::new(Cursor::new(bytes.to_vec())),
        options,
    )
}

fn with_filters(filters: Filters) -> Options {
    Options {
        filters,
        ..Options::default()
    }
}

fn threads(count: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(count)
}

/// The same entries in chunks of so many.
fn in_chunks(bytes: &[u8], entries_a_chunk: usize) -> Vec<u8> {
    let entries = sfbinpack::parse_chunk(&bytes[8..]);
    let mut out = Vec::new();
    for part in entries.chunks(entries_a_chunk) {
        let mut writer = sfbinpack::CompressedTrainingDataEntryWriter::new_in_memory().unwrap();
        for entry in part {
            writer.write_entry(entry).unwrap();
        }
        out.extend(writer.into_bytes().unwrap());
    }
    out
}

#[test]
fn known_counts() {
    let Some(bytes) = small_binpack() else { return };
    let statistics = |filters| -> Statistics {
        read_bytes(bytes, &with_filters(filters))
            .unwrap()
            .statistics
    };
    let checks = statistics(Filters::checks_only());
    assert_eq!(checks.read, 434_921);
    assert_eq!(checks.skipped(Reason::Check), 28_578);
    assert_eq!(checks.taken, 434_921 - 28_578);

    let both = statistics(Filters {
        captures: true,
        ..Filters::checks_only()
    });
    assert_eq!(both.taken, 334_294);
    assert_eq!(both.read - both.taken - 28_578, 72_049);

    let default = statistics(Filters::default());
    assert_eq!(default.read, 434_921);
    assert_eq!(default.skipped(Reason::PlaceholderScore), 10_200);
    let skipped: u64 = Reason::ALL
        .iter()
        .map(|&reason| default.skipped(reason))
        .sum();
    assert_eq!(default.taken + skipped, 434_921);
}

/// The boards are those that the decoding crate itself prints as FENs.
#[test]
fn boards_are_the_decoders() {
    let bytes = own_binpack();
    let all = Filters {
        checks: false,
        ..Filters::checks_only()
    };
    let positions = read_bytes(bytes, &with_filters(all)).unwrap();
    let entries = sfbinpack::parse_chunk(&bytes[8..]);
    assert_eq!(positions.boards.len(), entries.len());
    for (board, entry) in positions.boards.iter().zip(&entries) {
        assert_eq!(board.fen(), entry.pos.fen().unwrap());
        assert_eq!(board.ply(), entry.ply);
        assert_eq!(
            board.in_check(),
            entry.pos.is_checked(entry.pos.side_to_move())
        );
    }
}

#[test]
fn any_number_of_threads_takes_the_same() {
    let bytes = in_chunks(own_binpack(), 3_001);
    for (filters, sampling) in [
        (Filters::default(), Sampling::default()),
        (Filters::reference(), Sampling::default()),
        (
            Filters::default(),
            Sampling {
                count: Some(2_000),
                rate: 0.3,
                skip: 2,
            },
        ),
        (
            Filters {
                simple_eval: Some(300),
                early_plies: Some(30),
                ..Filters::reference()
            },
            Sampling {
                count: Some(50),
                rate: 0.5,
                skip: 1,
            },
        ),
    ] {
        let options = |count, seed| Options {
            filters: filters.clone(),
            sampling: sampling.clone(),
            seed,
            threads: threads(count),
            ..Options::default()
        };
        let one = read_bytes(&bytes, &options(1, 9)).unwrap();
        for count in [2, 3, 8] {
            let more = read_bytes(&bytes, &options(count, 9)).unwrap();
            assert_eq!(one.boards, more.boards);
            assert_eq!(one.games, more.games);
            assert_eq!(one.statistics, more.statistics);
        }
        if sampling.rate < 1.0 {
            let other = read_bytes(&bytes, &options(2, 10)).unwrap();
            assert_ne!(one.boards, other.boards);
        }
    }
}

#[test]
fn taking_the_first_n() {
    let bytes = own_binpack();
    let all = read_bytes(bytes, &Options::default()).unwrap();
    let sampled = |sampling| {
        let options = Options {
            sampling,
            ..Options::default()
        };
        read_bytes(bytes, &options).unwrap()
    };
    let count = |count| Sampling {
        count: Some(count),
        ..Sampling::default()
    };
    let first = sampled(count(1_000));
    assert_eq!(first.boards, all.boards[..1_000]);
    assert_eq!(first.games, all.games[..1_000]);
    assert_eq!(first.statistics.missing(), 0);
    assert_eq!(first.statistics.taken, 1_000);
    assert!(first.statistics.read < all.statistics.read);

    let too_many = sampled(count(10_000_000));
    assert_eq!(too_many.boards, all.boards);
    let missing = 10_000_000 - all.boards.len() as u64;
    assert_eq!(too_many.statistics.missing(), missing);

    let skipping = sampled(Sampling {
        skip: 4,
        ..count(500)
    });
    let start = all.boards.iter().position(|b| *b == skipping.boards[0]);
    let start = start.unwrap();
    assert!(start <= 4);
    let every_fifth = all.boards[start..].iter().step_by(5);
    assert!(skipping.boards.iter().eq(every_fifth.take(500)));

    let tenth = sampled(Sampling {
        rate: 0.1,
        ..Sampling::default()
    });
    let share = tenth.boards.len() as f64 / all.boards.len() as f64;
    assert!((0.09..0.11).contains(&share), "{share}");
    assert_eq!(tenth.statistics.passed(), all.statistics.taken);
}

#[test]
fn games_go_on_across_chunks() {
    let whole = read_bytes(own_binpack(), &Options::default()).unwrap();
    let chunked = read_bytes(&in_chunks(own_binpack(), 1_000), &Options::default()).unwrap();
    assert_eq!(whole.boards, chunked.boards);
    assert_eq!(whole.games, chunked.games);
    assert_eq!(whole.statistics.games, 465);
    let (rest, holdout) = whole.split_holdout(0.1, 4);
    assert!(rest.games.iter().all(|game| !holdout.games.contains(game)));
}

#[test]
fn nothing_taken_is_an_error() {
    let options = with_filters(Filters {
        early_plies: Some(5_000),
        ..Filters::default()
    });
    let error = read_bytes(own_binpack(), &options).unwrap_err();
    assert!(matches!(
        error,
        PositionsError::NothingTaken { read: 60_111, .. }
    ));
    assert!(error.to_string().contains("early ply"), "{error}");
}

#[test]
fn what_is_no_binpack() {
    let message = |bytes: &[u8]| {
        read_bytes(bytes, &Options::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(message(b""), "test.binpack: at byte 0: the file is empty");
    let foreign = message(b"MZ\x90\0 a program");
    assert!(foreign.contains("at byte 0: this is no position data known here"));
    let own = own_binpack();
    assert_eq!(
        message(&own[..6]),
        "test.binpack: at byte 0: the chunk header needs 8 bytes, but the data ends after 6"
    );
    let cut = message(&own[..1_000]);
    assert!(cut.contains("at byte 0: the chunk needs"), "{cut}");
    assert_eq!(
        message(b"BINP\xff\xff\xff\xff"),
        "test.binpack: at byte 0: the chunk claims 4294967295 bytes, more than the 104857600 that are allowed"
    );
    let mut two = own.to_vec();
    two.extend_from_slice(b"BANP\x10\0\0\0");
    assert_eq!(
        message(&two),
        format!(
            "test.binpack: at byte {}: expected a chunk, which begins with \"BINP\", found \"BANP\"",
            own.len()
        )
    );
    assert!(message(b"BINP\x05\0\0\0hello").contains("too small"));
}

#[test]
fn a_missing_file_is_named() {
    let error = read(&[OsString::from("no/such.binpack")], &Options::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("no/such.binpack: "),
        "{error}"
    );
}

#[test]
fn damaged_chunks_are_skipped_on_demand() {
    let bytes = in_chunks(own_binpack(), 10_000);
    let chunk_starts: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, window)| window == b"BINP")
        .map(|(start, _)| start)
        .collect();
    assert_eq!(chunk_starts.len(), 7);
    let skipping = Options {
        skip_damaged: true,
        ..Options::default()
    };
    let sound = read_bytes(&bytes, &skipping).unwrap();
    assert_eq!(sound.statistics.damaged, 0);
    // The second chunk's first position, the third chunk's magic, the fifth chunk's size (too large and too small).
    let mut damaged = bytes.clone();
    damaged[chunk_starts[1] + 8..chunk_starts[1] + 40].fill(0xff);
    damaged[chunk_starts[2]] = b'X';
    for size in [50_000_000u32, u32::MAX, 0, 500] {
        damaged[chunk_starts[4] + 4..chunk_starts[4] + 8].copy_from_slice(&size.to_le_bytes());
        let error = read_bytes(&damaged, &Options::default())
            .unwrap_err()
            .to_string();
        let place = format!("test.binpack: at byte {}: ", chunk_starts[1]);
        assert!(error.starts_with(&place), "{error}");
        for count in [1, 3] {
            let options = Options {
                threads: threads(count),
                ..skipping.clone()
            };
            let rest = read_bytes(&damaged, &options).unwrap().statistics;
            let offsets: Vec<u64> = rest.damage.iter().map(|damage| damage.offset).collect();
            let first = [chunk_starts[1] as u64, chunk_starts[2] as u64];
            assert_eq!(offsets[..2], first);
            assert!((3..=4).contains(&rest.damaged), "{rest:?}");
            // Chunks 0, 3, 5 and 6 are sound.
            assert!(rest.read >= 30_111, "{rest:?}");
        }
    }
}

fn outcome_is_clear(bytes: &[u8], what: &str) {
    let everything = with_filters(Filters {
        checks: false,
        ..Filters::checks_only()
    });
    for options in [&everything, &Options::default()] {
        if let Err(error) = read_bytes(bytes, options) {
            let text = error.to_string();
            assert!(
                text.starts_with("test.binpack: at byte ")
                    || matches!(error, PositionsError::NothingTaken { .. }),
                "{what}: {text}"
            );
        }
    }
    let skipping = Options {
        skip_damaged: true,
        threads: threads(2),
        ..everything
    };
    match read_bytes(bytes, &skipping) {
        Ok(_) | Err(PositionsError::NothingTaken { .. }) => {}
        Err(PositionsError::UnknownFormat { .. } | PositionsError::Empty { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

/// A few games in small chunks, so that many damaged copies can be read.
fn few_games() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let entries = sfbinpack::parse_chunk(&own_binpack()[8..]);
        let mut writer = sfbinpack::CompressedTrainingDataEntryWriter::new_in_memory().unwrap();
        for entry in &entries[..600] {
            writer.write_entry(entry).unwrap();
        }
        in_chunks(&writer.into_bytes().unwrap(), 250)
    })
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = few_games();
    for end in 0..bytes.len() {
        outcome_is_clear(&bytes[..end], &format!("cut at {end}"));
        let whole = read_bytes(&bytes[..end], &with_filters(Filters::checks_only()));
        let chunk_ends = bytes[end..].starts_with(b"BINP") && end > 0;
        assert_eq!(whole.is_ok(), chunk_ends, "cut at {end}");
    }
}

#[test]
fn every_flipped_bit_is_survived() {
    let mut damaged = few_games().to_vec();
    for bit in 0..damaged.len() * 8 {
        damaged[bit / 8] ^= 1 << (bit % 8);
        outcome_is_clear(&damaged, &format!("bit {bit} flipped"));
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn random_damage_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut damaged = few_games().to_vec();
        for (place, value) in &changes {
            *place.get_mut(&mut damaged) = *value;
        }
        outcome_is_clear(&damaged, &format!("{changes:?}"));
    }

    #[test]
    fn random_bytes_are_survived(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 34..400), 1..4),
    ) {
        let mut bytes = Vec::new();
        for chunk in &chunks {
            bytes.extend_from_slice(b"BINP");
            bytes.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            bytes.extend_from_slice(chunk);
        }
        outcome_is_clear(&bytes, "random chunks");
    }
}
