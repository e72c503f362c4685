//! A type of one's own as a model: a trainer's network in memory, without any file.

use ftperm::chess::board::{Board, Color};
use ftperm::compute::cpu::CpuBackend;
use ftperm::nets::model::{
    Activation, Demand, FtSource, FtWeights, Model, PlainZeros, RowLists, SampleBatch, SampleOrder,
    Shape,
};
use ftperm::positions::{self, Options};
use ftperm::run::{Job, Watch};

use crate::common::material;

const NEURONS: usize = 16;
const CLAMP: i16 = 127;
/// Twelve kinds of pieces, own ones first, on 64 squares as the perspective sees them.
const FEATURES: usize = 768;

/// `clamp(bias + sum of rows, 0, 127)`, one perspective after the other.
struct Own {
    bias: Vec<i16>,
    rows: Vec<i16>,
    /// Does it tell its weights, or compute by itself?
    kernels: bool,
}

impl Own {
    /// Neurons of four kinds, mixed: those of a kind are zero in the same positions, more or less.
    fn new(kernels: bool) -> Own {
        let rows = (0..FEATURES * NEURONS).map(|at| {
            let (feature, neuron) = (at / NEURONS, at % NEURONS);
            let kind = neuron * 7 % NEURONS / 4;
            let of_kind = (feature * 31 + kind * 17) % 23;
            of_kind as i16 - 12 + (feature * neuron % 3) as i16
        });
        Own {
            bias: (0..NEURONS as i16).map(|neuron| neuron % 5).collect(),
            rows: rows.collect(),
            kernels,
        }
    }

    fn features(board: &Board, perspective: Color) -> Vec<u32> {
        let flip = if perspective == Color::White { 0 } else { 56 };
        let pieces = board.pieces();
        let feature = |(square, code): (u8, u8)| {
            let theirs = (code & 1 == 1) != (perspective == Color::Black);
            let kind = usize::from(code / 2) + 6 * usize::from(theirs);
            (64 * kind + usize::from(square ^ flip)) as u32
        };
        pieces.map(feature).collect()
    }

    /// As written in the comment of the type, and nothing else.
    fn outputs(&self, features: &[u32]) -> Vec<i16> {
        let sum = |neuron: usize| {
            let rows = features.iter();
            let weights = rows.map(|&row| self.rows[row as usize * NEURONS + neuron]);
            weights.sum::<i16>() + self.bias[neuron]
        };
        (0..NEURONS).map(|n| sum(n).clamp(0, CLAMP)).collect()
    }

    /// All-zero blocks of four in this order, counted one by one.
    fn zero_blocks(&self, boards: &[Board], order: &[u32]) -> u64 {
        let views = |board: &Board| {
            [Color::White, Color::Black].map(|side| self.outputs(&Own::features(board, side)))
        };
        let outputs: Vec<Vec<i16>> = boards.iter().flat_map(views).collect();
        let blocks = |outputs: &Vec<i16>| {
            let blocks = order.chunks_exact(4);
            let zero = blocks.filter(|block| block.iter().all(|&n| outputs[n as usize] == 0));
            zero.count() as u64
        };
        outputs.iter().map(blocks).sum()
    }
}

impl Model for Own {
    fn shape(&self) -> Shape {
        Shape {
            columns: NEURONS,
            neurons: NEURONS,
            perspectives: 2,
        }
    }

    fn demand(&self) -> Demand {
        Demand {
            bytes: 2 * self.rows.len() as u64,
            evaluator_bytes: 2 * self.rows.len() as u64,
            rows: 32,
        }
    }

    fn ft_source(&self) -> Box<dyn FtSource + '_> {
        Box::new(Source(self))
    }
}

struct Source<'a>(&'a Own);

impl FtSource for Source<'_> {
    fn weights(&self) -> Option<FtWeights<'_>> {
        self.0.kernels.then_some(FtWeights {
            l1: NEURONS,
            activation: Activation::Clipped { clamp: CLAMP },
            bias: &self.0.bias,
            wide: &self.0.rows,
            narrow: &[],
        })
    }

    fn samples(&self, boards: &[Board], _: SampleOrder) -> SampleBatch {
        let mut wide = RowLists {
            offsets: vec![0],
            rows: Vec::new(),
        };
        for board in boards {
            let us = board.side_to_move();
            for perspective in [us, us.opponent()] {
                wide.rows.extend(Own::features(board, perspective));
                wide.offsets.push(wide.rows.len() as u32);
            }
        }
        SampleBatch {
            samples: 2 * boards.len(),
            wide,
            narrow: RowLists::default(),
        }
    }

    fn plain(&self) -> Option<&dyn PlainZeros> {
        (!self.0.kernels).then_some(self)
    }
}

impl PlainZeros for Source<'_> {
    fn zeros(&self, batch: &SampleBatch, sample: usize, zero: &mut dyn FnMut(usize)) {
        let outputs = self.0.outputs(batch.wide.list(sample));
        let outputs = outputs.into_iter().enumerate();
        outputs
            .filter(|(_, output)| *output == 0)
            .for_each(|(neuron, _)| zero(neuron));
    }
}

#[test]
fn a_model_in_memory_is_searched_on() {
    let data = material::own("datasets/selfplay.binpack").into_os_string();
    let mut options = Options::default();
    options.sampling.count = Some(2000);
    let games = positions::read(&[data], &options).unwrap();
    let backend = CpuBackend::new(Some(1)).unwrap();
    let [by_kernels, by_itself] = [true, false].map(|kernels| {
        let model = Own::new(kernels);
        let job = Job::new(&model, games.clone());
        let found = job.run(&backend, &mut Watch::default()).unwrap();
        let identity: Vec<u32> = (0..NEURONS as u32).collect();
        let order = found.search.permutation.indices();
        let counted = [&identity[..], order].map(|order| model.zero_blocks(&job.training, order));
        assert_eq!([found.before.zero, found.after.zero], counted);
        let held_out = model.zero_blocks(&job.holdout.boards, order);
        let cells = (job.holdout.len() * 2 * NEURONS / 4) as f64;
        assert_eq!(found.holdout.unwrap().after, held_out as f64 / cells);
        // The kinds find each other.
        assert!(found.after.fraction() > found.before.fraction() + 0.05);
        order.to_vec()
    });
    assert_eq!(by_kernels, by_itself);
}
