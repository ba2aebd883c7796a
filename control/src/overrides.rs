//! What a request to read the configuration again may change beside it.

use serde::{Deserialize, Serialize};

/// What is said here goes before the options and the configuration, until the daemon ends or something else is said; what
/// is left out stays as it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// Picture size, as of the option `--size`.
    #[serde(default, skip_serializing_if = "Override::is_kept")]
    pub size: Override,
    /// Frames a second, as of `--fps`.
    #[serde(default, skip_serializing_if = "Override::is_kept")]
    pub fps: Override,
    /// JPEG quality, as of `--quality` and `--requality`: of all pictures, whatever the camera makes them with.
    #[serde(default, skip_serializing_if = "Override::is_kept")]
    pub quality: Override,
}

/// What becomes of an option.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(from = "Option<String>", into = "Option<String>")]
pub enum Override {
    /// It stays as it is.
    #[default]
    Keep,
    /// The options and the configuration have the word again (`null`).
    Configured,
    /// It is this.
    To(String),
}

impl Overrides {
    /// These, and where they leave something as it is, those `before`.
    #[must_use]
    pub fn over(self, before: Self) -> Self {
        let over = |own: Override, before| if own.is_kept() { before } else { own };
        Self {
            size: over(self.size, before.size),
            fps: over(self.fps, before.fps),
            quality: over(self.quality, before.quality),
        }
    }
}

impl Override {
    /// What the option is to be, if it is to be something else than is configured.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::To(value) => Some(value),
            Self::Keep | Self::Configured => None,
        }
    }

    /// Whether the option stays as it is.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl From<Option<String>> for Override {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::Configured, Self::To)
    }
}

impl From<Override> for Option<String> {
    fn from(change: Override) -> Self {
        match change {
            Override::To(value) => Some(value),
            Override::Keep | Override::Configured => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_before_stays_unless_something_else_is_said() {
        let of = |text: &str| serde_json::from_str::<Overrides>(text).unwrap();
        let before = of(r#"{"size":"640x480","fps":"5"}"#);
        let after = of(r#"{"fps":null,"quality":"40"}"#).over(before);
        let values = [&after.size, &after.fps, &after.quality].map(Override::value);
        assert_eq!(values, [Some("640x480"), None, Some("40")]);
    }

    #[test]
    fn what_is_left_out_stays_and_null_is_the_configuration() {
        let text = r#"{"size":"640x480","fps":null}"#;
        let changes: Overrides = serde_json::from_str(text).unwrap();
        let expected = Overrides {
            size: Override::To("640x480".to_owned()),
            fps: Override::Configured,
            quality: Override::Keep,
        };
        assert_eq!(changes, expected);
        assert_eq!(serde_json::to_string(&changes).unwrap(), text);
        assert!(serde_json::from_str::<Overrides>(r#"{"to":"x"}"#).is_err());
    }
}
