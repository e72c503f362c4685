//! Weight files of Lc0, plain or gzip.

use ftperm::nets::lc0::{
    Arithmetic, Encoding, Lc0Error, Lc0File, Lc0Net, Rewrite, TensorOptions, Version, compare,
    embed, embedded,
};

pub fn lc0(data: &[u8]) {
    if let Ok(with) = embed(data, data) {
        let inside = embedded(&with).expect("it was just put in");
        assert!(inside.is_some());
    }
    let Ok(file) = Lc0File::read(data) else {
        return;
    };
    match file.net() {
        Ok(net) => check(&file, &net),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check(file: &Lc0File, net: &Lc0Net<'_>) {
    for version in [Version::new(0, 32, 1), Version::V0_33] {
        let description = net.describe(version);
        assert_eq!(description.loads.loads, net.loads(version).is_ok());
        serde_json::to_string(&description).expect("it serialises");
    }
    // What is not changed keeps its bytes.
    let same = net.rewrite(&Rewrite::default(), Arithmetic::Since033);
    assert!(same.is_ok_and(|same| same.bytes == file.bytes()));
    let updated = Rewrite {
        update_format: true,
        license: Some("any".to_string()),
        ..Rewrite::default()
    };
    let folded = Rewrite {
        encoding: Some(Encoding::Float32),
        fold_batch_norm: true,
        ..Rewrite::default()
    };
    for options in [updated, folded] {
        let Ok(new) = net.rewrite(&options, Arithmetic::UpTo032) else {
            continue;
        };
        let back = Lc0File::read(&new.bytes[..]).expect("plain bytes");
        new.check(&back).expect("it is what was written");
        let back = back.net().expect("a network");
        assert!(!options.update_format || back.changes().is_empty());
        if let Ok(found) = compare(net, &back, Arithmetic::UpTo032) {
            assert!(found.same_within(0.0), "{found:?}");
        }
    }
    for encoding in Encoding::ALL {
        let options = Rewrite {
            encoding: Some(encoding),
            ..Rewrite::default()
        };
        let _ = net.rewrite(&options, Arithmetic::Since033);
    }
    let options = TensorOptions {
        arithmetic: Arithmetic::Since033,
        fold_batch_norm: true,
        heads: Vec::new(),
    };
    let mut values = 0;
    let read = net.tensors(&options, |tensor| {
        assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
        values += tensor.values.len();
        Ok::<_, Lc0Error>(())
    });
    let mut out = Vec::new();
    if read.is_ok() && net.write_safetensors(&options, &mut out).is_ok() {
        assert!(out.len() >= 8 + 4 * values);
    }
}
