//! Completions for bash, zsh and fish from the options themselves, with values that only the shell knows: the
//! interfaces of the machine that it runs on.

use clap::Command;
use clap_complete::{Generator, Shell, generate};
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

/// Stands for the interfaces until the text is there: without anything that a shell would quote.
const INTERFACES: &str = "THE_INTERFACES";

/// The words that list the interfaces when the user asks for them.
const fn interfaces(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => "_net_interfaces",
        Shell::Fish => "(ls /sys/class/net)",
        _ => "$(ls /sys/class/net)",
    }
}

/// A command whose options are completed by what they may begin with.
pub(crate) fn with_values(command: Command, values: &[(&'static str, &[&'static str])]) -> Command {
    let known = |id: &str| command.get_arguments().any(|it| it.get_id() == id);
    let mut values: Vec<_> = values.iter().filter(|(id, _)| known(id)).collect();
    let interfaces = ("interface", &[INTERFACES][..]);
    if known("interface") {
        values.push(&interfaces);
    }
    values.iter().fold(command.clone(), |command, (id, values)| {
        command.mut_arg(*id, |it| it.value_parser(values.to_vec()))
    })
}

/// The completions of a program in a shell's own language.
///
/// # Errors
/// They are no text.
pub(crate) fn completions(shell: Shell, mut command: Command, program: &str) -> Result<String> {
    let mut bytes = Vec::new();
    generate(shell, &mut command, program, &mut bytes);
    let text = String::from_utf8(bytes).map_err(Error::other)?;
    // zsh completes by a function where a list of words would stand.
    let text = text.replace(&format!("({INTERFACES})"), interfaces(Shell::Zsh));
    Ok(text.replace(INTERFACES, interfaces(shell)))
}

/// Writes them into a folder, a file for each shell.
///
/// # Errors
/// What the kernel says.
pub(crate) fn write(command: &Command, program: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let text = completions(shell, command.clone(), program)?;
        fs::write(folder.join(shell.file_name(program)), text)?;
    }
    Ok(())
}
