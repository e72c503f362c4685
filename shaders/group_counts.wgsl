// counts[g] += number of bits set in all planes of group g.
//
// A workgroup takes some vectors of one group. A group of fewer than four neurons repeats one, which changes nothing.

struct Params {
    // In vectors of four words: a plane, from one plane to the next, and what a workgroup takes.
    vectors: u32,
    stride: u32,
    vectors_per_workgroup: u32,
}

const INVOCATIONS = 256u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> planes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> groups: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

// No array, because wgpu lays arrays of shared memory out in a way that Vulkan forbids.
var<workgroup> sum_of_all: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let group = tile.y;
    let base = groups[group] * params.stride;
    let first = tile.x * params.vectors_per_workgroup;
    let last = min(first + params.vectors_per_workgroup, params.vectors);
    var sum = vec4(0u);
    for (var i = first + index; i < last; i += INVOCATIONS) {
        let at = base + vec4(i);
        sum += countOneBits(planes[at.x] & planes[at.y] & planes[at.z] & planes[at.w]);
    }
    if index == 0u {
        atomicStore(&sum_of_all, 0u);
    }
    workgroupBarrier();
    atomicAdd(&sum_of_all, sum.x + sum.y + sum.z + sum.w);
    workgroupBarrier();
    if index == 0u {
        atomicAdd(&counts[group], atomicLoad(&sum_of_all));
    }
}
