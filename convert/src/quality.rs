//! Estimates the quality that a picture was encoded with from its quantization tables.

use streamsocket_wire::jpeg::tables_for_q;

/// Quality for pictures without tables: visibly no worse than the camera's own.
pub(crate) const UNKNOWN: u8 = 95;

/// The lowest quality (1 to 100 on libjpeg's scale) whose tables are nowhere coarser than these:
/// luma and, if present, chroma. For tables scaled by libjpeg's rule it is their exact quality.
pub(crate) fn of(luma: &[u8; 64], chroma: Option<&[u8; 64]>) -> u8 {
    (1..=99)
        .find(|quality| {
            tables_for_q(*quality).is_some_and(|tables| {
                let [own_luma, own_chroma] = &tables;
                let finer =
                    |own: &[u8; 64], than: &[u8; 64]| own.iter().zip(than).all(|(a, b)| a <= b);
                finer(own_luma, luma) && chroma.is_none_or(|chroma| finer(own_chroma, chroma))
            })
        })
        .unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quality_of_common_tables_is_found() {
        for quality in 1..=99 {
            let tables = tables_for_q(quality).unwrap();
            let found = of(&tables[0], Some(&tables[1]));
            // Some low qualities have the same tables.
            assert!(tables_for_q(found) == Some(tables), "{quality}, {found}");
        }
        assert_eq!(of(&[1; 64], None), 100);
    }

    #[test]
    fn uncommon_tables_get_finer_ones() {
        assert_eq!(of(&[16; 64], Some(&[99; 64])), 94);
    }
}
