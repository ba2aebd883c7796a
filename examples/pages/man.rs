//! Man pages from the options themselves, and what options do not say (man-pages(7)).

use clap::Command;
use std::fs;
use std::io::Result;
use std::path::Path;

/// A section: its name, and its text as man(7) has it.
pub(crate) type Section = (&'static str, &'static str);

/// Writes the pages of a command and of its subcommands. `sections` stand before what is said behind the
/// options, `others` are the pages to see as well.
///
/// # Errors
/// What the kernel says.
pub(crate) fn write(
    command: Command,
    sections: &[Section],
    others: &[&str],
    folder: &Path,
) -> Result<()> {
    let name = command.get_name().to_owned();
    let subcommands: Vec<_> =
        command.get_subcommands().map(|it| format!("{name}-{}", it.get_name())).collect();
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)?;
    let amend = |page: &str, sections: &[Section], others: &[&str]| {
        let path = folder.join(format!("{page}.1"));
        let text = fs::read_to_string(&path)?;
        fs::write(&path, page_with(&text, sections, others))
    };
    for page in subcommands {
        amend(&page, &[], &[&name])?;
    }
    amend(&name, sections, others)
}

/// A page with these sections, and with the others to see.
fn page_with(page: &str, sections: &[Section], others: &[&str]) -> String {
    let added: String =
        sections.iter().map(|(name, text)| format!(".SH \"{name}\"\n{text}")).collect();
    let marks = [".SH EXTRA\n", ".SH VERSION\n"];
    let at = marks.iter().find_map(|mark| page.find(mark)).unwrap_or(page.len());
    let (before, after) = page.split_at(at);
    // A dash of a name is no hyphen.
    let see = others.iter().map(|other| format!(".BR {} (1)", other.replace('-', "\\-")));
    let see = see.collect::<Vec<_>>().join(" ,\n");
    format!("{before}{added}{after}.SH \"SEE ALSO\"\n{see}\n")
}
