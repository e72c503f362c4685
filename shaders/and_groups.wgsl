// The planes of neuron groups: the AND of four planes each, for a window of samples.
//
// A group of fewer neurons repeats one, which changes nothing.

struct Params {
    // Groups, and vectors of four words in the window.
    groups: u32,
    vectors: u32,
    // In vectors: from one plane to the next, where the window begins in a plane, from one result to the next.
    stride: u32,
    first: u32,
    out_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> planes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> groups: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> results: array<vec4<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.vectors || id.y >= params.groups {
        return;
    }
    let base = groups[id.y] * params.stride + vec4(params.first + id.x);
    results[id.y * params.out_stride + id.x] = planes[base.x] & planes[base.y] & planes[base.z] & planes[base.w];
}
