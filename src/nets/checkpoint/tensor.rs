//! Tensors as a file holds them, read row by row.

use std::borrow::Cow;
use std::ops::Range;

use half::{bf16, f16};

use super::bytes::FileBytes;

/// Element types. Weights are numbers with a fraction; the others are only listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    F64,
    F32,
    F16,
    Bf16,
    /// Anything else: its name and the bytes of an element.
    Other(&'static str, usize),
}

/// Dimensions of a tensor; PyTorch has at most 64, and weights have two.
pub(super) const MAX_DIMENSIONS: usize = 64;

impl ElementType {
    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        match self {
            ElementType::F64 => 8,
            ElementType::F32 => 4,
            ElementType::F16 | ElementType::Bf16 => 2,
            ElementType::Other(_, bytes) => bytes,
        }
    }

    /// PyTorch's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::F64 => "float64",
            ElementType::F32 => "float32",
            ElementType::F16 => "float16",
            ElementType::Bf16 => "bfloat16",
            ElementType::Other(name, _) => name,
        }
    }

    pub(super) fn is_float(self) -> bool {
        !matches!(self, ElementType::Other(..))
    }
}

/// A tensor in a file. All its elements were found to lie within `data`.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The key of the state dictionary.
    pub name: String,
    pub element: ElementType,
    pub shape: Vec<usize>,
    /// Elements from one index to the next, per dimension.
    pub(super) strides: Vec<usize>,
    /// Number of the first element in its storage.
    pub(super) offset: usize,
    /// Bytes of the storage in the file.
    pub(super) data: Range<usize>,
    pub(super) big_endian: bool,
}

impl Tensor {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Has it no elements?
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Checks that all elements lie within the storage.
    pub(super) fn check(&self) -> Result<(), String> {
        let overflow = || format!("shape {:?} is beyond all bounds", self.shape);
        let elements = self
            .shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size))
            .ok_or_else(overflow)?;
        if elements == 0 {
            return Ok(());
        }
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |at, (&size, &stride)| {
                at.checked_add((size - 1).checked_mul(stride)?)
            })
            .ok_or_else(overflow)?;
        let held = self.data.len() / self.element.bytes();
        // Equal elements under many indices are legal, but a weight tensor that claims more than there is would
        // make others allocate in proportion.
        if last >= held || elements > held {
            return Err(format!(
                "shape {:?} needs elements up to {}, its storage at byte {} holds {held}",
                self.shape,
                last.max(elements - 1),
                self.data.start
            ));
        }
        Ok(())
    }
}

impl Tensor {
    /// Does its storage hold its elements in single precision, one after the other, and nothing else?
    pub(super) fn is_whole_storage(&self) -> bool {
        let native = self.element == ElementType::F32 && !self.big_endian;
        let contiguous = super::safetensors::contiguous_strides(&self.shape) == self.strides;
        native && contiguous && self.offset == 0 && 4 * self.len() == self.data.len()
    }

    /// A number as an element; only for double and single precision.
    pub(super) fn encode(&self, value: f32, out: &mut [u8]) {
        match self.element {
            ElementType::F64 => out.copy_from_slice(&f64::from(value).to_le_bytes()),
            _ => out.copy_from_slice(&value.to_le_bytes()),
        }
        if self.big_endian {
            out.reverse();
        }
    }
}

/// A matrix, or a vector as a matrix of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    pub tensor: &'a Tensor,
    pub bytes: &'a FileBytes,
    pub rows: usize,
    pub columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `None` if it has more than two dimensions or none, or its elements are no numbers with a fraction.
    pub(super) fn new(tensor: &'a Tensor, bytes: &'a FileBytes) -> Option<Matrix<'a>> {
        if !tensor.element.is_float() {
            return None;
        }
        let (rows, columns, row_stride, column_stride) =
            match (tensor.shape.as_slice(), tensor.strides.as_slice()) {
                (&[columns], &[stride]) => (1, columns, columns, stride),
                (&[rows, columns], &[row_stride, column_stride]) => {
                    (rows, columns, row_stride, column_stride)
                }
                _ => return None,
            };
        Some(Matrix {
            tensor,
            bytes,
            rows,
            columns,
            row_stride,
            column_stride,
        })
    }

    /// Number of an element in its storage.
    pub(super) fn place(&self, row: usize, column: usize) -> usize {
        self.tensor.offset + row * self.row_stride + column * self.column_stride
    }

    /// One row in single precision. Where it cannot be read, it has zeros, and [`FileBytes::check`] fails.
    pub(super) fn row(&self, row: usize) -> Cow<'a, [f32]> {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let size = self.tensor.element.bytes();
        let first = self.tensor.offset + row * self.row_stride;
        if self.column_stride != 1 {
            let data = self.bytes.whole(self.tensor.data.clone());
            let values = (0..self.columns).map(|column| {
                let at = (first + column * self.column_stride) * size;
                self.value(&data[at..at + size])
            });
            return Cow::Owned(values.collect());
        }
        let start = self.tensor.data.start + first * size;
        let bytes = self.bytes.read_or_zeros(start..start + self.columns * size);
        let native = self.tensor.big_endian == cfg!(target_endian = "big");
        if let (Cow::Borrowed(bytes), ElementType::F32, true) =
            (&bytes, self.tensor.element, native)
            && let Ok(values) = bytemuck::try_cast_slice(bytes)
        {
            return Cow::Borrowed(values);
        }
        Cow::Owned(
            bytes
                .chunks_exact(size)
                .map(|bytes| self.value(bytes))
                .collect(),
        )
    }

    fn value(&self, bytes: &[u8]) -> f32 {
        let mut little = [0; 8];
        little[..bytes.len()].copy_from_slice(bytes);
        if self.tensor.big_endian {
            little[..bytes.len()].reverse();
        }
        let [a, b, c, d, ..] = little;
        match self.tensor.element {
            ElementType::F64 => f64::from_le_bytes(little) as f32,
            ElementType::F32 => f32::from_le_bytes([a, b, c, d]),
            ElementType::F16 => f16::from_le_bytes([a, b]).to_f32(),
            ElementType::Bf16 => bf16::from_le_bytes([a, b]).to_f32(),
            ElementType::Other(..) => f32::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(
        element: ElementType,
        shape: &[usize],
        strides: &[usize],
        data: Range<usize>,
    ) -> Tensor {
        Tensor {
            name: "t".to_string(),
            element,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            offset: 0,
            data,
            big_endian: false,
        }
    }

    #[test]
    fn every_type_and_order_gives_the_same_numbers() {
        let values = [1.5f32, -2.0, 0.25, 100.0, -0.5, 3.0];
        let types = [
            (
                ElementType::F32,
                values.map(|v| v.to_le_bytes().to_vec()).concat(),
            ),
            (
                ElementType::F64,
                values.map(|v| f64::from(v).to_le_bytes().to_vec()).concat(),
            ),
            (
                ElementType::F16,
                values
                    .map(|v| f16::from_f32(v).to_le_bytes().to_vec())
                    .concat(),
            ),
            (
                ElementType::Bf16,
                values
                    .map(|v| bf16::from_f32(v).to_le_bytes().to_vec())
                    .concat(),
            ),
        ];
        for (element, bytes) in types {
            // One byte in front makes it unaligned.
            for shift in [0, 1] {
                let mut shifted = vec![0; shift];
                shifted.extend(&bytes);
                let range = shift..shifted.len();
                let file = FileBytes::from(shifted);
                let plain = tensor(element, &[2, 3], &[3, 1], range.clone());
                let matrix = Matrix::new(&plain, &file).unwrap();
                assert_eq!(*matrix.row(1), [100.0, -0.5, 3.0]);
                let transposed = tensor(element, &[3, 2], &[1, 3], range);
                transposed.check().unwrap();
                let matrix = Matrix::new(&transposed, &file).unwrap();
                assert_eq!(*matrix.row(2), [0.25, 3.0]);
            }
        }
        let file = FileBytes::from(values.map(|v| v.to_be_bytes().to_vec()).concat());
        let mut big = tensor(ElementType::F32, &[6], &[1], 0..24);
        big.big_endian = true;
        assert_eq!(*Matrix::new(&big, &file).unwrap().row(0), values);
    }

    #[test]
    fn a_tensor_stays_within_its_storage() {
        let check = |shape: &[usize], strides: &[usize]| {
            tensor(ElementType::F32, shape, strides, 0..24).check()
        };
        assert_eq!(check(&[2, 3], &[3, 1]), Ok(()));
        assert_eq!(check(&[0, 1 << 40], &[1, 1]), Ok(()));
        assert!(check(&[3, 3], &[3, 1]).is_err());
        assert!(check(&[2, 3], &[4, 1]).is_err());
        assert!(check(&[1 << 40, 1 << 40], &[0, 0]).is_err());
        assert!(check(&[1 << 40, 3], &[0, 0]).is_err());
        assert!(check(&[2, 2], &[usize::MAX, 1]).is_err());
    }
}
