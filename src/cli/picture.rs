//! `ftperm picture`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use ftperm::files::atomic::{check_writable, write_file};
use ftperm::nets::stockfish::Network;
use ftperm::report::drawing::{self, Drawing};
use ftperm::report::pictures::{
    Choice, DifferenceNumbers, HistogramNumbers, InputNumbers, Matched, PsqtNumbers, StackNumbers,
    WhichKing, ZeroNumbers, histograms, layers, norms,
};
use serde::Serialize;

use super::common::names::name;
use super::common::zeros::ZeroArgs;
use super::common::{Files, NetSummary, ReadingArgs};
use super::inspect_pictures::{load_all, names};
use super::serialize::has_ending;
use super::{Global, UsageError, console};

/// Draw a part of a network, or print the numbers behind the picture
///
/// Writes SVG or PNG, by the end of the name. `ftperm inspect NET --report page.html` has all pictures in one page.
#[derive(Debug, clap::Args)]
pub struct Picture {
    /// The network; two for a difference, several for histograms
    #[arg(required = true, num_args = 1.., value_name = "NET", value_parser = name())]
    nets: Vec<OsString>,
    /// What to draw
    #[arg(long, value_name = "WHAT", value_enum)]
    what: What,
    /// The file to write, .svg or .png; not needed with --json
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Neurons of inputs and difference, as 0,3,8-15 [default: all]
    #[arg(long = "neurons", id = "shown_neurons", value_name = "LIST", value_parser = ranges)]
    neurons: Option<Ranges>,
    /// Order of the neurons of inputs and difference [default: norm for difference, else file]
    #[arg(long, value_name = "ORDER", value_enum)]
    sort: Option<Sort>,
    /// The own king's square for inputs, difference and psqt, as the network mirrors it [default: mean over all]
    #[arg(long, value_name = "SQUARE", value_parser = square)]
    king: Option<u32>,
    /// The bucket of layers and psqt [default: all]
    #[arg(long, value_name = "N")]
    bucket: Option<usize>,
    #[command(flatten)]
    pub(super) zeros: ZeroArgs,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Input weights of neurons as boards
    Inputs,
    /// Weights and biases of the layers of each bucket
    Layers,
    /// Histograms of all tensors, a row a network
    Histograms,
    /// PSQT by piece and square, in engine units
    Psqt,
    /// Input weights of the second network less those of the first, neurons matched first
    Difference,
    /// How often neurons and blocks are zero on --data, by bucket
    Zeros,
    /// How often neurons are zero together on --data, also in the order of --perm
    CoZeros,
}

/// An order of neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// As in the file, blocks of four framed
    File,
    /// The greatest norm of input weights first
    Norm,
    /// The most often zero on --data first
    ZeroRate,
}

/// First and last of some runs.
#[derive(Clone, Debug)]
struct Ranges(Vec<(u32, u32)>);

fn ranges(text: &str) -> Result<Ranges, String> {
    let wrong = || "numbers and ranges joined by commas are expected, as 0,3,8-15".to_string();
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(wrong());
        }
        Ok((first, last))
    };
    text.split(',')
        .map(range)
        .collect::<Result<_, _>>()
        .map(Ranges)
}

fn square(text: &str) -> Result<u32, String> {
    match text.as_bytes() {
        [file @ b'a'..=b'h', rank @ b'1'..=b'8'] => {
            Ok(u32::from(file - b'a') + 8 * u32::from(rank - b'1'))
        }
        _ => Err("a square is expected, as e1".to_string()),
    }
}

#[derive(Serialize)]
struct PictureReport {
    kind: &'static str,
    what: String,
    networks: Vec<NetSummary>,
    out: Option<String>,
    #[serde(flatten)]
    numbers: Numbers,
}

/// The numbers behind the picture: those that were asked for.
#[derive(Default, Serialize)]
struct Numbers {
    inputs: Option<InputNumbers>,
    layers: Option<Vec<StackNumbers>>,
    histograms: Option<HistogramNumbers>,
    psqt: Option<PsqtNumbers>,
    difference: Option<DifferenceNumbers>,
    zeros: Option<ZeroNumbers>,
}

impl Picture {
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        self.check(global)?;
        let loaded = load_all(&self.nets, &self.reading)?;
        let networks: Vec<&Network> = loaded.iter().map(|loaded| &loaded.network).collect();
        let (numbers, drawing) = self.numbers(&networks, &names(&loaded))?;
        if let Some(out) = &self.out {
            write_file(out, &self.bytes(out, &drawing)?)?;
        }
        let out = self.out.as_ref().map(|out| out.display().to_string());
        if !global.json {
            return console::result(out.unwrap_or_default());
        }
        console::json(&PictureReport {
            kind: "picture",
            what: self.what_name(),
            networks: loaded.iter().map(NetSummary::from).collect(),
            out,
            numbers,
        })
    }

    fn what_name(&self) -> String {
        let value = clap::ValueEnum::to_possible_value(&self.what);
        value.map_or_else(String::new, |value| value.get_name().to_string())
    }

    fn check(&self, global: &Global) -> anyhow::Result<()> {
        let refuse = |text: String| Err(UsageError(text).into());
        let what = self.what_name();
        let boards = matches!(self.what, What::Inputs | What::Difference);
        let measured = matches!(self.what, What::Zeros | What::CoZeros);
        let by_rate = self.sort() == Some(Sort::ZeroRate);
        let buckets = matches!(self.what, What::Layers | What::Psqt);
        // Those of a configuration file are for the pictures that they mean something to.
        for (option, fits) in [
            ("--neurons", boards),
            ("--sort", boards),
            ("--king", boards || self.what == What::Psqt),
            ("--bucket", buckets),
            ("--data", measured || by_rate),
            ("--perm", measured),
        ] {
            if global.given(option) && !fits {
                return refuse(format!("{option} means nothing to --what {what}"));
            }
        }
        if self.sort == Some(Sort::ZeroRate) && !by_rate && global.given("--sort") {
            return refuse("--sort zero-rate is for --what inputs".into());
        }
        if (measured || by_rate) && !self.zeros.are_given() {
            return refuse("zeros are counted on positions: --data FILE".into());
        }
        let nets = match self.what {
            What::Difference => 2..=2,
            What::Histograms => 1..=usize::MAX,
            _ => 1..=1,
        };
        if !nets.contains(&self.nets.len()) {
            let count = if nets.contains(&2) {
                "two networks"
            } else {
                "one network"
            };
            return refuse(format!("--what {what} is of {count}"));
        }
        match &self.out {
            Some(out) if !has_ending(out, &["svg", "png"]) => {
                return refuse(format!("{}: the name ends in .svg or .png", out.display()));
            }
            None if !global.json => return refuse("--out FILE.svg or .png, or --json".into()),
            _ => {}
        }
        let mut files = Files::new().output("--out", self.out.as_deref());
        for net in &self.nets {
            files = files.network("the network", Some(net));
        }
        self.zeros.inputs(files).check()?;
        Ok(self.out.as_deref().map_or(Ok(()), check_writable)?)
    }

    fn bytes(&self, out: &Path, drawing: &Drawing) -> anyhow::Result<Vec<u8>> {
        Ok(if has_ending(out, &["png"]) {
            drawing.png()?
        } else {
            drawing.svg()?.into_bytes()
        })
    }

    fn numbers(
        &self,
        networks: &[&Network],
        named: &[String],
    ) -> anyhow::Result<(Numbers, Drawing)> {
        let network = networks[0];
        let none = Numbers::default();
        Ok(match self.what {
            What::Inputs => {
                let found = self.inputs(network, None)?;
                let drawing = drawing::inputs(&found, self.is_framed());
                let inputs = Some(found);
                (Numbers { inputs, ..none }, drawing)
            }
            What::Layers => {
                let found = layers(network, self.bucket(network)?);
                let drawing = drawing::layers(&found);
                let layers = Some(found);
                (Numbers { layers, ..none }, drawing)
            }
            What::Histograms => {
                let found = histograms(networks);
                let drawing = drawing::histograms(&found, named);
                let histograms = Some(found);
                (Numbers { histograms, ..none }, drawing)
            }
            What::Psqt => {
                if network.architecture.psqt_buckets == 0 {
                    return Err(anyhow!("{}: the network has no PSQT", named[0]));
                }
                let found = PsqtNumbers::new(network, self.bucket(network)?, self.which_king());
                let found = found.ok_or_else(|| self.no_king())?;
                let drawing = drawing::psqt(&found);
                let psqt = Some(found);
                (Numbers { psqt, ..none }, drawing)
            }
            What::Difference => self.difference(network, networks[1])?,
            What::Zeros | What::CoZeros => {
                let found = self.zeros.measure(network)?.expect("--data was checked");
                let drawing = match self.what {
                    What::Zeros => drawing::zeros(&found),
                    _ => drawing::co_zeros(&found),
                };
                let zeros = Some(found);
                (Numbers { zeros, ..none }, drawing)
            }
        })
    }

    fn difference(&self, first: &Network, second: &Network) -> anyhow::Result<(Numbers, Drawing)> {
        let matched = Matched::new(first, second.clone())?;
        let boards = self.inputs(&matched.second, Some(first))?;
        let found = matched.difference;
        let drawing = drawing::difference(&found, &boards);
        let numbers = Numbers {
            inputs: Some(boards),
            difference: Some(found),
            ..Numbers::default()
        };
        Ok((numbers, drawing))
    }

    /// The order that is asked for, if this picture can be in it.
    fn sort(&self) -> Option<Sort> {
        let fits = |sort: &Sort| *sort != Sort::ZeroRate || self.what == What::Inputs;
        self.sort.filter(fits)
    }

    /// The bucket that is asked for.
    fn bucket(&self, network: &Network) -> anyhow::Result<Option<usize>> {
        let stacks = network.stacks.len();
        match self.bucket {
            Some(bucket) if bucket >= stacks => Err(anyhow!(
                "there is no bucket {bucket}: the network has {stacks}"
            )),
            bucket => Ok(bucket),
        }
    }

    /// Are the neurons in whole blocks, as in the file?
    fn is_framed(&self) -> bool {
        self.what == What::Inputs && self.sort().is_none_or(|sort| sort == Sort::File) && {
            let whole = |&(first, last): &(u32, u32)| first % 4 == 0 && last % 4 == 3;
            self.neurons
                .as_ref()
                .is_none_or(|list| list.0.iter().all(whole))
        }
    }

    fn which_king(&self) -> WhichKing {
        self.king.map_or(WhichKing::Mean, WhichKing::On)
    }

    fn no_king(&self) -> anyhow::Error {
        anyhow!(
            "the network's features do not tell the own king's square, or never that one: Stockfish's mirror it to \
             files e to h"
        )
    }

    fn inputs(&self, network: &Network, minus: Option<&Network>) -> anyhow::Result<InputNumbers> {
        let choice = Choice {
            neurons: self.chosen(network, minus)?,
            king: self.which_king(),
        };
        InputNumbers::new(network, minus, &choice).ok_or_else(|| self.no_king())
    }

    /// The neurons in the order that is asked for.
    fn chosen(&self, network: &Network, minus: Option<&Network>) -> anyhow::Result<Vec<u32>> {
        let neurons = network.architecture.neurons() as u32;
        let mut chosen: Vec<u32> = match &self.neurons {
            None => (0..neurons).collect(),
            Some(list) => {
                if let Some((_, last)) = list.0.iter().find(|(_, last)| *last >= neurons) {
                    return Err(anyhow!(
                        "there is no neuron {last}: the network has {neurons}"
                    ));
                }
                list.0
                    .iter()
                    .flat_map(|&(first, last)| first..=last)
                    .collect()
            }
        };
        let usual = if minus.is_some() {
            Sort::Norm
        } else {
            Sort::File
        };
        match self.sort().unwrap_or(usual) {
            Sort::File => {}
            Sort::Norm => {
                let norms = norms(network, minus);
                chosen.sort_by(|&a, &b| norms[b as usize].total_cmp(&norms[a as usize]));
            }
            Sort::ZeroRate => {
                let zeros = self.zeros.measure(network)?.expect("--data was checked");
                let counts = zeros.neurons();
                chosen.sort_by_key(|&neuron| std::cmp::Reverse(counts[neuron as usize]));
            }
        }
        Ok(chosen)
    }
}
