//! The order in which an engine's build has the neurons of whatever file it is given.

use super::Permutation;

/// Neuron i of the engine is neuron `order[i]` of the network's file, because its build, or its start, moves them once
/// more. So blocks are those of the engine's order, and a file must be written in another one than is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOrder(Permutation);

impl BuildOrder {
    pub fn new(order: Permutation) -> BuildOrder {
        BuildOrder(order)
    }

    pub fn permutation(&self) -> &Permutation {
        &self.0
    }

    /// How the file's neurons must be reordered, so that after the build the engine's are in this order of those that
    /// it has now.
    ///
    /// # Panics
    /// If the lengths differ; so do the other functions.
    #[must_use]
    pub fn in_file(&self, in_engine: &Permutation) -> Permutation {
        self.0.inverse().after(in_engine).after(&self.0)
    }

    /// What reordering the file's neurons does to those that the engine has.
    #[must_use]
    pub fn in_engine(&self, in_file: &Permutation) -> Permutation {
        self.0.after(in_file).after(&self.0.inverse())
    }

    /// The build's order that gives the engine this order of the neurons that it has now, with the file as it is.
    #[must_use]
    pub fn then(&self, in_engine: &Permutation) -> Permutation {
        in_engine.after(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(indices: &[u32]) -> Permutation {
        Permutation::new(indices.to_vec()).unwrap()
    }

    /// A file of neurons with names, as `permute` writes it and as the build moves them.
    fn moved(names: &[char], order: &Permutation) -> Vec<char> {
        let indices = order.indices().iter();
        indices.map(|&index| names[index as usize]).collect()
    }

    #[test]
    fn the_engine_gets_the_order_that_was_wanted() {
        let file = ['a', 'b', 'c', 'd', 'e'];
        let build = BuildOrder::new(order(&[3, 0, 4, 1, 2]));
        let engine = moved(&file, build.permutation());
        assert_eq!(engine, ['d', 'a', 'e', 'b', 'c']);
        let wanted = order(&[1, 4, 0, 2, 3]);
        let expected = ['a', 'c', 'd', 'e', 'b'];
        assert_eq!(moved(&engine, &wanted), expected);
        // Another file, and the same build.
        let written = moved(&file, &build.in_file(&wanted));
        assert_eq!(moved(&written, build.permutation()), expected);
        assert_eq!(build.in_engine(&build.in_file(&wanted)), wanted);
        // The same file, and another build.
        assert_eq!(moved(&file, &build.then(&wanted)), expected);
    }
}
