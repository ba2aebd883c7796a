//! The headers of a message, as RTSP and HTTP have them.

/// Names and values, in their order. A name may come several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds one behind the others.
    pub fn push(&mut self, name: &str, value: String) {
        self.0.push((name.to_owned(), value));
    }

    /// The first one of this name, in whatever case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All of this name, in whatever case.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |(it, _): &(&str, &'a str)| it.eq_ignore_ascii_case(name);
        self.iter().filter(named).map(|(_, value)| value)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<'a> FromIterator<(&'a str, String)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, String)>>(all: T) -> Self {
        Self(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
