//! The configuration file (TOML): where to listen, and the rooms that there are.

use crate::offer::is_publisher_name;
use crate::options::CONFIGURATION;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use streamsocket_rtsp::PORT;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::DEFAULT_PORT;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bytes of the file at most: as many rooms as there may be take a tenth of it.
const FILE_MAX: u64 = 1 << 20;

/// Rooms at most: more than a school has.
pub(crate) const ROOMS_MAX: usize = 64;

/// Publishers of a room by name at most: as many as there may be in all.
const NAMED_MAX: usize = 64;

/// Bytes of a room's name at most: it stands in the names of sessions and in URLs.
const NAME_MAX: usize = 48;

/// Cameras of all rooms at most: half of those who publish.
pub(crate) const PULLS_MAX: usize = 16;

/// Addresses from a room's group on that its publishers have: two for each.
pub(crate) const GROUPS_OF_ROOM: u32 = 64;

/// What the user chose.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Where publishers connect.
    pub(crate) listen: SocketAddr,
    /// The interface of the LAN, by name or address.
    pub(crate) interface: Option<String>,
    /// The file of users; none: the usual one, if it is there.
    pub(crate) users: Option<PathBuf>,
    pub(crate) rooms: Vec<Room>,
}

/// A room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) name: String,
    /// The group of its first publisher; none: each has one that is derived from both names.
    pub(crate) group: Option<IpAddr>,
    /// The users who may publish; none: all.
    pub(crate) publishers: Vec<String>,
    /// Cameras that are asked for what they have.
    pub(crate) pull: Vec<Pull>,
}

/// A camera that becomes a publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pull {
    /// The publisher's name.
    pub(crate) name: String,
    /// Where it is; its password is not shown.
    pub(crate) address: Address,
}

impl Pull {
    /// The address without name and password; what stands behind the path may be secret, too.
    pub(crate) fn shown(&self) -> String {
        let path = self.address.target.split('?').next().unwrap_or_default();
        format!("rtsp://{}{path}", self.address.host_header(DEFAULT_PORT))
    }
}

impl Default for Configuration {
    fn default() -> Self {
        let listen = (Ipv6Addr::UNSPECIFIED, PORT).into();
        Self { listen, interface: None, users: None, rooms: Vec::new() }
    }
}

impl Configuration {
    /// Reads the file that is named, or the usual one, if it is there.
    ///
    /// # Errors
    /// One line: the file, the line, the key, and what is wrong.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, String> {
        let path = named.unwrap_or_else(|| Path::new(CONFIGURATION));
        let told = |what: String| format!("configuration {}{what}", path.display());
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(told(format!(" cannot be read: {error}"))),
        }
        parse(&text).map_err(|Mistake { at, what }| {
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            told(format!(", line {line}: {what}"))
        })
    }
}

/// What is wrong, and the byte where it begins.
struct Mistake {
    at: usize,
    what: String,
}

/// A key or a value that is wrong, with the key.
fn wrong(at: usize, key: &str, what: &str) -> Mistake {
    Mistake { at, what: format!("{key}: {what}") }
}

fn parse(text: &str) -> Result<Configuration, Mistake> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Mistake { at, what: error.message().replace('\n', " ") }
    })?;
    let mut read = Configuration::default();
    for (key, value) in table.get_ref() {
        let (name, at) = (key.get_ref(), value.span().start);
        let told = |what| wrong(at, name, what);
        match &**name {
            "listen" => {
                let said = text_of(name, value)?;
                read.listen = listening(said).ok_or_else(|| {
                    told("expected an address and a port, such as 192.168.1.5:8554 or :8554")
                })?;
            }
            "interface" => read.interface = Some(text_of(name, value)?.to_owned()),
            "users" => read.users = Some(text_of(name, value)?.into()),
            "room" => {
                let DeValue::Array(list) = value.get_ref() else {
                    return Err(told("expected tables, each as [[room]]"));
                };
                for item in list {
                    let room = room(item)?;
                    may_stand_beside(&room, &read.rooms)
                        .map_err(|what| wrong(item.span().start, "room", &what))?;
                    read.rooms.push(room);
                }
            }
            _ => {
                let what =
                    format!("unknown key '{name}', expected one of listen, interface, users, room");
                return Err(Mistake { at: key.span().start, what });
            }
        }
    }
    Ok(read)
}

fn room(item: &Spanned<DeValue<'_>>) -> Result<Room, Mistake> {
    let at = item.span().start;
    let DeValue::Table(table) = item.get_ref() else {
        return Err(wrong(at, "room", "expected a table, as [[room]]"));
    };
    let mut room = Room::default();
    for (key, value) in table {
        let (name, at) = (key.get_ref(), value.span().start);
        match &**name {
            "name" => {
                let said = text_of(name, value)?;
                room.name = is_name(said).then(|| said.to_owned()).ok_or_else(|| {
                    wrong(at, name, &format!("expected 1 to {NAME_MAX} bytes without a slash, and no space at the ends"))
                })?;
            }
            "group" => {
                let group: Option<IpAddr> = text_of(name, value)?.parse().ok();
                let group = group.filter(|it| it.is_multicast() && last(*it).is_some());
                room.group = Some(group.ok_or_else(|| {
                    wrong(at, name, "expected a multicast group, such as 239.255.7.0")
                })?);
            }
            "publishers" => room.publishers = names(name, value)?,
            "pull" => room.pull = pulls(value)?,
            _ => {
                let what =
                    format!("unknown key '{name}', expected one of name, group, publishers, pull");
                return Err(wrong(key.span().start, "room", &what));
            }
        }
    }
    if room.name.is_empty() {
        return Err(wrong(at, "room", "it has no name"));
    }
    Ok(room)
}

/// Whether a room can be beside the others.
pub(crate) fn may_stand_beside(room: &Room, others: &[Room]) -> Result<(), String> {
    if others.len() == ROOMS_MAX {
        return Err(format!("there are more than {ROOMS_MAX}"));
    }
    let cameras = others.iter().chain([room]).map(|it| it.pull.len());
    if cameras.sum::<usize>() > PULLS_MAX {
        return Err(format!("more than {PULLS_MAX} cameras are pulled"));
    }
    for other in others {
        if other.name == room.name {
            return Err(format!("there is one named '{}' before", room.name));
        }
        if let (Some(one), Some(two)) = (room.group, other.group) {
            let near = |a: IpAddr, b: IpAddr| (0..GROUPS_OF_ROOM).any(|it| nth(a, it) == Some(b));
            if near(one, two) || near(two, one) {
                return Err(format!(
                    "the groups of '{}' and '{}' are less than {GROUPS_OF_ROOM} addresses apart",
                    other.name, room.name
                ));
            }
        }
    }
    Ok(())
}

/// The address so many behind a group, if there is one.
pub(crate) fn nth(group: IpAddr, nth: u32) -> Option<IpAddr> {
    match group {
        IpAddr::V4(v4) => v4.to_bits().checked_add(nth).map(|it| IpAddr::V4(it.into())),
        IpAddr::V6(v6) => v6.to_bits().checked_add(nth.into()).map(|it| IpAddr::V6(it.into())),
    }
}

fn last(group: IpAddr) -> Option<IpAddr> {
    nth(group, GROUPS_OF_ROOM - 1).filter(IpAddr::is_multicast)
}

pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.trim() == text
        && !text.contains(|it: char| it.is_control() || it == '/')
}

fn listening(text: &str) -> Option<SocketAddr> {
    let anywhere = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let address = match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(anywhere),
        None => text.parse().ok(),
    };
    address.filter(|address| address.port() != 0)
}

fn text_of<'a>(key: &str, value: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Mistake> {
    let text = value.get_ref().as_str();
    text.ok_or_else(|| wrong(value.span().start, key, "expected a text in quotes"))
}

fn names(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Mistake> {
    let expected =
        || wrong(value.span().start, key, "expected a list of users, such as [\"anna\"]");
    let DeValue::Array(list) = value.get_ref() else { return Err(expected()) };
    if list.len() > NAMED_MAX {
        return Err(wrong(value.span().start, key, &format!("more than {NAMED_MAX} users")));
    }
    if list.is_empty() {
        return Err(expected());
    }
    let name = |it: &Spanned<DeValue<'_>>| it.get_ref().as_str().map(str::to_owned);
    list.iter().map(|it| name(it).ok_or_else(expected)).collect()
}

fn pulls(value: &Spanned<DeValue<'_>>) -> Result<Vec<Pull>, Mistake> {
    const EXPECTED: &str = "expected a list, such as [{ name = \"Door\", url = \"rtsp://NAME:PASSWORD@CAMERA/PATH\" }]";
    let wrong = |at: &Spanned<DeValue<'_>>, what| wrong(at.span().start, "pull", what);
    let DeValue::Array(list) = value.get_ref() else { return Err(wrong(value, EXPECTED)) };
    let mut pulls: Vec<Pull> = Vec::new();
    for item in list {
        let text = |key| item.get_ref().get(key).and_then(|it| it.get_ref().as_str());
        let only = item.get_ref().as_table().is_some_and(|it| it.len() == 2);
        let Some((name, url)) = text("name").zip(text("url")).filter(|_| only) else {
            return Err(wrong(item, EXPECTED));
        };
        if !is_publisher_name(name) || pulls.iter().any(|it| it.name == name) {
            return Err(wrong(item, "each camera needs a name of its own without a slash"));
        }
        let address = Address::parse(url, "rtsp", DEFAULT_PORT).ok_or_else(|| {
            wrong(item, "its url cannot be read as rtsp://NAME:PASSWORD@CAMERA/PATH: in a name or password '/', '?', '#' and '@' are written %2F, %3F, %23 and %40")
        })?;
        pulls.push(Pull { name: name.to_owned(), address });
    }
    Ok(pulls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(text: &str) -> Result<Configuration, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.toml");
        fs::write(&path, text).unwrap();
        let shown = path.display().to_string();
        Configuration::read(Some(&path)).map_err(|why| why.replace(&shown, "FILE"))
    }

    #[test]
    fn rooms_are_as_they_are_written() {
        let read = read(
            "listen = \"10.0.0.1:9000\"\ninterface = \"eth0\"\nusers = \"/u\"\n\
             [[room]]\nname = \"lesson\"\ngroup = \"239.255.7.0\"\npublishers = [\"anna\", \"berta\"]\n\
             pull = [{ name = \"Door\", url = \"rtsp://me:secret@camera/live?x=1\" }]\n\
             [[room]]\nname = \"Hall 2\"\n",
        );
        let read = read.unwrap();
        assert_eq!(read.listen, "10.0.0.1:9000".parse().unwrap());
        assert_eq!(read.interface.as_deref(), Some("eth0"));
        assert_eq!(read.users, Some("/u".into()));
        let names: Vec<_> = read.rooms.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["lesson", "Hall 2"]);
        assert_eq!(read.rooms[0].publishers, ["anna", "berta"]);
        assert_eq!(read.rooms[0].group, Some([239, 255, 7, 0].into()));
        let [door] = &*read.rooms[0].pull else { panic!("{read:?}") };
        assert_eq!((&*door.name, &*door.shown()), ("Door", "rtsp://camera/live"));
        assert_eq!((door.address.port, &*door.address.target), (554, "/live?x=1"));
        assert!(!format!("{read:?}").contains("secret"));
        assert_eq!(read.rooms[1].group, None);
        assert_eq!(parse("").map_err(|it| it.what), Ok(Configuration::default()));
    }

    #[test]
    fn the_sample_explains_every_key_and_each_can_be_taken() {
        let sample = include_str!("../../systemd/relay.toml");
        let is_key = |it: &&str| it.starts_with(|it: char| it.is_ascii_lowercase() || it == '[');
        let lines = sample.lines().filter_map(|line| line.strip_prefix('#')).filter(is_key);
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let read = read(&text).unwrap();
        for key in ["listen", "interface", "users", "name", "group", "publishers", "pull"] {
            assert!(text.contains(&format!("{key} = ")), "{key}");
        }
        assert!(!read.rooms.is_empty());
        // As it is installed it names no room.
        assert_eq!(parse(sample).map_err(|it| it.what), Ok(Configuration::default()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_key() {
        let many = "[[room]]\nname = \"x\"\n".to_owned();
        for (file, said) in [
            ("\nlisten = 80\n", "configuration FILE, line 2: listen: expected a text in quotes"),
            ("listen = \":0\"", "line 1: listen: expected an address and a port, such as "),
            ("\n\nport = 80", "line 3: unknown key 'port', expected one of listen, "),
            ("room = 1", "line 1: room: expected tables"),
            ("[[room]]\ngroup = \"239.255.1.0\"", "line 1: room: it has no name"),
            ("[[room]]\nname = \"a/b\"", "line 2: name: expected 1 to 48 bytes without a slash"),
            ("[[room]]\nname = \"a\"\ngroup = \"10.0.0.1\"", "line 3: group: expected a multicast"),
            ("[[room]]\nname = \"a\"\ngroup = \"239.255.255.250\"", "line 3: group: expected a "),
            ("[[room]]\nname = \"a\"\ncolour = 1", "line 3: room: unknown key 'colour'"),
            ("[[room]]\nname = \"a\"\npublishers = []", "line 3: publishers: expected a list"),
            ("[[room]]\nname = \"a\"\npull = [{ name = \"x\" }]", "line 3: pull: expected a list"),
            (
                "[[room]]\nname = \"a\"\npull = [\n{ name = \"x\", url = \"http://me:secret@c/\" }]",
                "line 4: pull: its url cannot be read as rtsp://",
            ),
            (&(many.clone() + &many), "line 3: room: there is one named 'x' before"),
            (
                "[[room]]\nname = \"a\"\ngroup = \"239.1.1.0\"\n[[room]]\nname = \"b\"\ngroup = \"239.1.1.63\"",
                "line 4: room: the groups of 'a' and 'b' are less than 64 addresses apart",
            ),
            ("listen = ", "configuration FILE, line 1: "),
        ] {
            let why = read(file).unwrap_err();
            assert!(why.contains(said) && !why.contains('\n'), "{file}: {why}");
        }
        let missing = Configuration::read(Some(Path::new("/nowhere/x.toml"))).unwrap_err();
        assert!(missing.contains("/nowhere/x.toml cannot be read: "), "{missing}");
        let rooms: String =
            (0..=ROOMS_MAX).map(|it| format!("[[room]]\nname = \"{it}\"\n")).collect();
        assert!(read(&rooms).unwrap_err().contains("there are more than 64"));
    }
}
