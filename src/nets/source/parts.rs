//! WebAssembly engines that are published in several files, `NAME-part-0.wasm`, `NAME-part-1.wasm` and so on.

use std::path::{Path, PathBuf};

use super::error::SourceError;

/// The stem and number of a part's file name.
fn part_of(name: &str) -> Option<(&str, usize)> {
    let (stem, number) = name.strip_suffix(".wasm")?.rsplit_once("-part-")?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| digits)?;
    Some((stem, number))
}

fn part_path(directory: &Path, stem: &str, number: usize) -> PathBuf {
    directory.join(format!("{stem}-part-{number}.wasm"))
}

/// The files that make up the module to which `path` belongs, in order: `path` may be any part, or the parts' common
/// stem (with or without `.wasm`) if no such file exists. `None` if the path names no module in parts.
///
/// # Errors
/// A part before the last one is missing.
pub(super) fn parts(path: &Path) -> Result<Option<Vec<PathBuf>>, SourceError> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(None);
    };
    let directory = path.parent().unwrap_or(Path::new(""));
    let stem = match part_of(name) {
        Some((stem, _)) => stem,
        None if path.exists() => return Ok(None),
        None => name.strip_suffix(".wasm").unwrap_or(name),
    };
    let listed = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let Ok(entries) = std::fs::read_dir(listed) else {
        return Ok(None);
    };
    let mut numbers: Vec<usize> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            let (other, number) = part_of(name.to_str()?)?;
            (other == stem).then_some(number)
        })
        .collect();
    if numbers.is_empty() {
        return Ok(None);
    }
    numbers.sort_unstable();
    numbers.dedup();
    for (expected, &number) in numbers.iter().enumerate() {
        if number != expected {
            return Err(SourceError::MissingPart {
                path: path.to_path_buf(),
                missing: expected,
                expected: part_path(directory, stem, expected),
            });
        }
    }
    let files = numbers
        .iter()
        .map(|&number| part_path(directory, stem, number))
        .collect();
    Ok(Some(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts() {
        assert_eq!(part_of("sf-17-part-3.wasm"), Some(("sf-17", 3)));
        assert_eq!(part_of("a-part-0-part-12.wasm"), Some(("a-part-0", 12)));
        for other in [
            "sf.wasm",
            "sf-part-.wasm",
            "sf-part-+1.wasm",
            "sf-part-1.js",
            "part-1.wasm",
        ] {
            assert_eq!(part_of(other), None, "{other}");
        }
    }

    #[test]
    fn parts_are_found_from_any_part_and_from_the_stem() {
        let directory = tempfile::tempdir().unwrap();
        for number in (0..12).rev() {
            std::fs::write(part_path(directory.path(), "sf", number), b"x").unwrap();
        }
        std::fs::write(directory.path().join("other-part-1.wasm"), b"x").unwrap();
        let expected: Vec<PathBuf> = (0..12)
            .map(|number| part_path(directory.path(), "sf", number))
            .collect();
        for name in ["sf-part-0.wasm", "sf-part-11.wasm", "sf.wasm", "sf"] {
            let found = parts(&directory.path().join(name)).unwrap();
            assert_eq!(found.as_ref(), Some(&expected), "{name}");
        }
        assert_eq!(parts(&directory.path().join("nothing")).unwrap(), None);
        std::fs::remove_file(&expected[4]).unwrap();
        let error = parts(&directory.path().join("sf.wasm")).unwrap_err();
        assert!(matches!(error, SourceError::MissingPart { missing: 4, .. }));
        let error = parts(&directory.path().join("other-part-1.wasm")).unwrap_err();
        assert!(matches!(error, SourceError::MissingPart { missing: 0, .. }));
    }
}
