//! The planes that `find` and `eval` work on: in memory, or in files that are larger.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ftperm::compute::{Backend, DiskPlanes, HostPlanes, PlaneSet};
use ftperm::files::reading::{first_bytes, open_seekable};
use ftperm::order::is_npy;
use ftperm::planes::matrix::{self, MatrixFileError};
use ftperm::planes::record::{Record, check_together};
use ftperm::planes::{self, StoredPlanes, ZeroPlanes};
use ftperm::positions::bucket_weights::BucketWeights;
use ftperm::search::{FitError, SampleSets, room, weighted_sum};

use super::memory::size;
use super::weight::TOO_MANY;
use crate::cli::console;

/// Planes files and matrices that count as one set.
pub struct PlanesInput {
    sources: Vec<Source>,
    /// The network, where the files tell it.
    pub net_sha256: Option<String>,
}

enum Source {
    Stored(StoredPlanes),
    /// Matrices and recorded outputs: these are read at once.
    Matrix(ZeroPlanes),
}

impl Source {
    fn neurons(&self) -> usize {
        match self {
            Source::Stored(stored) => stored.neurons(),
            Source::Matrix(planes) => planes.neurons(),
        }
    }

    fn samples(&self) -> usize {
        match self {
            Source::Stored(stored) => stored.samples(),
            Source::Matrix(planes) => planes.samples(),
        }
    }

    fn record(&self) -> Option<&Record> {
        match self {
            Source::Stored(stored) => stored.record(),
            Source::Matrix(_) => None,
        }
    }
}

impl PlanesInput {
    /// Opens files (patterns that no shell has resolved are) and checks that they belong together.
    pub fn open(data: &[PathBuf], limit: u64) -> anyhow::Result<PlanesInput> {
        let paths = resolve(data)?;
        let sources: Vec<Source> = paths
            .iter()
            .map(|path| open(path, limit))
            .collect::<anyhow::Result<_>>()?;
        let records: Vec<(&Path, Option<&Record>)> = paths
            .iter()
            .zip(&sources)
            .map(|(path, source)| (path.as_path(), source.record()))
            .collect();
        let (net_sha256, notes) = check_together(&records)?;
        if net_sha256.is_some() {
            notes.iter().for_each(console::warn);
        }
        let neurons = sources[0].neurons();
        for (path, source) in paths.iter().zip(&sources) {
            let found = source.neurons();
            if found != neurons {
                bail!(
                    "{} has {found} neurons, {} has {neurons}",
                    path.display(),
                    paths[0].display()
                );
            }
        }
        Ok(PlanesInput {
            sources,
            net_sha256,
        })
    }

    /// Planes that are in memory already and say nothing of where they come from.
    pub fn recorded(chunks: Vec<ZeroPlanes>) -> PlanesInput {
        PlanesInput {
            sources: chunks.into_iter().map(Source::Matrix).collect(),
            net_sha256: None,
        }
    }

    pub fn neurons(&self) -> usize {
        self.sources.first().map_or(0, Source::neurons)
    }

    /// All samples.
    pub fn samples(&self) -> u64 {
        self.sources
            .iter()
            .map(|source| source.samples() as u64)
            .sum()
    }

    /// The samples by bucket, which a backend counts where they are.
    pub fn into_sets(self, backend: &dyn Backend) -> SampleSets<'_> {
        let neurons = self.neurons();
        let mut sets: Vec<(Option<usize>, Box<dyn PlaneSet>)> = Vec::new();
        for source in self.sources {
            match source {
                Source::Stored(stored) => {
                    sets.extend(stored.into_groups().into_iter().map(|group| {
                        let planes = DiskPlanes::new(backend, neurons, vec![group.clone()]);
                        (group.bucket(), Box::new(planes) as _)
                    }))
                }
                Source::Matrix(planes) => {
                    sets.push((None, Box::new(HostPlanes::new(backend, vec![planes]))));
                }
            }
        }
        SampleSets::new(backend, neurons, sets)
    }
}

/// Brings planes into memory, all of them if a search of so many tries on them fits in `limit` bytes, and otherwise a
/// part of the samples, and says so.
pub fn fit_planes<'a>(
    sets: SampleSets<'a>,
    limit: u64,
    tries: usize,
    weights: Option<&BucketWeights>,
) -> anyhow::Result<SampleSets<'a>> {
    let (bytes, samples) = (sets.bytes(), sets.samples());
    let counted = weighted_sum(&samples, weights);
    let room = room(limit, sets.neurons(), tries);
    let sets = sets.fit(room, weights).map_err(|error| match error {
        FitError::NoRoom => {
            anyhow::anyhow!(
                "{} of memory leave room for no samples; see --memory",
                size(limit)
            )
        }
        error => error.into(),
    })?;
    if sets.is_part() {
        let why = if counted > room.samples {
            TOO_MANY.to_string()
        } else {
            format!("the planes take {}", size(bytes))
        };
        let searched = sets.samples_searched(weights);
        let part = searched_in_part(searched, samples.values().sum());
        console::say(format!("{why}: {part}"));
    }
    Ok(sets)
}

/// What people should know of a search on some of the samples.
pub fn searched_in_part(searched: u64, samples: u64) -> String {
    let percent = 100.0 * searched as f64 / samples as f64;
    format!("searched on {searched} of {samples} samples, {percent:.2} %; rates are those of all")
}

/// What a search on some of the samples may come to.
pub const START_IS_BETTER: &str = "on all samples the order to begin with is better: it is kept";

fn open(path: &Path, limit: u64) -> anyhow::Result<Source> {
    // By its content, if it can be looked at; a pipe is reported when it is opened.
    let matrix = match first_bytes(path, NPY.len(), true) {
        Ok((begin, _)) => begin == NPY || is_npy(path) && !begin.starts_with(planes::MAGIC),
        Err(_) => is_npy(path),
    };
    if !matrix {
        return Ok(Source::Stored(StoredPlanes::open(path)?));
    }
    let failed = |problem| MatrixFileError {
        path: path.to_path_buf(),
        problem,
    };
    let (file, len) = open_seekable(path).map_err(|error| failed(error.into()))?;
    // A byte of a matrix becomes a bit.
    let bytes = len / 8;
    if bytes > limit {
        bail!(
            "{}: this matrix takes {} of memory, and {} are left for it (--memory); planes files of `gather` are \
             searched in part if they are larger",
            path.display(),
            size(bytes),
            size(limit)
        );
    }
    let mut file = BufReader::with_capacity(1 << 20, file);
    Ok(Source::Matrix(
        matrix::parse(&mut file, len).map_err(failed)?,
    ))
}

/// The first bytes of every `.npy`.
const NPY: &[u8] = b"\x93NUMPY";

/// The files that are meant: those that are there, and those of patterns, by name.
fn resolve(data: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for path in data {
        let pattern = path.to_str().filter(|it| it.contains(['*', '?', '[']));
        let Some(pattern) = pattern.filter(|_| !path.exists()) else {
            paths.push(path.clone());
            continue;
        };
        let before = paths.len();
        for found in glob::glob(pattern).with_context(|| pattern.to_string())? {
            paths.push(found?);
        }
        paths[before..].sort();
        if paths.len() == before {
            bail!("{pattern}: no such file");
        }
    }
    Ok(paths)
}
