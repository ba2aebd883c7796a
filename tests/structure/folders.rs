//! Folders of a crate, and which parts of each use which: a part is a folder or a file in it, or both if they are one
//! module (`name.rs` and `name/`).

use crate::modules::Uses;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folders that these files lie in.
pub(crate) fn folders(uses: &Uses) -> BTreeSet<PathBuf> {
    uses.keys().filter_map(|file| file.parent()).map(Path::to_owned).collect()
}

/// Which parts of a folder use which. What shows them to others, such as `mod.rs`, is none, and tests are left out:
/// nobody uses them.
pub(crate) fn units(folder: &Path, uses: &Uses) -> Uses {
    let mut units = Uses::new();
    for (file, used) in uses {
        let Some(unit) = unit(folder, file) else { continue };
        let own = units.entry(unit.clone()).or_default();
        let others = used.iter().filter_map(|file| self::unit(folder, file));
        own.extend(others.filter(|other| *other != unit));
    }
    units
}

/// The part of a folder that a file belongs to.
fn unit(folder: &Path, file: &Path) -> Option<PathBuf> {
    let within = file.strip_prefix(folder).ok()?.with_extension("");
    let first = within.iter().next()?;
    let is_root = ["lib", "main", "mod"].iter().any(|root| within == Path::new(root));
    let is_test = within.iter().any(|name| name == "tests");
    (!is_root && !is_test).then(|| folder.join(first))
}
