//! One row an era (`docs/notes/eras.md`, section 15).

use super::architecture::{Architecture, StackVariant, TensorRole, TensorSpec};
use super::hash::FeatureHash;
use super::storage::Storage;
use super::{VERSION_2020, VERSION_2021, VERSION_2026};
use crate::nets::model::Activation;
use crate::nets::stockfish::features::{
    A768_HM, FULL_THREATS_59808, FULL_THREATS_60144, FULL_THREATS_60720, FULL_THREATS_66864,
    FULL_THREATS_79856, FeatureSet, HALF_KA, HALF_KA_V2, HALF_KA_V2_HM, HALF_KP, PP_3WIDE,
};

/// An architecture that an engine shipped.
#[derive(Debug)]
pub struct Era {
    /// What `--era` takes.
    pub id: &'static str,
    /// The engines that evaluate it.
    pub engines: &'static str,
    /// Do engines skip all-zero blocks of these networks? Without that a permutation brings nothing.
    pub sparse: bool,
    /// How they want the feature transformer stored.
    pub storage: Storage,
    pub architecture: Architecture,
}

const fn tensor(name: &'static str, role: TensorRole) -> TensorSpec {
    TensorSpec { role, name }
}

const BIAS: TensorSpec = tensor("feature transformer biases", TensorRole::Bias);

const LAYOUT_WITHOUT_PSQT: &[TensorSpec] =
    &[BIAS, tensor("piece-square weights", TensorRole::Wide(0, 1))];

const LAYOUT_PIECE_SQUARE: &[TensorSpec] = &[
    BIAS,
    tensor("piece-square weights", TensorRole::Wide(0, 1)),
    tensor("piece-square PSQT", TensorRole::Psqt(0, 1)),
];

/// TA of the facts: threats as 16-bit values in one tensor with the piece-square weights.
const LAYOUT_WIDE_THREATS: &[TensorSpec] = &[
    BIAS,
    tensor("threat and piece-square weights", TensorRole::Wide(0, 2)),
    tensor("threat and piece-square PSQT", TensorRole::Psqt(0, 2)),
];

/// TB: 8-bit threats, one PSQT tensor.
const LAYOUT_COMMON_PSQT: &[TensorSpec] = &[
    BIAS,
    tensor("threat weights", TensorRole::Narrow(0, 1)),
    tensor("piece-square weights", TensorRole::Wide(1, 2)),
    tensor("threat and piece-square PSQT", TensorRole::Psqt(0, 2)),
];

/// TC: weights and PSQT set by set.
const LAYOUT_BY_SET: &[TensorSpec] = &[
    BIAS,
    tensor("threat weights", TensorRole::Narrow(0, 1)),
    tensor("threat PSQT", TensorRole::Psqt(0, 1)),
    tensor("piece-square weights", TensorRole::Wide(1, 2)),
    tensor("piece-square PSQT", TensorRole::Psqt(1, 2)),
];

/// TD: as TC with pawn pairs.
const LAYOUT_BY_SET_WITH_PAWN_PAIRS: &[TensorSpec] = &[
    BIAS,
    tensor("threat weights", TensorRole::Narrow(0, 1)),
    tensor("threat PSQT", TensorRole::Psqt(0, 1)),
    tensor("pawn pair weights", TensorRole::Narrow(1, 2)),
    tensor("pawn pair PSQT", TensorRole::Psqt(1, 2)),
    tensor("piece-square weights", TensorRole::Wide(2, 3)),
    tensor("piece-square PSQT", TensorRole::Psqt(2, 3)),
];

const PIECE_SQUARE: &[&dyn FeatureSet] = &[&HALF_KA_V2_HM];

/// FT-B: products of values up to 127, divided by 128.
const PAIRWISE_127: Activation = Activation::Pairwise {
    clamp: 127,
    shift: 7,
};
/// FT-C: products of values up to 255, divided by 512.
const PAIRWISE_255: Activation = Activation::Pairwise {
    clamp: 255,
    shift: 9,
};

/// SFNNv5, from which the rows of the same kind are derived.
const V5: Architecture = Architecture {
    version: VERSION_2021,
    sets: PIECE_SQUARE,
    feature_hash: FeatureHash::First,
    layout: LAYOUT_PIECE_SQUARE,
    l1: 1024,
    activation: PAIRWISE_127,
    stack: StackVariant::SquaredSkip,
    outputs0: 16,
    outputs1: 32,
    stacks: 8,
    psqt_buckets: 8,
};

const V10B: Architecture = Architecture {
    sets: &[&FULL_THREATS_79856, &HALF_KA_V2_HM],
    layout: LAYOUT_COMMON_PSQT,
    activation: PAIRWISE_255,
    ..V5
};

const V13A: Architecture = Architecture {
    sets: &[&FULL_THREATS_60144, &HALF_KA_V2_HM],
    outputs0: 32,
    ..V10B
};

const V14: Architecture = Architecture {
    sets: &[&FULL_THREATS_60720, &HALF_KA_V2_HM],
    feature_hash: FeatureHash::Combined,
    ..V13A
};

const V15: Architecture = Architecture {
    version: VERSION_2026,
    layout: LAYOUT_BY_SET,
    stack: StackVariant::DenseSkip,
    ..V14
};

/// Sets and layout of a union in today's trainer, which takes its three sets in any order: threats (`T`), pawn pairs
/// (`P`) and piece-square inputs (`H`), each with weights and PSQT.
macro_rules! union_of {
    ($($kind:ident $set:ident),+) => {{
        const SETS: &[&dyn FeatureSet] = &[$(&$set),+];
        const LAYOUT: [TensorSpec; 1 + 2 * SETS.len()] =
            union_layout([$(stringify!($kind).as_bytes()[0]),+]);
        (SETS, &LAYOUT)
    }};
}

const fn union_layout<const SETS: usize, const TENSORS: usize>(
    kinds: [u8; SETS],
) -> [TensorSpec; TENSORS] {
    let mut layout = [BIAS; TENSORS];
    let mut set = 0;
    while set < SETS {
        let (weights, psqt) = match kinds[set] {
            b'T' => (
                tensor("threat weights", TensorRole::Narrow(set, set + 1)),
                "threat PSQT",
            ),
            b'P' => (
                tensor("pawn pair weights", TensorRole::Narrow(set, set + 1)),
                "pawn pair PSQT",
            ),
            _ => (
                tensor("piece-square weights", TensorRole::Wide(set, set + 1)),
                "piece-square PSQT",
            ),
        };
        layout[1 + 2 * set] = weights;
        layout[2 + 2 * set] = tensor(psqt, TensorRole::Psqt(set, set + 1));
        set += 1;
    }
    layout
}

/// A union that no engine shipped.
const fn trainer_union(
    id: &'static str,
    (sets, layout): (&'static [&'static dyn FeatureSet], &'static [TensorSpec]),
) -> Era {
    Era {
        id,
        engines: "none, an architecture of the reference trainer alone",
        sparse: false,
        storage: Storage::Either,
        architecture: Architecture {
            sets,
            layout,
            ..V15
        },
    }
}

/// All eras, oldest first; then what only the reference trainer has.
pub static ERAS: &[Era] = &[
    Era {
        id: "v1",
        engines: "Stockfish 12 and 13",
        sparse: false,
        storage: Storage::Raw,
        architecture: Architecture {
            version: VERSION_2020,
            sets: &[&HALF_KP],
            layout: LAYOUT_WITHOUT_PSQT,
            l1: 256,
            activation: Activation::Clipped { clamp: 127 },
            stack: StackVariant::Plain,
            outputs0: 32,
            stacks: 1,
            psqt_buckets: 0,
            ..V5
        },
    },
    Era {
        id: "v2",
        engines: "Stockfish 14",
        sparse: false,
        storage: Storage::Raw,
        architecture: Architecture {
            sets: &[&HALF_KA_V2],
            l1: 512,
            activation: Activation::Clipped { clamp: 127 },
            stack: StackVariant::Plain,
            ..V5
        },
    },
    Era {
        id: "v3",
        engines: "Stockfish 14.1",
        sparse: false,
        storage: Storage::Raw,
        architecture: Architecture {
            activation: Activation::Clipped { clamp: 127 },
            stack: StackVariant::Plain,
            outputs0: 8,
            ..V5
        },
    },
    Era {
        id: "v4",
        engines: "Stockfish 15",
        sparse: false,
        storage: Storage::Raw,
        architecture: Architecture {
            stack: StackVariant::Skip,
            ..V5
        },
    },
    Era {
        id: "v5",
        engines: "Stockfish 15.1",
        sparse: false,
        storage: Storage::Raw,
        architecture: V5,
    },
    Era {
        id: "v6",
        engines: "Stockfish 16",
        sparse: true,
        storage: Storage::Either,
        architecture: Architecture { l1: 1536, ..V5 },
    },
    Era {
        id: "v7",
        engines: "Stockfish of July to September 2023",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture { l1: 2048, ..V5 },
    },
    Era {
        id: "v8",
        engines: "Stockfish 16.1",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture { l1: 2560, ..V5 },
    },
    Era {
        id: "v9",
        engines: "Stockfish 17 and 17.1",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture { l1: 3072, ..V5 },
    },
    Era {
        id: "small127",
        engines: "Stockfish 16.1 to 18, small network",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture { l1: 128, ..V5 },
    },
    Era {
        id: "small255",
        engines: "Stockfish of March to May 2026, small network",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            l1: 128,
            activation: PAIRWISE_255,
            ..V5
        },
    },
    Era {
        id: "v10a",
        engines: "Stockfish of November and December 2025",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            layout: LAYOUT_WIDE_THREATS,
            ..V10B
        },
    },
    Era {
        id: "v10b",
        engines: "Stockfish 18",
        sparse: true,
        storage: Storage::Leb128,
        architecture: V10B,
    },
    Era {
        id: "v11",
        engines: "Stockfish of February 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            sets: &[&FULL_THREATS_66864, &HALF_KA_V2_HM],
            ..V10B
        },
    },
    Era {
        id: "v12",
        engines: "Stockfish of February 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            sets: &[&FULL_THREATS_60144, &HALF_KA_V2_HM],
            ..V10B
        },
    },
    Era {
        id: "v13a",
        engines: "Stockfish of February and March 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: V13A,
    },
    Era {
        id: "v13b",
        engines: "Stockfish of March 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            feature_hash: FeatureHash::Combined,
            ..V13A
        },
    },
    Era {
        id: "v14",
        engines: "Stockfish of April and May 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: V14,
    },
    Era {
        id: "v14.1",
        engines: "Stockfish of May and June 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            stack: StackVariant::SquaredSkipScaled,
            ..V15
        },
    },
    Era {
        id: "v15",
        engines: "Stockfish of July 2026",
        sparse: true,
        storage: Storage::Leb128,
        architecture: V15,
    },
    Era {
        id: "v16",
        engines: "Stockfish 19",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            sets: &[&FULL_THREATS_59808, &PP_3WIDE, &HALF_KA_V2_HM],
            layout: LAYOUT_BY_SET_WITH_PAWN_PAIRS,
            ..V15
        },
    },
    Era {
        id: "lite768",
        engines: "Stockfish 19 for browsers, lite network",
        sparse: true,
        storage: Storage::Leb128,
        architecture: Architecture {
            sets: &[&A768_HM],
            feature_hash: FeatureHash::First,
            layout: LAYOUT_PIECE_SQUARE,
            ..V15
        },
    },
    Era {
        id: "halfka",
        engines: "none, an architecture of the reference trainer alone",
        sparse: false,
        storage: Storage::Either,
        architecture: Architecture {
            sets: &[&HALF_KA],
            activation: PAIRWISE_255,
            ..V5
        },
    },
    Era {
        id: "halfkp",
        engines: "none, an architecture of the reference trainer alone",
        sparse: false,
        storage: Storage::Either,
        architecture: Architecture {
            sets: &[&HALF_KP],
            activation: PAIRWISE_255,
            ..V5
        },
    },
    Era {
        id: "halfkav2",
        engines: "none, an architecture of the reference trainer alone",
        sparse: false,
        storage: Storage::Either,
        architecture: Architecture {
            sets: &[&HALF_KA_V2],
            activation: PAIRWISE_255,
            ..V5
        },
    },
    trainer_union("hm", union_of!(H HALF_KA_V2_HM)),
    trainer_union("threats", union_of!(T FULL_THREATS_59808)),
    trainer_union("pp", union_of!(P PP_3WIDE)),
    trainer_union(
        "threats+hm",
        union_of!(T FULL_THREATS_59808, H HALF_KA_V2_HM),
    ),
    trainer_union(
        "hm+threats",
        union_of!(H HALF_KA_V2_HM, T FULL_THREATS_59808),
    ),
    trainer_union("pp+hm", union_of!(P PP_3WIDE, H HALF_KA_V2_HM)),
    trainer_union("hm+pp", union_of!(H HALF_KA_V2_HM, P PP_3WIDE)),
    trainer_union("threats+pp", union_of!(T FULL_THREATS_59808, P PP_3WIDE)),
    trainer_union("pp+threats", union_of!(P PP_3WIDE, T FULL_THREATS_59808)),
    trainer_union(
        "threats+hm+pp",
        union_of!(T FULL_THREATS_59808, H HALF_KA_V2_HM, P PP_3WIDE),
    ),
    trainer_union(
        "pp+threats+hm",
        union_of!(P PP_3WIDE, T FULL_THREATS_59808, H HALF_KA_V2_HM),
    ),
    trainer_union(
        "pp+hm+threats",
        union_of!(P PP_3WIDE, H HALF_KA_V2_HM, T FULL_THREATS_59808),
    ),
    trainer_union(
        "hm+threats+pp",
        union_of!(H HALF_KA_V2_HM, T FULL_THREATS_59808, P PP_3WIDE),
    ),
    trainer_union(
        "hm+pp+threats",
        union_of!(H HALF_KA_V2_HM, P PP_3WIDE, T FULL_THREATS_59808),
    ),
];

/// The era with this id.
pub fn era(id: &str) -> Option<&'static Era> {
    ERAS.iter().find(|era| era.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_sizes_of_the_facts() {
        // id, header hash, FT hash, stack hash, bytes of a stack, FT output bytes.
        let rows = [
            ("v1", 0x3E5A_A6EE, 0x5D69_D7B8, 0x6333_7156, 17704, 512),
            ("v2", 0x3C10_3E72, 0x5F23_48B8, 0x6333_76CA, 17640, 1024),
            ("v3", 0x1C10_2EEC, 0x7F23_44B8, 0x6333_6A54, 17608, 2048),
            ("v4", 0x1C10_2EF2, 0x7F23_44B8, 0x6333_6A4A, 17640, 1024),
            ("v5", 0x1C10_2EF2, 0x7F23_44B8, 0x6333_6A4A, 17640, 1024),
            ("v6", 0x1C10_2B72, 0x7F23_40B8, 0x6333_6BCA, 25832, 1536),
            ("v7", 0x1C10_37F2, 0x7F23_5CB8, 0x6333_6B4A, 34024, 2048),
            ("v8", 0x1C10_3072, 0x7F23_58B8, 0x6333_68CA, 42216, 2560),
            ("v9", 0x1C10_20F2, 0x7F23_54B8, 0x6333_744A, 50408, 3072),
            ("small127", 0x1C10_3C92, 0x7F23_4DB8, 0x6333_712A, 3304, 128),
            ("small255", 0x1C10_3C92, 0x7F23_4DB8, 0x6333_712A, 3304, 128),
            ("v10a", 0xEC10_2EF2, 0x8F23_44B8, 0x6333_6A4A, 17640, 1024),
            ("v10b", 0xEC10_2EF2, 0x8F23_44B8, 0x6333_6A4A, 17640, 1024),
            ("v11", 0xEC10_2EF2, 0x8F23_44B8, 0x6333_6A4A, 17640, 1024),
            ("v12", 0xEC10_2EF2, 0x8F23_44B8, 0x6333_6A4A, 17640, 1024),
            ("v13a", 0xEC10_35AE, 0x8F23_44B8, 0x6333_7116, 35112, 1024),
            ("v13b", 0x0256_ACDF, 0x6165_DDC9, 0x6333_7116, 35112, 1024),
            ("v14", 0x0256_ACDF, 0x6165_DDC9, 0x6333_7116, 35112, 1024),
            ("v14.1", 0x0256_ACDF, 0x6165_DDC9, 0x6333_7116, 35112, 1024),
            ("v15", 0x0256_ACDF, 0x6165_DDC9, 0x6333_7116, 35208, 1024),
            ("v16", 0xA85B_2205, 0xCB68_5313, 0x6333_7116, 35208, 1024),
            (
                "lite768",
                0x0C10_35AE,
                0x6F23_44B8,
                0x6333_7116,
                35208,
                1024,
            ),
        ];
        for (row, era) in rows.iter().zip(ERAS) {
            let architecture = era.architecture;
            let found = (
                era.id,
                architecture.header_hash(),
                architecture.ft_hash(),
                architecture.stack_hash(),
                architecture.layer_sizes().stack_bytes(),
                architecture.ft_outputs(),
            );
            assert_eq!(found, *row);
        }
    }
}
