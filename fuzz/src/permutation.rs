//! Permutation files, text and `.npy`.

use ftperm::order::{NET_SHA256, PermutationFile};

pub fn perm(data: &[u8]) {
    let file = match PermutationFile::parse(data) {
        Ok(file) => file,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            return;
        }
    };
    let _ = file.note(NET_SHA256);
    let inverse = file.permutation.inverse();
    assert!(inverse.after(&file.permutation).is_identity());
    let text = file.to_text();
    let again = PermutationFile::parse(text.as_bytes()).expect("our own text");
    assert_eq!(again.permutation, file.permutation);
    // Line breaks within a note become spaces, all else stays.
    assert_eq!(again.to_text(), text);
    let npy = PermutationFile::parse(&file.to_npy()).expect("our own .npy");
    assert_eq!(npy.permutation, file.permutation);
}
