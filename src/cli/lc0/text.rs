//! A description in lines for people.

use std::path::Path;

use ftperm::nets::lc0::{Body, Description, Head};

/// Tensors that are shown one by one if something is wrong with them; `--json` has them all.
const SHOWN_PROBLEMS: usize = 30;

/// A label in its column, and what it labels.
fn line(label: &str, text: impl AsRef<str>) -> String {
    format!("{label:<14} {}", text.as_ref())
}

/// All lines; `what` is before the path.
pub fn lines(what: &str, path: &Path, description: &Description) -> Vec<String> {
    let mut lines = vec![line(what, path.display().to_string())];
    lines.extend(container(description));
    lines.extend(format_lines(description));
    lines.push(line("loads", loads(description)));
    if let Some(body) = &description.body {
        lines.push(line("body", body_text(body)));
        for head in &description.policy {
            lines.push(line("policy", head_text(head)));
        }
        for head in &description.value {
            lines.push(line("value", head_text(head)));
        }
        let moves_left = if description.moves_left { "yes" } else { "no" };
        lines.push(line("moves left", moves_left));
    }
    if let Some(model) = &description.onnx_model {
        let kind = model.data_type.as_deref().unwrap_or("of no stated type");
        lines.push(line("ONNX model", format!("{} bytes, {kind}", model.bytes)));
    }
    lines.extend(parts(description));
    lines.extend(problems(description));
    lines
}

fn container(description: &Description) -> Vec<String> {
    let container = &description.container;
    let packed = match container.gzip_members {
        0 => "not compressed".to_string(),
        1 => format!("gzip, {} bytes unpacked", container.unpacked_bytes),
        members => format!(
            "gzip in {members} streams, {} bytes unpacked",
            container.unpacked_bytes
        ),
    };
    let mut lines = vec![
        line(
            "size",
            format!("{} bytes, {packed}", container.stored_bytes),
        ),
        line("SHA-256", &container.sha256),
        line("  unpacked", &container.unpacked_sha256),
    ];
    if let Some(license) = &description.license {
        lines.push(line("licence", one_line(license)));
    }
    let Some(training) = &description.training else {
        return lines;
    };
    let numbers = [
        (
            "steps",
            training.training_steps.map(|steps| steps.to_string()),
        ),
        (
            "learning rate",
            training.learning_rate.map(|value| value.to_string()),
        ),
        ("MSE loss", training.mse_loss.map(|value| value.to_string())),
        (
            "policy loss",
            training.policy_loss.map(|value| value.to_string()),
        ),
        (
            "accuracy",
            training.accuracy.map(|value| format!("{value} %")),
        ),
    ];
    let known: Vec<String> = numbers
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
        .collect();
    if !known.is_empty() {
        lines.push(line("training", known.join(", ")));
    }
    if let Some(text) = &training.lc0_params {
        lines.push(line("  parameters", one_line(text)));
    }
    lines
}

/// Text of a file in one line that leaves the terminal alone.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn format_lines(description: &Description) -> Vec<String> {
    let encoding = description.weights_encoding.as_deref().unwrap_or("not set");
    let mut lines = vec![line("encoding", encoding)];
    for field in &description.format {
        let file = field.file.as_deref().unwrap_or("not set");
        lines.push(line(&format!("  {}", field.field), file));
    }
    for change in &description.changes {
        let text = format!("{} = {}: {}", change.field, change.to, change.why);
        lines.push(line("lc0 sets", text));
    }
    let stored: Vec<String> = description
        .encodings
        .iter()
        .map(|(encoding, tensors)| format!("{tensors} {encoding}"))
        .collect();
    if !stored.is_empty() {
        lines.push(line("tensors", stored.join(", ")));
    }
    lines
}

/// `in lc0 0.32.1: no, it needs 0.33.0`
fn loads(description: &Description) -> String {
    let loads = &description.loads;
    let answer = match (&loads.why, &loads.lc0_says) {
        (Some(why), Some(says)) => format!("no, {why} (lc0 says: {says})"),
        _ => "yes".to_string(),
    };
    format!(
        "in lc0 {}: {answer}; minimal version in the file {}, of its format {}",
        loads.lc0_version, description.min_version, description.format_version
    )
}

fn body_text(body: &Body) -> String {
    let sizes = [
        ("blocks", (body.blocks > 0).then_some(body.blocks)),
        ("with SE", (body.se_blocks > 0).then_some(body.se_blocks)),
        ("SE units", body.se_units),
        ("filters", body.filters),
        ("encoders", (body.encoders > 0).then_some(body.encoders)),
        ("heads", body.heads.filter(|_| body.encoders > 0)),
        ("embedding", body.embedding),
        ("d_model", body.d_model),
        ("FFN", body.dff),
        ("embedding FFN", body.embedding_dff),
    ];
    let mut texts = vec![body.kind.to_string()];
    texts.extend(
        sizes
            .into_iter()
            .filter_map(|(name, size)| Some(format!("{name} {}", size?))),
    );
    if let Some(smolgen) = &body.smolgen {
        texts.push(format!(
            "smolgen in {} encoders ({} channels, {} hidden, {} a head)",
            smolgen.encoders, smolgen.channels, smolgen.hidden, smolgen.per_head
        ));
    }
    texts.join(", ")
}

fn head_text(head: &Head) -> String {
    let mut text = format!("{}: {}", head.name, head.kind);
    if let Some(channels) = head.channels {
        text.push_str(&format!(", {channels} channels"));
    }
    if let Some(model) = head.d_model {
        text.push_str(&format!(", d_model {model}"));
    }
    if head.encoders > 0 {
        text.push_str(&format!(", {} encoders", head.encoders));
    }
    if let Some(activation) = &head.activation {
        text.push_str(&format!(", {activation}"));
    }
    if head.error {
        text.push_str(", tells its error");
    }
    text
}

fn parts(description: &Description) -> Vec<String> {
    let mut lines: Vec<String> = description
        .parts
        .iter()
        .map(|part| {
            let text = format!(
                "{} tensors, {} values, {} parameters",
                part.tensors, part.values, part.parameters
            );
            line(&format!("  {}", part.part), text)
        })
        .collect();
    let (values, parameters) = (description.values, description.parameters);
    let text = format!("{values} values, {parameters} parameters once batch norm is folded");
    lines.insert(0, line("weights", text));
    lines
}

fn problems(description: &Description) -> Vec<String> {
    let mut lines: Vec<String> = description
        .problems
        .iter()
        .take(SHOWN_PROBLEMS)
        .map(|problem| match &problem.tensor {
            Some(tensor) => line("problem", format!("{tensor}: {}", problem.text)),
            None => line("problem", &problem.text),
        })
        .collect();
    if description.problems.len() > SHOWN_PROBLEMS {
        lines.push(line("problem", "and more; --json has them"));
    }
    for unknown in &description.unknown {
        let place = if unknown.message.is_empty() {
            "the file"
        } else {
            &unknown.message
        };
        let text = format!(
            "{} in {place}, {} bytes, kept as they are",
            unknown.field, unknown.bytes
        );
        lines.push(line("unknown field", text));
    }
    lines
}
