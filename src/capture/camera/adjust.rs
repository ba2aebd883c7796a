//! Sets controls of a camera to what the user wants, or says what they can be set to.

use super::control::{Control, variable_name};
use super::kernel::Node;
use crate::capture::error::Error;
use std::io;

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
    use crate::capture::camera::control::ControlKind;

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
