//! The page of several networks: histograms over common axes, and the difference of two.

use super::network::king_note;
use super::viewer::Viewer;
use super::{Figure, Page, PageError, Section, Table, Tile, chart, fill, grouped};
use crate::nets::stockfish::Network;
use crate::report::pictures::{DifferenceNumbers, HistogramNumbers, Matched, TensorHistogram};

/// Makes the page of several networks. `named` are their names, for people; `found` are their histograms; `matched` is
/// the second of two in the order of the first, or why there is none.
///
/// # Errors
/// A picture or the page cannot be made.
pub fn comparison_page(
    networks: &[&Network],
    named: &[String],
    found: &HistogramNumbers,
    matched: Option<&Result<Matched, String>>,
) -> Result<String, PageError> {
    let mut viewer = Viewer::default();
    let mut sections = vec![summary(networks, named)];
    let mut warnings = Vec::new();
    match matched {
        Some(Ok(matched)) => sections.push(difference(networks[0], matched, &mut viewer)),
        Some(Err(reason)) => warnings.push(format!(
            "The two are not compared weight by weight: {reason}."
        )),
        None => {}
    }
    sections.push(all_histograms(found, named)?);
    fill(&Page {
        title: format!("{} networks", networks.len()),
        lead: format!("{}.", named.join(", ")),
        warnings,
        tiles: matched
            .and_then(|matched| matched.as_ref().ok())
            .map_or_else(Vec::new, |matched| tiles(&matched.difference)),
        sections,
        version: env!("CARGO_PKG_VERSION").to_string(),
        script: Some(viewer.script()?),
    })
}

fn summary(networks: &[&Network], named: &[String]) -> Section {
    let mut table = Table::numbers(&["network", "era", "features", "L1", "buckets"]);
    for (network, name) in networks.iter().zip(named) {
        table.rows.push(vec![
            name.clone(),
            network.recognition.era.id.to_string(),
            network.architecture.feature_names(),
            network.architecture.l1.to_string(),
            network.stacks.len().to_string(),
        ]);
    }
    Section {
        title: "Networks".to_string(),
        tables: vec![table],
        ..Section::default()
    }
}

fn tiles(found: &DifferenceNumbers) -> Vec<Tile> {
    let tile = |name: &str, value: String, note: &str| Tile {
        name: name.to_string(),
        value,
        note: note.to_string(),
    };
    let values: u64 = found.tensors.iter().map(|tensor| tensor.values).sum();
    let different: u64 = found.tensors.iter().map(|tensor| tensor.different).sum();
    let same = if found.same { "yes" } else { "no" };
    let share = different as f64 / values.max(1) as f64;
    vec![
        tile("Same function", same.to_string(), "every weight compared"),
        tile(
            "Different weights",
            grouped(different),
            &format!("{} of all", chart::percent(share, 1)),
        ),
        tile(
            "Neurons elsewhere",
            grouped(found.moved as u64),
            "matched before they were compared",
        ),
        tile(
            "Columns exchanged",
            grouped(found.crossed_pairs as u64),
            "within pairs; the product is the same",
        ),
    ]
}

fn difference(first: &Network, matched: &Matched, viewer: &mut Viewer) -> Section {
    let found = &matched.difference;
    let mut table = Table::numbers(&[
        "tensor",
        "values",
        "different",
        "greatest",
        "mean",
        "root mean square",
    ]);
    for tensor in &found.tensors {
        table.rows.push(vec![
            tensor.tensor.clone(),
            grouped(tensor.values),
            grouped(tensor.different),
            grouped(tensor.greatest),
            format!("{:.3}", tensor.mean_absolute),
            format!("{:.3}", tensor.root_mean_square),
        ]);
    }
    let with_kings = viewer.inputs(&matched.second, Some(first), None);
    Section {
        title: "Difference".to_string(),
        text: "The second network less the first. If one is made of the other, neurons are matched first, wherever \
               they stand; else they are compared place by place. Numbers of neurons are the first network's."
            .to_string(),
        tables: vec![table],
        viewer: "<h3>Input weights</h3><div data-view=\"inputs\"></div>".to_string(),
        notes: king_note(first, with_kings),
        folded: Some(false),
        ..Section::default()
    }
}

fn all_histograms(found: &HistogramNumbers, named: &[String]) -> Result<Section, PageError> {
    let part = |tensor: &TensorHistogram| -> Result<Section, PageError> {
        let (low, width) = (tensor.low as f64, tensor.width as f64);
        let counts = || tensor.counts.iter().flatten();
        let most = counts().flatten().copied().max().unwrap_or(0);
        let bins = counts().map(Vec::len).max().unwrap_or(1);
        let mut pictures = Vec::new();
        for (counts, name) in tensor.counts.iter().zip(named) {
            let Some(counts) = counts else { continue };
            let label = format!("Histogram of {} in {name}", tensor.tensor);
            let end = low + width * bins as f64;
            let picture = chart::log_histogram(&label, low..end, low, width, counts, most)?;
            pictures.push(Figure::new(name, picture));
        }
        Ok(Section {
            title: tensor.tensor.clone(),
            pictures,
            folded: Some(true),
            ..Section::default()
        })
    };
    Ok(Section {
        title: "Histograms".to_string(),
        text: "Number of values by size, on a logarithmic scale; a row a network, all over the same axes.".to_string(),
        parts: found.tensors.iter().map(part).collect::<Result<_, _>>()?,
        ..Section::default()
    })
}
