//! The order of the source: no file uses one that, through however many others, uses it. Who reads a file has read
//! what it stands on, and who changes one knows what stands on it.

mod modules;
mod tokens;

use modules::{Files, Uses, uses};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The crates whose files are in order, by their folders in the workspace.
const CRATES: [&str; 9] =
    [".", "board/webcam", "journal", "media", "net", "receiver", "stream", "subscribe", "wire"];

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

#[test]
fn no_file_uses_one_that_uses_it() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut found, mut count) = (String::new(), 0);
    for name in CRATES {
        let source = Path::new(name).join("src");
        let mut files = Files::new();
        read(&workspace, &source, &mut files).unwrap();
        let mut left: BTreeSet<_> = files.keys().cloned().collect();
        for root in ["lib.rs", "main.rs"].map(|root| source.join(root)) {
            let uses = uses(&root, &files);
            for circle in circles(&uses) {
                count += 1;
                found += &format!("{name}, {} files:\n{}", circle.len(), lines(&circle));
            }
            left.retain(|file| !uses.contains_key(file));
        }
        assert!(left.is_empty(), "no module of {name} declares these: {left:?}");
    }
    assert!(found.is_empty(), "{count} circles of files that use each other:\n{found}");
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
