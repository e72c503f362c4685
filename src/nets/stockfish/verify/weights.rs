//! Have two networks the same weights, whatever the order of their neurons and the layout of their files?

use thiserror::Error;

use super::differences::{Comparing, Differences};
use super::neurons::match_neurons;
use crate::nets::stockfish::{Architecture, Network, TensorRole};
use crate::order::Permutation;

/// Why the weights of two networks cannot be compared one by one.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the second is no network of the first one's kind: {0}")]
pub struct OtherFunction(String);

/// All weights of two networks, compared.
#[derive(Clone, Debug)]
pub struct WeightComparison {
    /// Neuron i of the second network is neuron `permutation[i]` of the first.
    pub permutation: Permutation,
    /// Pairs of columns, whose product is an output, that have changed places: the product is the same.
    pub crossed_pairs: usize,
    /// What differs under that order.
    pub differences: Differences,
    /// The layout that the second network was brought into, if it had another.
    pub relaid: Option<&'static str>,
}

impl WeightComparison {
    /// Do the networks compute the same for every position?
    pub fn is_proved(&self) -> bool {
        self.differences.count() == 0
    }
}

/// Compares all weights of two networks. The order of the neurons is found; `b` is brought into the layout of `a` if it
/// has another one that computes the same.
///
/// What is compared is what networks compute with: no descriptions, no compression.
///
/// # Errors
/// They have other sizes, features or arithmetic.
pub fn compare_weights(a: &Network, b: &mut Network) -> Result<WeightComparison, OtherFunction> {
    let (architecture, other) = (&a.architecture, &b.architecture);
    sizes(architecture, other).map_err(OtherFunction)?;
    let relaid = if architecture.same_as(other) {
        None
    } else {
        let from = b.recognition.era.id;
        b.lay_out_as(architecture)
            .map_err(|reason| OtherFunction(reason.to_string()))?;
        Some(from)
    };
    let map = match_neurons(a, b);
    let neurons = architecture.neurons();
    let order = map.neurons(architecture).to_vec();
    let crossed_pairs = order
        .iter()
        .zip(&map.ft)
        .filter(|(neuron, column)| neuron != column)
        .count();
    let mut comparing = Comparing::new(architecture, map, false);
    let (mut wide, mut narrow, mut psqt) = (0, 0, 0);
    for (tensor, spec) in architecture.layout.iter().enumerate() {
        let len = architecture.tensor_len(spec.role);
        match spec.role {
            TensorRole::Bias => comparing.ft(tensor, &a.ft.bias, 0, &b.ft.bias),
            TensorRole::Wide(..) => {
                let part = wide..wide + len;
                comparing.ft(tensor, &a.ft.wide[part.clone()], 0, &b.ft.wide[part]);
                wide += len;
            }
            TensorRole::Narrow(..) => {
                let part = narrow..narrow + len;
                comparing.ft(tensor, &a.ft.narrow[part.clone()], 0, &b.ft.narrow[part]);
                narrow += len;
            }
            TensorRole::Psqt(..) => {
                let part = psqt..psqt + len;
                comparing.ft(tensor, &a.ft.psqt[part.clone()], 0, &b.ft.psqt[part]);
                psqt += len;
            }
        }
    }
    for (number, (a, b)) in a.stacks.iter().zip(&b.stacks).enumerate() {
        for (layer, pair) in a.layers.iter().zip(&b.layers).enumerate() {
            comparing.layer(number, layer, pair.into());
        }
    }
    debug_assert_eq!(order.len(), neurons);
    Ok(WeightComparison {
        permutation: Permutation::new(order).expect("every neuron has a partner of its own"),
        crossed_pairs,
        differences: comparing.differences,
        relaid,
    })
}

fn sizes(a: &Architecture, b: &Architecture) -> Result<(), String> {
    let sizes = [
        ("L1", a.l1, b.l1),
        ("rows of the first layer", a.outputs0, b.outputs0),
        ("rows of the second layer", a.outputs1, b.outputs1),
        ("layer stacks", a.stacks, b.stacks),
    ];
    match sizes.into_iter().find(|(_, a, b)| a != b) {
        Some((what, a, b)) => Err(format!("{what}: {a} and {b}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::stockfish::{Encoding, sample};

    fn order_of(network: &Network) -> Permutation {
        let neurons = network.architecture.neurons() as u32;
        Permutation::new((0..neurons).map(|i| (i * 5 + 3) % neurons).collect()).unwrap()
    }

    #[test]
    fn permuted_networks_of_every_kind_are_proved() {
        for id in ["v1", "v5", "v10a", "v16", "lite768"] {
            let a = sample(id, 64);
            let mut b = a.clone();
            let order = order_of(&a);
            b.permute(&order).unwrap();
            b.ft.encodings[0] = Encoding::Leb128;
            b.description.push(b'!');
            let compared = compare_weights(&a, &mut b).unwrap();
            assert!(compared.is_proved(), "{id}");
            assert_eq!(compared.permutation, order, "{id}");
            let same = compare_weights(&a, &mut a.clone()).unwrap();
            assert!(same.is_proved() && same.permutation.is_identity(), "{id}");
        }
    }

    #[test]
    fn equal_neurons_and_crossed_pairs_are_proved() {
        let mut a = sample("v5", 64);
        // Neurons 3 and 7 are the same.
        let l1 = 64;
        for row in [&mut a.ft.bias, &mut a.ft.wide] {
            for row in row.chunks_exact_mut(l1) {
                (row[7], row[39]) = (row[3], row[35]);
            }
        }
        for stack in &mut a.stacks {
            for row in stack.layers[0].weights.chunks_exact_mut(64) {
                (row[7], row[39]) = (row[3], row[35]);
            }
        }
        let mut b = a.clone();
        b.permute(&order_of(&a)).unwrap();
        // The columns of neuron 5 change places.
        for row in [&mut b.ft.bias, &mut b.ft.wide] {
            row.chunks_exact_mut(l1).for_each(|row| row.swap(5, 37));
        }
        let compared = compare_weights(&a, &mut b).unwrap();
        assert!(compared.is_proved());
        assert_eq!(compared.crossed_pairs, 1);
    }

    #[test]
    fn layouts_of_the_same_weights_are_proved() {
        let mut a = sample("v10b", 64);
        a.ft.narrow[5] = -128;
        let mut b = a.clone();
        b.relayout(crate::nets::stockfish::era("v10a").unwrap())
            .unwrap();
        b.permute(&order_of(&a)).unwrap();
        let compared = compare_weights(&a, &mut b.clone()).unwrap();
        assert!(compared.is_proved());
        assert_eq!(compared.relaid, Some("v10a"));
        // Engines read 8 bits of a 16-bit threat weight, so that what is above them does not matter.
        let mut high = b.clone();
        high.ft.wide[77] ^= 0x100;
        let compared = compare_weights(&b, &mut high).unwrap();
        assert!(compared.is_proved());
        assert_eq!(compared.differences.unread(), 1);
        high.ft.wide[77] ^= 1;
        let compared = compare_weights(&b, &mut high).unwrap();
        assert_eq!(compared.differences.count(), 1);
        // Other features, other arithmetic.
        let other = compare_weights(&sample("v14", 64), &mut sample("v14.1", 64)).unwrap_err();
        assert!(
            other
                .to_string()
                .ends_with("its layers compute something else")
        );
        let other = compare_weights(&sample("v5", 64), &mut sample("v5", 96)).unwrap_err();
        assert!(other.to_string().ends_with("L1: 64 and 96"));
    }

    /// Makes a change in a copy that is permuted, and gives what is found: how many weights, and the words of one.
    fn changed(a: &Network, change: impl Fn(&mut Network)) -> (u64, u64, String) {
        let mut b = a.clone();
        change(&mut b);
        b.permute(&order_of(a)).unwrap();
        let compared = compare_weights(a, &mut b).unwrap();
        assert_eq!(compared.permutation, order_of(a));
        let differences = compared.differences;
        let words = differences
            .first()
            .iter()
            .chain(differences.first_unread())
            .next();
        (
            differences.count(),
            differences.unread(),
            words.unwrap().to_string(),
        )
    }

    #[test]
    fn single_changes_of_all_tensors_are_named() {
        for (id, set) in [("v1", 0), ("v5", 0), ("v10b", 1), ("v16", 2)] {
            let a = sample(id, 64);
            let place = |change: fn(&mut Network)| {
                let (count, unread, words) = changed(&a, change);
                assert_eq!((count, unread), (1, 0), "{id}: {words}");
                words
            };
            let bias = place(|network| network.ft.bias[9] += 1);
            assert!(
                bias.starts_with("feature transformer biases: neuron "),
                "{bias}"
            );
            let weight = place(|network| network.ft.wide[64 * 5000 + 9] -= 1);
            assert!(weight.contains("feature 5000 of Half"), "{weight}");
            assert!(weight.contains("(was 9)"), "{weight}");
            let layer = place(|network| {
                *network.stacks.last_mut().unwrap().layers[0]
                    .weights
                    .last_mut()
                    .unwrap() ^= 1
            });
            assert!(layer.contains("first layer: weight of row "), "{layer}");
            assert!(layer.contains(", of the opponent: "), "{layer}");
            place(|network| network.stacks[0].layers[0].bias[1] += 1);
            place(|network| network.stacks[0].layers[1].bias[1] += 1);
            place(|network| network.stacks[0].layers[1].weights[1] ^= 1);
            place(|network| network.stacks[0].layers[2].bias[0] += 1);
            let last = place(|network| network.stacks[0].layers[2].weights[3] ^= 1);
            assert!(
                last.starts_with("layer stack 0, output layer: weight of input 3: "),
                "{last}"
            );
            if id != "v1" {
                let psqt = place(|network| *network.ft.psqt.last_mut().unwrap() += 1);
                assert!(psqt.contains(", bucket 7: "), "{psqt}");
            }
            if set > 0 {
                let threat = place(|network| network.ft.narrow[64 * 40_000 + 3] ^= 1);
                assert!(
                    threat.starts_with("threat weights: feature 40000 of Full_Threats ("),
                    "{threat}"
                );
            }
        }
    }

    #[test]
    fn a_zeroed_feature_is_named_and_changes_nothing_else() {
        for id in ["v3", "v5"] {
            let zeroed = |network: &mut Network| network.ft.wide[64 * 777..64 * 778].fill(0);
            let a = sample(id, 64);
            let nonzero = a.ft.wide[64 * 777..64 * 778]
                .iter()
                .filter(|&&weight| weight != 0)
                .count();
            let (count, unread, words) = changed(&a, zeroed);
            assert_eq!((count, unread), (nonzero as u64, 0), "{id}");
            assert!(
                words
                    .contains("feature 777 of HalfKAv2_hm (opponent's pawn on b2, own king on g8)"),
                "{words}"
            );
        }
    }

    #[test]
    fn what_no_position_reads_does_not_count() {
        // The slot of a king's features that stands for nothing.
        let (count, unread, words) = changed(&sample("v1", 64), |network| {
            network.ft.wide[64 * 641 + 5] += 1
        });
        assert_eq!((count, unread), (0, 1));
        assert!(words.contains("no position has this feature"), "{words}");
        // Padding of the second layer of SFNNv5: 30 inputs in rows of 32.
        let (count, unread, words) = changed(&sample("v5", 64), |network| {
            network.stacks[1].layers[1].weights[31] ^= 4
        });
        assert_eq!((count, unread), (0, 1));
        assert!(words.contains("padding"), "{words}");
    }
}
