//! A page with the ranges and histograms of all tensors.

use std::fmt::Write as _;

use ftperm::nets::lc0::{Description, Ranges};

const STYLE: &str = "body{font:15px sans-serif;margin:2em;max-width:72em}table{border-collapse:collapse}\
td,th{padding:.2em .7em;text-align:right;border-bottom:1px solid #ccc}td:first-child,th:first-child{text-align:left}\
svg{display:block}rect{fill:#369}";

/// Height of a histogram in pixels; a bar is two wide.
const HEIGHT: f64 = 24.0;

/// The page; it needs no other file.
pub fn page(name: &str, description: &Description, ranges: &[Ranges]) -> String {
    let name = escaped(name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n<p>{} values in {} tensors, {} parameters once batch \
         norm is folded. SHA-256 {}.</p>\n",
        description.values,
        ranges.len(),
        description.parameters,
        description.container.sha256
    );
    for problem in &description.problems {
        let tensor = problem.tensor.as_deref().unwrap_or("file");
        let _ = writeln!(
            page,
            "<p>Problem: {}: {}</p>",
            escaped(tensor),
            escaped(&problem.text)
        );
    }
    page.push_str(
        "<table><thead><tr><th>tensor</th><th>shape</th><th>encoding</th><th>smallest</th><th>largest</th>\
         <th>mean</th><th>deviation</th><th>zeros</th><th>NaN, infinite</th><th>histogram</th></tr></thead><tbody>\n",
    );
    for (tensor, found) in description.tensors.iter().zip(ranges) {
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        let number =
            |value: Option<f64>| value.map_or("–".to_string(), |value| format!("{value:.6}"));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{}</td></tr>",
            escaped(&tensor.tensor),
            shape.join(" × "),
            escaped(&tensor.encoding),
            number(found.min.map(f64::from)),
            number(found.max.map(f64::from)),
            number(found.mean),
            number(found.deviation),
            found.zeros,
            found.non_finite,
            histogram(&found.histogram)
        );
    }
    page.push_str("</tbody></table>\n</body></html>\n");
    page
}

/// Bars; the tallest fills the height.
fn histogram(counts: &[usize]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let mut svg = format!(
        "<svg width=\"{}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"histogram\">",
        2 * counts.len()
    );
    for (index, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (count as f64 / most * HEIGHT).max(1.0);
        let _ = write!(
            svg,
            "<rect x=\"{}\" y=\"{:.1}\" width=\"2\" height=\"{height:.1}\"/>",
            2 * index,
            HEIGHT - height
        );
    }
    svg + "</svg>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
