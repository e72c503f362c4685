// counts[l][r] += number of bits set in both left plane l and right plane r, over a range of words.
//
// A binary matrix product: a workgroup computes a tile of 64 x 64 counts, or of 16 x 64 where few rows are asked for,
// and an invocation 4 x 4 of them, 16 words of every plane at a time. The words are shared out over workgroup_id.z as
// well; integer atomics make the sum independent of the order in which workgroups finish.

struct Params {
    // Rows and columns of counts; words of counts from one row and from one column to the next.
    left_count: u32,
    right_count: u32,
    left_pitch: u32,
    right_pitch: u32,
    // The row where workgroup row 0 begins.
    left_from: u32,
    // Steps of 16 words in this dispatch, and how many of them a workgroup takes.
    steps: u32,
    steps_per_workgroup: u32,
    // In vectors of four words: from one plane to the next, and where the dispatch begins in a plane.
    left_stride: u32,
    left_first: u32,
    right_stride: u32,
    right_first: u32,
}

// Rows of a tile: 64 or 16.
override ROWS: u32;
// How bits are added up: see `add`.
override CARRY_SAVE: bool;

const COLUMNS = 64u;
// From one of an invocation's four rows or columns to the next.
override ROW_STEP: u32 = ROWS / 4u;
const COLUMN_STEP = 16u;
// Vectors of a plane in a step; a pitch of one more keeps vector loads of shared memory free of bank conflicts.
const STEP = 4u;
const PITCH = 5u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left_planes: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> right_planes: array<vec4<u32>>;
// Which plane each row and column counts, padded to whole tiles with planes that exist.
@group(0) @binding(3) var<storage, read> left_rows: array<u32>;
@group(0) @binding(4) var<storage, read> right_rows: array<u32>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> left_tile: array<vec4<u32>, 320>;
var<workgroup> right_tile: array<vec4<u32>, 320>;

// Adds the four words of `left` ANDed with those of four right planes to four counts.
//
// Either by a popcount a word, tallied in `twos`. Or by a carry-save adder, which takes two words at a time, so that
// only one popcount is needed for both: `ones` has the bits of weight one, `twos` the tally of those of weight two. The
// carry of ones, a and b is b where ones and a differ, else ones.
fn add(
    ones: ptr<function, vec4<u32>>,
    twos: ptr<function, vec4<u32>>,
    left: vec4<u32>,
    x: vec4<u32>,
    y: vec4<u32>,
    z: vec4<u32>,
    w: vec4<u32>,
) {
    let a = vec4(left.x) & x;
    let b = vec4(left.y) & y;
    let c = vec4(left.z) & z;
    let d = vec4(left.w) & w;
    if !CARRY_SAVE {
        *twos = countOneBits(d) + (countOneBits(c) + (countOneBits(b) + (countOneBits(a) + *twos)));
        return;
    }
    let one = *ones;
    let one_a = one ^ a;
    let carry_ab = one ^ (one_a & (one ^ b));
    let ab = one_a ^ b;
    let ab_c = ab ^ c;
    let carry_cd = ab ^ (ab_c & (ab ^ d));
    *ones = ab_c ^ d;
    *twos += countOneBits(carry_ab) + countOneBits(carry_cd);
}

// Adds vector k of every plane in shared memory to the invocation's 4 x 4 counts. They are no struct, because wgpu lays
// structs of variables out in a way that Vulkan forbids.
fn add_vector(
    ones0: ptr<function, vec4<u32>>,
    twos0: ptr<function, vec4<u32>>,
    ones1: ptr<function, vec4<u32>>,
    twos1: ptr<function, vec4<u32>>,
    ones2: ptr<function, vec4<u32>>,
    twos2: ptr<function, vec4<u32>>,
    ones3: ptr<function, vec4<u32>>,
    twos3: ptr<function, vec4<u32>>,
    local: vec2<u32>,
    k: u32,
) {
    let r0 = right_tile[local.x * PITCH + k];
    let r1 = right_tile[(local.x + COLUMN_STEP) * PITCH + k];
    let r2 = right_tile[(local.x + 2u * COLUMN_STEP) * PITCH + k];
    let r3 = right_tile[(local.x + 3u * COLUMN_STEP) * PITCH + k];
    let x = vec4(r0.x, r1.x, r2.x, r3.x);
    let y = vec4(r0.y, r1.y, r2.y, r3.y);
    let z = vec4(r0.z, r1.z, r2.z, r3.z);
    let w = vec4(r0.w, r1.w, r2.w, r3.w);
    add(ones0, twos0, left_tile[local.y * PITCH + k], x, y, z, w);
    add(ones1, twos1, left_tile[(local.y + ROW_STEP) * PITCH + k], x, y, z, w);
    add(ones2, twos2, left_tile[(local.y + 2u * ROW_STEP) * PITCH + k], x, y, z, w);
    add(ones3, twos3, left_tile[(local.y + 3u * ROW_STEP) * PITCH + k], x, y, z, w);
}

fn write(left: u32, right: u32, ones: vec4<u32>, twos: vec4<u32>) {
    if left >= params.left_count {
        return;
    }
    var sums = twos;
    if CARRY_SAVE {
        sums = twos * 2u + countOneBits(ones);
    }
    let first = left * params.left_pitch + right * params.right_pitch;
    let step = COLUMN_STEP * params.right_pitch;
    if right < params.right_count {
        atomicAdd(&counts[first], sums.x);
    }
    if right + COLUMN_STEP < params.right_count {
        atomicAdd(&counts[first + step], sums.y);
    }
    if right + 2u * COLUMN_STEP < params.right_count {
        atomicAdd(&counts[first + 2u * step], sums.z);
    }
    if right + 3u * COLUMN_STEP < params.right_count {
        atomicAdd(&counts[first + 3u * step], sums.w);
    }
}

// Where column `column` of the tile begins.
fn right_base(tile: u32, column: u32) -> u32 {
    return right_rows[tile * COLUMNS + column] * params.right_stride + params.right_first;
}

@compute @workgroup_size(16, ROWS / 4u)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    // Every invocation loads one vector of the left side in a step, and one of the right side or, where tiles have few
    // rows and so few invocations, four.
    let load_row = index / STEP;
    let load_vector = index % STEP;
    let load_at = load_row * PITCH + load_vector;
    let left_row = left_rows[params.left_from + tile.y * ROWS + load_row];
    let left_base = left_row * params.left_stride + params.left_first + load_vector;
    let right_base0 = right_base(tile.x, load_row) + load_vector;
    var right_base1 = right_base0;
    var right_base2 = right_base0;
    var right_base3 = right_base0;
    if ROWS < COLUMNS {
        right_base1 = right_base(tile.x, load_row + ROWS) + load_vector;
        right_base2 = right_base(tile.x, load_row + 2u * ROWS) + load_vector;
        right_base3 = right_base(tile.x, load_row + 3u * ROWS) + load_vector;
    }
    let first = tile.z * params.steps_per_workgroup;
    let last = min(first + params.steps_per_workgroup, params.steps);

    var ones0 = vec4(0u);
    var twos0 = vec4(0u);
    var ones1 = vec4(0u);
    var twos1 = vec4(0u);
    var ones2 = vec4(0u);
    var twos2 = vec4(0u);
    var ones3 = vec4(0u);
    var twos3 = vec4(0u);
    var next_left = left_planes[left_base + first * STEP];
    var next_right0 = right_planes[right_base0 + first * STEP];
    var next_right1 = next_right0;
    var next_right2 = next_right0;
    var next_right3 = next_right0;
    if ROWS < COLUMNS {
        next_right1 = right_planes[right_base1 + first * STEP];
        next_right2 = right_planes[right_base2 + first * STEP];
        next_right3 = right_planes[right_base3 + first * STEP];
    }
    for (var step = first; step < last; step++) {
        workgroupBarrier();
        left_tile[load_at] = next_left;
        right_tile[load_at] = next_right0;
        if ROWS < COLUMNS {
            right_tile[load_at + ROWS * PITCH] = next_right1;
            right_tile[load_at + 2u * ROWS * PITCH] = next_right2;
            right_tile[load_at + 3u * ROWS * PITCH] = next_right3;
        }
        workgroupBarrier();
        // The next step's loads travel while this one is counted; the last step loads itself again.
        let next = min(step + 1u, last - 1u) * STEP;
        next_left = left_planes[left_base + next];
        next_right0 = right_planes[right_base0 + next];
        if ROWS < COLUMNS {
            next_right1 = right_planes[right_base1 + next];
            next_right2 = right_planes[right_base2 + next];
            next_right3 = right_planes[right_base3 + next];
        }

        // Unrolled by hand, because the iteration limit that wgpu adds to loops keeps compilers from it.
        add_vector(&ones0, &twos0, &ones1, &twos1, &ones2, &twos2, &ones3, &twos3, local.xy, 0u);
        add_vector(&ones0, &twos0, &ones1, &twos1, &ones2, &twos2, &ones3, &twos3, local.xy, 1u);
        add_vector(&ones0, &twos0, &ones1, &twos1, &ones2, &twos2, &ones3, &twos3, local.xy, 2u);
        add_vector(&ones0, &twos0, &ones1, &twos1, &ones2, &twos2, &ones3, &twos3, local.xy, 3u);
    }

    let left = params.left_from + tile.y * ROWS + local.y;
    let right = tile.x * COLUMNS + local.x;
    write(left, right, ones0, twos0);
    write(left + ROW_STEP, right, ones1, twos1);
    write(left + 2u * ROW_STEP, right, ones2, twos2);
    write(left + 3u * ROW_STEP, right, ones3, twos3);
}
