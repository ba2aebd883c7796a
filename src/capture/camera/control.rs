//! What a control of a camera is (brightness, exposure, focus ...): its name, as `v4l2-ctl` prints it, and the
//! values that it takes.

use std::fmt;

/// A control that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The kernel's number for it.
    pub(crate) id: u32,
    /// Its name, as `v4l2-ctl` prints it: `exposure_time_absolute`.
    pub name: String,
    /// What it can be set to.
    pub kind: ControlKind,
    /// What it is set to, if that can be read.
    pub value: Option<i32>,
    /// What it is set to by default.
    pub default: i32,
    /// Without effect at the moment, because another control is set to automatic.
    pub inactive: bool,
}

/// The values of a control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// A number in a range.
    Integer {
        /// The smallest.
        min: i32,
        /// The largest.
        max: i32,
        /// The distance of two valid values.
        step: i32,
    },
    /// Off or on: 0 or 1.
    Boolean,
    /// One of these, by number or by name.
    Menu(Vec<(i32, String)>),
    /// Does something when it is set, to whatever.
    Button,
}

impl ControlKind {
    /// The number to set for a text of the user's, or what would have been possible.
    pub(super) fn parse(&self, text: &str) -> Result<i32, String> {
        let number = text.parse::<i32>().ok();
        let valid = match self {
            Self::Integer { min, max, .. } => number.filter(|value| (min..=max).contains(&value)),
            Self::Boolean => match text.to_ascii_lowercase().as_str() {
                "0" | "off" | "false" | "no" => Some(0),
                "1" | "on" | "true" | "yes" => Some(1),
                _ => None,
            },
            Self::Menu(items) => items
                .iter()
                .find(|(index, title)| {
                    number == Some(*index) || variable_name(title) == variable_name(text)
                })
                .map(|item| item.0),
            Self::Button => Some(number.unwrap_or(1)),
        };
        valid.ok_or_else(|| self.to_string())
    }
}

impl fmt::Display for ControlKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { min, max, step: 0 | 1 } => write!(f, "{min} to {max}"),
            Self::Integer { min, max, step } => write!(f, "{min} to {max} in steps of {step}"),
            Self::Boolean => f.write_str("0 or 1"),
            Self::Menu(items) => {
                for (position, (index, title)) in items.iter().enumerate() {
                    let separator = if position == 0 { "" } else { ", " };
                    write!(f, "{separator}{index} ({title})")?;
                }
                Ok(())
            }
            Self::Button => f.write_str("1 (does it)"),
        }
    }
}

/// The name of a control as `v4l2-ctl` prints it: letters and digits in lower case, with one
/// underscore for whatever stands between them.
pub(super) fn variable_name(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_v4l2_ctl() {
        assert_eq!(variable_name("Brightness"), "brightness");
        assert_eq!(variable_name("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(variable_name("Exposure (Absolute)"), "exposure_absolute");
        assert_eq!(variable_name(" LED1 Mode -"), "led1_mode");
    }
}
