//! Trainers' checkpoints: `torch.save` archives and safetensors.

use ftperm::checkpoint::{Checkpoint, ConvertOptions};

pub fn checkpoint(data: &[u8]) {
    let checkpoint = match Checkpoint::from_bytes(data.to_vec()) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for tensor in checkpoint.tensors() {
        assert!(tensor.len() <= data.len());
    }
    // The state dictionary of a whole network has more bytes than an input: mostly this says what is missing.
    match checkpoint.preview(&ConvertOptions::default()) {
        Ok((network, _)) => assert!(!network.to_bytes().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
