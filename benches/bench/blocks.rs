//! How long the arithmetic of a repair block takes: the crate `parity` beside `reed-solomon-simd`, which does the same
//! bit for bit. Both in this program, on the same bytes, in turns.

use crate::report::{number, progress, ratios, table as printed};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use std::time::{Duration, Instant};
use streamsocket_parity::{Decoder, Encoder, Parity, Shape, Shards};
use streamsocket_tests::cost::median;
use streamsocket_wire::repair::shard_len;

/// A block: its name, packets, repair packets, bytes of the longest packet, and how many are lost.
type Block = (&'static str, usize, usize, usize, &'static [usize]);

/// Pictures of 1920x1080 and 1280x720 and sound, as the daemon sends them without any option.
const BLOCKS: [Block; 3] = [
    ("1920x1080", 172, 39, 1400, &[9]),
    ("1280x720", 88, 27, 1400, &[6]),
    ("sound", 8, 6, 972, &[1, 3]),
];

/// How long each is done again and again at a time, and how many times in a round.
const TURN: Duration = Duration::from_millis(10);
const TURNS: usize = 20;

/// Does it, and puts what comes of it where it is told.
type Way = Box<dyn FnMut(&mut Vec<u8>)>;

/// Something that is done in two ways.
struct Work {
    name: String,
    ways: [Way; 2],
}

impl Work {
    /// What both make, which must be the same.
    fn made(&mut self) -> Vec<u8> {
        let [ours, theirs] = self.ways.each_mut().map(|way| {
            let mut made = Vec::new();
            way(&mut made);
            made
        });
        assert!(ours == theirs, "{}: both are to make the same", self.name);
        ours
    }
}

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let mut works: Vec<Work> = BLOCKS.iter().flat_map(works).collect();
    let mut times: Vec<Vec<[f64; 2]>> = vec![Vec::new(); works.len()];
    for round in 0..rounds {
        progress("blocks", round, rounds, "Reed-Solomon");
        for (work, times) in works.iter_mut().zip(&mut times) {
            times.push(measured(work));
        }
    }
    let rows: Vec<Vec<String>> = works
        .iter()
        .zip(&times)
        .map(|(work, times)| {
            let of = |which: usize| number(median(times.iter().map(|times| times[which])) * 1e6);
            let ratio = ratios(times.iter().map(|[ours, theirs]| theirs / ours));
            vec![work.name.clone(), of(0), of(1), ratio]
        })
        .collect();
    let columns = ["block", "parity, us", "reed-solomon-simd, us", "times as long"];
    format!(
        "## Repair blocks\n\n{}",
        printed("What the daemon and the receiver do, beside the crate alone", &columns, &rows)
    )
}

/// Seconds that it takes in both ways.
fn measured(work: &mut Work) -> [f64; 2] {
    let mut turns = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        for (way, turns) in work.ways.iter_mut().zip(&mut turns) {
            turns.push(timed(way));
        }
    }
    turns.map(median)
}

/// Seconds that it takes, on average of a turn.
fn timed(way: &mut Way) -> f64 {
    let mut made = Vec::new();
    way(&mut made);
    let (began, mut times) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        way(&mut made);
        times += 1;
    }
    began.elapsed().as_secs_f64() / f64::from(times)
}

/// What is measured of a block.
fn works(block: &Block) -> Vec<Work> {
    let &(name, originals, repairs, longest, lost) = block;
    let shape = Shape { originals, repairs, shard_len: shard_len(longest) };
    let data = Data::new(shape);
    let kind = format!("{name}, {originals} + {repairs} of {} bytes", shape.shard_len);
    let name = format!("{kind}: encode");
    let mut encode = Work { name, ways: [our_encoder(&data), their_encoder(&data)] };
    let parity = encode.made();
    let restores = lost.iter().map(|&count| {
        // Spread over the block.
        let lost: Vec<usize> = (0..count).map(|index| index * originals / count).collect();
        let ways = [our_decoder(&data, &lost, &parity), their_decoder(&data, &lost, &parity)];
        let mut restore = Work { name: format!("{kind}: restore {count}"), ways };
        let shards: Vec<&[u8]> = lost.iter().map(|&index| data.shard(index)).collect();
        assert!(restore.made() == shards.concat(), "what was lost is restored");
        restore
    });
    let restores: Vec<Work> = restores.collect();
    std::iter::once(encode).chain(restores).collect()
}

/// The shards of a block, one behind the other.
#[derive(Clone)]
struct Data {
    shape: Shape,
    bytes: Vec<u8>,
}

impl Data {
    fn new(shape: Shape) -> Self {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        };
        let bytes = (0..shape.originals * shape.shard_len).map(|_| random()).collect();
        Self { shape, bytes }
    }

    fn shard(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.shape.shard_len..][..self.shape.shard_len]
    }
}

impl Shards for Data {
    fn copy(&self, index: usize, offset: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.shard(index)[offset..offset + out.len()]);
    }
}

fn our_encoder(data: &Data) -> Way {
    let (data, mut encoder) = (data.clone(), Encoder::default());
    let Shape { repairs, shard_len, .. } = data.shape;
    Box::new(move |made| {
        made.resize(repairs * shard_len, 0);
        let is_made = encoder.encode(data.shape, &data, &mut |index, offset, bytes| {
            made[index * shard_len + offset..][..bytes.len()].copy_from_slice(bytes);
        });
        assert!(is_made, "a usual block");
    })
}

fn their_encoder(data: &Data) -> Way {
    let data = data.clone();
    let Shape { originals, repairs, shard_len } = data.shape;
    let mut encoder = ReedSolomonEncoder::new(originals, repairs, shard_len).unwrap();
    Box::new(move |made| {
        for shard in data.bytes.chunks_exact(shard_len) {
            encoder.add_original_shard(shard).unwrap();
        }
        made.clear();
        let encoded = encoder.encode().unwrap();
        encoded.recovery_iter().for_each(|shard| made.extend_from_slice(shard));
    })
}

/// With the first repair packets: as many as are lost.
fn our_decoder(data: &Data, lost: &[usize], parity: &[u8]) -> Way {
    let (data, lost, mut decoder) = (data.clone(), lost.to_vec(), Decoder::default());
    let indices: Vec<u16> = (0..).take(lost.len()).collect();
    let shards = parity[..lost.len() * data.shape.shard_len].to_vec();
    Box::new(move |made| {
        let parity = Parity { indices: &indices, shards: &shards };
        made.clear();
        made.extend_from_slice(decoder.decode(data.shape, &data, &lost, parity).unwrap());
    })
}

fn their_decoder(data: &Data, lost: &[usize], parity: &[u8]) -> Way {
    let (data, lost) = (data.clone(), lost.to_vec());
    let Shape { originals, repairs, shard_len } = data.shape;
    let shards = parity[..lost.len() * shard_len].to_vec();
    let mut decoder = ReedSolomonDecoder::new(originals, repairs, shard_len).unwrap();
    Box::new(move |made| {
        for index in (0..originals).filter(|index| !lost.contains(index)) {
            decoder.add_original_shard(index, data.shard(index)).unwrap();
        }
        for (index, shard) in shards.chunks_exact(shard_len).enumerate() {
            decoder.add_recovery_shard(index, shard).unwrap();
        }
        made.clear();
        let decoded = decoder.decode().unwrap();
        decoded.restored_original_iter().for_each(|(_, shard)| made.extend_from_slice(shard));
    })
}
