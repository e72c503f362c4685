// Feature transformer evaluation to zero planes.
//
// Columns come in slices of 128: 64 columns "a" and 64 columns "b". In pairwise networks output i of a slice is
// made of columns a[i] and b[i]; in clipped networks every column is an output of its own. An invocation owns eight
// columns of either half and walks through 32 samples, so it builds the whole 32-sample word of its neurons in
// registers and the planes come out neuron-major. Weights lie slice after slice, feature after feature, so that the
// rows of one slice stay in the caches; slices are the slow dimension of the dispatch for the same reason.
//
// Accumulators wrap at 16 bits. Two columns share a 32-bit word; the low one is read from a sum of whole words,
// the high one from a sum of words whose low half was cleared, so no carry ever crosses over.

struct Params {
    // Samples of the batch, and the 32-sample words this dispatch evaluates.
    samples: u32,
    first_word: u32,
    last_word: u32,
    // Where word 0 of the batch lies in an output plane, and words from one plane to the next.
    out_first: u32,
    out_stride: u32,
    // Outputs of the network, and the slice that workgroup row 0 evaluates: of all slices, and in these buffers.
    neurons: u32,
    first_slice: u32,
    first_bound_slice: u32,
    wide_features: u32,
    narrow_features: u32,
    // Added to what `*_offsets` hold to get positions in `*_rows`, wrapping.
    wide_origin: u32,
    narrow_origin: u32,
    clamp: i32,
    // A pair's output is zero where the product of its clamped columns is below this.
    threshold: i32,
}

override PAIRWISE: bool;
override NARROW: bool;

const LANES = 8u;
const HIGH = 0xffff0000u;
// Bytes of even and odd places; two sums of up to 256 of them cannot overflow 16 bits.
const BYTES = 0x00ff00ffu;
const NARROW_RUN = 256u;

@group(0) @binding(0) var<uniform> params: Params;
// [slice][16] for the bias, [slice][feature][16] for 16-bit rows: eight vectors of half a, eight of half b, each of
// eight columns, two a word.
@group(0) @binding(1) var<storage, read> bias: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> wide: array<vec4<u32>>;
// [slice][feature][8]: xy has eight columns of half a, zw of half b, as bytes of (weight + 128) in column order
// 0 2 1 3, 4 6 5 7.
@group(0) @binding(3) var<storage, read> narrow: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> wide_offsets: array<u32>;
@group(0) @binding(5) var<storage, read> wide_rows: array<u32>;
@group(0) @binding(6) var<storage, read> narrow_offsets: array<u32>;
@group(0) @binding(7) var<storage, read> narrow_rows: array<u32>;
@group(0) @binding(8) var<storage, read_write> planes: array<u32>;

struct Columns {
    // Columns 0 2 4 6 and 1 3 5 7 of eight, sign-extended.
    even: vec4<i32>,
    odd: vec4<i32>,
}

fn unpack(whole: vec4<u32>, high: vec4<u32>) -> Columns {
    return Columns(bitcast<vec4<i32>>(whole << vec4(16u)) >> vec4(16u), bitcast<vec4<i32>>(high) >> vec4(16u));
}

fn store(neuron: u32, word: u32, bits: u32) {
    if neuron < params.neurons {
        planes[neuron * params.out_stride + params.out_first + word] = bits;
    }
}

fn store_eight(first_neuron: u32, word: u32, even: vec4<u32>, odd: vec4<u32>) {
    store(first_neuron, word, even.x);
    store(first_neuron + 1u, word, odd.x);
    store(first_neuron + 2u, word, even.y);
    store(first_neuron + 3u, word, odd.y);
    store(first_neuron + 4u, word, even.z);
    store(first_neuron + 5u, word, odd.z);
    store(first_neuron + 6u, word, even.w);
    store(first_neuron + 7u, word, odd.w);
}

@compute @workgroup_size(8, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let lane = id.x % LANES;
    let word = params.first_word + id.y;
    if word >= params.last_word {
        return;
    }
    let bound_slice = params.first_bound_slice + id.z;
    let wide_base = bound_slice * params.wide_features * 16u + lane;
    let narrow_base = bound_slice * params.narrow_features * 8u + lane;
    let bias_a = bias[bound_slice * 16u + lane];
    let bias_b = bias[bound_slice * 16u + 8u + lane];

    var a_even = vec4(0u);
    var a_odd = vec4(0u);
    var b_even = vec4(0u);
    var b_odd = vec4(0u);

    // The last word of a batch may lie wholly past its samples: words come in pairs.
    let first_sample = word * 32u;
    let count = min(32u, max(params.samples, first_sample) - first_sample);
    for (var s = 0u; s < count; s++) {
        var whole_a = bias_a;
        var high_a = bias_a & vec4(HIGH);
        var whole_b = bias_b;
        var high_b = bias_b & vec4(HIGH);

        var i = wide_offsets[first_sample + s] + params.wide_origin;
        let end = wide_offsets[first_sample + s + 1u] + params.wide_origin;
        // Eight loads in flight hide the memory's latency.
        for (; i + 4u <= end; i += 4u) {
            let p = wide_base + wide_rows[i] * 16u;
            let q = wide_base + wide_rows[i + 1u] * 16u;
            let r = wide_base + wide_rows[i + 2u] * 16u;
            let t = wide_base + wide_rows[i + 3u] * 16u;
            let pa = wide[p];
            let qa = wide[q];
            let ra = wide[r];
            let ta = wide[t];
            let pb = wide[p + 8u];
            let qb = wide[q + 8u];
            let rb = wide[r + 8u];
            let tb = wide[t + 8u];
            whole_a += pa + qa + ra + ta;
            high_a += (pa & vec4(HIGH)) + (qa & vec4(HIGH)) + (ra & vec4(HIGH)) + (ta & vec4(HIGH));
            whole_b += pb + qb + rb + tb;
            high_b += (pb & vec4(HIGH)) + (qb & vec4(HIGH)) + (rb & vec4(HIGH)) + (tb & vec4(HIGH));
        }
        for (; i < end; i++) {
            let p = wide_base + wide_rows[i] * 16u;
            let pa = wide[p];
            let pb = wide[p + 8u];
            whole_a += pa;
            high_a += pa & vec4(HIGH);
            whole_b += pb;
            high_b += pb & vec4(HIGH);
        }

        if NARROW {
            var j = narrow_offsets[first_sample + s] + params.narrow_origin;
            let narrow_end = narrow_offsets[first_sample + s + 1u] + params.narrow_origin;
            while j < narrow_end {
                let run = min(NARROW_RUN, narrow_end - j);
                let run_end = j + run;
                var sum_even = vec4(0u);
                var sum_odd = vec4(0u);
                for (; j + 4u <= run_end; j += 4u) {
                    let p = narrow[narrow_base + narrow_rows[j] * 8u];
                    let q = narrow[narrow_base + narrow_rows[j + 1u] * 8u];
                    let r = narrow[narrow_base + narrow_rows[j + 2u] * 8u];
                    let t = narrow[narrow_base + narrow_rows[j + 3u] * 8u];
                    sum_even += (p & vec4(BYTES)) + (q & vec4(BYTES)) + (r & vec4(BYTES)) + (t & vec4(BYTES));
                    sum_odd += ((p >> vec4(8u)) & vec4(BYTES)) + ((q >> vec4(8u)) & vec4(BYTES))
                        + ((r >> vec4(8u)) & vec4(BYTES)) + ((t >> vec4(8u)) & vec4(BYTES));
                }
                for (; j < run_end; j++) {
                    let p = narrow[narrow_base + narrow_rows[j] * 8u];
                    sum_even += p & vec4(BYTES);
                    sum_odd += (p >> vec4(8u)) & vec4(BYTES);
                }
                // Takes back the 128 of every byte; the high half's share wraps like the accumulator.
                let surplus = vec4(run * 128u);
                let add_a = vec4(sum_even.x, sum_odd.x, sum_even.y, sum_odd.y);
                let add_b = vec4(sum_even.z, sum_odd.z, sum_even.w, sum_odd.w);
                whole_a += add_a - surplus;
                high_a += (add_a & vec4(HIGH)) - (surplus << vec4(16u));
                whole_b += add_b - surplus;
                high_b += (add_b & vec4(HIGH)) - (surplus << vec4(16u));
            }
        }

        let a = unpack(whole_a, high_a);
        let b = unpack(whole_b, high_b);
        let bit = vec4(1u << s);
        if PAIRWISE {
            let low = vec4(0);
            let top = vec4(params.clamp);
            let even = clamp(a.even, low, top) * clamp(b.even, low, top);
            let odd = clamp(a.odd, low, top) * clamp(b.odd, low, top);
            a_even |= select(vec4(0u), bit, even < vec4(params.threshold));
            a_odd |= select(vec4(0u), bit, odd < vec4(params.threshold));
        } else {
            // With a clamp of 0 every output is zero.
            let limit = vec4(select(0, 32767, params.clamp == 0));
            a_even |= select(vec4(0u), bit, a.even <= limit);
            a_odd |= select(vec4(0u), bit, a.odd <= limit);
            b_even |= select(vec4(0u), bit, b.even <= limit);
            b_odd |= select(vec4(0u), bit, b.odd <= limit);
        }
    }

    let slice = params.first_slice + id.z;
    if PAIRWISE {
        store_eight(slice * 64u + lane * 8u, word, a_even, a_odd);
    } else {
        store_eight(slice * 128u + lane * 8u, word, a_even, a_odd);
        store_eight(slice * 128u + 64u + lane * 8u, word, b_even, b_odd);
    }
}
