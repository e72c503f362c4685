//! The page of a network: its weights in pictures.

use super::chart;
use super::viewer::Viewer;
use super::weights;
use super::{Figure, Page, PageError, Section, Table, fill, grouped};
use crate::nets::stockfish::Network;
use crate::report::WeightsReport;
use crate::report::pictures::{ZeroNumbers, layer_histograms};

/// The scale of values with a sign: its ends.
fn signed(low: &str, high: &str) -> String {
    format!("<p class=\"signed\"><span>{low}</span><i></i><span>{high}</span></p>")
}

/// Makes the page of a network. `weights` are those of the same network; `zeros` what was measured on positions.
///
/// # Errors
/// A picture or the page cannot be made.
pub fn network_page(
    network: &Network,
    weights: &WeightsReport,
    zeros: Option<&ZeroNumbers>,
) -> Result<String, PageError> {
    let mut viewer = Viewer::default();
    let mut sections = vec![layers(network, &mut viewer)?];
    sections.extend(psqt(network, &mut viewer));
    if let Some(zeros) = zeros {
        sections.push(zero_rates(zeros, &mut viewer)?);
        sections.push(co_zeros(zeros)?);
    }
    sections.insert(0, inputs(network, zeros, &mut viewer));
    let folded = |section: Section| Section {
        folded: Some(true),
        ..section
    };
    let of_weights = weights::page(weights)?;
    sections.extend(of_weights.sections.into_iter().map(folded));
    fill(&Page {
        sections,
        script: Some(viewer.script()?),
        ..of_weights
    })
}

/// What is said of boards: how exact they are, and which neurons have them by the own king's square if not all do.
pub(super) fn king_note(network: &Network, with_kings: Option<usize>) -> Vec<String> {
    let neurons = network.architecture.neurons();
    let mut notes = vec![
        "Boards of input weights have 127 steps up to the greatest value of each column; ftperm picture --json has the \
         exact numbers."
            .to_string(),
    ];
    if let Some(shown) = with_kings.filter(|&shown| shown < neurons) {
        notes.push(format!(
            "So that the page stays below 15 MB, it has boards by the own king's square for {} of {} neurons, those \
             with the greatest norms; the others are grey there. ftperm picture --king draws any of them.",
            grouped(shown as u64),
            grouped(neurons as u64)
        ));
    }
    notes
}

fn inputs(network: &Network, zeros: Option<&ZeroNumbers>, viewer: &mut Viewer) -> Section {
    let with_kings = viewer.inputs(network, None, zeros);
    let architecture = &network.architecture;
    let halves = if architecture.l1 > architecture.neurons() {
        " A neuron is the product of two columns of weights: the upper boards are those of the first, the lower ones \
         those of the second."
    } else {
        ""
    };
    let threats = if architecture.sets.len() > 1 {
        " Threats stand on the attacker's square."
    } else {
        ""
    };
    Section {
        title: "Input weights".to_string(),
        text: format!(
            "One small picture a neuron: a board for each piece, from pawn to king, own pieces above the opponent's, \
             rank 8 at the top, seen from the side whose neuron it is.{halves}{threats} \
             Grey squares belong to no legal position. Click a neuron to see it large."
        ),
        viewer: format!(
            "{}<div data-view=\"inputs\"></div>",
            signed("negative", "positive")
        ),
        notes: king_note(network, with_kings),
        folded: Some(false),
        ..Section::default()
    }
}

fn layers(network: &Network, viewer: &mut Viewer) -> Result<Section, PageError> {
    viewer.layers(network);
    let part = |bucket: usize| -> Result<Section, PageError> {
        let mut pictures = Vec::new();
        for tensor in layer_histograms(&[network], bucket).tensors {
            // The output has one bias: its value stands below.
            if tensor.low == tensor.high {
                continue;
            }
            let counts = tensor.counts[0].as_deref().unwrap_or_default();
            let label = format!("Histogram of {}, bucket {bucket}", tensor.tensor);
            let (low, width) = (tensor.low as f64, tensor.width as f64);
            let end = low + width * counts.len() as f64;
            let most = counts.iter().copied().max().unwrap_or(0);
            let picture = chart::log_histogram(&label, low..end, low, width, counts, most)?;
            pictures.push(Figure::new(&tensor.tensor, picture.small()));
        }
        let views = (0..3).map(|layer| {
            format!(
                "<h3>{}</h3><div data-view=\"layer\" data-bucket=\"{bucket}\" data-layer=\"{layer}\"></div>",
                ["First layer", "Second layer", "Output layer"][layer]
            )
        });
        Ok(Section {
            title: format!("Bucket {bucket}"),
            pictures,
            viewer: views.collect(),
            ..Section::default()
        })
    };
    Ok(Section {
        title: "Layers".to_string(),
        text: "Each bucket has layers of its own. Histograms count values on a logarithmic scale; in matrices a row is \
               an output, a column an input."
            .to_string(),
        viewer: signed("negative", "positive"),
        parts: (0..network.stacks.len())
            .map(part)
            .collect::<Result<_, _>>()?,
        folded: Some(true),
        ..Section::default()
    })
}

fn psqt(network: &Network, viewer: &mut Viewer) -> Option<Section> {
    viewer.psqt(network).then(|| Section {
        title: "PSQT".to_string(),
        text: "What a piece on a square adds to the evaluation beside the layers, in engine units: values of the file \
               / 16. Half of the own side's sum less the opponent's counts. Colours tell what is below and above the \
               mean of a board."
            .to_string(),
        viewer: format!("{}<div data-view=\"psqt\"></div>", signed("below the mean", "above")),
        folded: Some(true),
        ..Section::default()
    })
}

fn zero_rates(zeros: &ZeroNumbers, viewer: &mut Viewer) -> Result<Section, PageError> {
    viewer.zeros(zeros);
    let list = |neurons: &[u32]| match neurons {
        [] => "none".to_string(),
        neurons => {
            let shown: Vec<String> = neurons.iter().take(60).map(u32::to_string).collect();
            let more = neurons.len() - shown.len();
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("{}: {}{rest}", neurons.len(), shown.join(", "))
        }
    };
    let most = zeros.histogram.iter().copied().max().unwrap_or(0);
    let counts: Vec<f64> = zeros.histogram.iter().map(|&count| count as f64).collect();
    let axes = chart::Axes {
        x: 0.0..1.0,
        y: 0.0..most.max(1) as f64 * 1.05,
        y_ticks: None,
        x_title: "share of the samples in which the output is zero",
        x_format: &|share| chart::percent(*share, 0),
        y_format: &|count| format!("{count:.0}"),
    };
    let label = "Number of neurons by how often they are zero";
    let picture = chart::histogram(label, &axes, 0.0, 1.0 / counts.len().max(1) as f64, &counts)?;
    let has_order = zeros
        .buckets
        .iter()
        .any(|bucket| bucket.blocks_after.is_some());
    let view = |title: &str, of: &str| {
        format!("<h3>{title}</h3><div data-view=\"zeros\" data-of=\"{of}\"></div>")
    };
    let mut views = view("Neurons", "neurons") + &view("Blocks of four neurons", "blocks");
    if has_order {
        views += &view("Blocks in the order that was given", "blocks_after");
    }
    Ok(Section {
        title: "Zero rates".to_string(),
        text: format!(
            "How often outputs are zero on {} positions, two samples each, by bucket. An engine skips a block if all \
             four are.",
            grouped(zeros.positions as u64)
        ),
        pictures: vec![Figure::new(label, picture)],
        tables: vec![Table::texts(vec![
            ("always zero", list(&zeros.dead)),
            ("never zero", list(&zeros.never_zero)),
        ])],
        viewer: format!(
            "<p class=\"scale\"><span>never</span><i></i><span>always</span></p>{views}"
        ),
        folded: Some(true),
        ..Section::default()
    })
}

fn co_zeros(zeros: &ZeroNumbers) -> Result<Section, PageError> {
    let map = &zeros.co_zero_map;
    let has_order = zeros
        .buckets
        .iter()
        .any(|bucket| bucket.blocks_after.is_some());
    let mut shown = vec![("In the network's order", &map.cells.before)];
    if has_order {
        shown.push(("In the order that was given", &map.cells.after));
    }
    let shares = || shown.iter().flat_map(|(_, cells)| cells.iter()).flatten();
    let low = shares().copied().fold(f64::INFINITY, f64::min).min(1.0);
    let high = shares().copied().fold(low, f64::max);
    let figure = |&(title, cells): &(&str, &Vec<Vec<f64>>)| {
        let label = format!("How often neurons are zero together: {title}");
        Ok(Figure::new(
            title,
            chart::heat_map(&label, cells, low..high)?,
        ))
    };
    Ok(Section {
        title: "Zero together".to_string(),
        text: format!(
            "Share of the samples in which two neurons are zero; a cell is the mean of {} neurons by as many. Blocks \
             are sorted by how often they are zero, the best at the top left.",
            map.neurons_a_cell
        ),
        pictures: shown.iter().map(figure).collect::<Result<_, PageError>>()?,
        heat: Some([low, high].map(|share| chart::percent(share, 1))),
        folded: Some(true),
        ..Section::default()
    })
}
