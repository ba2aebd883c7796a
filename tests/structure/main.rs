//! The order of the source: no file uses one that, through however many others, uses it, and neither does a folder.
//! Who reads a file has read what it stands on, and who changes one knows what stands on it.

mod folders;
mod modules;
mod tokens;

use folders::{folders, units};
use modules::{Files, Uses, uses};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The crates whose files are in order, by their folders in the workspace.
const CRATES: [&str; 23] = [
    ".",
    "archive",
    "board/webcam",
    "cmaf",
    "control",
    "convert",
    "decode",
    "gateway",
    "journal",
    "media",
    "net",
    "origin",
    "parity",
    "receiver",
    "relay",
    "rtsp",
    "srtp",
    "station",
    "stream",
    "subscribe",
    "transcode",
    "web",
    "wire",
];

/// Parts of a folder that use each other: who cannot have a camera or a microphone is told of those that there are, and
/// the list of devices says what each of them offers.
const TOGETHER: [[&str; 3]; 1] =
    [["./src/capture/camera", "./src/capture/devices", "./src/capture/microphone"]];

/// Files that use each other all around, each with those of them that it uses.
type Circle = Uses;

/// All that a file uses, directly or through others.
fn reached(from: &Path, uses: &Uses) -> BTreeSet<PathBuf> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = open.pop() {
        for used in uses.get(&file).into_iter().flatten() {
            if reached.insert(used.clone()) {
                open.push(used.clone());
            }
        }
    }
    reached
}

/// The circles, none of which leads to another and back.
fn circles(uses: &Uses) -> Vec<Circle> {
    let (mut circles, mut seen) = (Vec::new(), BTreeSet::new());
    for file in uses.keys() {
        let ahead = reached(file, uses);
        if !ahead.contains(file) || seen.contains(file) {
            continue;
        }
        let round: BTreeSet<_> =
            ahead.into_iter().filter(|other| reached(other, uses).contains(file)).collect();
        let within = |file: &PathBuf| uses[file].intersection(&round).cloned().collect();
        circles.push(round.iter().map(|file| (file.clone(), within(file))).collect());
        seen.extend(round);
    }
    circles
}

/// A line for each file of a circle.
fn lines(circle: &Circle) -> String {
    let names = |files: &BTreeSet<PathBuf>| {
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    let line = |(file, used): (&PathBuf, &BTreeSet<PathBuf>)| {
        format!("  {} uses {}\n", file.display(), names(used))
    };
    circle.iter().map(line).collect()
}

/// The files below a folder, by their paths from the workspace on.
fn read(workspace: &Path, folder: &Path, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(workspace.join(folder))? {
        let path = folder.join(entry?.file_name());
        let there = workspace.join(&path);
        if there.is_dir() {
            read(workspace, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(path, fs::read_to_string(there)?);
        }
    }
    Ok(())
}

/// Which files of a crate use which, from each of its roots on.
fn uses_of(workspace: &Path, name: &str) -> io::Result<Vec<Uses>> {
    let source = Path::new(name).join("src");
    let mut files = Files::new();
    read(workspace, &source, &mut files)?;
    let roots = ["lib.rs", "main.rs"].map(|root| source.join(root));
    let uses = roots.map(|root| uses(&root, &files));
    let is_left = |file: &&PathBuf| !uses.iter().any(|uses| uses.contains_key(*file));
    let left: Vec<_> = files.keys().filter(is_left).collect();
    assert!(left.is_empty(), "no module of {name} declares these: {left:?}");
    Ok(uses.into())
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let (mut found, mut count) = (String::new(), 0);
    for name in CRATES {
        for circle in uses_of(&workspace(), name).unwrap().iter().flat_map(circles) {
            count += 1;
            found += &format!("{name}, {} files:\n{}", circle.len(), lines(&circle));
        }
    }
    assert!(found.is_empty(), "{count} circles of files that use each other:\n{found}");
}

#[test]
fn no_folder_uses_one_that_uses_it() {
    let is_known = |it: &Circle| TOGETHER.iter().any(|known| it.keys().eq(known.map(Path::new)));
    let (mut found, mut count, mut known) = (String::new(), 0, 0);
    for uses in CRATES.iter().flat_map(|name| uses_of(&workspace(), name).unwrap()) {
        for folder in folders(&uses) {
            for circle in circles(&units(&folder, &uses)) {
                if is_known(&circle) {
                    known += 1;
                    continue;
                }
                count += 1;
                let (folder, length) = (folder.display(), circle.len());
                found += &format!("{folder}, {length} parts:\n{}", lines(&circle));
            }
        }
    }
    assert!(found.is_empty(), "{count} circles of parts that use each other:\n{found}");
    assert_eq!(known, TOGETHER.len(), "parts that no longer use each other");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate of these files, as names.
    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = files.iter().map(|(name, text)| (name.into(), (*text).to_owned())).collect();
        let names = |circle: Circle| circle.keys().map(|it| it.display().to_string()).collect();
        circles(&uses(Path::new("lib.rs"), &files)).into_iter().map(names).collect()
    }

    #[test]
    fn files_that_use_each_other_are_found_however_far_apart() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n"),
            ("a.rs", "use crate::b::{self, Thing};\n"),
            ("b.rs", "fn f() { let _ = crate::c::x::<u8>(); }\n"),
            ("c.rs", "pub(crate) use super::a::Other;\nuse crate::d;\n"),
            ("d.rs", "use std::fmt;\n"),
        ];
        assert_eq!(circles_of(&files), [["a.rs", "b.rs", "c.rs"]]);
        let broken = files.map(|(name, text)| (name, if name == "c.rs" { "" } else { text }));
        assert!(circles_of(&broken).is_empty());
    }

    #[test]
    fn folders_that_use_each_other_are_found_though_no_file_does() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a/mod.rs", "pub(crate) mod top;\npub(crate) mod bottom;\n"),
            ("a/top.rs", "use crate::b::Thing;\n"),
            ("a/bottom.rs", ""),
            ("b.rs", "mod inner;\n#[cfg(test)]\nmod tests;\nuse inner::Thing;\n"),
            ("b/inner.rs", "use crate::a::bottom;\n"),
            ("b/tests.rs", "use crate::a::top;\n"),
        ];
        let circles_of = |files: &[(&str, &str)]| {
            let files = files.iter().map(|(name, text)| (name.into(), (*text).to_owned()));
            let uses = uses(Path::new("lib.rs"), &files.collect());
            assert!(circles(&uses).is_empty());
            assert_eq!(folders(&uses), ["", "a", "b"].map(PathBuf::from).into());
            circles(&units(Path::new(""), &uses))
        };
        let found = circles_of(&files);
        assert_eq!(lines(&found[0]), "  a uses b\n  b uses a\n");
        assert_eq!(found.len(), 1);
        let parted = files.map(|(name, text)| (name, if name == "b/inner.rs" { "" } else { text }));
        assert!(circles_of(&parted).is_empty(), "what only tests use is not used");
    }

    #[test]
    fn a_declaration_is_no_use_and_a_path_to_a_child_is_one() {
        let child = ("a/child.rs", "use super::Thing;\n");
        for (text, circle) in [
            ("mod child;\npub struct Thing;\n", false),
            ("mod child;\nuse child::Other;\npub struct Thing;\n", true),
            ("mod child;\npub struct Thing;\nfn f() { child::g(); }\n", true),
            ("mod child;\npub use self::{child::Other};\npub struct Thing;\n", true),
            ("mod child;\nfn f() { other::child::g(); ::child::g(); }\n", false),
        ] {
            let found = circles_of(&[("lib.rs", "mod a;\n"), ("a.rs", text), child]);
            assert_eq!(!found.is_empty(), circle, "{text}");
        }
    }

    #[test]
    fn a_sister_is_no_parent() {
        let files = [
            ("lib.rs", "mod a;\n"),
            ("a.rs", "mod b;\nmod c;\nmod d;\npub(crate) use b::f;\n"),
            ("a/b.rs", "use super::{c, d};\n"),
            ("a/c.rs", ""),
            ("a/d.rs", ""),
        ];
        assert!(circles_of(&files).is_empty());
    }

    #[test]
    fn a_type_is_used_where_it_is_re_exported() {
        let files = [
            ("lib.rs", "mod a;\n"),
            ("a/mod.rs", "mod b;\nmod c;\npub(crate) use b::Thing;\nuse c::f;\n"),
            ("a/b.rs", "pub(crate) struct Thing;\n"),
            ("a/c.rs", "use super::Thing;\n"),
        ];
        assert_eq!(circles_of(&files), [["a/c.rs", "a/mod.rs"]]);
    }

    #[test]
    fn what_is_said_and_what_is_tested_is_not_used() {
        let text = "//! See [`crate::b`].\n/* use crate::b; /* */ use crate::b; */\n\
                    const A: &str = \"use crate::b; \\\"\"; const B: &str = r#\"\" crate::b::c \"#;\n\
                    const C: [char; 2] = ['\"', '\\''];\nfn f<'a>(_: &'a str) {}\n\
                    #[cfg(test)]\nmod tests {\n    use crate::b;\n}\n";
        let files =
            |text| [("lib.rs", "mod a;\nmod b;\n"), ("a.rs", text), ("b.rs", "use crate::a;")];
        assert!(circles_of(&files(text)).is_empty());
        let used = text.to_owned() + "use crate::b;\n";
        assert_eq!(circles_of(&files(&used)), [["a.rs", "b.rs"]]);
    }
}
