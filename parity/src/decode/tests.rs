use super::*;
use crate::Encoder;
use reed_solomon_simd::ReedSolomonEncoder;

/// Numbers by chance from a seed: the constants are those of Knuth's MMIX.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// So many different numbers below `bound`, in ascending order.
    fn some(&mut self, count: usize, bound: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..bound).collect();
        for at in 0..count {
            let other = at + self.below(bound - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all.sort_unstable();
        all
    }
}

struct Data(Vec<Vec<u8>>);

impl Data {
    fn new(shape: Shape, chance: &mut Chance) -> Self {
        let mut shard =
            || (0..shape.shard_len).map(|_| u8::try_from(chance.below(256)).unwrap()).collect();
        Self((0..shape.originals).map(|_| shard()).collect())
    }
}

impl Shards for Data {
    fn copy(&self, index: usize, offset: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0[index][offset..offset + out.len()]);
    }
}

fn parity(shape: Shape, data: &Data) -> Vec<Vec<u8>> {
    let mut parity = vec![vec![0; shape.shard_len]; shape.repairs];
    let mut put = |index: usize, offset: usize, bytes: &[u8]| {
        parity[index][offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    assert!(Encoder::default().encode(shape, data, &mut put));
    parity
}

/// Sizes that make transforms of all kinds: more data, more parity, as much of both, powers of two, and what is
/// next to them.
const SHAPES: [(usize, usize, usize); 22] = [
    (1, 1, 2),
    (1, 8, 64),
    (2, 1, 66),
    (3, 3, 130),
    (4, 3, 128),
    (3, 4, 190),
    (8, 6, 994),
    (8, 12, 1402),
    (16, 16, 62),
    (17, 15, 126),
    (28, 17, 1404),
    (84, 25, 256),
    (172, 39, 1402),
    (200, 200, 34),
    (65, 100, 6),
    (700, 140, 18),
    (70, 300, 10),
    (100, 65, 12),
    (4096, 1, 2),
    (1, 4096, 2),
    (4096, 4096, 2),
    (4096, 4095, 2),
];

fn shape((originals, repairs, shard_len): (usize, usize, usize)) -> Shape {
    Shape { originals, repairs, shard_len }
}

#[test]
fn parity_is_that_of_reed_solomon_simd() {
    let mut chance = Chance(1);
    for sizes in SHAPES {
        let shape = shape(sizes);
        let data = Data::new(shape, &mut chance);
        let (originals, repairs, len) = sizes;
        let mut theirs = ReedSolomonEncoder::new(originals, repairs, len).unwrap();
        data.0.iter().for_each(|shard| theirs.add_original_shard(shard).unwrap());
        let theirs: Vec<Vec<u8>> =
            theirs.encode().unwrap().recovery_iter().map(<[u8]>::to_vec).collect();
        assert!(parity(shape, &data) == theirs, "{sizes:?}");
    }
}

#[test]
fn an_encoder_serves_blocks_of_different_sizes() {
    let (mut chance, mut encoder) = (Chance(2), Encoder::default());
    for sizes in [SHAPES[12], SHAPES[6], SHAPES[7], SHAPES[0], SHAPES[12]] {
        let shape = shape(sizes);
        let data = Data::new(shape, &mut chance);
        let mut made = vec![vec![0; shape.shard_len]; shape.repairs];
        let mut put = |index: usize, offset: usize, bytes: &[u8]| {
            made[index][offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        assert!(encoder.encode(shape, &data, &mut put));
        assert!(made == parity(shape, &data), "{sizes:?}");
    }
}

#[test]
fn what_was_lost_is_restored_whatever_it_is() {
    let mut chance = Chance(3);
    let mut decoder = Decoder::default();
    for sizes in SHAPES {
        let shape = shape(sizes);
        let data = Data::new(shape, &mut chance);
        let parity = parity(shape, &data);
        let most = shape.originals.min(shape.repairs);
        let counts = [1, 2, SOLVED_MAX, SOLVED_MAX + 1, most / 2, most - 1, most].into_iter();
        for count in counts.filter(|count| (1..=most).contains(count)) {
            let lost = chance.some(count, shape.originals);
            let mut come = chance.some(count, shape.repairs);
            // In whatever order they come.
            come.rotate_left(count / 3);
            let indices: Vec<u16> = come.iter().map(|at| u16::try_from(*at).unwrap()).collect();
            let shards: Vec<u8> = come.iter().flat_map(|at| &parity[*at]).copied().collect();
            let repairs = Parity { indices: &indices, shards: &shards };
            let wanted: Vec<u8> = lost.iter().flat_map(|index| &data.0[*index]).copied().collect();
            let restored = decoder.decode(shape, &data, &lost, repairs);
            assert!(restored == Some(&wanted[..]), "{sizes:?}, lost {lost:?} with {come:?}");
        }
    }
}

#[test]
fn what_is_no_block_is_refused() {
    let mut decoder = Decoder::default();
    let good = shape((8, 6, 4));
    let data = Data::new(good, &mut Chance(4));
    let parity = parity(good, &data);
    let of = |indices: &[u16]| -> Vec<u8> {
        indices.iter().flat_map(|index| &parity[usize::from(*index).min(5)]).copied().collect()
    };
    for (shape, lost, indices) in [
        (Shape { shard_len: 3, ..good }, vec![1], vec![0]),
        (Shape { shard_len: 0, ..good }, vec![1], vec![0]),
        (Shape { originals: 0, ..good }, vec![1], vec![0]),
        (Shape { repairs: 4097, ..good }, vec![1], vec![0]),
        (Shape { shard_len: 6, ..good }, vec![1], vec![0]),
        (good, vec![], vec![]),
        (good, vec![8], vec![0]),
        (good, vec![1, 1], vec![0, 1]),
        (good, vec![2, 1], vec![0, 1]),
        (good, vec![1, 2], vec![0]),
        (good, vec![1], vec![6]),
        (good, vec![1, 2], vec![3, 3]),
    ] {
        let repairs = Parity { indices: &indices, shards: &of(&indices) };
        assert_eq!(decoder.decode(shape, &data, &lost, repairs), None, "{shape:?} {lost:?}");
    }
    let repairs = Parity { indices: &[0], shards: &of(&[0]) };
    assert_eq!(decoder.decode(good, &data, &[1], repairs), Some(&data.0[1][..]));
    let odd = Shape { shard_len: 5, ..good };
    assert!(!Encoder::default().encode(odd, &data, &mut |_, _, _| {}));
}
