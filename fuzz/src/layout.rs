//! Layouts of other engines' networks, and networks of random bytes under them.

use ftperm::chess::board::Board;
use ftperm::compute::cpu::CpuBackend;
use ftperm::nets::described::{Layout, LayoutDifference, RawNet, RawNetError, Role, compare};
use ftperm::nets::model::{ModelFile as _, SampleOrder};
use ftperm::order::Permutation;
use ftperm::run::gather::gather;

/// Longest network that is made, in bytes.
const MAX_LEN: u64 = 1 << 20;

const FENS: [&str; 3] = [
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R b KQkq - 0 1",
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1",
];

/// The layout ends at the first zero byte, if there is one; what follows are bytes of a network, again and again.
pub fn layout(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == 0);
    let (text, pattern) = data.split_at(end.unwrap_or(data.len()));
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let layout = match Layout::parse(text) {
        Ok(layout) => layout,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(layout.neurons().is_multiple_of(4));
    // What the file is long is not said but by the error of one that is not.
    let len = match RawNet::parse(Vec::new(), &layout) {
        Err(RawNetError::Length { expected, .. }) => expected,
        Ok(_) => panic!("a network without bytes"),
        Err(_) => {
            let file = pattern.get(1..).unwrap_or_default().to_vec();
            if let Ok(net) = RawNet::parse(file, &layout) {
                check(&net);
            }
            return;
        }
    };
    if len > MAX_LEN {
        return;
    }
    let mut bytes: Vec<u8> = match pattern {
        [] | [0] => vec![0; len as usize],
        [_, pattern @ ..] => pattern.iter().copied().cycle().take(len as usize).collect(),
    };
    let net = match RawNet::parse(bytes.clone(), &layout) {
        Err(RawNetError::Magic { expected }) => {
            bytes[..expected.len()].copy_from_slice(expected.as_bytes());
            RawNet::parse(bytes, &layout)
        }
        parsed => parsed,
    };
    // Numbers that the layout expects are seldom there.
    if !matches!(net, Err(RawNetError::Value { .. })) {
        check(&net.expect("a file as described"));
    }
}

fn check(net: &RawNet) {
    let neurons = net.layout().neurons() as u32;
    let rotation = (0..neurons).map(|it| (it + 1) % neurons).collect();
    let rotation = Permutation::new(rotation).expect("a rotation");
    let rotated = net.permuted(&rotation).expect("the layout's own width");
    let back = rotated.permuted(&rotation.inverse());
    let back = back.expect("the layout's own width");
    let mut tensors = net.layout().tensors().iter();
    // A flag stays set.
    assert!(tensors.any(|tensor| tensor.role == Role::Flag) || back.bytes() == net.bytes());
    let boards = FENS.map(|fen| fen.parse::<Board>().expect("a position"));
    let mut file = Vec::new();
    rotated.write(&mut file).expect("memory takes it");
    let ordered = net.compare_file(&file, &rotation);
    ordered.expect("the neurons of the one in the order of the other");
    let proof = match compare(net, &rotated, &boards) {
        Ok(proof) => proof,
        Err(difference) => {
            // Bytes that are no numbers: a sum may be any of them.
            let no_number = matches!(&difference, LayoutDifference::Sum { expected, found, .. }
                if [expected, found].iter().all(|it| *it == "NaN"));
            assert!(no_number, "{difference}");
            return;
        }
    };
    assert!(proof.same_neurons && proof.positions == boards.len());
    let backend = CpuBackend::new(Some(1)).expect("the thread there is");
    let planes = |net| {
        gather(net, &backend, &boards, SampleOrder::Positions, |_| ()).expect("the CPU computes")
    };
    let (before, after) = (planes(net), planes(&rotated));
    for neuron in 0..neurons as usize {
        let old = rotation.indices()[neuron] as usize;
        assert_eq!(after.plane(neuron), before.plane(old));
    }
}
