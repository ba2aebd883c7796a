//! Who may publish where.

use crate::configuration::{Configuration, Room};
use crate::pulled::with_pulls;
use std::net::IpAddr;
use std::path::Path;
use streamsocket_net::neighbours::is_near;
use streamsocket_rtsp::users::Users;
use streamsocket_station::users_file;

/// Where users are unless the configuration says otherwise.
const USERS_FILE: &str = "/etc/streamsocket-relay/users";

/// Reads a configuration, that of this path or the usual one, and its users; these cameras are pulled as well.
///
/// # Errors
/// One line: what is wrong with either.
pub(crate) fn configured(
    named: Option<&Path>,
    pulls: &[String],
) -> Result<(Configuration, Users), String> {
    let configuration = with_pulls(Configuration::read(named)?, pulls)?;
    let users = read(&configuration)?;
    Ok((configuration, users))
}

/// Reads the users of a configuration.
///
/// # Errors
/// One line: the file, and what is wrong with it or with a room that names users, or that nobody is in it: without users
/// everybody near may publish, which whoever has such a file does not mean.
fn read(configuration: &Configuration) -> Result<Users, String> {
    let named = configuration.users.as_deref();
    let path = named.unwrap_or_else(|| Path::new(USERS_FILE));
    let users = users_file::read(path, named.is_some()).map_err(|why| format!("users: {why}"))?;
    if users.is_empty() && path.exists() {
        let shown = path.display();
        let otherwise = match named {
            Some(_) => "take 'users' out of the configuration",
            None => "remove the file",
        };
        return Err(format!(
            "users: {shown}: nobody is in it; run: streamsocket user add NAME --users {shown}, or, if everybody on this machine's networks may publish, {otherwise}"
        ));
    }
    for room in &configuration.rooms {
        let mut unknown = room.publishers.iter().filter(|name| users.named(name).is_none());
        if let Some(name) = unknown.next() {
            return Err(format!(
                "room '{}': publishers: there is no user {name} in {}; run: streamsocket user add {name} --users {}",
                room.name,
                path.display(),
                path.display()
            ));
        }
    }
    Ok(users)
}

/// Whether somebody may publish in a room: with users one of them, else who is near.
pub(crate) fn may_publish(users: &Users, room: &Room, user: Option<&str>, peer: IpAddr) -> bool {
    if users.is_empty() {
        return is_near(peer);
    }
    let named =
        |user: &str| room.publishers.is_empty() || room.publishers.iter().any(|it| it == user);
    user.is_some_and(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use streamsocket_rtsp::users::User;

    #[test]
    fn a_room_is_for_its_users_or_for_all_or_for_who_is_near() {
        let room = |publishers: &[&str]| Room {
            name: "lesson".into(),
            group: None,
            publishers: publishers.iter().map(|it| (*it).to_owned()).collect(),
            pull: Vec::new(),
        };
        let mut users = Users::default();
        let (near, far) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([203, 0, 113, 5]));
        assert!(may_publish(&users, &room(&[]), None, near));
        assert!(!may_publish(&users, &room(&[]), None, far));
        users.set(User::new("anna", "correct horse").unwrap());
        assert!(may_publish(&users, &room(&[]), Some("anna"), far));
        assert!(!may_publish(&users, &room(&[]), None, near));
        assert!(may_publish(&users, &room(&["anna"]), Some("anna"), far));
        assert!(!may_publish(&users, &room(&["berta"]), Some("anna"), far));
    }

    #[test]
    fn a_user_who_is_named_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, format!("{}\n", User::new("anna", "correct horse").unwrap())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let of = |name: &str| {
            let publishers = vec![name.to_owned()];
            let rooms =
                vec![Room { name: "lesson".into(), group: None, publishers, pull: Vec::new() }];
            read(&Configuration { users: Some(path.clone()), rooms, ..Configuration::default() })
        };
        assert!(of("anna").unwrap().named("anna").is_some());
        let why = of("berta").unwrap_err();
        assert!(why.starts_with("room 'lesson': publishers: there is no user berta in /"), "{why}");
        fs::write(&path, "\n").unwrap();
        let nobody = Configuration { users: Some(path.clone()), ..Configuration::default() };
        let why = read(&nobody).unwrap_err();
        assert!(why.contains(": nobody is in it; run: streamsocket user add NAME"), "{why}");
        let nowhere =
            Configuration { users: Some("/nowhere/u".into()), ..Configuration::default() };
        assert!(read(&nowhere).unwrap_err().starts_with("users: /nowhere/u: No such file"));
    }
}
