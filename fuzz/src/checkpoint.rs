//! Trainers' checkpoints: `torch.save` archives and safetensors.

use ftperm::nets::checkpoint::{Checkpoint, ConvertOptions};

pub fn checkpoint(data: &[u8]) {
    let checkpoint = match Checkpoint::from_bytes(data.to_vec()) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // Deflate packs at most so many bytes into one; an archive in an archive may do it twice.
    const DENSEST: usize = 1032 * 1032;
    for tensor in checkpoint.tensors() {
        assert!(tensor.len() <= DENSEST * data.len());
    }
    // The state dictionary of a whole network has more bytes than an input: mostly this says what is missing.
    match checkpoint.preview(&ConvertOptions::default()) {
        Ok((network, _)) => assert!(!network.to_bytes().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
