//! The values of a file in pieces, for comparing it with a network without a second copy in memory.

use super::architecture::Architecture;
use super::error::NetError;
use super::leb128::{self, Leb128Value};
use super::network::{Encoding, LayerStack, Network};
use super::read::{parse_stacks, raw_values};
use super::sections::{FIXED_HEADER, Header, Places, walk_to_hashes};

/// A file whose sizes and stack hashes are those of an architecture.
#[derive(Debug)]
pub(crate) struct FileParts<'a> {
    bytes: &'a [u8],
    architecture: &'a Architecture,
    header: Header,
    places: Places,
}

impl<'a> FileParts<'a> {
    /// Finds the parts of a file that should be one of this network.
    ///
    /// # Errors
    /// It has other sizes or hashes of stacks.
    pub fn of(bytes: &'a [u8], network: &'a Network) -> Result<FileParts<'a>, NetError> {
        let header = Header::parse_any(bytes)?;
        let architecture = &network.architecture;
        let era = network.recognition.era.id;
        let hashes = network.numbers().stack_hashes;
        let places = walk_to_hashes(bytes, &header, architecture, era, &hashes);
        Ok(FileParts {
            bytes,
            architecture,
            header,
            places: places.map_err(|failure| failure.error)?,
        })
    }

    /// The numbers of the header: version, header hash, hash of the feature transformer.
    pub fn header(&self) -> [u32; 3] {
        [self.header.version, self.header.hash, self.header.ft_hash]
    }

    pub fn description(&self) -> &'a [u8] {
        &self.bytes[FIXED_HEADER..self.header.ft_hash_at()]
    }

    /// How a tensor of the layout is stored.
    pub fn encoding(&self, tensor: usize) -> Encoding {
        self.places.tensors[tensor].encoding
    }

    /// Hands on the values of a tensor of 8-bit numbers.
    pub fn narrow(&self, tensor: usize) -> &'a [i8] {
        bytemuck::cast_slice(self.data(tensor))
    }

    /// Hands on the values of a tensor in pieces, each with the index of its first value.
    ///
    /// # Errors
    /// A compressed block does not hold the values.
    pub fn values<T: Leb128Value, const N: usize>(
        &self,
        tensor: usize,
        from_bytes: fn([u8; N]) -> T,
        mut each: impl FnMut(usize, &[T]),
    ) -> Result<(), NetError> {
        /// Values that are converted at a time.
        const PIECE: usize = 1 << 20;
        let data = self.data(tensor);
        let spec = &self.architecture.layout[tensor];
        match self.encoding(tensor) {
            Encoding::Raw => {
                for (number, piece) in data.chunks(PIECE * N).enumerate() {
                    each(number * PIECE, &raw_values(piece, from_bytes));
                }
                Ok(())
            }
            Encoding::Leb128 => {
                let expected = self.architecture.tensor_len(spec.role);
                leb128::decode_in_pieces(data, expected, each).map_err(|source| NetError::Leb128 {
                    tensor: spec.name.to_string(),
                    offset: self.places.tensors[tensor].start,
                    source,
                })
            }
        }
    }

    /// The layer stacks; they are small.
    pub fn stacks(&self) -> Vec<LayerStack> {
        parse_stacks(self.bytes, self.architecture, &self.places)
    }

    /// Where the tensors and the stacks begin.
    #[cfg(test)]
    pub fn starts(&self) -> Vec<usize> {
        let tensors = self.places.tensors.iter().map(|place| place.start);
        tensors.chain(self.places.stacks.iter().copied()).collect()
    }

    fn data(&self, tensor: usize) -> &'a [u8] {
        let place = &self.places.tensors[tensor];
        &self.bytes[place.data..place.end]
    }
}
