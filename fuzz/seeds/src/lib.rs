//! A sequence of packets as bytes: in a form that the fuzzer can change at one place without moving the
//! meaning of all that follows, and that seeds can be written in.

use arbitrary::{Arbitrary, Result, Unstructured};

/// Packets of a sequence at most: more find nothing new, and make every run slow.
const STEPS_MAX: usize = 512;

/// One packet.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// What it is: of each target its own.
    pub kind: u8,
    /// How long after the one before it comes, in milliseconds.
    pub pause: u8,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Packets one after the other.
#[derive(Debug)]
pub struct Steps<'a>(pub Vec<Step<'a>>);

impl<'a> Arbitrary<'a> for Steps<'a> {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let mut steps = Vec::new();
        while !input.is_empty() && steps.len() < STEPS_MAX {
            let (kind, pause) = (input.arbitrary()?, input.arbitrary()?);
            let len = usize::from(input.arbitrary::<u16>()?).min(input.len());
            steps.push(Step { kind, pause, bytes: input.bytes(len)? });
        }
        Ok(Self(steps))
    }
}

/// Writes a packet as it is read.
pub fn write(step: &Step<'_>, out: &mut Vec<u8>) {
    let len = u16::try_from(step.bytes.len()).unwrap_or(u16::MAX);
    out.extend([step.kind, step.pause]);
    out.extend(len.to_le_bytes());
    out.extend(step.bytes.iter().take(len.into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let written = [(1, 2, &b"abc"[..]), (3, 4, b""), (5, 255, b"x")];
        let mut out = Vec::new();
        for (kind, pause, bytes) in written {
            write(&Step { kind, pause, bytes }, &mut out);
        }
        let Steps(read) = Steps::arbitrary(&mut Unstructured::new(&out)).unwrap();
        let read: Vec<_> = read.iter().map(|step| (step.kind, step.pause, step.bytes)).collect();
        assert_eq!(read, written);
    }
}
