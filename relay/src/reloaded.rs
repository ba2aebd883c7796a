//! What was read again takes effect: who may publish and watch. What else is changed does at the next start.

use crate::places::Owner;
use crate::publisher::Publisher;
use crate::state::Relay;
use crate::users::may_publish;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::users::Users;

/// Whether a login still holds: nobody needs one, or the user is there as before.
fn holds(before: &Users, now: &Users, user: Option<&str>) -> bool {
    let same = |user| now.named(user).is_some() && now.named(user) == before.named(user);
    now.is_empty() || user.is_some_and(same)
}

impl Relay {
    /// Takes on what was read: who may not publish or watch any more is let go.
    pub(crate) fn take_reloaded(&mut self, now: Monotonic) {
        let (configuration, users) = match self.reload.done() {
            None => return,
            Some(Err(why)) => {
                log::error!("{why}; it goes on as before");
                return;
            }
            Some(Ok(read)) => read,
        };
        if self.reload.is_more(&configuration, &self.rooms) {
            log::warn!(
                "the configuration is read: who may publish and watch is another; what else is changed takes effect when this program is started again"
            );
        } else {
            log::info!("the configuration is read");
        }
        for room in &mut self.rooms {
            if let Some(new) = configuration.rooms.iter().find(|it| it.name == room.name) {
                room.publishers.clone_from(&new.publishers);
            }
        }
        let before = std::mem::replace(&mut self.gate.users, users);
        self.let_go(&before, now);
    }

    fn let_go(&mut self, before: &Users, now: Monotonic) {
        let users = &self.gate.users;
        let may = |publisher: &Publisher| {
            if publisher.owner == Owner::Camera {
                return true;
            }
            let user = match &publisher.owner {
                Owner::User(name) => Some(name.as_str()),
                Owner::Address(_) | Owner::Camera => None,
            };
            let room = self.rooms.iter().find(|it| it.name == publisher.key.room);
            let in_room = room.is_some_and(|it| may_publish(users, it, user, publisher.peer.ip()));
            in_room && holds(before, users, user)
        };
        let gone = self.publishers.iter().filter(|(_, it)| !may(it));
        let gone: Vec<_> = gone.map(|(slot, it)| (slot, it.connection)).collect();
        let viewers = self.viewings.whose(|user| !holds(before, users, user));
        for (slot, connection) in gone {
            self.leave(slot, now, "it may not publish any more");
            self.connections.end(connection);
        }
        viewers.into_iter().for_each(|place| self.lose(place, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_rtsp::users::User;

    #[test]
    fn a_login_holds_while_the_user_has_the_same_password() {
        let users = |list: &[(&str, &str)]| {
            let mut users = Users::default();
            for (name, word) in list {
                users.set(User::new(name, word).unwrap());
            }
            users
        };
        let before = users(&[("anna", "correct horse"), ("berta", "battery staple")]);
        assert!(holds(&before, &before, Some("anna")) && !holds(&before, &before, None));
        let now = users(&[("anna", "wrong horse"), ("berta", "battery staple")]);
        assert!(!holds(&before, &now, Some("anna")) && holds(&before, &now, Some("berta")));
        assert!(!holds(&before, &users(&[("anna", "correct horse")]), Some("berta")));
        let nobody = Users::default();
        assert!(holds(&before, &nobody, None) && !holds(&nobody, &before, None));
    }
}
