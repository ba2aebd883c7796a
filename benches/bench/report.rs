//! Tables, as text that is both read and Markdown, and the document that keeps them.

use std::fs;
use std::path::Path;
use streamsocket_tests::cost::median;

/// Between these the document's tables stand.
const BEGIN: &str = "<!-- begin: written by make bench -->\n";
const END: &str = "<!-- end -->\n";

/// A table under a heading; the first column is text, the others are numbers.
pub(crate) fn table(heading: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([columns[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).enumerate().map(|(index, (cell, width))| {
            if index == 0 { format!(" {cell:<width$} ") } else { format!(" {cell:>width$} ") }
        });
        format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
    };
    let mut text = format!("### {heading}\n\n{}", line(columns.to_vec()));
    let rules = widths.iter().enumerate().map(|(index, width)| {
        if index == 0 {
            format!(":{}", "-".repeat(width + 1))
        } else {
            format!("{}:", "-".repeat(width + 1))
        }
    });
    text += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// Puts `text` where the document's tables stand.
pub(crate) fn write(document: &Path, text: &str) {
    let old = fs::read_to_string(document).expect("the document is there");
    let (before, rest) = old.split_once(BEGIN).expect("the place is marked");
    let (_, after) = rest.split_once(END).expect("the place is marked");
    fs::write(document, format!("{before}{BEGIN}{text}{END}{after}"))
        .expect("the document can be written");
}

/// Puts one part where it stands in the document, or behind the last one, and says below its heading on what it was
/// measured.
pub(crate) fn write_part(document: &Path, part: &str, machine: &str) {
    let old = fs::read_to_string(document).expect("the document is there");
    let (_, rest) = old.split_once(BEGIN).expect("the place is marked");
    let (all, _) = rest.split_once(END).expect("the place is marked");
    let (heading, tables) = part.split_once('\n').expect("a part has a heading");
    let part = format!("{heading}\n\n{machine}{tables}");
    let begins = all.find(&format!("{heading}\n"));
    let ends = begins.and_then(|at| all[at + 1..].find("\n## ").map(|end| at + 1 + end + 1));
    let (before, after) = match (begins, ends) {
        (Some(begins), Some(ends)) => (all[..begins].to_owned(), format!("\n{}", &all[ends..])),
        (Some(begins), None) => (all[..begins].to_owned(), String::new()),
        (None, _) => (format!("{all}\n"), String::new()),
    };
    write(document, &format!("{before}{part}{after}"));
}

/// Says how far a part is, on standard error.
pub(crate) fn progress(part: &str, round: u32, rounds: u32, what: &str) {
    eprintln!("bench: {part}, round {} of {rounds}: {what}", round + 1);
}

/// Seconds as milliseconds.
pub(crate) fn milliseconds(seconds: f64) -> String {
    rounded(seconds * 1e3, 3)
}

/// With two digits behind the point.
pub(crate) fn number(value: f64) -> String {
    rounded(value, 2)
}

/// What one took of what the other did, a ratio for each round: what else the machine does, both have to bear. The
/// median, the least and the most.
pub(crate) fn ratios(of_rounds: impl Iterator<Item = f64>) -> String {
    let ratios: Vec<f64> = of_rounds.collect();
    let least = ratios.iter().copied().fold(f64::MAX, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2} to {most:.2})", median(ratios))
}

/// Differences of two runs may be just below zero, which is none.
fn rounded(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.trim_matches(['-', '0', '.']).is_empty() { format!("{:.digits$}", 0.0) } else { text }
}
