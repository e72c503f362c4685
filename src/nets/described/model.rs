//! Networks under a layout as a model that can be searched on, written and proved.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::Proof;
use super::compare::{Sums, compare_ordered};
use super::description::Layout;
use super::error::RawNetError;
use super::ft::{Ft, KernelRows, Outputs};
use super::lanes::{first_layer_sizes, lane_order_suspicion};
use super::net::{RawNet, Unpacked};
use super::output_buckets::OutputBuckets;
use super::proof_text;
use super::rows::row_lists;
use super::storage::unpack;
use crate::chess::board::Board;
use crate::nets::model::{
    AnyError, Demand, FtSource, FtWeights, Model, ModelFile, PlainZeros, Reference, Reread,
    RowLists, SampleBatch, SampleOrder, Shape,
};
use crate::order::Permutation;

/// The weights as numbers, for plain code and, where these compute the same, for kernels.
struct Evaluated<'a> {
    layout: &'a Layout,
    plain: Ft<'a>,
    kernels: Option<KernelRows<'a>>,
}

impl FtSource for Evaluated<'_> {
    fn weights(&self) -> Option<FtWeights<'_>> {
        self.kernels.as_ref().map(KernelRows::weights)
    }

    fn samples(&self, boards: &[Board], order: SampleOrder) -> SampleBatch {
        let lists = row_lists(self.layout.input(), boards, order);
        match &self.kernels {
            Some(kernels) => kernels.batch(lists),
            None => SampleBatch {
                samples: lists.offsets.len() - 1,
                wide: lists,
                narrow: RowLists::default(),
            },
        }
    }

    fn plain(&self) -> Option<&dyn PlainZeros> {
        Some(self)
    }
}

impl PlainZeros for Evaluated<'_> {
    fn zeros(&self, batch: &SampleBatch, sample: usize, zero: &mut dyn FnMut(usize)) {
        let outputs = match &self.kernels {
            Some(kernels) => self.plain.outputs(&kernels.features(batch, sample)),
            None => self.plain.outputs(batch.wide.list(sample)),
        };
        match outputs {
            Outputs::Integers(outputs) => each_zero(&outputs, |&output| output == 0, zero),
            Outputs::Floats(outputs) => each_zero(&outputs, |&output| output == 0.0, zero),
        }
    }
}

fn each_zero<T>(outputs: &[T], is_zero: impl Fn(&T) -> bool, zero: &mut dyn FnMut(usize)) {
    let outputs = outputs.iter().enumerate();
    outputs
        .filter(|(_, output)| is_zero(output))
        .for_each(|(neuron, _)| zero(neuron));
}

impl Model for RawNet {
    fn shape(&self) -> Shape {
        let layout = self.layout();
        Shape {
            columns: layout.columns(),
            neurons: layout.neurons(),
            perspectives: layout.input().perspectives(),
        }
    }

    fn demand(&self) -> Demand {
        let bytes = self.bytes().len() as u64;
        Demand {
            bytes,
            // The weights as numbers, and the kernels' copy of them.
            evaluator_bytes: 2 * bytes,
            rows: self.layout().input().max_active(),
        }
    }

    fn ft_source(&self) -> Box<dyn FtSource + '_> {
        let plain = Ft::new(self);
        Box::new(Evaluated {
            layout: self.layout(),
            kernels: plain.kernel_rows(),
            plain,
        })
    }

    fn buckets(&self) -> Option<usize> {
        let buckets = self.layout().output_buckets.as_ref();
        buckets.map(OutputBuckets::count)
    }

    fn bucket(&self, board: &Board) -> usize {
        match &self.layout().output_buckets {
            Some(buckets) => buckets.of(board),
            None => board.bucket(),
        }
    }

    fn doubt(&self, zeros: &[u64]) -> Option<String> {
        let shares: Vec<f64> = zeros.iter().map(|&zero| zero as f64).collect();
        let order = lane_order_suspicion(&shares, &first_layer_sizes(self))?;
        Some(format!(
            "the first layer seems to belong to columns in the lane order of {}: if your engine stores the feature \
             transformer so, this permutation breaks the network (docs/5-other-engines.md)",
            order.name
        ))
    }
}

impl ModelFile for RawNet {
    fn extension(&self) -> &str {
        self.extension.as_deref().unwrap_or("bin")
    }

    fn proof(&self, positions: usize) -> String {
        let proof = Proof {
            positions,
            same_neurons: true,
        };
        format!("verified under the layout: {}", proof_text(proof))
    }

    fn permute(&mut self, permutation: &Permutation) -> Result<(), AnyError> {
        *self = self.permuted(permutation)?;
        Ok(())
    }

    fn write_permuted(&self, permutation: &Permutation, out: &mut dyn Write) -> io::Result<()> {
        RawNet::write_permuted(self, permutation, &mut &mut *out)
    }

    fn compare_file(&self, file: &[u8], permutation: &Permutation) -> Result<(), AnyError> {
        let written = read_back(file, self.layout())?;
        let written = Unpacked {
            layout: self.layout(),
            bytes: &written,
        };
        Ok(compare_ordered(self.unpacked(), written, permutation)?)
    }

    fn reference(&self, boards: Vec<Board>, done: &(dyn Fn() + Sync)) -> Box<dyn Reference> {
        Box::new(Computed {
            sums: Sums::of(self.unpacked(), boards, done),
            layout: self.layout().clone(),
        })
    }

    fn reread(&self) -> Box<dyn Reread> {
        Box::new(self.layout().clone())
    }
}

/// The bytes of a file that was written, with all of its padding.
fn read_back<'a>(file: &'a [u8], layout: &Layout) -> Result<Cow<'a, [u8]>, RawNetError> {
    let (mut bytes, _) = unpack(file, layout)?;
    if bytes.len() < layout.bytes() {
        bytes.to_mut().resize(layout.bytes(), 0);
    }
    let unpacked = Unpacked {
        layout,
        bytes: &bytes,
    };
    unpacked.check()?;
    Ok(bytes)
}

struct Computed {
    sums: Sums,
    layout: Layout,
}

impl Reference for Computed {
    fn positions(&self) -> usize {
        self.sums.positions()
    }

    /// The sums do not depend on the order of the neurons, so the permutation is not needed.
    fn compare(
        &self,
        file: Vec<u8>,
        _: &Permutation,
        done: &(dyn Fn() + Sync),
    ) -> Result<(), AnyError> {
        let written = match read_back(&file, &self.layout)? {
            Cow::Borrowed(_) => file,
            Cow::Owned(bytes) => {
                // Not beside what was in it.
                drop(file);
                bytes
            }
        };
        let written = Unpacked {
            layout: &self.layout,
            bytes: &written,
        };
        Ok(self.sums.compare(written, done)?)
    }
}

impl Reread for Layout {
    fn read(&self, path: &Path) -> Result<Box<dyn ModelFile>, AnyError> {
        Ok(Box::new(RawNet::read(path, self)?))
    }
}
