//! Which encodings of the feature transformer engines read.

use super::architecture::TensorRole;
use super::network::{Encoding, Network};

/// How an era's engines want tensors stored. 8-bit tensors are raw everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// They read raw tensors only: before June 2023.
    Raw,
    /// They read LEB128 only.
    Leb128,
    /// Some read the one and some the other, or whoever reads it looks which it is.
    Either,
}

impl Storage {
    /// What is written where nothing else is known.
    pub fn usual(self) -> Encoding {
        match self {
            Storage::Raw => Encoding::Raw,
            Storage::Leb128 | Storage::Either => Encoding::Leb128,
        }
    }

    fn reads(self, encoding: Encoding) -> bool {
        self == Storage::Either || self.usual() == encoding
    }
}

impl Network {
    /// What engines that evaluate the network read. Networks of sizes that no engine has are for whoever built it.
    pub fn storage(&self) -> Storage {
        if self.recognition.exact && self.recognition.numbers.is_none() {
            self.recognition.era.storage
        } else {
            Storage::Either
        }
    }

    /// The encoding that the network's engines read, the usual one where they read both.
    pub fn usual_encoding(&self) -> Encoding {
        self.storage().usual()
    }

    /// Names of the tensors whose encoding the network's engines do not read.
    pub fn unreadable_tensors(&self) -> Vec<&'static str> {
        let storage = self.storage();
        let tensors = self.architecture.layout.iter().zip(&self.ft.encodings);
        tensors
            .filter(|(spec, encoding)| {
                !matches!(spec.role, TensorRole::Narrow(..)) && !storage.reads(**encoding)
            })
            .map(|(spec, _)| spec.name)
            .collect()
    }

    /// Stores these tensors as the network's engines read them; returns their names.
    pub fn make_readable(&mut self) -> Vec<&'static str> {
        let storage = self.storage();
        let mut changed = Vec::new();
        let tensors = self.architecture.layout.iter().zip(&mut self.ft.encodings);
        for (spec, encoding) in tensors {
            if !matches!(spec.role, TensorRole::Narrow(..)) && !storage.reads(*encoding) {
                *encoding = storage.usual();
                changed.push(spec.name);
            }
        }
        changed
    }
}
