//! The engine's file, made of what its trainer wrote.

use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use super::description::Layout;
use super::error::{QuantiseError, QuantiseFileError};
use super::merged_kings::MergedKings;
use super::net::RawNet;
use super::tensor::{ElementType, Tensor};
use super::trained::{How, Origins, Part, Products, Rounded, Trained};
use crate::files::quote::excerpt;
use crate::files::reading::open_seekable;

/// A network that was made of floats.
#[derive(Debug)]
pub struct Quantised {
    pub net: RawNet,
    /// Values that were brought to the nearest that the layout allows.
    pub limited: usize,
    /// What the trainer's file was.
    pub source: &'static str,
}

impl Layout {
    /// Makes the engine's file of what its trainer wrote: nothing but floats, tensor after tensor (bullet's `raw.bin`),
    /// or each after its name and its length (bullet's `weights.bin`).
    ///
    /// # Errors
    /// The layout does not say how, the file cannot be read or is another one, or a value does not fit.
    #[doc(hidden)]
    pub fn quantise(&self, path: &Path) -> Result<Quantised, QuantiseFileError> {
        let made = || {
            let trained = self.trained.as_ref().ok_or(QuantiseError::Unknown)?;
            let source = read(path, trained)?;
            // None where kings have planes of their own.
            let kings = MergedKings::new(&self.input).ok();
            let mut limited = 0;
            let mut file = Vec::with_capacity(self.len);
            file.extend(self.magic.iter().flat_map(|magic| magic.bytes()));
            for (tensor, part) in self.tensors.iter().zip(&trained.parts) {
                let maker = Maker {
                    tensor,
                    trained,
                    source: &source,
                    kings: kings.as_ref(),
                };
                limited += maker.append(part, &mut file)?;
            }
            let padding = self.len - file.len();
            match &trained.padding[..] {
                [] => file.resize(self.len, 0),
                text => file.extend(text.iter().cycle().take(padding)),
            }
            Ok(Quantised {
                net: RawNet::of_unpacked(file, self),
                limited,
                source: source.kind,
            })
        };
        made().map_err(|problem| QuantiseFileError {
            path: path.to_path_buf(),
            problem,
        })
    }
}

/// The trainer's file, and where each tensor is in it.
struct Source {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
    kind: &'static str,
}

fn read(path: &Path, trained: &Trained) -> Result<Source, QuantiseError> {
    let (mut file, found) = open_seekable(path).map_err(io::Error::from)?;
    let (plain, named) = (trained.plain_bytes(), trained.named_bytes());
    let is_named = trained.named && found == named;
    if !is_named && found != plain {
        return Err(QuantiseError::Length {
            plain,
            named: trained.named.then_some(named),
            found,
        });
    }
    if !is_named && let Some(missing) = trained.tensors.iter().find(|floats| floats.only_named) {
        return Err(QuantiseError::OnlyNamed(excerpt(missing.name.as_bytes())));
    }
    let mut bytes = Vec::with_capacity(found as usize);
    file.by_ref().take(found + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != found {
        return Err(io::Error::other("it changed while it was read").into());
    }
    let places = if is_named {
        named_places(&bytes, trained)?
    } else {
        plain_places(trained)
    };
    Ok(Source {
        bytes,
        places,
        kind: if is_named {
            "tensors with names"
        } else {
            "tensors one after the other"
        },
    })
}

fn plain_places(trained: &Trained) -> Vec<Range<usize>> {
    let mut start = 0;
    let place = |len: usize| {
        let place = start..start + 4 * len;
        start = place.end;
        place
    };
    let lengths = trained.tensors.iter().map(|floats| floats.len());
    lengths.map(place).collect()
}

/// Each is a line with its name, the number of its values in 8 bytes, and the values.
fn named_places(bytes: &[u8], trained: &Trained) -> Result<Vec<Range<usize>>, QuantiseError> {
    let mut places = vec![0..0; trained.tensors.len()];
    let mut at = 0;
    while at < bytes.len() {
        let wrong = |problem: &'static str| QuantiseError::Named {
            offset: at as u64,
            problem,
        };
        let rest = &bytes[at..];
        let name = rest.iter().position(|&byte| byte == b'\n');
        let name = &rest[..name.ok_or_else(|| wrong("no name of a tensor"))?];
        let is_it = |floats: &super::trained::Floats| floats.name.as_bytes() == name;
        let number = trained.tensors.iter().position(is_it);
        let number = number.ok_or_else(|| wrong("the name of another tensor"))?;
        let count = rest[name.len() + 1..].first_chunk::<8>();
        let count = count.ok_or_else(|| wrong("the file ends"))?;
        let len = trained.tensors[number].len();
        if u64::from_le_bytes(*count) != len as u64 {
            return Err(wrong("a tensor of another length"));
        }
        let start = at + name.len() + 9;
        if bytes.len() - start < 4 * len {
            return Err(wrong("the file ends"));
        }
        if !places[number].is_empty() {
            return Err(wrong("a tensor for the second time"));
        }
        places[number] = start..start + 4 * len;
        at = start + 4 * len;
    }
    match places.iter().position(Range::is_empty) {
        Some(_) => Err(QuantiseError::Named {
            offset: at as u64,
            problem: "a tensor is missing",
        }),
        None => Ok(places),
    }
}

/// What makes a tensor of the file.
struct Maker<'a> {
    tensor: &'a Tensor,
    trained: &'a Trained,
    source: &'a Source,
    kings: Option<&'a MergedKings>,
}

/// Where the values of a tensor are among the trainer's: value `[row][at]` at `rows[row] + at * stride`.
struct Placed {
    tensor: usize,
    rows: Vec<usize>,
    stride: usize,
}

impl Placed {
    fn new(origins: &Origins, tensor: &Tensor, kings: Option<&MergedKings>) -> Placed {
        Placed {
            tensor: origins.tensor,
            rows: origins.rows(&tensor.shape, kings),
            stride: origins.stride(),
        }
    }
}

impl Maker<'_> {
    /// Appends the tensor; returns how many values were limited.
    fn append(&self, part: &Part, file: &mut Vec<u8>) -> Result<usize, QuantiseError> {
        let (from, plus, kings, how) = match part {
            Part::Constant(value) => {
                let bytes = &value.to_le_bytes()[..self.tensor.element.bytes()];
                file.extend(bytes.repeat(self.tensor.len()));
                return Ok(0);
            }
            Part::Made {
                from,
                plus,
                merges_kings,
                how,
            } => (from, plus, self.kings.filter(|_| *merges_kings), how),
        };
        let place = |origins| Placed::new(origins, self.tensor, kings);
        let (from, plus) = (place(from), plus.as_ref().map(place));
        let width = self.tensor.shape.last().copied().unwrap_or(1);
        let mut limited = 0;
        for row in 0..from.rows.len() {
            for at in 0..width {
                let value = self.float(&from, row, at)?;
                let added = match &plus {
                    Some(plus) => self.float(plus, row, at)?,
                    None => 0.0,
                };
                let one = One {
                    number: row * width + at,
                    how,
                    element: self.tensor.element,
                };
                let (sum, over) = one.sum(value, added, plus.is_some());
                limited += usize::from(over);
                if self.tensor.element == ElementType::F32 {
                    let held = one
                        .held(sum, value, added)
                        .map_err(|wide| self.wide(wide))?;
                    file.extend(held.to_le_bytes());
                    continue;
                }
                let apart = (how.rounded == Rounded::Apart).then_some((value, added));
                let (integer, over) = one.integer(sum, apart).map_err(|wide| self.wide(wide))?;
                limited += usize::from(over);
                file.extend(&integer.to_le_bytes()[..self.tensor.element.bytes()]);
            }
        }
        Ok(limited)
    }

    fn float(&self, placed: &Placed, row: usize, at: usize) -> Result<f32, QuantiseError> {
        let number = placed.rows[row] + at * placed.stride;
        let start = self.source.places[placed.tensor].start + 4 * number;
        let value = f32::from_le_bytes([0, 1, 2, 3].map(|byte| self.source.bytes[start + byte]));
        if value.is_finite() {
            return Ok(value);
        }
        Err(QuantiseError::NotFinite {
            tensor: excerpt(self.trained.tensors[placed.tensor].name.as_bytes()),
            number,
            offset: start as u64,
            value,
        })
    }

    fn wide(&self, wide: Wide) -> QuantiseError {
        QuantiseError::TooLarge {
            tensor: excerpt(self.tensor.name.as_bytes()),
            number: wide.number,
            value: wide.value,
            scale: wide.scale,
            held: wide.held,
        }
    }
}

/// A value that does not fit.
struct Wide {
    number: usize,
    value: f64,
    scale: f64,
    held: &'static str,
}

/// One value of a tensor.
struct One<'a> {
    number: usize,
    how: &'a How,
    element: ElementType,
}

impl One<'_> {
    /// The value with its factoriser, and whether it was limited.
    fn sum(&self, value: f32, added: f32, has_added: bool) -> (f32, bool) {
        let mut sum = if has_added { value + added } else { value };
        if let Some(divisor) = self.how.divisor {
            sum /= divisor;
        }
        match self.how.limit {
            Some(limit) => (sum.clamp(-limit, limit), sum.abs() > limit),
            None => (sum, false),
        }
    }

    /// The float that a sum stays, if it did not become infinite.
    fn held(&self, sum: f32, value: f32, added: f32) -> Result<f32, Wide> {
        if sum.is_finite() {
            return Ok(sum);
        }
        let exact = f64::from(value) + f64::from(added);
        Err(Wide {
            number: self.number,
            value: exact / self.how.divisor.map_or(1.0, f64::from),
            scale: 1.0,
            held: self.element.name(),
        })
    }

    /// The integer that it becomes, and whether it was brought to the nearest that its type holds.
    fn integer(&self, sum: f32, apart: Option<(f32, f32)>) -> Result<(i32, bool), Wide> {
        let wide = |value: f32, held: ElementType| Wide {
            number: self.number,
            value: f64::from(value),
            scale: self.how.scale.unwrap_or(1.0),
            held: held.name(),
        };
        let (low, high) = self.element.range();
        let rounded = match apart {
            Some((value, added)) => {
                let mut total = 0.0;
                for summand in [value, added] {
                    let rounded = self.rounded(summand);
                    if !(low..=high).contains(&rounded) {
                        return Err(wide(summand, self.element));
                    }
                    total += rounded;
                }
                total
            }
            None => self.rounded(sum),
        };
        if (low..=high).contains(&rounded) {
            return Ok((rounded as i32, false));
        }
        let Some(before) = self.how.saturates else {
            return Err(wide(sum, self.element));
        };
        let (lowest, highest) = before.range();
        if !(lowest..=highest).contains(&rounded) {
            return Err(wide(sum, before));
        }
        Ok((rounded.clamp(low, high) as i32, true))
    }

    /// Scaled and rounded, halves away from zero.
    fn rounded(&self, value: f32) -> f64 {
        let scale = self.how.scale.unwrap_or(1.0);
        match self.how.products {
            Products::F32 => f64::from((value * scale as f32).round()),
            Products::F64 => (f64::from(value) * scale).round(),
        }
    }
}
