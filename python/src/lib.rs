//! ftperm for Python: the module `ftperm._ftperm`, of which the Python files of the package make what users see.

// The program's modules name one another from its root.
#[allow(dead_code, reason = "not all of the program is needed here")]
#[path = "../../src/cli/mod.rs"]
mod cli;
mod command;
mod errors;
mod find;
mod matrix;
mod network;
mod watch;

use pyo3::prelude::*;

/// What the package's Python files are made over.
#[pymodule]
mod _ftperm {
    #[pymodule_export]
    use crate::command::{main, run};
    #[pymodule_export]
    use crate::errors::{
        BackendError, DataError, Error, NetworkError, OutputError, PermutationError, PlanesError,
        UsageError, VerificationError,
    };
    #[pymodule_export]
    use crate::find::{find, zero_blocks};
    #[pymodule_export]
    use crate::network::{Network, read_permutation, write_permutation};
}
