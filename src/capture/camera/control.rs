//! Controls of a camera (brightness, exposure, focus ...) by the names that `v4l2-ctl` prints.

use super::kernel::Node;
use crate::capture::Error;
use std::fmt;
use std::io;

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
    fn parse(&self, text: &str) -> Result<i32, String> {
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

/// Sets controls in the order given: an automatic one first, then what it had locked.
pub(super) fn apply(node: &Node, camera: &str, wishes: &[(String, String)]) -> Result<(), Error> {
    if wishes.is_empty() {
        return Ok(());
    }
    let controls = node.controls();
    for (name, text) in wishes {
        let (control, value) =
            find(&controls, name, text).map_err(|what| Error::new(format!("{camera} {what}")))?;
        if let Err(error) = node.set_control(control.id, value) {
            let why = refusal(&error, node.is_inactive(control.id));
            let line = format!("{camera} refuses {}={text}: {why}", control.name);
            return Err(Error::new(line));
        }
    }
    Ok(())
}

/// The control of this name and the number for this text.
fn find<'a>(controls: &'a [Control], name: &str, text: &str) -> Result<(&'a Control, i32), String> {
    let wanted = variable_name(name);
    let Some(control) = controls.iter().find(|control| control.name == wanted) else {
        let names: Vec<_> = controls.iter().map(|control| control.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(format!("has no control \"{name}\", its controls are: {names}"));
    };
    match control.kind.parse(text.trim()) {
        Ok(value) => Ok((control, value)),
        Err(possible) => Err(format!("cannot set {wanted} to \"{text}\": it takes {possible}")),
    }
}

fn refusal(error: &io::Error, inactive: bool) -> String {
    if inactive {
        "it is locked while the camera controls it: set the automatic control that goes with it to \
         manual first (`streamsocket devices` lists them)"
            .to_owned()
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(name: &str, kind: ControlKind) -> Control {
        let name = name.to_owned();
        Control { id: 1, name, kind, value: Some(0), default: 0, inactive: false }
    }

    fn controls() -> [Control; 4] {
        let menu = vec![(0, "Disabled".to_owned()), (1, "50 Hz".to_owned())];
        [
            control("brightness", ControlKind::Integer { min: -64, max: 64, step: 1 }),
            control("white_balance_automatic", ControlKind::Boolean),
            control("power_line_frequency", ControlKind::Menu(menu)),
            control("zoom", ControlKind::Integer { min: 0, max: 500, step: 100 }),
        ]
    }

    #[test]
    fn names_are_those_of_v4l2_ctl() {
        assert_eq!(variable_name("Brightness"), "brightness");
        assert_eq!(variable_name("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(variable_name("Exposure (Absolute)"), "exposure_absolute");
        assert_eq!(variable_name(" LED1 Mode -"), "led1_mode");
    }

    #[test]
    fn values_are_numbers_switches_and_menu_items() {
        let controls = controls();
        let value = |name, text| find(&controls, name, text).map(|found| found.1);
        assert_eq!(value("brightness", "-64"), Ok(-64));
        assert_eq!(value("Brightness", " 5 "), Ok(5));
        assert_eq!(value("white_balance_automatic", "off"), Ok(0));
        assert_eq!(value("white_balance_automatic", "True"), Ok(1));
        assert_eq!(value("power_line_frequency", "1"), Ok(1));
        assert_eq!(value("power_line_frequency", "50_hz"), Ok(1));
    }

    #[test]
    fn what_cannot_be_set_is_explained() {
        let controls = controls();
        let error = |name, text| find(&controls, name, text).map(|found| found.1).unwrap_err();
        assert_eq!(
            error("brightnes", "1"),
            "has no control \"brightnes\", its controls are: brightness, \
             white_balance_automatic, power_line_frequency, zoom"
        );
        assert_eq!(
            error("brightness", "65"),
            "cannot set brightness to \"65\": it takes -64 to 64"
        );
        assert_eq!(
            error("power_line_frequency", "60 Hz"),
            "cannot set power_line_frequency to \"60 Hz\": it takes 0 (Disabled), 1 (50 Hz)"
        );
        assert!(error("zoom", "lots").ends_with("it takes 0 to 500 in steps of 100"));
        assert!(find(&[], "zoom", "1").unwrap_err().ends_with("its controls are: none"));
    }

    #[test]
    fn a_locked_control_names_the_way_out() {
        let error = io::Error::from_raw_os_error(libc::EACCES);
        assert!(refusal(&error, true).contains("set the automatic control"));
        assert!(refusal(&error, false).contains("Permission denied"));
    }
}
