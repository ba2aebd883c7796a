//! Who may, by name and password: the lines of a file, each with what digest authentication makes
//! of both. Who has them can pass for their owner here, though he does not learn the password.

use md5::Md5;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The realm that passwords are of (RFC 7616 section 3.3): it is part of what is kept of each.
pub const REALM: &str = "streamsocket";

/// Users at most: more than a household or a club has.
pub const USERS_MAX: usize = 256;

/// Bytes of a name at most.
const NAME_MAX: usize = 64;

/// Bytes of a password, at least and at most.
pub const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=1024;

/// A user. What is kept of the password is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// Of name, realm and password, by SHA-256, in hexadecimal digits (`H(A1)`, RFC 7616 section 3.4.2).
    pub(crate) sha256: String,
    /// The same by MD5.
    pub(crate) md5: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.name)
    }
}

impl User {
    /// A user with this password.
    ///
    /// # Errors
    /// One line: what a name or a password must be like.
    pub fn new(name: &str, password: &str) -> Result<Self, String> {
        if !is_name(name) {
            return Err(format!(
                "a name must have 1 to {NAME_MAX} bytes, no colon, quote or backslash, and no space at its ends"
            ));
        }
        if !PASSWORD_BYTES.contains(&password.len()) {
            let (least, most) = (PASSWORD_BYTES.start(), PASSWORD_BYTES.end());
            return Err(format!("a password must have {least} to {most} bytes"));
        }
        let text = format!("{name}:{REALM}:{password}");
        Ok(Self { name: name.to_owned(), sha256: sha256(&text), md5: md5(&text) })
    }

    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(':');
        let (name, sha256, md5) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |text: &str, count| {
            text.len() == count && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        };
        let whole =
            parts.next().is_none() && is_name(name) && digits(sha256, 64) && digits(md5, 32);
        let [name, sha256, md5] = [name, sha256, md5].map(str::to_owned);
        whole.then_some(Self { name, sha256, md5 })
    }
}

impl fmt::Display for User {
    /// The line of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.sha256, self.md5)
    }
}

/// Whether somebody can be called so: the name stands in a line of the file, and in a header in quotes.
fn is_name(name: &str) -> bool {
    let plain = |it: char| !it.is_control() && !matches!(it, ':' | '"' | '\\');
    (1..=NAME_MAX).contains(&name.len())
        && name.trim() == name
        && !name.starts_with('#')
        && name.chars().all(plain)
}

/// All users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(Vec<User>);

impl Users {
    /// Reads the lines of a file. Empty ones, and those that begin with `#`, say nothing.
    ///
    /// # Errors
    /// The first line that is wrong, from 1, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut users = Self::default();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let user = User::parse(line).ok_or_else(|| {
                (number, "expected NAME:SHA256:MD5 as 'streamsocket user add' writes it".to_owned())
            })?;
            if users.named(&user.name).is_some() {
                return Err((number, format!("{} has a line before", user.name)));
            }
            if users.0.len() == USERS_MAX {
                return Err((number, format!("there are more than {USERS_MAX} users")));
            }
            users.0.push(user);
        }
        Ok(users)
    }

    /// Adds a user, or gives one of this name another password. True if it is a new one.
    pub fn set(&mut self, user: User) -> bool {
        let new = !self.remove(&user.name);
        self.0.push(user);
        new
    }

    /// Removes a user. False if there is none of this name.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|it| it.name != name);
        self.0.len() < before
    }

    /// The user of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|it| it.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.0.iter()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Hexadecimal digits of the hash of a text.
pub(crate) fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text))
}

/// The same by MD5, which is what old players know.
pub(crate) fn md5(text: &str) -> String {
    hexadecimal(&Md5::digest(text))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_is_written() {
        let mut users = Users::default();
        assert!(users.set(User::new("anna", "correct horse").unwrap()));
        assert!(users.set(User::new("J\u{f6}rg B.", "battery staple").unwrap()));
        assert!(!users.set(User::new("anna", "another one").unwrap()));
        let text: String = users.iter().map(|user| format!("{user}\r\n")).collect();
        assert_eq!(Users::parse(&format!("# all of us\n\n{text}")), Ok(users.clone()));
        assert!(users.remove("anna") && !users.remove("anna") && !users.is_empty());
        // printf 'anna:streamsocket:correct horse' | sha256sum; the same for md5sum.
        let line = User::new("anna", "correct horse").unwrap().to_string();
        assert_eq!(
            line,
            "anna:e1cea7069086a9dd83d0a4fc74544f7481674bfba442f7e0dced9c17df59d575:f88ab1faed188147849f949b1e27834b"
        );
        assert_eq!(format!("{users:?}"), "Users([User(J\u{f6}rg B.)])");
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number() {
        let good = User::new("anna", "correct horse").unwrap().to_string();
        for bad in [
            "anna",
            "anna:x:y",
            &good.replace(':', ";"),
            &format!("{good}:0"),
            &good[1..].replace("nna", ""),
            &good.to_uppercase(),
        ] {
            let (line, why) = Users::parse(&format!("#\n{bad}\n")).unwrap_err();
            assert_eq!(line, 2, "{bad}");
            assert!(why.contains("user add"), "{why}");
        }
        let (line, why) = Users::parse(&format!("{good}\n\n{good}")).unwrap_err();
        assert_eq!((line, why.as_str()), (3, "anna has a line before"));
        let many: String =
            (0..=USERS_MAX).map(|it| good.replace("anna", &format!("a{it}")) + "\n").collect();
        assert_eq!(Users::parse(&many).unwrap_err().0, USERS_MAX + 1);
    }

    #[test]
    fn names_and_passwords_have_a_form() {
        for name in ["", "a:b", "a\"b", " a", "#a", "a\n", &"a".repeat(65)] {
            assert!(User::new(name, "correct horse").is_err(), "{name:?}");
        }
        assert!(User::new("a", "short").unwrap_err().contains("8 to 1024"));
    }
}
