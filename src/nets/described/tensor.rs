//! A tensor: where its values are, and which belong to which neuron.

use super::input::Block;

/// Type of a value. All are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    U8,
    I8,
    I16,
    I32,
    F32,
}

impl ElementType {
    /// As a layout names it.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::U8 => "u8",
            ElementType::I8 => "i8",
            ElementType::I16 => "i16",
            ElementType::I32 => "i32",
            ElementType::F32 => "f32",
        }
    }

    /// Bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            ElementType::U8 | ElementType::I8 => 1,
            ElementType::I16 => 2,
            ElementType::I32 | ElementType::F32 => 4,
        }
    }

    /// The least and the largest value.
    pub(super) fn range(self) -> (f64, f64) {
        match self {
            ElementType::U8 => (0.0, f64::from(u8::MAX)),
            ElementType::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            ElementType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            ElementType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            ElementType::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        }
    }
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Weights of the feature transformer. Its neuron axes run over accumulator columns, the others over features.
    FtWeights,
    /// Biases of the feature transformer, one an accumulator column.
    FtBias,
    /// Weights that the feature transformer's outputs are multiplied with: the first layer. Its neuron axes run over
    /// the outputs of one or more perspectives, one after the other.
    L1Weights,
    /// A number that says something of the file's order. It is set when the file is permuted.
    Flag,
    /// Anything else. It stays as it is.
    Other,
}

/// A tensor at its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub name: String,
    pub role: Role,
    pub element: ElementType,
    /// Axis lengths, the last one contiguous.
    pub shape: Vec<usize>,
    /// Offset of the first byte in the unpacked file.
    pub start: usize,
    /// The axes that together number the neurons, the first one slowest. Empty for [`Role::Other`] and [`Role::Flag`].
    pub neuron_axes: Vec<usize>,
    /// The type that engines make of its values.
    pub becomes: ElementType,
    /// Of [`Role::FtWeights`]: the kinds of inputs that it has rows for, in this order.
    pub(super) inputs: Vec<Block>,
    /// What its values may be; anything if empty.
    pub(super) expect: Vec<i32>,
    /// Of [`Role::Flag`]: its values in a permuted file.
    pub(super) set: Option<i32>,
}

impl Tensor {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Has it no values? Layouts have no such tensors.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in the file.
    pub fn bytes(&self) -> usize {
        self.len() * self.element.bytes()
    }

    /// Values along the neuron axes.
    pub fn along(&self) -> usize {
        self.neuron_axes
            .iter()
            .map(|&axis| self.shape[axis])
            .product()
    }

    /// Values along all other axes: features, or rows of the first layer.
    pub fn rest(&self) -> usize {
        self.len() / self.along()
    }

    /// Distance of neighbours along an axis, in values.
    fn stride(&self, axis: usize) -> usize {
        self.shape[axis + 1..].iter().product()
    }

    /// For each place along the neuron axes its distance from place 0, in values.
    pub fn neuron_offsets(&self) -> Vec<usize> {
        let axes: Vec<usize> = self.neuron_axes.clone();
        (0..self.along()).map(|at| self.offset(&axes, at)).collect()
    }

    /// Do the places along the neuron axes follow one another, row by row?
    pub(super) fn has_neuron_rows(&self) -> bool {
        let first = self.shape.len() - self.neuron_axes.len();
        self.neuron_axes.iter().copied().eq(first..self.shape.len())
    }

    /// The distance of place `at` along the other axes from place 0, in values.
    pub fn rest_offset(&self, at: usize) -> usize {
        match self.neuron_axes[..] {
            // The usual cases, asked for once a weight.
            [axis] if axis + 1 == self.shape.len() => return at * self.shape[axis],
            [0] => return at,
            _ => {}
        }
        let mut left = at;
        let mut offset = 0;
        for axis in (0..self.shape.len()).rev() {
            if !self.neuron_axes.contains(&axis) {
                offset += left % self.shape[axis] * self.stride(axis);
                left /= self.shape[axis];
            }
        }
        offset
    }

    fn offset(&self, axes: &[usize], at: usize) -> usize {
        let mut left = at;
        let mut offset = 0;
        for &axis in axes.iter().rev() {
            offset += left % self.shape[axis] * self.stride(axis);
            left /= self.shape[axis];
        }
        offset
    }

    /// An integer value; 0 for floats.
    pub fn integer(&self, bytes: &[u8], index: usize) -> i32 {
        let at = self.start + index * self.element.bytes();
        match self.element {
            ElementType::U8 => i32::from(bytes[at]),
            ElementType::I8 => i32::from(bytes[at] as i8),
            ElementType::I16 => i32::from(i16::from_le_bytes([bytes[at], bytes[at + 1]])),
            ElementType::I32 => i32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i])),
            ElementType::F32 => 0,
        }
    }

    /// A value as a number that holds it exactly.
    pub fn number(&self, bytes: &[u8], index: usize) -> f64 {
        if self.element != ElementType::F32 {
            return f64::from(self.integer(bytes, index));
        }
        let at = self.start + 4 * index;
        f64::from(f32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i])))
    }

    /// The bytes of a value.
    pub fn value<'a>(&self, bytes: &'a [u8], index: usize) -> &'a [u8] {
        let width = self.element.bytes();
        &bytes[self.start + index * width..][..width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_hand() {
        // [neuron / 2][row][neuron % 2]: values of neuron 3 in row 1 of three are at 6 + 2 + 1.
        let tensor = Tensor {
            name: "t".into(),
            role: Role::L1Weights,
            element: ElementType::I16,
            shape: vec![2, 3, 2],
            start: 10,
            neuron_axes: vec![0, 2],
            becomes: ElementType::I16,
            inputs: Vec::new(),
            expect: Vec::new(),
            set: None,
        };
        assert_eq!(
            (tensor.len(), tensor.bytes(), tensor.along(), tensor.rest()),
            (12, 24, 4, 3)
        );
        assert_eq!(tensor.neuron_offsets(), [0, 1, 6, 7]);
        assert_eq!([0, 1, 2].map(|row| tensor.rest_offset(row)), [0, 2, 4]);
        for (axes, expected) in [(vec![2], [0, 2, 4, 6]), (vec![0], [0, 1, 2, 3])] {
            let tensor = Tensor {
                neuron_axes: axes,
                ..tensor.clone()
            };
            assert_eq!([0, 1, 2, 3].map(|row| tensor.rest_offset(row)), expected);
        }
        let bytes: Vec<u8> = (0..34).collect();
        assert_eq!(tensor.value(&bytes, 9), [28, 29]);
        assert_eq!(tensor.integer(&bytes, 9), 28 + 256 * 29);
    }
}
