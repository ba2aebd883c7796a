//! AES in counter mode (RFC 3711 section 4.1.1).

use aes::cipher::BlockCipherEncrypt as _;
use aes::{Aes128, Block};

/// Bytes of a counter in front of those that count blocks.
pub(crate) const START_LEN: usize = 14;

/// Blocks that are encrypted at a time: what is made with each call is spread over so many, and processors with
/// instructions for AES have several under way.
const BLOCKS: usize = 32;

/// What bytes are encrypted with, a part at a time.
pub(crate) type KeyStream = [[u8; 16]; BLOCKS];

/// Encrypts or decrypts less than 2^16 blocks.
pub(crate) fn apply(
    cipher: &Aes128,
    start: &[u8; START_LEN],
    stream: &mut KeyStream,
    bytes: &mut [u8],
) {
    let mut counters = 0_u16..;
    for part in bytes.chunks_mut(16 * BLOCKS) {
        let blocks = &mut stream[..part.len().div_ceil(16)];
        for (block, counter) in blocks.iter_mut().zip(&mut counters) {
            block[..START_LEN].copy_from_slice(start);
            block[START_LEN..].copy_from_slice(&counter.to_be_bytes());
        }
        cipher.encrypt_blocks(Block::cast_slice_from_core_mut(blocks));
        xor(part, blocks.as_flattened());
    }
}

/// Exclusive or, byte by byte.
pub(crate) fn xor(out: &mut [u8], other: &[u8]) {
    out.iter_mut().zip(other).for_each(|(out, other)| *out ^= other);
}
