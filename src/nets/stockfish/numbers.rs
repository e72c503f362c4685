//! The version and the hashes that a file carries.

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::network::Network;
use super::sections::{Header, Places, read_u32};

/// Version, header hash and the hashes in front of the sections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNumbers {
    pub version: u32,
    pub header_hash: u32,
    pub ft_hash: u32,
    /// One a layer stack.
    pub stack_hashes: Vec<u32>,
}

impl FileNumbers {
    /// Those that an architecture's files have.
    pub fn of(architecture: &Architecture) -> FileNumbers {
        FileNumbers {
            version: architecture.version,
            header_hash: architecture.header_hash(),
            ft_hash: architecture.ft_hash(),
            stack_hashes: vec![architecture.stack_hash(); architecture.stacks],
        }
    }

    /// Those that a file has.
    pub(super) fn read(bytes: &[u8], header: &Header, places: &Places) -> FileNumbers {
        let hashes = places.stacks.iter();
        FileNumbers {
            version: header.version,
            header_hash: header.hash,
            ft_hash: header.ft_hash,
            stack_hashes: hashes.filter_map(|&at| read_u32(bytes, at)).collect(),
        }
    }
}

impl Network {
    /// Version and hashes of the network's file: the architecture's, or those of a file that was read as an era
    /// although it has others.
    pub fn numbers(&self) -> FileNumbers {
        match &self.recognition.numbers {
            Some(numbers) => numbers.clone(),
            None => FileNumbers::of(&self.architecture),
        }
    }
}
