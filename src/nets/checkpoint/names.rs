//! Names of feature sets as people give them.

use crate::nets::stockfish::ERAS;

/// Are all of these, joined by `+` and each with or without `^`, names of feature sets?
///
/// # Errors
/// Which one is not, and which one is nearest.
pub fn known_features(names: &str) -> Result<(), String> {
    let mut known: Vec<&str> = ERAS
        .iter()
        .flat_map(|era| era.architecture.sets)
        .map(|set| set.name())
        .collect();
    known.sort_unstable();
    known.dedup();
    for name in names.split('+') {
        let plain = name.strip_suffix('^').unwrap_or(name);
        if known.contains(&plain) {
            continue;
        }
        let distance = |known_set: &&&str| {
            strsim::damerau_levenshtein(&known_set.to_lowercase(), &plain.to_lowercase())
        };
        let nearest = known.iter().min_by_key(distance).copied().unwrap_or("");
        return Err(format!(
            "there is no feature set `{}`; is {nearest} meant? Known are {}, each with or without ^",
            plain.chars().take(60).collect::<String>().escape_debug(),
            known.join(", ")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told() {
        assert_eq!(known_features("Full_Threats+PP_3Wide+HalfKAv2_hm^"), Ok(()));
        let error = known_features("HalfKAv2_mh^").unwrap_err();
        assert!(
            error.contains("`HalfKAv2_mh`; is HalfKAv2_hm meant?"),
            "{error}"
        );
        assert!(
            known_features("fullthreats")
                .unwrap_err()
                .contains("is Full_Threats meant?")
        );
        assert!(known_features("").is_err());
    }
}
