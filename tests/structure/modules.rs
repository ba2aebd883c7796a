//! The modules of a crate, the files that they stand in, and which of these files use which.

use crate::tokens::{Token, block, tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The files of a crate by their paths, each with its text.
pub(crate) type Files = BTreeMap<PathBuf, String>;

/// For each file those that it uses.
pub(crate) type Uses = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// The name of a module from the crate's root on.
type Name = Vec<String>;

/// A module, which may share its file with others.
struct Module {
    file: PathBuf,
    /// What stands in it, without the modules in it.
    tokens: Vec<Token>,
}

/// The modules of a crate.
#[derive(Default)]
struct Tree(BTreeMap<Name, Module>);

/// Which files use which in the crate whose root is this file. A module is not used by being declared.
pub(crate) fn uses(root: &Path, files: &Files) -> Uses {
    let mut tree = Tree::default();
    let folder = root.parent().unwrap_or(Path::new(""));
    tree.add_file(Vec::new(), root, folder, files);
    let mut uses = Uses::new();
    for (name, module) in &tree.0 {
        let own = uses.entry(module.file.clone()).or_default();
        for path in paths(&module.tokens) {
            let used = tree.file_of(name, &path).filter(|used| **used != module.file);
            own.extend(used.cloned());
        }
    }
    uses
}

impl Tree {
    /// Adds the module in a file and those that it declares, whose files lie in `folder`.
    fn add_file(&mut self, name: Name, file: &Path, folder: &Path, files: &Files) {
        let Some(text) = files.get(file) else { return };
        self.add(name, file, folder, &tokens(text), files);
    }

    fn add(&mut self, name: Name, file: &Path, folder: &Path, tokens: &[Token], files: &Files) {
        let (mut own, mut at) = (Vec::new(), 0);
        while let Some(token) = tokens.get(at) {
            let child = match tokens.get(at + 1) {
                Some(Token::Name(child)) if token.is_name("mod") => child,
                _ => {
                    own.push(token.clone());
                    at += 1;
                    continue;
                }
            };
            let child_name = [&name[..], std::slice::from_ref(child)].concat();
            let child_folder = folder.join(child);
            at += 2;
            if tokens.get(at) == Some(&Token::Mark('{')) {
                let length = block(&tokens[at..]);
                let inner = &tokens[at + 1..at + length - 1];
                self.add(child_name, file, &child_folder, inner, files);
                at += length;
            } else {
                let beside = folder.join(format!("{child}.rs"));
                let within = child_folder.join("mod.rs");
                let child_file = if files.contains_key(&beside) { beside } else { within };
                self.add_file(child_name, &child_file, &child_folder, files);
            }
        }
        self.0.insert(name, Module { file: file.to_owned(), tokens: own });
    }

    /// The file that a path leads to which stands in the module `from`, if it is one of the crate's: that of the
    /// last module on the path. What is re-exported there is used there.
    fn file_of(&self, from: &Name, path: &[String]) -> Option<&PathBuf> {
        let (mut module, mut rest) = (from.clone(), path);
        match rest.first()?.as_str() {
            "crate" => (module, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while let Some((step, more)) = rest.split_first().filter(|(it, _)| *it == "super") {
                    debug_assert_eq!(step, "super");
                    module.pop();
                    rest = more;
                }
            }
            first => {
                let child = [&module[..], &[first.to_owned()]].concat();
                self.0.get(&child)?;
            }
        }
        for step in rest {
            module.push(step.clone());
            if !self.0.contains_key(&module) {
                module.pop();
                break;
            }
        }
        self.0.get(&module).map(|module| &module.file)
    }
}

/// The paths that stand in a module: those of `use` lines, and all others that have a `::`.
fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let (mut paths, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let is_use = tokens[at].is_name("use");
        at += usize::from(is_use);
        at += match &tokens[at..] {
            [Token::Name(_), Token::Path, ..] => tree(&tokens[at..], &[], &mut paths),
            [Token::Name(_), ..] if is_use => tree(&tokens[at..], &[], &mut paths),
            // `::name` is another crate's, and `<T as Trait>::name` no module's.
            [Token::Path, Token::Name(_), ..] => 2,
            _ => 1,
        };
    }
    paths
}

/// Reads a path with all that it branches into, as in `a::{b, c::d}`. Returns how many tokens it has.
fn tree(tokens: &[Token], before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let (mut path, mut at) = (before.to_vec(), 0);
    loop {
        match tokens.get(at) {
            Some(Token::Name(name)) => {
                // `a::{self}` is `a`.
                if name != "self" || path.is_empty() {
                    path.push(name.clone());
                }
                at += 1;
            }
            Some(Token::Mark('{')) => {
                let end = at + block(&tokens[at..]) - 1;
                at += 1;
                while at < end {
                    let comma = tokens[at] == Token::Mark(',');
                    at += if comma { 1 } else { tree(&tokens[at..end], &path, paths).max(1) };
                }
                return end + 1;
            }
            _ => break,
        }
        match tokens.get(at) {
            Some(Token::Path) => at += 1,
            _ => break,
        }
    }
    paths.push(path);
    at
}
