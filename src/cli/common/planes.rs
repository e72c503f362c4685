//! The planes that `find` and `eval` work on: in memory, or in files that are larger.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ftperm::actmat;
use ftperm::permutation::{Permutation, is_npy};
use ftperm::search::MAX_SAMPLES;
use ftperm::zeros::record::{Record, check_together};
use ftperm::zeros::subsample::{PlaneSource, Share, Subsample};
use ftperm::zeros::{StoredPlanes, ZeroPlanes};

use super::memory::size;
use crate::cli::console;

/// Planes files and matrices that count as one set.
pub struct PlanesInput {
    sources: Vec<Source>,
    neurons: usize,
    samples: u64,
    /// The network, where the files tell it.
    pub net_sha256: Option<String>,
}

enum Source {
    Stored(StoredPlanes),
    /// Matrices and recorded outputs: these are read at once.
    Matrix(ZeroPlanes),
}

impl Source {
    fn planes(&self) -> &dyn PlaneSource {
        match self {
            Source::Stored(stored) => stored,
            Source::Matrix(planes) => planes,
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Source::Stored(stored) => stored.bytes(),
            Source::Matrix(planes) => 8 * planes.words().len() as u64,
        }
    }

    fn zero_blocks(&self, order: &Permutation) -> anyhow::Result<u64> {
        Ok(match self {
            Source::Stored(stored) => stored.zero_blocks(order.indices())?,
            Source::Matrix(planes) => planes.zero_blocks(order.indices()),
        })
    }
}

/// What is searched on.
pub struct Loaded {
    pub chunks: Vec<ZeroPlanes>,
    /// The files, if only a part of them is in memory.
    rest: Option<Vec<Source>>,
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
            .map(|(path, source)| match source {
                Source::Stored(stored) => (path.as_path(), stored.record()),
                Source::Matrix(_) => (path.as_path(), None),
            })
            .collect();
        let (net_sha256, notes) = check_together(&records)?;
        if net_sha256.is_some() {
            notes.iter().for_each(console::warn);
        }
        let neurons = sources[0].planes().neurons();
        for (path, source) in paths.iter().zip(&sources) {
            let found = source.planes().neurons();
            if found != neurons {
                bail!(
                    "{} has {found} neurons, {} has {neurons}",
                    path.display(),
                    paths[0].display()
                );
            }
        }
        let samples = sources.iter().map(|it| it.planes().samples() as u64).sum();
        Ok(PlanesInput {
            sources,
            neurons,
            samples,
            net_sha256,
        })
    }

    /// Planes that are in memory already and say nothing of where they come from.
    pub fn recorded(chunks: Vec<ZeroPlanes>) -> PlanesInput {
        PlanesInput {
            neurons: chunks.first().map_or(0, ZeroPlanes::neurons),
            samples: chunks.iter().map(|it| it.samples() as u64).sum(),
            sources: chunks.into_iter().map(Source::Matrix).collect(),
            net_sha256: None,
        }
    }

    pub fn neurons(&self) -> usize {
        self.neurons
    }

    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// All (sample, block) cells whose four neurons are all zero, without reading more than pieces at a time.
    pub fn zero_blocks(&self, order: &Permutation) -> anyhow::Result<u64> {
        self.sources.iter().map(|it| it.zero_blocks(order)).sum()
    }

    /// Brings the planes into memory, all of them if they fit in `limit` bytes, and otherwise a part of the samples.
    pub fn load(self, limit: u64) -> anyhow::Result<Loaded> {
        let total: u64 = self.sources.iter().map(Source::bytes).sum();
        if total <= limit && self.samples <= MAX_SAMPLES {
            let load = |source| {
                Ok(match source {
                    Source::Stored(stored) => stored.load()?,
                    Source::Matrix(planes) => planes,
                })
            };
            let chunks: anyhow::Result<Vec<ZeroPlanes>> =
                self.sources.into_iter().map(load).collect();
            return Ok(Loaded {
                chunks: chunks?,
                rest: None,
            });
        }
        // What is in memory already stays there, and the part is made beside it.
        let in_memory = |source: &Source| matches!(source, Source::Matrix(_));
        let resident: u64 = self
            .sources
            .iter()
            .filter(|&source| in_memory(source))
            .map(Source::bytes)
            .sum();
        let room = limit.saturating_sub(resident);
        let of_memory = Share::at_most(room, total);
        let of_samples = Share::at_most(MAX_SAMPLES, self.samples);
        let mut share = if of_memory.fraction() < of_samples.fraction() {
            of_memory
        } else {
            of_samples
        };
        let sources: Vec<&dyn PlaneSource> = self.sources.iter().map(Source::planes).collect();
        let reading = "reading the planes";
        let part = loop {
            // The search takes a part of this part in its own way.
            let part = Subsample::choose_otherwise(&sources, share).context(reading)?;
            let bytes = 8 * ZeroPlanes::stride_for(part.kept()) as u64 * self.neurons as u64;
            if bytes <= room && part.kept() as u64 <= MAX_SAMPLES {
                break part;
            }
            share = share
                .halved()
                .context("the samples are too much alike to take a part of them")?;
        };
        if part.kept() == 0 {
            bail!(
                "{} of memory leave room for no samples; see --memory",
                size(limit)
            );
        }
        console::say(format!(
            "the planes take {}: the search works on {} of {} samples, {:.2} %; rates are those of all",
            size(total),
            part.kept(),
            self.samples,
            100.0 * part.kept() as f64 / self.samples as f64
        ));
        Ok(Loaded {
            chunks: vec![part.copy(&sources).context(reading)?],
            rest: Some(self.sources),
        })
    }
}

impl Loaded {
    /// Is a part of the samples in memory, and no more?
    pub fn is_part(&self) -> bool {
        self.rest.is_some()
    }

    /// As [`PlanesInput::zero_blocks`], on all samples.
    pub fn zero_blocks(&self, order: &Permutation) -> anyhow::Result<u64> {
        match &self.rest {
            Some(sources) => sources.iter().map(|it| it.zero_blocks(order)).sum(),
            None => {
                let zero = |planes: &ZeroPlanes| planes.zero_blocks(order.indices());
                Ok(self.chunks.iter().map(zero).sum())
            }
        }
    }
}

fn open(path: &Path, limit: u64) -> anyhow::Result<Source> {
    if !is_npy(path) {
        return Ok(Source::Stored(StoredPlanes::open(path)?));
    }
    // A byte of a matrix becomes a bit.
    let bytes = path.metadata().map_or(0, |it| it.len()) / 8;
    if bytes > limit {
        bail!(
            "{}: this matrix takes {} of memory, and {} are left for it (--memory); planes files of `gather` are \
             searched in part if they are larger",
            path.display(),
            size(bytes),
            size(limit)
        );
    }
    Ok(Source::Matrix(actmat::read(path)?))
}

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
