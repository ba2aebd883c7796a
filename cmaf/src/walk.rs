//! Reads boxes for the tests, on its own terms: what is written is checked against the standard, not against the writer.

/// A box: its type, and what is in it.
pub(crate) type Found<'a> = (String, &'a [u8]);

/// The boxes of a file or of another box, which have to fill it.
pub(crate) fn boxes(mut bytes: &[u8]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let size = word(bytes, 0) as usize;
        let kind = String::from_utf8(bytes[4..8].to_vec()).unwrap();
        found.push((kind, &bytes[8..size]));
        bytes = &bytes[size..];
    }
    found
}

/// What is in the box that these types lead to.
pub(crate) fn find<'a>(bytes: &'a [u8], path: &[&str]) -> &'a [u8] {
    path.iter().fold(bytes, |bytes, kind| {
        boxes(bytes).into_iter().find(|(found, _)| found == kind).expect(kind).1
    })
}

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// A fragment that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) sequence: u32,
    pub(crate) decode: u64,
    /// Duration, flags, and bytes.
    pub(crate) samples: Vec<(u32, Option<u32>, Vec<u8>)>,
}

impl Fragment {
    pub(crate) fn end(&self) -> u64 {
        self.decode + self.samples.iter().map(|sample| u64::from(sample.0)).sum::<u64>()
    }
}

/// Reads a `moof` and the `mdat` behind it.
pub(crate) fn fragment(bytes: &[u8]) -> Fragment {
    let kinds: Vec<_> = boxes(bytes).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["moof", "mdat"]);
    let traf = find(bytes, &["moof", "traf"]);
    assert_eq!(find(traf, &["tfhd"]), [0, 2, 0, 0, 0, 0, 0, 1], "offsets from the moof, track 1");
    let (tfdt, trun) = (find(traf, &["tfdt"]), find(traf, &["trun"]));
    assert_eq!(tfdt[0], 1, "64 bits");
    let flags = word(trun, 0);
    let has_flags = flags & 0x400 != 0;
    assert_eq!(flags & !0x400, 0x301, "an offset, durations and sizes");
    let (mut at, mut data) = (12, word(trun, 8) as usize);
    let mut samples = Vec::new();
    for _ in 0..word(trun, 4) {
        let (duration, size) = (word(trun, at), word(trun, at + 4) as usize);
        let flags = has_flags.then(|| word(trun, at + 8));
        samples.push((duration, flags, bytes[data..data + size].to_vec()));
        at += if has_flags { 12 } else { 8 };
        data += size;
    }
    assert_eq!((at, data), (trun.len(), bytes.len()), "no sample too few");
    Fragment {
        sequence: word(find(bytes, &["moof", "mfhd"]), 4),
        decode: u64::from_be_bytes(tfdt[4..12].try_into().unwrap()),
        samples,
    }
}
