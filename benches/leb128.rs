//! Decoded bytes a second of the LEB128 codec on one core, on the weights of the demo network.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ftperm::nets::stockfish::{Network, ReadOptions, leb128};

fn codec(criterion: &mut Criterion) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/demo.nnue");
    let network = Network::read(path.as_ref(), &ReadOptions::default()).expect("the demo network");
    let values = network.ft.wide;
    let payload = leb128::encode(&values);
    let one_core = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a thread");
    let mut group = criterion.benchmark_group("leb128, one core");
    group.throughput(Throughput::Bytes(2 * values.len() as u64));
    group.bench_function("decode i16", |bencher| {
        one_core.install(|| {
            bencher.iter(|| leb128::decode::<i16>(black_box(&payload), values.len()));
        });
    });
    group.bench_function("encode i16", |bencher| {
        one_core.install(|| bencher.iter(|| leb128::encode(black_box(&values))));
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
