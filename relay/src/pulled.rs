//! Cameras that the command line names, beside those of the configuration.

use crate::configuration::{Configuration, Pull, Room, is_name, may_stand_beside};
use crate::offer::is_publisher_name;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::DEFAULT_PORT;

const EXPECTED: &str =
    "expected ROOM/NAME=rtsp://CAMERA/PATH, such as lesson/Door=rtsp://10.0.0.20/live";

/// The configuration with these cameras in it, each in the room that it names; a room that is not there is made.
///
/// # Errors
/// One line: which one, and what is wrong. An address is not said again: a password may be in it.
pub(crate) fn with_pulls(
    mut configuration: Configuration,
    pulls: &[String],
) -> Result<Configuration, String> {
    for said in pulls {
        let place = said.split_once('=').map(|it| it.0).filter(|it| !it.contains("://"));
        let shown = place.map_or(String::new(), |place| format!(" {place}"));
        let told = |what: &str| format!("--pull{shown}: {what}");
        let (room, pull) = read(said).ok_or_else(|| told(EXPECTED))?;
        let rooms = &mut configuration.rooms;
        let at = rooms.iter().position(|it| it.name == room);
        let mut whole = match at {
            Some(at) => rooms.remove(at),
            None => Room { name: room, ..Room::default() },
        };
        if whole.pull.iter().any(|it| it.name == pull.name) {
            return Err(told("the room has a camera of this name"));
        }
        whole.pull.push(pull);
        may_stand_beside(&whole, rooms).map_err(|what| told(&what))?;
        rooms.insert(at.unwrap_or(rooms.len()), whole);
    }
    Ok(configuration)
}

/// The room and the camera that are said so.
fn read(said: &str) -> Option<(String, Pull)> {
    let (place, url) = said.split_once('=')?;
    let (room, name) = place.split_once('/')?;
    let address = Address::parse(url, "rtsp", DEFAULT_PORT)?;
    let are_names = is_name(room) && is_publisher_name(name);
    are_names.then(|| (room.to_owned(), Pull { name: name.to_owned(), address }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::PULLS_MAX;

    fn with(pulls: &[&str]) -> Result<Configuration, String> {
        let pulls: Vec<String> = pulls.iter().map(|it| (*it).to_owned()).collect();
        with_pulls(Configuration::default(), &pulls)
    }

    #[test]
    fn cameras_are_in_the_rooms_that_they_name() {
        let read = with(&[
            "lesson/Door=rtsp://me:secret@camera/live?x=1",
            "Hall 2/Back door=rtsp://10.0.0.3:8554/a=b",
            "lesson/Gate=rtsp://[fd00::1]/",
        ]);
        let read = read.unwrap();
        let rooms: Vec<_> = read.rooms.iter().map(|it| (&*it.name, it.pull.len())).collect();
        assert_eq!(rooms, [("lesson", 2), ("Hall 2", 1)]);
        assert_eq!(read.rooms[0].pull[0].shown(), "rtsp://camera/live");
        assert_eq!(read.rooms[1].pull[0].address.target, "/a=b");
        // More of them, beside what is written.
        let more = with_pulls(read, &["Hall 2/Roof=rtsp://c/".to_owned()]).unwrap();
        assert_eq!(more.rooms[1].pull.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (said, why) in [
            (&["rtsp://me:secret@c/"][..], "--pull: expected ROOM/NAME=rtsp://"),
            (&["rtsp://me:secret@c/?a=b"], "--pull: expected ROOM/NAME=rtsp://"),
            (&["lesson=rtsp://me:secret@c/"], "--pull lesson: expected ROOM/NAME="),
            (&["lesson/Door=http://me:secret@c/"], "--pull lesson/Door: expected ROOM/NAME="),
            (&["lesson/a/b=rtsp://me:secret@c/"], "--pull lesson/a/b: expected"),
            (&["a/b=rtsp://c/", "a/b=rtsp://me:secret@d/"], "a/b: the room has a camera of this"),
        ] {
            let told = with(said).unwrap_err();
            assert!(told.contains(why) && !told.contains('\n'), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
        let many: Vec<String> = (0..=PULLS_MAX).map(|it| format!("a/{it}=rtsp://c/{it}")).collect();
        let told = with_pulls(Configuration::default(), &many).unwrap_err();
        assert!(told.contains("more than 16 cameras are pulled"), "{told}");
    }
}
