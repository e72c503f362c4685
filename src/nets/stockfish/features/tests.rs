//! The golden lists of `docs/notes/eras.md`, section 13: computed by a reference that was checked against every engine.

use super::*;

const G1: &str = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";
const G2: &str = "1k1r4/pp3p2/2n1b3/3qP3/2p2P2/2N1R3/PPQ3P1/1K6 b - - 0 1";

fn active(set: &dyn FeatureSet, fen: &str) -> [Vec<u32>; 2] {
    let mut lists = ActiveFeatures::default();
    set.append_active(&fen.parse().unwrap(), &mut lists);
    for list in &mut lists {
        list.sort_unstable();
        assert!(list.iter().all(|&index| (index as usize) < set.count()));
    }
    lists
}

/// n, sum, XOR, minimum, maximum.
fn summary(list: &[u32]) -> [u32; 5] {
    [
        list.len() as u32,
        list.iter().sum(),
        list.iter().fold(0, |a, b| a ^ b),
        list[0],
        list[list.len() - 1],
    ]
}

#[test]
fn golden_summaries_of_g1() {
    let cases: [(&dyn FeatureSet, [[u32; 5]; 2]); 9] = [
        (
            &HALF_KP,
            [[30, 82934, 1974, 2573, 3193], [30, 63738, 186, 1934, 2542]],
        ),
        (
            &HALF_KA_V2,
            [[32, 97440, 66, 2824, 3516], [32, 97472, 66, 2824, 3516]],
        ),
        (
            &HALF_KA_V2_HM,
            [
                [32, 705696, 194, 21832, 22524],
                [32, 705728, 194, 21832, 22524],
            ],
        ),
        (
            &FULL_THREATS_79856,
            [
                [56, 1913484, 47406, 34, 78575],
                [56, 1848424, 59208, 3, 79415],
            ],
        ),
        (
            &FULL_THREATS_66864,
            [
                [49, 1371173, 14351, 34, 65583],
                [49, 1357528, 101168, 3, 66423],
            ],
        ),
        (
            &FULL_THREATS_60144,
            [
                [44, 1067425, 47243, 34, 55505],
                [44, 1021646, 33266, 3, 56761],
            ],
        ),
        (
            &FULL_THREATS_60720,
            [
                [45, 1115738, 51498, 54, 56081],
                [45, 1069343, 3969, 5, 57337],
            ],
        ),
        (
            &FULL_THREATS_59808,
            [
                [38, 906567, 53643, 11, 55169],
                [38, 921434, 50954, 10, 56425],
            ],
        ),
        (
            &PP_3WIDE,
            [[36, 106782, 3014, 0, 4535], [36, 111661, 5891, 14, 4559]],
        ),
    ];
    for (set, expected) in cases {
        let lists = active(set, G1);
        assert_eq!(
            [summary(&lists[0]), summary(&lists[1])],
            expected,
            "{} {}",
            set.name(),
            set.count()
        );
    }
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(' ').map(|word| word.parse().unwrap()).collect()
}

#[test]
fn golden_lists_of_g2() {
    let cases: [(&dyn FeatureSet, &str, &str); 9] = [
        (
            &HALF_KP,
            "650 651 656 671 678 732 754 755 759 788 876 1006 1046 1149 1164 1253",
            "3857 3861 3862 3884 3938 3945 3960 3965 3966 3996 4084 4122 4235 4338 4387 4476",
        ),
        (
            &HALF_KA_V2,
            "712 713 718 733 740 794 816 817 821 850 938 1068 1108 1211 1226 1315 1345 1401",
            "712 713 717 738 796 805 816 817 822 850 938 980 1091 1196 1243 1330 1345 1401",
        ),
        (
            &HALF_KA_V2_HM,
            "20425 20430 20431 20442 20451 20509 20530 20534 20535 20565 20653 20779 20819 20924 20941 21028 \
             21062 21118",
            "20426 20430 20431 20453 20507 20514 20529 20534 20535 20565 20653 20691 20804 20907 20956 21045 \
             21062 21118",
        ),
        (
            &FULL_THREATS_79856,
            "37 86 580 2258 3945 10426 11316 19312 19316 20775 26588 36573 36574 40336 40665 42682 43693 44364 \
             47670 58962 59825 59835 68565 70031 71489 72950 78563 78564",
            "86 580 1587 2258 2599 4701 13763 19717 21163 22621 24070 28449 28461 36573 36574 40231 40336 42007 \
             42682 44364 55163 56063 68926 68930 70379 76212 78563 78564",
        ),
        (
            &FULL_THREATS_66864,
            "37 86 580 3609 8634 9524 15728 15732 17191 30077 30078 33840 34169 35850 36861 39942 49745 49755 \
             57029 58495 59953 61414 65571 65572",
            "86 580 1587 2263 4029 16133 17579 19037 20486 23409 23421 30077 30078 33735 33840 35511 35850 \
             45979 46879 57390 57394 58843 65571 65572",
        ),
        (
            &FULL_THREATS_60144,
            "37 86 580 3609 8634 9524 15728 15732 17191 30480 30809 32490 33501 36582 46385 46395 53669 55135 \
             56593 58054",
            "86 580 1587 2263 4029 16133 17579 19037 20486 23409 23421 30375 30480 32151 32490 42619 43519 \
             54030 54034 55483",
        ),
        (
            &FULL_THREATS_60720,
            "58 136 868 3897 8922 9812 16016 16020 17479 31002 31385 33066 34077 37158 46961 46971 54245 55711 \
             57169 58630",
            "136 868 1875 2551 4317 16421 17867 19325 20774 23697 23709 30836 31002 32727 33066 43195 44095 \
             54606 54610 56059",
        ),
        (
            &FULL_THREATS_59808,
            "2 412 3441 8466 9356 15560 15564 17023 30144 30473 32154 33165 36246 46049 46059 53333 54799 56257 57718",
            "2 412 1419 2095 3861 15965 17411 18869 20318 23241 23253 30144 31815 32154 42283 43183 53694 53698 55147",
        ),
        (
            &PP_3WIDE,
            "0 216 399 2146 3828 3829 3916 3917 3982 4004 4284 4299 4306",
            "0 326 2283 2931 2994 3828 3829 3916 3917 3942 4004 4376 4448",
        ),
    ];
    for (set, white, black) in cases {
        assert_eq!(
            active(set, G2),
            [numbers(white), numbers(black)],
            "{} {}",
            set.name(),
            set.count()
        );
    }
}

#[test]
fn counts_follow_from_the_threat_tables() {
    for set in FEATURE_SETS {
        // Building the tables asserts that the ranges add up to the count.
        active(set, G1);
    }
}

#[test]
fn pieces_that_attack_all_around() {
    // Thirty queens on five files and six ranks: 24 + 25 + 40 pairs of neighbours, each of them once.
    let fen = "QQQQQ3/QQQQQ3/QQQQQ3/QQQQQ3/QQQQQ3/QQQQQ3/8/5K1k w - - 0 1";
    let lists = active(&FULL_THREATS_59808, fen);
    assert_eq!(lists.map(|list| list.len()), [89; 2]);
}

#[test]
fn features_in_words() {
    let words = |set: &dyn FeatureSet, fen: &str| -> Vec<String> {
        let [white, _] = active(set, fen);
        white.iter().map(|&it| set.describe(it)).collect()
    };
    let fen = "4k3/8/8/3n4/4P3/8/8/4K3 w - - 0 1";
    let of_halves = [
        "own pawn on e4, own king on e1",
        "opponent's knight on d5, own king on e1",
    ];
    assert_eq!(words(&HALF_KP, fen), of_halves);
    for set in [&HALF_KA_V2 as &dyn FeatureSet, &HALF_KA_V2_HM] {
        let kings = ["own king on e1", "opponent's king on e8, own king on e1"];
        assert_eq!(words(set, fen), [&of_halves[..], &kings[..]].concat());
    }
    assert_eq!(
        words(&FULL_THREATS_59808, "4k3/8/8/3n4/4P3/8/8/3K4 w - - 0 1"),
        ["own pawn on e4 attacks opponent's knight on d5"]
    );
    // The set mirrors the board so that the own king stands on files a to d: e4 is d4 then.
    assert_eq!(
        words(&FULL_THREATS_60144, "4k3/8/8/3n4/4P3/8/8/6K1 w - - 0 1"),
        ["own pawn on d4 attacks opponent's knight on e5"]
    );
}

#[test]
fn words_tell_features_apart_and_active_ones_are_not_dead() {
    for set in FEATURE_SETS {
        let mut words = std::collections::HashSet::new();
        let mut dead = 0;
        for feature in 0..set.count() as u32 {
            if set.is_never_active(feature) {
                dead += 1;
            } else {
                assert!(
                    words.insert(set.describe(feature)),
                    "{}",
                    set.describe(feature)
                );
            }
        }
        // A slot a king; of C(96, 2) pairs of pawns those within three files: 4 x (8 x C(6, 2) + 7 x 36).
        match set.name() {
            "HalfKP" | "HalfKA" => assert_eq!(dead, 64),
            "PP_3Wide" => assert_eq!(dead, 4560 - 4 * (120 + 252)),
            "Full_Threats" => assert!(dead < set.count() / 4, "{dead}"),
            _ => assert_eq!(dead, 0),
        }
        for board in crate::chess::random_games::random_positions(3, 200) {
            let mut lists = ActiveFeatures::default();
            set.append_active(&board, &mut lists);
            let never = |&it: &u32| set.is_never_active(it);
            assert!(
                !lists.iter().flatten().any(never),
                "{} {}",
                set.name(),
                board.fen()
            );
        }
    }
}

/// Every feature has a legal position that activates it, or breaks a rule that legal positions keep.
#[test]
fn what_is_not_impossible_has_a_legal_position() {
    use rayon::prelude::*;
    for set in FEATURE_SETS {
        (0..set.count() as u32).into_par_iter().for_each(|feature| {
            assert_eq!(
                example(set, feature).is_some(),
                set.impossible(feature).is_none(),
                "{} {feature}: {}",
                set.name(),
                set.describe(feature)
            );
            assert!(!set.is_never_active(feature) || set.impossible(feature).is_some());
        });
    }
}

/// Counted by hand.
#[test]
fn how_many_features_are_impossible() {
    let count = |set: &dyn FeatureSet, reason: Impossible| {
        let all = 0..set.count() as u32;
        all.filter(|&feature| set.impossible(feature) == Some(reason))
            .count()
    };
    // 64 kings: a slot each, two kinds of pawns on 16 squares, and eight other pieces on the king's square, as are
    // pawns unless the king is on the first or last rank.
    assert_eq!(count(&HALF_KP, Impossible::NoMeaning), 64);
    assert_eq!(count(&HALF_KP, Impossible::PawnRank), 64 * 32);
    assert_eq!(count(&HALF_KP, Impossible::SameSquare), 64 * 8 + 48 * 2);
    // 420 pairs of neighbouring squares, half of them with the king on files e to h.
    assert_eq!(count(&HALF_KA_V2, Impossible::AdjacentKings), 420);
    assert_eq!(count(&HALF_KA_V2_HM, Impossible::AdjacentKings), 210);
    assert_eq!(count(&HALF_KA_V2_HM, Impossible::PawnRank), 32 * 32);
    assert_eq!(
        count(&HALF_KA_V2_HM, Impossible::SameSquare),
        32 * 8 + 24 * 2
    );
    // HalfKA has the own king on 64 squares for each place of it.
    assert_eq!(count(&HALF_KA, Impossible::OwnKingElsewhere), 64 * 63);
    assert_eq!(count(&A768_HM, Impossible::Mirrored), 32);
    assert_eq!(count(&A768_HM, Impossible::PawnRank), 32);
    // Two pawns of other colours on each of 48 squares; of all pairs 4 x (120 + 252) are near each other.
    assert_eq!(count(&PP_3WIDE, Impossible::SameSquare), 48);
    assert_eq!(
        count(&PP_3WIDE, Impossible::FilesApart),
        4560 - 48 - 4 * 372
    );
    assert_eq!(count(&PP_3WIDE, Impossible::PawnRank), 0);
}

/// The rule holds on positions of random games of chess and of Chess960, and on walks from them.
#[test]
fn no_legal_position_activates_what_is_impossible() {
    use rayon::prelude::*;
    let mut boards = crate::chess::random_games::random_positions(11, 3000);
    boards.extend(crate::chess::random_games::random_positions_960(12, 3000));
    boards.extend(crate::chess::walks::walk(
        &boards,
        crate::chess::walks::Walk::Random,
        13,
    ));
    for set in FEATURE_SETS {
        let impossible: Vec<bool> = (0..set.count() as u32)
            .into_par_iter()
            .map(|feature| set.impossible(feature).is_some())
            .collect();
        for board in &boards {
            let mut lists = ActiveFeatures::default();
            set.append_active(board, &mut lists);
            for &feature in lists.iter().flatten() {
                assert!(
                    !impossible[feature as usize],
                    "{} {}: {}",
                    set.name(),
                    board.fen(),
                    set.describe(feature)
                );
            }
        }
    }
}
