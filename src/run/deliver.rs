//! From an order that was found to files.

use std::path::{Path, PathBuf};

use super::Found;
use crate::files::atomic::{OutputError, commit_all, finish_file};
use crate::nets::deliver::{DeliverError, Proved, Target, write_permuted};
use crate::nets::model::ModelFile;
use crate::order::{Permutation, PermutationFile};

/// A network in its new order, proved, and the permutation. Neither is at its place yet.
#[derive(Debug)]
pub struct Written {
    pub network: Proved,
    pub permutation: Permutation,
}

impl Found {
    /// Writes the network in the order found, reads it back, compares all of it with `model`, which is the one that
    /// the search was for, and evaluates both on [`verified_on`](Self::verified_on). `evaluated` is called after every
    /// evaluation, from any thread.
    ///
    /// # Errors
    /// As [`write_permuted`].
    pub fn deliver(
        &self,
        model: Box<dyn ModelFile>,
        target: &Target,
        evaluated: &(dyn Fn() + Sync),
    ) -> Result<Written, DeliverError> {
        let permutation = self.search.permutation.clone();
        let boards = self.verified_on.clone();
        Ok(Written {
            network: write_permuted(model, &permutation, target, boards, evaluated)?,
            permutation,
        })
    }
}

impl Written {
    /// Writes the permutation with these notes, too, and gives both files their names: both appear, or none.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn commit(
        self,
        permutation: &Path,
        notes: Vec<(String, String)>,
    ) -> Result<[PathBuf; 2], OutputError> {
        let file = PermutationFile {
            permutation: self.permutation,
            notes,
        };
        let file = finish_file(permutation, &file.to_bytes(permutation))?;
        let network = self.network.file;
        let paths = [network.target().to_path_buf(), permutation.to_path_buf()];
        // Both are whole on the disk; now they get their names.
        commit_all(vec![network, file])?;
        Ok(paths)
    }
}
