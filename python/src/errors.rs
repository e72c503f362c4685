//! The package's exceptions, and which of them an error becomes.

use ftperm::compute::ComputeError;
use ftperm::files::atomic::OutputError as FileError;
use ftperm::nets::deliver::DeliverError;
use ftperm::nets::source::SourceError;
use ftperm::nets::stockfish::NetFileError;
use ftperm::order::{PermutationError as OrderError, PermutationFileError};
use ftperm::planes::PlanesFileError;
use ftperm::planes::matrix::{EvalError, MatrixFileError, MatrixProblem};
use ftperm::positions::PositionsError;
use ftperm::run::RunError;
use ftperm::search::SearchError;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::cli::UsageError as WrongUsage;
use crate::cli::console::one_line;

create_exception!(
    ftperm,
    Error,
    PyException,
    "Something failed; nothing was written but what the message names."
);
create_exception!(
    ftperm,
    UsageError,
    Error,
    "Arguments that make no sense; nothing was read."
);
create_exception!(
    ftperm,
    NetworkError,
    Error,
    "A file is no network that is known here, or is damaged."
);
create_exception!(
    ftperm,
    DataError,
    Error,
    "Training data cannot be read, or are damaged."
);
create_exception!(
    ftperm,
    PlanesError,
    Error,
    "A planes file or a matrix cannot be read, or cannot be searched."
);
create_exception!(
    ftperm,
    PermutationError,
    Error,
    "Numbers that are no permutation, or one of another length."
);
create_exception!(ftperm, OutputError, Error, "A file cannot be written.");
create_exception!(
    ftperm,
    VerificationError,
    Error,
    "Two networks are not proved to compute the same."
);
create_exception!(
    ftperm,
    BackendError,
    Error,
    "What computes has failed: a graphics adapter, or threads."
);

/// The exception of an error.
pub fn exception(error: &anyhow::Error) -> PyErr {
    let text = one_line(error);
    let is = |test: fn(Cause) -> bool| error.chain().map(inner).any(test);
    if is(|cause| cause.is::<WrongUsage>()) {
        UsageError::new_err(text)
    } else if is(|cause| cause.is::<DeliverError>()) {
        match error.downcast_ref() {
            Some(DeliverError::Length { .. }) => PermutationError::new_err(text),
            Some(DeliverError::Output(_)) => OutputError::new_err(text),
            _ => VerificationError::new_err(text),
        }
    } else if is(|cause| cause.is::<NetFileError>() || cause.is::<SourceError>()) {
        NetworkError::new_err(text)
    } else if is(|cause| cause.is::<PositionsError>()) {
        DataError::new_err(text)
    } else if is(|cause| cause.is::<PlanesFileError>()) || is(is_of_matrix) {
        PlanesError::new_err(text)
    } else if is(|cause| cause.is::<OrderError>() || cause.is::<PermutationFileError>())
        || is(is_of_length)
    {
        PermutationError::new_err(text)
    } else if is(|cause| cause.is::<EvalError>() || cause.is::<SearchError>()) {
        PlanesError::new_err(text)
    } else if is(|cause| cause.is::<FileError>()) {
        OutputError::new_err(text)
    } else if is(|cause| cause.is::<ComputeError>()) {
        BackendError::new_err(text)
    } else {
        Error::new_err(text)
    }
}

/// A cause of an error.
type Cause<'a> = &'a (dyn std::error::Error + 'static);

/// What an error of a run stands for: it has no words of its own.
fn inner(cause: Cause) -> Cause {
    match cause.downcast_ref() {
        Some(RunError::Compute(error)) => error,
        Some(RunError::Search(SearchError::Compute(error))) => error,
        Some(RunError::Search(error)) => error,
        Some(RunError::Planes(error)) => error,
        _ => cause,
    }
}

fn is_of_matrix(cause: Cause) -> bool {
    cause.is::<MatrixFileError>() || cause.is::<MatrixProblem>()
}

/// Is it an order that does not fit?
fn is_of_length(cause: Cause) -> bool {
    let search = matches!(cause.downcast_ref(), Some(SearchError::Permutation { .. }));
    search || matches!(cause.downcast_ref(), Some(EvalError::Length { .. }))
}
