//! Which rows of a trainer's matrix add up to a row of the network.
//!
//! Factorised feature sets (`^`) train shared rows beside the real ones; conversion adds them in single precision.

use crate::nets::stockfish::features::FeatureSet;

use super::weights::{Input, InputStyle};

/// How the rows of one feature set are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// As they are.
    Plain,
    /// HalfKP^: a row a king square, then a row a piece and square.
    HalfKp,
    /// HalfKA^: a row a piece and square.
    HalfKa,
    /// HalfKAv2^: as HalfKA^, with separate rows for the two kings.
    HalfKaV2,
    /// HalfKAv2_hm^ with 11 planes a bucket, as until January 2026.
    HalfKaV2Hm,
    /// HalfKAv2_hm with 12 planes a bucket, as since 2026, factorised or not.
    TwelvePlanes { shared: bool },
}

/// Where one set's rows come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetRows {
    /// Number of the input that holds them.
    pub input: usize,
    /// First row in it.
    pub first: usize,
    /// First shared row in it.
    pub shared: usize,
    pub rule: Rule,
}

/// The rows to be added, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub base: usize,
    pub added: [Option<usize>; 2],
}

/// Rows of HalfKAv2_hm with both kings on planes of their own.
const TWELVE_PLANES: usize = 32 * 768;

/// Square of the own king in a mirrored bucket: ranks from the eighth to the first, files from h to e.
pub(super) fn king_of_bucket(bucket: usize) -> usize {
    8 * (7 - bucket / 4) + (7 - bucket % 4)
}

/// Plane 10 of 11 holds the own king on its one square and the opponent's on all others; 12 planes part them.
fn twelve_plane(plane_and_square: usize, own_king: usize) -> usize {
    let (plane, square) = (plane_and_square / 64, plane_and_square % 64);
    if plane == 10 && square != own_king {
        plane_and_square + 64
    } else {
        plane_and_square
    }
}

impl SetRows {
    /// In the first input.
    pub(super) fn at(first: usize, shared: usize, rule: Rule) -> SetRows {
        SetRows {
            input: 0,
            first,
            shared,
            rule,
        }
    }

    /// The sum for a feature of the set.
    pub(super) fn sum(&self, feature: usize) -> Sum {
        let base = self.first + feature;
        let add = |row: usize| Sum {
            base,
            added: [Some(self.shared + row), None],
        };
        match self.rule {
            Rule::Plain => Sum {
                base,
                added: [None, None],
            },
            Rule::HalfKp => {
                // Feature 0 of every king square is unused. Counting down from it ends in the last king's row.
                let (king, piece) = (feature / 641, (feature % 641) as isize - 1);
                Sum {
                    base,
                    added: [
                        Some(self.shared + king),
                        (self.shared + 64).checked_add_signed(piece),
                    ],
                }
            }
            Rule::HalfKa => {
                // Feature 0 of every king square is unused. Counting down from it ends in the last real row: the
                // reference tool adds that one.
                let piece = (feature % 769) as isize - 1;
                Sum {
                    base,
                    added: [self.shared.checked_add_signed(piece), None],
                }
            }
            Rule::HalfKaV2 => add(twelve_plane(feature % 704, feature / 704)),
            Rule::HalfKaV2Hm => add(twelve_plane(feature % 704, king_of_bucket(feature / 704))),
            Rule::TwelvePlanes { shared } => {
                let bucket = feature / 704;
                let place = twelve_plane(feature % 704, king_of_bucket(bucket));
                Sum {
                    base: self.first + 768 * bucket + place,
                    added: [shared.then_some(self.shared + place), None],
                }
            }
        }
    }

    /// Is the set factorised?
    pub(super) fn has_shared_rows(&self) -> bool {
        !matches!(
            self.rule,
            Rule::Plain | Rule::TwelvePlanes { shared: false }
        )
    }
}

/// Rows that the factorised form of a set has in addition, and the rule to add them.
pub(super) fn factorised(set: &dyn FeatureSet) -> Option<(usize, Rule)> {
    match set.name() {
        "HalfKP" => Some((64 + 640, Rule::HalfKp)),
        "HalfKA" => Some((768, Rule::HalfKa)),
        "HalfKAv2" => Some((768, Rule::HalfKaV2)),
        "HalfKAv2_hm" => Some((768, Rule::HalfKaV2Hm)),
        _ => None,
    }
}

/// Where the rows of these sets come from, if the inputs are theirs.
pub(super) fn assign(
    sets: &[&dyn FeatureSet],
    style: InputStyle,
    inputs: &[Input<'_>],
) -> Option<Vec<SetRows>> {
    match style {
        InputStyle::OneMatrix => one_matrix(sets, inputs.first()?.real.rows),
        InputStyle::Modules if sets.len() == inputs.len() => sets
            .iter()
            .zip(inputs)
            .enumerate()
            .map(|(number, (set, input))| module(*set, number, input))
            .collect(),
        InputStyle::Modules => None,
    }
}

/// All real rows, then the virtual rows of the last set, the only one that may have any.
fn one_matrix(sets: &[&dyn FeatureSet], rows: usize) -> Option<Vec<SetRows>> {
    let real: usize = sets.iter().map(|set| set.count()).sum();
    let last = factorised(*sets.last()?);
    let last_rule = match last {
        _ if rows == real => Rule::Plain,
        Some((shared, rule)) if rows == real + shared => rule,
        _ => return None,
    };
    let mut first = 0;
    let assigned = sets.iter().enumerate().map(|(number, set)| {
        let set_rows = SetRows {
            input: 0,
            first,
            shared: real,
            rule: if number + 1 == sets.len() {
                last_rule
            } else {
                Rule::Plain
            },
        };
        first += set.count();
        set_rows
    });
    Some(assigned.collect())
}

fn module(set: &dyn FeatureSet, number: usize, input: &Input<'_>) -> Option<SetRows> {
    let (real, shared) = (input.real.rows, input.shared.map(|shared| shared.rows));
    let rule = match (set.name(), real, shared) {
        ("HalfKAv2_hm", TWELVE_PLANES, Some(768)) => Rule::TwelvePlanes { shared: true },
        ("HalfKAv2_hm", TWELVE_PLANES, None) => Rule::TwelvePlanes { shared: false },
        (_, rows, None) if rows == set.count() => Rule::Plain,
        (_, rows, Some(added)) if rows == set.count() => {
            factorised(set).filter(|&(shared, _)| shared == added)?.1
        }
        _ => return None,
    };
    Some(SetRows {
        input: number,
        first: 0,
        shared: real,
        rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::features::{
        FULL_THREATS_79856, HALF_KA, HALF_KA_V2, HALF_KA_V2_HM, HALF_KP, PP_3WIDE,
    };

    fn rows(sets: &[&dyn FeatureSet], rows: usize) -> SetRows {
        *one_matrix(sets, rows).unwrap().last().unwrap()
    }

    /// Worked by hand from the table of the reference's rules.
    #[test]
    fn virtual_rows() {
        let kp = rows(&[&HALF_KP], 41728);
        let added = |base, first, second| Sum {
            base,
            added: [Some(first), second],
        };
        assert_eq!(kp.sum(641 * 5 + 1), added(3206, 41024 + 5, Some(41088)));
        assert_eq!(kp.sum(641), added(641, 41025, Some(41087)));
        let ka = rows(&[&HALF_KA], 49984);
        assert_eq!(ka.sum(1), added(1, 49216, None));
        assert_eq!(ka.sum(49215), added(49215, 49983, None));
        // The quirk: an unused row receives the last real one.
        assert_eq!(ka.sum(769), added(769, 49215, None));
        let v2 = rows(&[&HALF_KA_V2], 45824);
        assert_eq!(v2.sum(704 * 3 + 640 + 3), added(2755, 45056 + 643, None));
        assert_eq!(v2.sum(704 * 3 + 640 + 4), added(2756, 45056 + 708, None));
        let hm = rows(&[&HALF_KA_V2_HM], 23296);
        // Bucket 31 is the king on e1, square 4; bucket 0 on h8, square 63.
        assert_eq!(hm.sum(704 * 31 + 644), added(22468, 22528 + 644, None));
        assert_eq!(hm.sum(704 * 31 + 645), added(22469, 22528 + 709, None));
        assert_eq!(hm.sum(640 + 63), added(703, 22528 + 703, None));
        assert_eq!(hm.sum(640 + 62), added(702, 22528 + 766, None));
        let sets: [&dyn FeatureSet; 2] = [&FULL_THREATS_79856, &HALF_KA_V2_HM];
        let threats = one_matrix(&sets, 103_152).unwrap();
        assert_eq!(threats[0].sum(79855).added, [None, None]);
        assert_eq!(threats[1].sum(5), added(79861, 102_389, None));
    }

    #[test]
    fn twelve_planes() {
        let rows = SetRows {
            input: 0,
            first: 0,
            shared: 24576,
            rule: Rule::TwelvePlanes { shared: true },
        };
        // Own king of bucket 31 (e1) from plane 10, all other squares from plane 11.
        assert_eq!(rows.sum(704 * 31 + 644).base, 768 * 31 + 644);
        assert_eq!(rows.sum(704 * 31 + 645).base, 768 * 31 + 709);
        assert_eq!(rows.sum(704 * 31 + 645).added, [Some(24576 + 709), None]);
        assert_eq!(rows.sum(703).base, 703);
    }

    #[test]
    fn rows_say_the_set() {
        let fits = |sets: &[&dyn FeatureSet], rows| one_matrix(sets, rows).is_some();
        assert!(fits(&[&HALF_KA_V2_HM], 22528) && fits(&[&HALF_KA_V2_HM], 23296));
        assert!(!fits(&[&HALF_KA_V2_HM], 24576) && !fits(&[&HALF_KA], 45056));
        assert!(fits(&[&PP_3WIDE], 4560) && !fits(&[&PP_3WIDE], 5328));
    }
}
