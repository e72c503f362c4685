// masks: one bit a sample, set where the sample's number is below a threshold.
//
// Every neuron belongs to some of sixteen sets; bit b of a sample's number is the parity of its zeros in set b. An
// invocation works on 32 samples at once, and compares their numbers bit by bit, from the highest on.

struct Params {
    // 32-sample words of a plane, and words from one plane to the next.
    words: u32,
    stride: u32,
    neurons: u32,
    threshold: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
// For every neuron one bit a set.
@group(0) @binding(2) var<storage, read> sets: array<u32>;
@group(0) @binding(3) var<storage, read_write> masks: array<u32>;

struct Comparison {
    below: u32,
    equal: u32,
}

fn compare(so_far: Comparison, parity: u32, bit: u32) -> Comparison {
    if ((params.threshold >> bit) & 1u) == 1u {
        return Comparison(so_far.below | (so_far.equal & ~parity), so_far.equal & parity);
    }
    return Comparison(so_far.below, so_far.equal & ~parity);
}

fn compare_four(so_far: Comparison, parities: vec4<u32>, bit: u32) -> Comparison {
    let three = compare(so_far, parities.w, bit + 3u);
    let two = compare(three, parities.z, bit + 2u);
    let one = compare(two, parities.y, bit + 1u);
    return compare(one, parities.x, bit);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.words {
        return;
    }
    let one = vec4(1u);
    var a = vec4(0u);
    var b = vec4(0u);
    var c = vec4(0u);
    var d = vec4(0u);
    for (var neuron = 0u; neuron < params.neurons; neuron++) {
        let word = vec4(planes[neuron * params.stride + id.x]);
        let member = vec4(sets[neuron]);
        // All bits where the neuron belongs to the set.
        a ^= word & (~((member >> vec4(0u, 1u, 2u, 3u)) & one) + one);
        b ^= word & (~((member >> vec4(4u, 5u, 6u, 7u)) & one) + one);
        c ^= word & (~((member >> vec4(8u, 9u, 10u, 11u)) & one) + one);
        d ^= word & (~((member >> vec4(12u, 13u, 14u, 15u)) & one) + one);
    }
    // Not a variable: wgpu lays structs of variables out in a way that Vulkan forbids.
    let by_d = compare_four(Comparison(0u, 0xffffffffu), d, 12u);
    let by_c = compare_four(by_d, c, 8u);
    let by_b = compare_four(by_c, b, 4u);
    masks[id.x] = compare_four(by_b, a, 0u).below;
}
