// Planes of chosen samples: bit i of a result is bit samples[i] of the plane.

struct Params {
    // 32-sample words of this dispatch, and words from one plane to the next.
    words: u32,
    stride: u32,
    // Where the results begin in a plane, and words from one result to the next.
    out_first: u32,
    out_stride: u32,
}

// Stands for no sample.
const NONE = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
@group(0) @binding(2) var<storage, read> samples: array<u32>;
@group(0) @binding(3) var<storage, read_write> results: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.words {
        return;
    }
    let base = id.y * params.stride;
    var bits = 0u;
    for (var i = 0u; i < 32u; i++) {
        let sample = samples[id.x * 32u + i];
        if sample != NONE {
            bits |= ((planes[base + sample / 32u] >> (sample % 32u)) & 1u) << i;
        }
    }
    results[id.y * params.out_stride + params.out_first + id.x] = bits;
}
